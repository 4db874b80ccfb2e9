"""What a mark parts is decided by columns, said with its reason, and left open where the page leaves it open."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.digits.marks_of_page import with_values
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

seeds = st.integers(0, 2**32 - 1)


def number(text, row=0, column=0, table=0, x=None, y=None, height=12.0):
    x, y = 100 * column if x is None else x, 24 * row if y is None else y
    signs = [sign for sign in text if sign.isdigit() or sign == "?"]
    digits = [Digit(None if s == "?" else int(s), Box(x + 8 * k, y, 7, height), 0.9) for k, s in enumerate(signs)]
    return Number(text, tuple(digits), 0.9, table, row if table is not None else None, column)


def page(*columns):
    return [number(text, row, c) for c, column in enumerate(columns) for row, text in enumerate(column)]


def values(numbers, **how):
    return [n.value for n in with_values(numbers, **how)[0]]


def grouped(value, mark):
    return f"{value:,}".replace(",", mark)


def integers(rng, n, low=3, high=6.5):
    return [int(v) for v in 10 ** rng.uniform(low, high, n)]


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([",", ".", "\u2009"]))
def test_thousands_come_back(seed, mark):
    rng = np.random.default_rng(seed)
    printed = [*integers(rng, 20, 2), 98, 7654321]
    assert values(page([grouped(v, mark) for v in printed])) == printed


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(",.·"), st.sampled_from([1, 2, 4]))
def test_decimals_come_back(seed, mark, places):
    rng = np.random.default_rng(seed)
    printed = [Decimal(f"{v:.{places}f}") for v in rng.uniform(0, 400, 20)]
    assert values(page([str(v).replace(".", mark) for v in printed])) == printed


def test_thousands_and_decimals_on_one_page():
    rng = np.random.default_rng(1)
    small, large = integers(rng, 20, 3, 3.99), integers(rng, 20, 5)
    columns = [[grouped(v, ",") for v in column] for column in (small, large)]
    numbers, meaning = with_values(page(*columns, [f"{v % 999}.{v % 90:02}" for v in small]))
    assert [n.value for n in numbers[:40]] == small + large
    assert numbers[40].value == Decimal(f"{small[0] % 999}.{small[0] % 90:02}")
    assert meaning == (
        "A point parts decimals in 20 numbers (2 digits follow); "
        "a comma parts thousands in 40 numbers (groups of three digits, several in one number)"
    )


def test_a_point_parts_thousands_where_a_comma_parts_decimals():
    rng = np.random.default_rng(2)
    small = integers(rng, 12, 3, 3.99)
    numbers, meaning = with_values(page([grouped(v, ".") for v in small], [f"{v % 99},{v % 10}" for v in small]))
    assert [n.value for n in numbers[:12]] == small
    assert "(as a comma parts decimals in the table)" in meaning


@pytest.mark.parametrize("mark", ".,")
def test_what_nothing_tells_is_undecided(mark):
    rng = np.random.default_rng(3)
    numbers, meaning = with_values(page([grouped(v, mark) for v in integers(rng, 25, 3, 3.99)]))
    assert {n.value for n in numbers} == {None}
    assert "undecided in 25 numbers (3 digits follow)" in meaning


def test_three_decimals_under_a_zero():
    heads = [9, 8, 2, 0, 4, 0, 6, 7, 1, 3]
    printed = [Decimal(f"{head}.{head * 97 + 11:03}") for head in heads]
    assert values(page([str(v).replace(".", ",") for v in printed])) == printed


def test_a_raised_point_parts_decimals_where_it_is_known_to_be_one():
    texts = [f"29·{v}" for v in range(301, 900, 40)]
    assert values(page(texts)) == [Decimal(t.replace("·", ".")) for t in texts]
    assert set(values(page(texts), kinds_known=False)) == {None}


def test_degrees_and_minutes_in_one_number():
    texts = [f"{d}.{(d * 17) % 60:02}" for d in range(1, 40)]
    numbers, meaning = with_values(page(texts))
    assert numbers[0].value == 1 + Fraction(17, 60)
    assert "a point parts minutes of degrees or hours in 39 numbers (two digits below 60 follow)" in meaning.lower()
    assert values(page(["12.30.45"] * 3))[0] == 12 + Fraction(30, 60) + Fraction(45, 3600)


def test_a_lost_digit_leaves_its_number_alone_without_value():
    rng = np.random.default_rng(4)
    printed = integers(rng, 25, 4)
    texts = [grouped(v, ",") for v in printed]
    texts[7] = texts[7][:-1]
    expected = [*printed[:7], None, *printed[8:]]
    assert values(page(texts)) == expected
    texts[7] = texts[7] + "?"
    assert values(page(texts)) == expected


def test_the_page_decides_for_numbers_outside_its_tables():
    rng = np.random.default_rng(5)
    texts = [grouped(v, ",") for v in integers(rng, 25, 4)]
    assert values([*page(texts), replace(number("8,889", 40), table=None, row=None, column=None)])[-1] == 8889


def test_signs_brackets_and_marks_behind():
    assert values(page(["−2·5", "+2·5", "-3", "12°", "30'", "7*", "(7)", "7)", "−0", "1?"])) == [
        Decimal("-2.5"), Decimal("2.5"), -3, 12, 30, 7, None, None, 0, None,
    ]  # fmt: skip
    assert "brackets" in with_values(page(["(7)"]))[1]


def test_a_comma_that_was_taken_for_a_point():
    rng = np.random.default_rng(6)
    printed = integers(rng, 20, 4)
    texts = [grouped(v, ",") for v in printed]
    texts[3] = texts[3].replace(",", ".")
    texts[9] = texts[9].replace(",", "·", 1)
    numbers, meaning = with_values(page(texts, [f"{v % 9},{v % 7}" for v in range(20)], ["1.5", "2·5"] * 10))
    assert [n.value for n in numbers[:20]] == printed
    assert [n.text for n in numbers[:20]] == [grouped(v, ",") for v in printed]
    assert meaning.endswith("; marks of 2 numbers taken for that of the column")
    assert [n.text for n in numbers[40:42]] == ["1.5", "2·5"]


def test_a_point_that_was_taken_for_a_space_or_a_space_for_a_point():
    rng = np.random.default_rng(7)
    printed = integers(rng, 12, 3.5, 5.5)
    texts = [grouped(v, "\u2009") for v in printed]
    texts[2] = texts[2].replace("\u2009", "·")
    decimals = [f"29·{v}" for v in range(301, 900, 50)]
    decimals[5] = decimals[5].replace("·", "\u2009")
    read = values(page(texts, decimals))
    assert read == [*printed, *(Decimal(f"29.{v}") for v in range(301, 900, 50))]


def test_specks_in_a_column_of_whole_numbers_mean_nothing():
    texts = [str(v) for v in range(30, 60)]
    texts[3], texts[9] = "30·42", "1·1·18"
    numbers, meaning = with_values(page(texts))
    assert [n.value for n in numbers if "·" in n.text] == [None, None]
    assert meaning.startswith("What a raised point parts is undecided in 2 numbers")


def test_a_narrow_space_where_all_have_decimals_is_a_lost_point():
    texts = ["29·87", *[f"28·{v}" for v in range(10, 30)], "29\u2009871"]
    assert values(page(texts))[-1] is None and values(page(texts))[0] == Decimal("29.87")


def test_fractions_are_exact():
    slanted = [number("3/", x=0), number("8", x=12)]
    stacked = [number("1/", x=110, y=-4, height=8), number("3", x=110, y=8, height=8)]
    stacked.insert(0, number("5", x=100, y=0, height=16))
    numbers, meaning = with_values([*slanted, *stacked])
    assert [n.value for n in numbers] == [Fraction(3, 8), None, 5 + Fraction(1, 3), None, None]
    assert "2 fractions are two numbers each" in meaning

    def turn(digit):
        return replace(digit, box=Box(digit.box.y, -digit.box.right, digit.box.height, digit.box.width))

    turned = [replace(n, digits=tuple(map(turn, n.digits))) for n in [*slanted, *stacked]]
    assert values(turned, rotation=90) == [n.value for n in numbers]
    assert values([number("3/", x=0), number("0", x=12)]) == [None, None]


def test_a_page_without_marks_says_nothing():
    numbers, meaning = with_values(page(["4", "07", "1?"]))
    assert [n.value for n in numbers] == [4, 7, None] and meaning == ""


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_order_and_scale_decide_nothing(seed):
    rng = np.random.default_rng(seed)
    mark, other = rng.permutation([",", "."])
    numbers = page(
        [grouped(v, mark) for v in integers(rng, 9)], [f"{v}{other}5" for v in range(9)], ["8" + mark + "889"] * 5
    )
    before = dict(zip(map(id, numbers), values(numbers), strict=True))
    shuffled = [numbers[k] for k in rng.permutation(len(numbers))]
    assert values(shuffled) == [before[id(n)] for n in shuffled]

    def threefold(digit):
        return replace(digit, box=Box(3 * digit.box.x, 3 * digit.box.y, 21, 36))

    scaled = [replace(n, digits=tuple(map(threefold, n.digits))) for n in numbers]
    assert values(scaled) == list(before.values())


@pytest.mark.parametrize("mark", ".·,")
def test_a_mark_before_the_first_digit_makes_a_decimal_fraction(mark):
    texts = [f"{mark}55", f"{mark}07", f"1{mark}20", f"\u2212{mark}4", f"+{mark}30"]
    wanted = [Decimal("0.55"), Decimal("0.07"), Decimal("1.20"), Decimal("-0.4"), Decimal("0.30")]
    assert values(page(texts)) == wanted
    assert values(page([f"{mark}074"] * 3)) == [Decimal("0.074")] * 3
    assert "no digit stands before it" in with_values(page([f"{mark}5"] * 4))[1]


def test_a_lone_point_before_one_of_many_whole_numbers_may_be_a_speck():
    read = values(page([*(str(n) for n in range(20, 45)), ".45"]))
    assert read[:-1] == list(range(20, 45))
    assert read[-1] is None


def test_a_comma_of_thousands_stands_before_no_number():
    column = ["1,234", "12,345", "7,890", "45,678", "9,012", ",555"]
    assert values(page(column))[-1] is None
