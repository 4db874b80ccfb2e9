"""What is said of a collation is what is in it: every number of every sentence is recomputed from its cells."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import chords, reading
from tablesim.evidence.collation.collation import collate, collation_of
from tablesim.evidence.collation.differences import (
    KINDS,
    LAST_PLACE,
    MARK,
    MORE_FIGURES,
    ONE_FIGURE,
    OTHERWISE,
    SHIFTED,
    TRANSPOSED,
    kind_of_texts,
    kinds_of,
)
from tablesim.evidence.collation.grids import Panel, TableAlignment, panels_of, witness_of
from tablesim.evidence.collation.summary import N_COLUMNS, CollationSummary
from tablesim.evidence.collation.verification import verification

OPEN = ("missing", "illegible")
TEXTS = st.sampled_from(["", "7", "1?", "12", "21", "13", "123", "128", "5"])


@st.composite
def collations(draw):
    """Two or three witnesses of one grid, each cell of which may be anything; aligned as they stand."""
    n_witnesses, n_rows, n_columns = draw(st.integers(2, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 6))
    usual = [[str(10 * row + column + 10) for column in range(n_columns)] for row in range(n_rows)]
    readings = []
    for witness in range(n_witnesses):
        rows = [list(line) for line in usual]
        for row in range(n_rows):
            for column in draw(st.sets(st.integers(1, n_columns), max_size=2)):
                # A row or column that is empty as a whole would be none.
                if column < n_columns and row:
                    rows[row][column] = draw(TEXTS)
        readings.append(reading(f"p{witness}", rows))
    witnesses = [witness_of([page]) for page in readings]
    panels = [panels_of(witness, w, n_witnesses)[0] for w, witness in enumerate(witnesses)]
    merged = Panel(
        *(sum((getattr(p, name) for p in panels), 0) + n_witnesses - 1 for name in ("numbers", "rows", "columns"))
    )
    return collation_of(witnesses, TableAlignment((merged,), (False,) * n_witnesses))


def numbers_in(sentence):
    return [int(n) for n in re.findall(r"(?<![\w(])\d+(?!\d* ?\))", sentence)]


@settings(max_examples=60, deadline=None)
@given(collations())
def test_every_number_of_every_sentence_is_that_of_the_cells(collation):
    summary = CollationSummary(collation)
    states = Counter(cell.state for cell in collation.cells)
    n_cells, *by_state = numbers_in(summary.states)
    assert n_cells == len(collation.cells) == sum(by_state)
    assert by_state == [
        states["agrees"],
        states["differs"],
        *(states[s] for s in ("missing", "illegible") if states[s]),
    ]
    differing = [cell for cell in collation.cells if cell.state == "differs"]
    if not differing:
        assert (summary.where, summary.how, summary.doubts, summary.columns) == ("", "", "", ())
        return
    of, *kinds = numbers_in(summary.how)
    recomputed = kinds_of(collation)
    counted = Counter(recomputed[cell.row, cell.column] for cell in differing)
    assert of == len(differing) == sum(kinds)
    assert kinds == [counted[kind] for kind in KINDS if counted[kind]]
    match = re.fullmatch(r"Of the (\d+) that differs?: (.*)\.", summary.where)
    assert int(match[1]) == len(differing)
    by_column = Counter(collation.address(cell).column for cell in differing)
    named = re.findall(r"(\d+) in column (\d+) \((?:(\d+) of the (\d+) )?", match[2])
    assert len(named) == min(N_COLUMNS, len(by_column))
    for n, column, most, of_column in named:
        assert by_column[int(column)] == int(n)
        kinds_of_column = Counter(
            recomputed[c.row, c.column] for c in differing if collation.address(c).column == int(column)
        )
        if int(n) > 1:
            assert (int(of_column), int(most)) == (int(n), max(kinds_of_column.values()))
    rest = re.search(r"(\d+) in (\d+) other columns?$", match[2])
    in_rest = (int(rest[1]), int(rest[2])) if rest else (0, 0)
    assert sum(int(n) for n, *_ in named) + in_rest[0] == len(differing)
    assert len(named) + in_rest[1] == len(by_column)
    doubtful = sum(cell.doubtful for cell in differing)
    said = numbers_in(summary.doubts)
    assert said[0 if doubtful else -1] == len(differing)
    if doubtful:
        assert said[1] == doubtful
        assert said[2:] == ([len(differing) - doubtful] if doubtful < len(differing) else [])
    assert summary.paragraph.count(summary.how) == 1
    assert sum(len(column.cells) for column in summary.columns) == len(differing)
    assert all(sum(column.kinds.values()) == len(column.cells) for column in summary.columns)


@settings(max_examples=30, deadline=None)
@given(collations())
def test_pairs_add_up_to_the_cells_that_both_have(collation):
    for pair in CollationSummary(collation).pairs:
        a, b = (ord(letter) - ord("A") for letter in (pair.a, pair.b))
        both = [c for c in collation.cells if c.readings[a] is not None and c.readings[b] is not None]
        assert pair.met == len(both) == pair.agree + pair.differ + pair.doubtful + pair.illegible
        assert pair.agree == sum(
            c.readings[a].text == c.readings[b].text and "?" not in c.readings[a].text for c in both
        )
        if pair.met:
            met, numbers, *parts, by_chance = numbers_in(pair.words.replace("(", "; "))
            assert met == pair.met == sum(parts)
            verified = verification(collation, a, b)
            assert by_chance == round(verified.by_chance) and pair.words.endswith(f": {verified.verdict}.")
            assert numbers == min(len(collation.witnesses[w].numbers) for w in (a, b)) >= met


def test_it_reads_as_a_historian_would_write_it():
    rows = chords(count=30)
    changed = [list(line) for line in rows]
    changed[4][2], changed[9][2], changed[20][5] = str(int(rows[4][2]) + 1), str(int(rows[9][2]) + 1), "99"
    paragraph = CollationSummary(collate(reading("a", rows), reading("b", changed))).paragraph
    assert paragraph.startswith("A and B carry the same table. 270 cells in common: 267 agree and 3 differ. ")
    assert "Of the 3 that differ: 2 in column 3 (2 of the 2 by one in the last place) and 1 in column 6 (" in paragraph
    assert "None of the 3 that differ looks like a misreading." in paragraph


def test_a_part_of_a_table_is_said_to_be_one():
    rows = chords(count=40)
    assert CollationSummary(collate(reading("a", rows), reading("b", rows[:18]))).verdict == (
        "B holds a part of the table of A."
    )


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        ("14", "15", LAST_PLACE),
        ("29", "30", LAST_PLACE),
        ("14", "94", ONE_FIGURE),
        ("1?", "10", ONE_FIGURE),
        ("1234", "1324", TRANSPOSED),
        ("14", "41", TRANSPOSED),
        ("123", "13", MORE_FIGURES),
        ("123", "321", OTHERWISE),
        ("1", "456", OTHERWISE),
    ],
)
def test_kinds(a, b, kind):
    assert kind_of_texts(a, b) == kind_of_texts(b, a) == kind


def test_a_row_set_from_the_one_above_is_shifted():
    rows = chords(count=30)
    slipped = [list(line) for line in rows]
    slipped[12] = [rows[12][0], rows[12][1], *rows[11][2:]]
    collation = collate(reading("a", rows), reading("b", slipped))
    kinds = {place: kind for place, kind in kinds_of(collation).items() if place[0] == 12}
    assert len(kinds) >= 3 and set(kinds.values()) == {SHIFTED}
    skipped = [list(line) for line in rows]
    for row in range(15, 22):
        skipped[row][4] = rows[row + 1][4]
    in_column = kinds_of(collate(reading("a", rows), reading("b", skipped)))
    assert set(in_column.values()) == {SHIFTED} and len(in_column) >= 5
    assert MARK not in in_column.values()
