import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import chords, printed, reading, with_numbers
from evidence.pages import two_editions
from tablesim.digits.evaluation.transcription import read_transcription
from tablesim.errors import SettingsError
from tablesim.evidence.collation.cells import judge
from tablesim.evidence.collation.collation import collate
from tablesim.records.reading import Reading


def texts(collation):
    return [cell.texts for cell in collation.differences]


def met(collation, witness=1):
    """For each row of A which row of the other witness meets it, and for each column likewise."""
    return {line[0]: line[witness] for line in collation.rows}, {line[0]: line[witness] for line in collation.columns}


def test_equal_tables_agree_in_every_place_and_lie_over_each_other_as_they_are():
    collation = collate(reading("a", chords()), reading("b", chords()))
    assert collation.summary == {"agrees": 45 * 9, "differs": 0, "missing": 0, "illegible": 0}
    assert collation.rows == tuple((n, n) for n in range(45))
    assert collation.columns == tuple((n, n) for n in range(9))
    assert collation.unaligned == () and collation.transposed == (False, False)


def test_one_changed_number_is_the_one_difference():
    rows = chords()
    rows[17][4] = "99"
    collation = collate(reading("a", chords()), reading("b", rows))
    assert texts(collation) == [(chords()[17][4], "99")]
    (cell,) = collation.differences
    assert (cell.row, cell.column, cell.doubtful) == (17, 4, False)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_rows_and_columns_find_each_other_in_any_order_with_rows_dropped(seed):
    rng = np.random.default_rng(seed)
    rows, order = chords(), rng.permutation(9)
    kept = rng.permutation(45)[3:]
    rows[kept[0]][3], was = "88", rows[kept[0]][3]
    other = [[rows[r][c] for c in order] for r in kept]
    collation = collate(reading("a", chords()), reading("b", other))
    by_row, by_column = met(collation)
    assert by_row == {int(r): at for at, r in enumerate(kept)}
    # The two columns of zeros are the same column to anyone who sees the numbers alone.
    zeros = {c for c in range(9) if {row[c] for row in chords()} == {"0"}}
    assert {c: d for c, d in by_column.items() if c not in zeros} == {
        int(c): at for at, c in enumerate(order) if c not in zeros
    }
    assert texts(collation) == ([] if was == "88" else [(was, "88")])
    assert {(line.kind, line.witness) for line in collation.unaligned} == {("row", 0)}


@pytest.mark.parametrize("apart", [False, True], ids=["one wide table", "two tables"])
def test_halves_meet_the_whole(apart):
    whole = chords(1, 90)
    changed = [row[:] for row in whole]
    changed[10][8], changed[70][7] = "77", "66"
    left, right = changed[:45], changed[45:]
    halves = (left, right) if apart else ([a + b for a, b in zip(left, right, strict=True)],)
    collation = collate(reading("a", whole), reading("b", *halves))
    assert collation.summary["agrees"] == 90 * 9 - 2
    assert texts(collation) == [(whole[10][8], "77"), (whole[70][7], "66")]
    assert len(collation.parts) == 2 and not collation.unaligned
    assert all(line[0] is not None and line[1] is not None for line in collation.rows)


def test_half_tables_whose_rows_are_dropped_apart_are_mapped_apart():
    left, right = chords(1, 45), chords(46, 45)
    wide = [a + b for a, b in zip(left, right, strict=True)]
    short = [a + b for a, b in zip(left[:20] + left[23:], right[3:], strict=True)]
    collation = collate(reading("a", wide), reading("b", short))
    assert collation.summary["differs"] == 0 and collation.summary["agrees"] == 42 * 18


def test_a_missing_and_an_extra_column_stand_apart():
    without = [row[:2] + row[3:] for row in chords()]
    added = [[*row, str(7000 + n)] for n, row in enumerate(without)]
    collation = collate(reading("a", chords()), reading("b", added))
    assert collation.summary == {"agrees": 45 * 8, "differs": 0, "missing": 0, "illegible": 0}
    assert [(line.witness, line.kind, line.index) for line in collation.unaligned] == [
        (0, "column", 2),
        (1, "column", 8),
    ]


