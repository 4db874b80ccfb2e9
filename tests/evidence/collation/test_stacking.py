"""Parts of an alignment as one table: pages below each other however editions break them, other tables apart."""

import numpy as np
import pytest

from evidence.grids import chords, reading
from tablesim.evidence.collation.collation import collate
from tablesim.records.address import parse_address

ROWS = chords(count=60)
OTHER = [[str(n) for n in line] for line in np.random.default_rng(5).integers(1000, 99999, (20, 3))]


def pages(name, *stretches):
    return [reading(f"{name}{at}", rows) for at, rows in enumerate(stretches)]


def changed(rows, row, column, text):
    return [[text if (r, c) == (row, column) else old for c, old in enumerate(line)] for r, line in enumerate(rows)]


@pytest.mark.parametrize("breaks", [(30, 30), (30, 24), (24, 41)])
def test_pages_stand_below_each_other_wherever_editions_break_them(breaks):
    a, b = ROWS, changed(ROWS, 45, 4, "99")
    left, right = (pages(name, rows[:at], rows[at:]) for name, rows, at in zip("ab", (a, b), breaks, strict=True))
    collation = collate(left, right)
    (table,) = collation.tables
    assert (len(table.rows), len(table.columns)) == (60, len(ROWS[0]))
    texts = [[table.cells[row, column].texts[0] for column in range(len(ROWS[0]))] for row in range(60)]
    assert texts == ROWS
    (difference,) = collation.differences
    address = collation.address(difference)
    assert (address.table, address.row, address.column) == (1, 46, 5)
    own = [collation.address_on_page(difference, w) for w in range(2)]
    assert [(o.row, o.column) for o in own] == [(46 - at, 5) for at in breaks]


def test_halves_beside_each_other_stand_below_each_other_where_an_edition_has_them_so():
    beside = [[*left, *right] for left, right in zip(ROWS[:30], ROWS[30:], strict=True)]
    collation = collate(reading("a", beside), pages("b", ROWS[:30], ROWS[30:]))
    (table,) = collation.tables
    assert [table.cells[row, 0].texts[0] for row in range(60)] == [line[0] for line in ROWS]


def test_a_column_that_was_not_read_on_one_page_leaves_its_place():
    second = [[text if column != 3 else "" for column, text in enumerate(line)] for line in ROWS[30:]]
    collation = collate(pages("a", ROWS[:30], second), pages("b", ROWS[:30], second))
    (table,) = collation.tables
    assert len(table.columns) == len(ROWS[0])
    assert [(row, column) in table.cells for row, column in ((29, 3), (30, 3), (30, 4))] == [True, False, True]
    assert table.cells[30, 4].texts[0] == ROWS[30][4]


def test_tables_of_another_kind_stay_apart():
    collation = collate(pages("a", ROWS[:30], OTHER), pages("b", ROWS[:30], OTHER))
    assert len(collation.tables) == 2
    cell = collation.tables[1].cells[2, 1]
    assert collation.address(cell).words == "table 2, row 3, column 2"


def test_addresses_lead_back_to_their_cells():
    collation = collate(pages("a", ROWS[:30], ROWS[30:], OTHER), pages("b", ROWS[:24], ROWS[24:], OTHER))
    assert len(collation.tables) == 2
    for cell in collation.cells:
        for text in (collation.address(cell).words, collation.address(cell).anchor):
            assert collation.cell_at(parse_address(text)) is cell
    assert len({collation.address(cell) for cell in collation.cells}) == len(collation.cells)
    assert collation.cell_at(parse_address("t3r1c1")) is None
    assert sum(len(table.cells) for table in collation.tables) == len(collation.cells)


def test_the_argument_of_a_row_is_that_of_the_first_witness_that_has_one():
    bare = [line[1:] for line in ROWS]
    collation = collate(reading("a", bare), reading("b", ROWS))
    assert [cell.texts for cell in collation.cells if collation.address(cell).argument is None] == []
    assert {collation.address(cell).argument for cell in collation.cells if cell.row == 3} == {"2 0"}
