import numpy as np
import pytest

from evidence.grids import reading
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.recomputation.examination import examine, propose


def account(rows=12, columns=4, seed=0):
    """Numbers with a total below each column and beside each row."""
    items = np.random.default_rng(seed).integers(3, 90, (rows, columns))
    with_rows = np.column_stack([items, items.sum(axis=1)])
    return [[str(v) for v in row] for row in np.vstack([with_rows, with_rows.sum(axis=0)])]


def suspects(rows):
    witness = witness_of([reading("a", rows)])
    return {
        (witness.numbers[s.number].row, witness.numbers[s.number].column, s.expected, s.law)
        for s in examine(witness).suspects
    }


def test_an_account_that_adds_up_has_no_suspects_and_says_what_is_right():
    witness = witness_of([reading("a", account())])
    examined = examine(witness)
    assert examined.suspects == ()
    assert len(examined.expected) == len(witness.numbers)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (5, 2), (11, 3)])
def test_the_number_at_which_row_and_column_cross_is_wrong(row, column):
    rows = account()
    true, rows[row][column] = rows[row][column], str(int(rows[row][column]) + 7)
    assert suspects(rows) == {(row, column, true, "sum of the row")}


def test_where_only_rows_add_up_the_total_is_named():
    rows = account()[:-1]
    true, rows[4][4] = rows[4][4], "999"
    assert suspects(rows) == {(4, 4, true, "sum of the row")}
    below = [row[:-1] for row in account()]
    true, below[-1][1] = below[-1][1], "77"
    assert suspects(below) == {(12, 1, true, "sum of the column")}


def test_sums_carry_at_sixty():
    minutes = np.random.default_rng(3).integers(1, 600, (12, 3))
    values = np.column_stack([minutes, minutes.sum(axis=1)])
    rows = [[str(part) for v in row for part in divmod(int(v), 60)] for row in values]
    assert suspects(rows) == set()
    true, rows[6][7] = rows[6][7], str((int(rows[6][7]) + 11) % 60)
    assert suspects(rows) == {(6, 7, true, "sum of the row")}


def test_the_witness_whose_row_adds_up_is_right():
    mine, yours = account()[:-1], account()[:-1]
    yours[3][1] = str(int(yours[3][1]) + 20)
    (found,) = propose(collate(reading("a", mine), reading("b", yours)))
    assert (found.errs, found.expected, found.law) == ((False, True), mine[3][1], "sum of the row")


def test_random_numbers_add_up_to_nothing():
    numbers = np.random.default_rng(5).integers(0, 60, (30, 5))
    assert suspects([[str(v) for v in row] for row in numbers]) == set()


def test_a_part_of_the_difference_to_the_next_row():
    """As Ptolemy's sixtieths: the thirtieth of the difference, in one place more."""
    x = np.arange(31)
    totals = 4000 + np.floor(200 * x + 90 * np.sin(x / 4))
    rows = [
        [*(str(int(p)) for p in divmod(t, 60)), "0", *(str(int(p)) for p in divmod(60 * d / 30, 60))]
        for t, d in zip(totals[:-1], np.diff(totals), strict=True)
    ]
    assert suspects(rows) == set()
    true, rows[9][4] = rows[9][4], str((int(rows[9][4]) + 13) % 60)
    assert (9, 4, true, "part of the difference") in suspects(rows)


def test_a_law_of_one_table_is_not_held_against_another():
    """Two printers took the differences with more or fewer places: neither errs throughout."""
    x = np.arange(31)
    totals = 4000 + np.floor(200 * x + 90 * np.sin(x / 4))
    whole = [[str(int(t)), str(int(d))] for t, d in zip(totals[:-1], np.diff(totals), strict=True)]
    other = [[t, str(int(d) + 1 + at % 2)] for at, (t, d) in enumerate(whole)]
    collation = collate(reading("a", whole), reading("b", other))
    assert len(collation.differences) > 20
    assert [p for p in propose(collation) if p.errs[1]] == []