def test_a_table_with_rows_for_columns_is_turned_over():
    # So that rows have too few numbers in common as they stand.
    square = [[str(1000 + 37 * r + 611 * c) for c in range(12)] for r in range(20)]
    turned = [list(column) for column in zip(*square, strict=True)]
    collation = collate(reading("a", square), reading("b", turned))
    assert collation.transposed == (False, True)
    assert collation.summary["agrees"] == 240
    assert collation.rows == tuple((n, n) for n in range(20))


def test_a_row_that_was_set_twice_is_left_over_and_a_slipped_row_is_not():
    rows = chords()
    twice = rows[:11] + rows[10:]
    collation = collate(reading("a", chords()), reading("b", twice))
    assert collation.summary["agrees"] == 45 * 9 and len(collation.unaligned) == 1
    assert collation.unaligned[0].texts == tuple(rows[10])
    slipped = [row[:] for row in rows]
    slipped[44] = rows[44][:2] + rows[43][2:]
    collation = collate(reading("a", chords()), reading("b", slipped))
    assert len(collation.rows) == 45
    assert collation.summary["differs"] == sum(a != b for a, b in zip(rows[43][2:], rows[44][2:], strict=True))


def test_columns_that_ran_together_in_a_reading_do_not_hide_their_numbers():
    a = reading("a", chords())
    mixed = [replace(n, column=4) if n.column == 5 else n for n in a.numbers]
    collation = collate(a, with_numbers("b", mixed))
    assert collation.summary["agrees"] == 45 * 9


def test_a_number_that_slid_into_the_next_column_is_put_back():
    rows = chords()
    slid = [row[:] for row in rows]
    slid[20] = [*rows[20][:3], "", *rows[20][3:5], "", *rows[20][7:]]  # 4 and 5 stand one column late, 6 is lost
    collation = collate(reading("a", rows), reading("b", slid))
    assert collation.summary["differs"] == 0
    assert collation.summary["missing"] <= 2


