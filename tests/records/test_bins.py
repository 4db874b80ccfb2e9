import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.records.bins import BIN_NAMES, N_BINS, bin_of, count_bigrams

digit_strings = st.lists(st.text("0123456789", min_size=1, max_size=5), max_size=8)


def test_names_stand_in_the_documented_order():
    assert N_BINS == len(BIN_NAMES) == len(set(BIN_NAMES)) == 110
    assert BIN_NAMES[:10] == tuple("0123456789")
    assert BIN_NAMES[10:12] == ("00", "01")
    assert BIN_NAMES[19:21] == ("09", "10")
    assert BIN_NAMES[109] == "99"


def test_bin_of_is_the_inverse_of_the_names():
    assert [bin_of(name) for name in BIN_NAMES] == list(range(110))


@pytest.mark.parametrize("text", ["", "123", "a", "4?", "?", "-1", "١", "²"])
def test_bin_of_refuses_anything_else(text):
    with pytest.raises(ValueError, match="expected one or two of the digits 0 to 9"):
        bin_of(text)


def test_the_bins_are_isolated_digits_then_pairs():
    counts = count_bigrams(["7", "00", "9965", "4?", "1?23"])

    expected = np.zeros(110, int)
    for place in (7, 10, 10 + 99, 10 + 96, 10 + 65, 4, 1, 10 + 23):
        expected[place] += 1
    assert counts.tolist() == expected.tolist()


@given(digit_strings, digit_strings)
def test_the_histogram_of_two_pages_is_the_sum(first, second):
    assert np.array_equal(count_bigrams(first + second), count_bigrams(first) + count_bigrams(second))
    assert count_bigrams(first).sum() == sum(max(1, len(text) - 1) for text in first)
