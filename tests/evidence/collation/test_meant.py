"""Witnesses agree in what they mean: values where they are decided, and what ditto marks repeat."""

import csv
import io
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from evidence.grids import reading
from tablesim.evidence.collation.cells import judge
from tablesim.evidence.collation.collation import PagePair, collate
from tablesim.evidence.collation.grids import panels_of, witness_of
from tablesim.evidence.recomputation.values import numbers_of
from tablesim.export.spreadsheets import READING_COLUMNS, collation_rows, csv_bytes, reading_rows
from tablesim.records.boxes import Box
from tablesim.records.collation import CellReading
from tablesim.records.reading import Digit, Ditto, Number

ROWS = [[str(row), str(40 + row // 4), str((row * 37) % 60)] for row in range(1, 13)]


def number(text, value=None):
    signs = [sign for sign in text if sign.isdigit()]
    return Number(
        text, tuple(Digit(int(s), Box(9 * k, 0, 8, 14), 0.99) for k, s in enumerate(signs)), 0.99, value=value
    )


def state(a, b):
    return judge([CellReading(a, "a"), CellReading(b, "b")])


def test_values_decide_where_they_are_known():
    assert state(number("8,889", 8889), number("8889", 8889)) == ("agrees", 0.0)
    assert state(number("0·50", Decimal("0.50")), number("0.5", Decimal("0.5"))) == ("agrees", 0.0)
    apart, doubt = state(number("8,889", 8889), number("8.889", Decimal("8.889")))
    assert apart == "differs" and doubt > 0.9  # the digits are the same: a mark may be misread
    assert state(number("−5", -5), number("5", 5))[0] == "differs"


def test_digits_decide_where_a_mark_is_undecided():
    assert state(number("8,889"), number("8889", 8889))[0] == "agrees"
    assert state(number("8,889"), number("8.889", Decimal("8.889")))[0] == "agrees"
    assert state(number("8,889"), number("8,888", 8888))[0] == "differs"
    assert state(number("5", 5 + Fraction(1, 3)), number("5", 5))[0] == "agrees"


def with_dittos():
    """The page with ditto marks for every number of the middle column that is that of the row above."""
    page = reading("dittos", ROWS)
    at = {(n.row, n.column): n for n in page.numbers}
    rows = [row for row in range(1, 12) if ROWS[row][1] == ROWS[row - 1][1]]
    numbers = tuple(n for n in page.numbers if n.column != 1 or n.row not in rows)
    dittos = tuple(Ditto(at[row, 1].box, 0.8, 0, row, 1) for row in rows)
    return replace(page, numbers=numbers, dittos=dittos), rows


def test_a_ditto_mark_is_what_it_repeats():
    page, rows = with_dittos()
    collation = collate(page, reading("written out", ROWS))
    assert collation.summary == {"agrees": 36, "differs": 0, "missing": 0, "illegible": 0}
    repeated = {cell.row for cell in collation.cells if cell.readings[0].repeats}
    assert repeated == set(rows) and not any(cell.readings[1].repeats for cell in collation.cells)
    cell = next(cell for cell in collation.cells if cell.row == rows[0] and cell.column == 1)
    said = cell.to_dict()["readings"][0]
    assert (said["text"], said["repeats"], said["confidence"]) == (ROWS[rows[0]][1], True, 0.8)
    assert [row["A_repeats"] for row in collation_rows(collation)].count("yes") == len(rows)
    other = [[*row] for row in ROWS]
    other[rows[0]][1] = "99"
    (differs,) = collate(page, reading("other", other)).differences
    assert differs.texts == (ROWS[rows[0]][1], "99")


def test_what_is_repeated_is_printed_nowhere():
    page, rows = with_dittos()
    pair = PagePair.of(page, reading("written out", ROWS))
    assert len(pair.met) == 36 - len(rows) and (pair.met >= 0).all()
    assert len(list(page.digits)) == sum(len(n.digits) for n in page.numbers)


def test_rows_of_a_spreadsheet_mean_what_the_page_means():
    page, rows = with_dittos()
    marked = [number("8,889", 8889), number("8.889"), number("−0·4", Decimal("-0.4")), number("3/", Fraction(3, 8))]
    valued = [replace(n, value=int(n.text)) for n in page.numbers]
    table = reading_rows(replace(page, numbers=(*marked, *valued)))
    assert [(row["text"], row["value"]) for row in table[:4]] == [
        ("8,889", 8889),
        ("'8.889", None),
        ("−0·4", Decimal("-0.4")),
        ("3/", Fraction(3, 8)),
    ]
    dittos = table[-len(rows) :]
    assert {row["text"] for row in dittos} == {"″"} and {row["digits_text"] for row in dittos} == {""}
    assert [row["value"] for row in dittos] == [int(ROWS[row][1]) for row in rows]
    data = csv_bytes(READING_COLUMNS, table).decode("utf-8-sig")
    written = [row["value"] for row in csv.DictReader(io.StringIO(data))]
    assert written[2:4] == ["-0.4", "0 3/8"]


def test_recomputation_takes_thousands_for_thousands_and_leaves_out_other_decimals():
    texts = ["8,889", "7·1", "7·25", "-3", "9·3"]
    values = [8889, Decimal("7.1"), Decimal("7.25"), -3, Decimal("9.3")]
    rows = [["8889", "71"], ["1", "725"], ["2", "3"], ["3", "93"]]
    page = reading("p", rows)
    meant = dict(zip(["8889", "71", "725", "3", "93"], zip(texts, values, strict=True), strict=True))

    def marked(n):
        text, value = meant[n.text] if n.column or n.row == 0 else (n.text, int(n.text))
        return replace(n, text=text, value=value)

    numbers = tuple(map(marked, page.numbers))
    witness = witness_of([replace(page, numbers=numbers)])
    (panel,) = panels_of(witness, 0, 1)
    found = numbers_of(panel, witness)
    np.testing.assert_array_equal(found, [[8889, 71], [1, np.nan], [2, np.nan], [3, 93]])
