import pytest

from tablesim.bigrams import BIN_NAMES, N_BINS, bin_of


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
    with pytest.raises(ValueError, match="expected one or two of the figures 0 to 9"):
        bin_of(text)
