from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.astronomy.sexagesimal import Sexagesimal, places_of

numbers = st.builds(Sexagesimal, st.integers(-(10**12), 10**12), st.integers(0, 6))
sixtieths = st.lists(st.integers(0, 59), max_size=6)


@given(st.integers(0, 10**6), sixtieths)
def test_parts_and_of_are_inverse(whole: int, rest: list[int]) -> None:
    assert Sexagesimal.of(whole, *rest).parts == (whole, *rest)


@given(numbers)
def test_what_is_printed_is_read_back(number: Sexagesimal) -> None:
    back = Sexagesimal.parse(str(number))
    assert back.value == number.value
    assert back.places == number.places or number.numerator == 0


@given(numbers, numbers, numbers)
def test_addition_and_multiplication_follow_the_fractions(a: Sexagesimal, b: Sexagesimal, c: Sexagesimal) -> None:
    assert (a + b).value == a.value + b.value
    assert (a - b).value == a.value - b.value
    assert (a * b).value == a.value * b.value
    assert ((a + b) + c).value == (a + (b + c)).value
    assert (a * (b + c)).value == (a * b).value + (a * c).value


@given(st.fractions(), st.integers(0, 5))
def test_rounding_errs_by_half_a_last_place_at_most(value: Fraction, places: int) -> None:
    error = Sexagesimal.nearest(value, places).value - value
    half = Fraction(1, 2 * 60**places)
    assert -half < error <= half


@given(numbers, st.integers(1, 400))
def test_whole_turns_are_left_out(number: Sexagesimal, modulus: int) -> None:
    rest = number % modulus
    assert 0 <= rest.value < modulus
    assert (number.value - rest.value) % modulus == 0


def test_a_carry_runs_through_all_places() -> None:
    assert places_of(Fraction(359999999, 1000000), 2, 360) == (0, 0, 0)
    assert places_of(59.9999999, 2) == (60, 0, 0)


def test_a_product_worked_by_hand() -> None:
    # 0;20 is a third, 1;30 one and a half.
    assert str(Sexagesimal.of(0, 20) * Sexagesimal.of(1, 30)) == "0;30,0"


@pytest.mark.parametrize("text", ["", "84:51", "84;51.10", "a;1", "1;2,"])
def test_other_notations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number such as 84;51,10"):
        Sexagesimal.parse(text)


def test_a_place_of_sixty_is_refused() -> None:
    with pytest.raises(ValueError, match="got a place of 60, expected 0 to 59"):
        Sexagesimal.of(1, 60)
    with pytest.raises(ValueError, match="expected zero or more"):
        places_of(-1, 1)
