"""Which columns are the places of one number, and what is meant by each."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tablesim.astronomy.sexagesimal import sexagesimal_text
from tablesim.digits.units_of_page import meant_value, meant_values, units_of_page
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number
from tablesim.synthesis.tables import build


def number(text, row, column, table=0, value=None):
    digits = [sign for sign in text if sign.isdigit() or sign == "?"]
    box = Box(60 * column, 20 * row, 7, 12)
    value = int("".join(digits)) if value is None and text.isdigit() else value
    return Number(
        text, tuple(Digit(None if d == "?" else int(d), box, 1.0) for d in digits), 1.0, table, row, column, value
    )


def page(rows, table=0):
    return [number(str(x), r, c, table) for r, row in enumerate(rows) for c, x in enumerate(row) if x is not None]


def of_values(values, *bases):
    """Rows of an argument and of values in units of their lowest place."""
    rows = []
    for argument, value in enumerate(values, 1):
        places = []
        for base in reversed(bases):
            value, place = divmod(int(value), base)
            places.insert(0, place)
        rows.append([argument, value, *places])
    return rows


def groups(numbers):
    return [(group.columns, group.bases, group.decided) for group in units_of_page(numbers).groups]


def test_degrees_and_minutes_are_joined_and_the_reason_has_its_counts():
    numbers = page(of_values([round(60 * 23.5 * np.sin(np.radians(3 * d))) for d in range(30)], 60))
    (group,) = units_of_page(numbers).groups
    assert (group.columns, group.bases, group.decided) == ((1, 2), (60,), True)
    bends = np.diff([[n.value for n in numbers if n.column == c] for c in (1, 2)], 2)
    assert group.sentence.startswith(
        "table 1, columns 2 and 3 are units and sixtieths: in 28 of 28 rows the higher goes on as the lower passes 60"
    )
    assert bends.shape == (2, 28)


@pytest.mark.parametrize(
    ("bases", "step", "name", "text"),
    [
        ((60, 60), 3548, "units and sixtieths", "0;59,8"),
        ((30, 60), 787, "signs and degrees", "0s 13;7"),
        ((24,), 709, "days and hours", "29d 13"),
        ((24, 60), 42524, "days and hours", "29d 12;44"),
    ],
)
def test_bases_and_places(bases, step, name, text):
    rows = of_values([step * n % (12 * 1800 if bases[0] == 30 else 10**9) for n in range(1, 81)], *bases)
    numbers = page(rows)
    units = units_of_page(numbers)
    assert [(group.columns, group.bases) for group in units.groups] == [(tuple(range(1, 2 + len(bases))), bases)]
    first = meant_value(numbers[1], numbers, units)
    assert (first.text, first.unit) == (text, name)
    assert first == meant_value(numbers[2], numbers, units)
    # In degrees for signs, else in the first place.
    size = int(np.prod(bases))
    assert first.value == Fraction(step, size) * (30 if bases[0] == 30 else 1)


def test_halves_of_a_table_are_judged_together_and_a_third_place_follows_two():
    rows = [[n, *row[1][:4]] for n, row in enumerate(build("mean_motions", body="moon").rows, 1)]
    numbers = [*page(rows[:30]), *page(rows[30:], 1)]
    assert groups(numbers) == 2 * [((1, 2, 3, 4), (60, 60, 60), True)]


def test_columns_without_carries_go_with_those_beside_them():
    # In the first months the minutes of the Sun never come to 60.
    rows = [[row[0][0], *(x for cell in row[1:] for x in (cell or (None, None)))] for row in build("sun_place").rows]
    assert groups(page(rows)) == [((c, c + 1), (60,), True) for c in range(1, 13, 2)]


@pytest.mark.parametrize("kind", ["counts", "uniform", "walks", "cycles", "shillings"])
def test_columns_that_have_nothing_to_do_with_each_other_are_never_joined(kind):
    rng = np.random.default_rng(5)
    for _ in range(60):
        n = int(rng.integers(8, 45))
        table = {
            "counts": lambda n: rng.geometric(1 / 20, (n, 5)),
            "uniform": lambda n: rng.integers(0, 60, (n, 5)),
            "walks": lambda n: np.abs(30 + np.cumsum(rng.integers(-3, 4, (n, 5)), axis=0)),
            "cycles": lambda n: np.outer(np.arange(n), rng.integers(1, 12, 5)) % rng.choice([7, 12, 19, 28, 30, 60], 5),
            "shillings": lambda n: np.stack(np.divmod(np.cumsum(rng.integers(1, 90, n)), 20), axis=1),
        }[kind](n)
        assert not any(decided for _, _, decided in groups(page(table.tolist())))


def test_where_nothing_tells_it_is_undecided_and_numbers_stay_by_themselves():
    rng = np.random.default_rng(2)
    numbers = page(np.column_stack([rng.integers(0, 90, 20), rng.integers(0, 60, 20)]).tolist())
    units = units_of_page(numbers)
    assert [group.decided for group in units.groups] == [False]
    assert "columns 1 and 2 may be (undecided) units and sixtieths" in units.sentences[0]
    assert meant_value(numbers[0], numbers, units).text == numbers[0].text


def test_marks_of_degrees_and_minutes_decide():
    rows = [(47, 12), (8, 3), (51, 58)]
    numbers = [
        number(f"{x}{mark}", r, c, value=x)
        for r, row in enumerate(rows)
        for c, (x, mark) in enumerate(zip(row, "°'", strict=True))
    ]
    assert [value.text for value in meant_values(numbers)] == ["47;12", "8;3", "51;58"]


def test_a_place_that_is_missing_illegible_or_too_great_leaves_the_value_undecided():
    rows = of_values([round(60 * 23.5 * np.sin(np.radians(3 * d))) for d in range(30)], 60)
    rows[4][2], rows[7][2] = None, 77
    numbers = page(rows)
    at = next(i for i, n in enumerate(numbers) if (n.row, n.column) == (9, 1))
    numbers[at] = number("1?", 9, 1)
    by_row = {value.numbers[0].row: value for value in meant_values(numbers) if value.units}
    assert [(by_row[r].text, by_row[r].value) for r in (4, 7)] == [("4;?", None), (f"{rows[7][1]};77", None)]
    assert by_row[9].value is None
    assert by_row[9].text == f"?;{rows[9][2]}"


@pytest.mark.parametrize(
    ("text", "value", "meant"),
    [
        ("34·60", Decimal("34.60"), "34.60"),
        ("12", Fraction(99, 8), "12 3/8"),
        ("3/", Fraction(3, 8), "3/8"),
        ("39.01", Fraction(2341, 60), "39;1"),
        ("−5", -5, "-5"),
        ("(7)", None, "(7)"),
    ],
)
def test_a_number_by_itself_is_written_as_meant(text, value, meant):
    one = number(text, 0, 0, value=value)
    assert meant_value(one, [one], units_of_page([one])).text == meant


def test_results_are_written_in_sixtieths():
    assert sexagesimal_text(23.483) == "23;29"
    assert sexagesimal_text(23.483, 2) == "23;28,59"
    assert sexagesimal_text(-0.5) == "-0;30"
    assert sexagesimal_text(-0.001) == "0;0"
    assert sexagesimal_text(59.9999) == "60;0"
