from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.astronomy.sexagesimal import places_of, sexagesimal

sixtieths = st.lists(st.integers(0, 59), max_size=6)


@given(st.integers(0, 10**6), sixtieths)
def test_places_and_number_are_inverse(whole: int, rest: list[int]) -> None:
    assert places_of(sexagesimal(whole, *rest), len(rest)) == (whole, *rest)


@given(st.fractions(min_value=0), st.integers(0, 5))
def test_rounding_errs_by_half_a_last_place_at_most(value: Fraction, places: int) -> None:
    error = sexagesimal(*places_of(value, places)) - value
    half = Fraction(1, 2 * 60**places)
    assert -half < error <= half


@given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.integers(1, 400))
def test_whole_turns_are_left_out(numerator: int, places: int, modulus: int) -> None:
    number = Fraction(numerator, 60**places)
    rest = sexagesimal(*places_of(number, places, modulus))
    assert 0 <= rest < modulus
    assert (number - rest) % modulus == 0


def test_a_carry_runs_through_all_places() -> None:
    assert places_of(Fraction(359999999, 1000000), 2, 360) == (0, 0, 0)
    assert places_of(59.9999999, 2) == (60, 0, 0)


def test_a_product_worked_by_hand() -> None:
    # 0;20 is a third, 1;30 one and a half.
    assert places_of(sexagesimal(0, 20) * sexagesimal(1, 30), 2) == (0, 30, 0)


def test_a_place_of_sixty_is_refused() -> None:
    with pytest.raises(ValueError, match="got a place of 60, expected 0 to 59"):
        sexagesimal(1, 60)
    with pytest.raises(ValueError, match="expected zero or more"):
        places_of(-1, 1)