def test_second_numbers_of_a_cell_that_the_arrangement_left_out_are_put_back():
    """Degrees and halves in one column: a reading keeps one number a cell, now the 14 and now the 1 of 1/2."""
    rows = chords(1, 90)
    plain = [[str(n // 2), "30" if n % 2 else "0", *row[2:]] for n, row in enumerate(rows, 1)]
    numbers = []
    for n, row in enumerate(plain, 1):
        whole, half = printed(row[0], 0, n - 1, 0), printed("1", 0, n - 1, 0)
        half = replace(half, digits=tuple(replace(d, box=replace(d.box, x=d.box.x + 16)) for d in half.digits))
        pair = [whole, half] if n % 2 else [whole]
        left_out = 1 if n % 4 == 1 else 0
        numbers += [
            replace(m, table=None, row=None, column=None) if n % 2 and at == left_out else m
            for at, m in enumerate(pair)
        ]
        numbers += [printed(text, 0, n - 1, column) for column, text in enumerate(row[2:], 1)]
    numbers.append(replace(printed("37", 0, 0, 20), table=None, row=None, column=None))
    collation = collate(reading("a", plain), with_numbers("b", numbers))
    assert collation.summary["differs"] == 0 and collation.summary["agrees"] >= 90 * 8
    assert len(collation.witnesses[1].numbers) == len(numbers) - 1


def test_a_difference_that_the_runner_up_would_remove_is_doubtful():
    rows = chords()
    true = rows[30][4]
    other = str(int(true[:-1] + str((int(true[-1]) + 1) % 10)))
    numbers = [n for n in reading("b", rows).numbers if (n.row, n.column) != (30, 4)]
    sure = with_numbers("b", [*numbers, printed(other, 0, 30, 4)])
    unsure = with_numbers("b", [*numbers, printed(other, 0, 30, 4, runner_up=(int(true[-1]), 0.1))])
    for page, doubtful in ((sure, False), (unsure, True)):
        (cell,) = collate(reading("a", rows), page).differences
        assert cell.texts == (true, other) and cell.doubtful is doubtful


def test_a_number_that_was_parted_is_doubtful_and_not_asserted():
    rows = [[str(n), str(4100 + 17 * n), str(10 + n % 50)] for n in range(1, 31)]
    joined = [[row[0], row[1] + row[2], ""] if n == 12 else row for n, row in enumerate(rows)]
    collation = collate(reading("a", rows), reading("b", joined))
    told = [cell for cell in collation.cells if cell.state != "agrees"]
    assert told and all(cell.doubtful for cell in told)


def test_illegible_figures_leave_it_open_unless_the_others_tell():
    rows = chords()
    blurred = [row[:] for row in rows]
    blurred[5][4], blurred[6][4] = rows[5][4][0] + "?", "?" + str((int(rows[6][4][-1]) + 1) % 10)
    collation = collate(reading("a", rows), reading("b", blurred))
    assert collation.summary["illegible"] == 1
    assert texts(collation) == [(rows[6][4], blurred[6][4])]


@pytest.mark.parametrize(
    ("whole", "part", "confidence", "state"),
    [
        ("58", "5", 0.02, "illegible"),  # it goes on, and what follows was not read
        ("58", "8", 0.02, "illegible"),
        ("158", "18", 0.02, "illegible"),
        ("58", "5", 0.9, "differs"),  # it does not go on
        ("58", "4", 0.02, "differs"),  # however it goes on
        ("58", "85", 0.02, "differs"),
    ],
)
def test_a_number_of_which_figures_were_lost_is_illegible(whole, part, confidence, state):
    rows = chords()
    rows[5][4] = whole
    numbers = [n for n in reading("b", rows).numbers if (n.row, n.column) != (5, 4)]
    lost = replace(printed(part, 0, 5, 4), confidence=confidence)
    collation = collate(reading("a", rows), with_numbers("b", [*numbers, lost]))
    assert collation.summary[state] == 1 and collation.summary["agrees"] == 404


@given(st.text("0123456789?", min_size=1, max_size=4), st.text("0123456789?", min_size=1, max_size=4))
def test_a_verdict_does_not_depend_on_the_order_of_the_witnesses(one, other):
    from tablesim.records.collation import CellReading

    pair = [CellReading(printed(text, 0, 0, 0), "p") for text in (one, other)]
    state, doubtful = judge(pair)
    assert judge(pair[::-1]) == (state, doubtful)
    if "?" not in one + other:
        assert state == ("agrees" if one == other else "differs")
    assert judge([pair[0], None])[0] == "missing"


def test_three_witnesses_stand_in_one_table_and_what_one_lacks_is_shared_by_the_others():
    rows = chords()
    b, c = [row[:] for row in rows], [row[:] for row in rows]
    b[3][4] = c[3][4] = "91"
    c[40][3] = "17"
    lacking = rows[:8] + rows[9:]
    collation = collate(reading("a", lacking), reading("b", b), reading("c", c))
    assert collation.sigla == ("A", "B", "C")
    assert texts(collation) == [(rows[3][4], "91", "91"), (rows[40][3], rows[40][3], "17")]
    assert (None, 8, 8) in collation.rows and len(collation.rows) == 45
    row = collation.rows.index((None, 8, 8))
    assert {cell.state for cell in collation.cells if cell.row == row} == {"agrees"}


@settings(max_examples=8)
@given(st.permutations(range(4)))
def test_the_order_of_the_witnesses_changes_no_difference(order):
    pages = []
    for n in range(4):
        rows = chords()
        rows[5 + n][3] = str(90 + n)
        pages.append(reading(f"w{n}", rows))
    collation = collate(*(pages[n] for n in order))
    assert len(collation.differences) == 4
    assert collation.summary["agrees"] == 45 * 9 - 4


def test_a_witness_of_several_pages_that_break_at_other_rows():
    whole = chords(1, 90)
    changed = [row[:] for row in whole]
    changed[50][4] = "99"
    collation = collate(
        [reading("a1", whole[:45]), reading("a2", whole[45:])],
        [reading("b1", changed[:30]), reading("b2", changed[30:60]), reading("b3", changed[60:])],
    )
    assert collation.summary["agrees"] == 90 * 9 - 1
    (cell,) = collation.differences
    assert [r.page for r in cell.readings] == ["a2", "b2"]
    assert sorted(line[0] for line in collation.rows) == list(range(90))


def test_pages_without_anything_in_common_have_no_cells():
    others = [[str(7000 + 13 * n), str(300 + 7 * n)] for n in range(30)]
    collation = collate(reading("a", chords()), reading("b", others))
    assert collation.cells == () and collation.rows == ()
    assert collate(reading("a", chords()), reading("empty")).summary["agrees"] == 0


def test_readings_without_rows_and_columns_are_arranged(tmp_path):
    a, b = two_editions(tmp_path)
    bare = replace(b, numbers=tuple(replace(n, table=None, row=None, column=None) for n in b.numbers))
    collation = collate(a, bare)
    assert collation.summary["agrees"] == len(a.numbers) and collation.summary["differs"] == 0


def test_json_follows_its_description():
    rows = chords()
    rows[3][4] = "99"
    collation = collate(reading("a", chords()), reading("b", rows), reading("c", chords()[1:]))
    data = json.loads(json.dumps(collation.to_dict()))
    assert data["witnesses"] == [["a.jpg"], ["b.jpg"], ["c.jpg"]]
    assert data["alignment"]["transposed"] == [False, False, False]
    assert set(data["summary"]) == {"agrees", "differs", "missing", "illegible"}
    assert len(data["cells"]) == sum(data["summary"].values())
    for cell, place in zip(collation.cells, data["cells"], strict=True):
        assert place["state"] == cell.state
        for text, there in zip(cell.texts, place["readings"], strict=True):
            assert text == (None if there is None else there["text"])
            assert there is None or set(there) >= {"text", "confidence", "page", "box"}
        assert data["alignment"]["rows"][place["row"]] and data["alignment"]["columns"][place["column"]]


@pytest.mark.parametrize(
    ("witnesses", "message"),
    [
        ((), "got 0 witnesses"),
        ((reading("a", chords()), []), "witness B has 0 pages"),
        ((reading("a", chords()), [reading("b")] * 65), "has 65 pages"),
    ],
)
def test_what_cannot_be_collated_is_refused(witnesses, message):
    with pytest.raises(SettingsError, match=message):
        collate(*witnesses)


def transcribed(real, name) -> tuple[Reading, dict[tuple[int, int], tuple[int, int, str]]]:
    """A transcription as a reading of one wide table; for each row and column its half-table, row and place."""
    rows, places = [], {}
    for r, row in enumerate(read_transcription(real / "truth" / f"{name}.txt").rows):
        flat = []
        for half, columns in enumerate(row.halves, start=1):
            for what, numbers in zip(("arc", "chord", "sixtieths")[-len(columns) :], columns, strict=True):
                for at, text in enumerate(numbers):
                    places[r, len(flat)] = half, r + 1, f"{what} {chr(39) * at}".strip()
                    flat.append(text)
        rows.append(flat)
    return reading(name, rows), places


@pytest.mark.real
@pytest.mark.parametrize("page", [1, 2])
def test_two_real_editions_differ_where_their_editor_says(real, page):
    """Venice 1515 and Leipzig 1912, transcribed; rows and columns of the second shuffled, three rows dropped."""
    early, places = transcribed(real, f"almagest_1515_chords_p{page}")
    late, _ = transcribed(real, f"almagest_1912_chords_p{page}")
    listed = (real / "truth" / f"variants_1515_1912_p{page}.csv").read_text(encoding="utf-8")
    noted = {
        (int(line["half_table"]) - 2 * (page - 1), int(line["row"]), line["place"]): (
            line["reading_1515"],
            line["reading_1912"],
        )
        for line in csv.DictReader(io.StringIO(listed))
    }
    rng = np.random.default_rng(page)
    rows, columns = rng.permutation(45), rng.permutation(14)
    dropped = {int(row) for row in rows[42:]}
    at = {int(row): n for n, row in enumerate(rows[:42])}, {int(column): n for n, column in enumerate(columns)}
    shuffled = [printed(n.text, 0, at[0][n.row], at[1][n.column]) for n in late.numbers if n.row not in dropped]
    collation = collate(early, with_numbers("late", shuffled))
    found = {}
    for cell in collation.differences:
        first = cell.readings[0].number
        half, row, place = places[first.row, first.column]
        found[half, row, place] = cell.texts
    expected = {key: value for key, value in noted.items() if key[1] - 1 not in dropped}
    hits = len(found.items() & expected.items())
    f1 = 2 * hits / (len(found) + len(expected))
    assert f1 >= 0.99, found.items() ^ expected.items()
