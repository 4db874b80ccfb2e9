from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from evidence.grids import chords, printed, reading, with_numbers
from evidence.pages import declinations
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.verification import (
    Verification,
    verification,
    verify,
    witness_pairs,
)


def test_editions_are_one_table_and_another_obliquity_is_not():
    table = declinations(23.5)
    edition = [row[2:] + row[:2] for row in table]
    edition[7][2] = "44"
    other = declinations(23.75)
    same, different = (
        verify(reading("a", table), reading("b", edition)),
        verify(reading("a", table), reading("c", other)),
    )
    assert same.same and same.agreement > 0.99 and same.coverage == 1.0
    assert not different.same and different.rank < same.rank - 0.3


def test_a_table_shares_its_arguments_with_another_and_is_not_the_same():
    one = [[str(n), str(1000 + 31 * n), str(500 + 7 * n)] for n in range(1, 41)]
    other = [[str(n), str(7000 + 13 * n), str(2000 + 17 * n)] for n in range(1, 41)]
    found = verify(reading("a", one), reading("b", other))
    assert not found.same


def test_a_half_of_a_table_is_covered_by_the_whole():
    found = verify(reading("whole", chords(1, 90)), reading("half", chords(46, 45)))
    assert (found.agreeing, found.compared, found.cells, found.coverage) == (405, 405, 405, 1.0)
    assert found.same and found.part == 1 and found.mirrored.part == 0


@pytest.mark.parametrize("seed", range(3))
def test_readers_errors_leave_a_table_the_same(seed):
    rng = np.random.default_rng(seed)
    numbers = []
    for number in reading("b", chords()).numbers:
        text = "".join(str((int(f) + 3) % 10) if rng.random() < 0.05 else f for f in number.text)
        if rng.random() > 0.03:
            numbers.append(printed(text, number.table, number.row, number.column))
    found = verify(reading("a", chords()), with_numbers("b", numbers))
    assert found.same and 0.85 < found.agreement < 0.99


def test_what_is_in_doubt_speaks_neither_for_nor_against():
    rows = chords()
    numbers = [n for n in reading("b", rows).numbers if n.column != 4]
    doubted = [printed(str((int(r[4]) + 1) % 60), 0, n, 4, runner_up=(int(r[4][-1]), 0.3)) for n, r in enumerate(rows)]
    told = verify(reading("a", rows), with_numbers("b", [*numbers, *doubted]))
    assert told.agreement > 0.98 and told.cells == 45 * 9


def test_a_part_is_told_from_an_edition_without_a_column():
    whole = chords(1, 90)
    fewer = [row[:3] + row[5:] for row in whole]
    assert verify(reading("whole", whole), reading("fewer", fewer)).part is None
    assert verify(reading("crop", [row[:4] for row in whole]), reading("whole", whole)).part == 0
    assert verify(reading("half", whole[:45]), reading("other half", whole[45:])).part is None


def test_rows_that_were_left_out_because_they_agree_nowhere_are_counted():
    one = [[str(n), str(1000 + 137 * n % 977)] for n in range(1, 41)]
    other = [row[:] if at % 4 else [str(900 + at), str(4000 + at)] for at, row in enumerate(one)]
    found = verify(reading("a", one), reading("b", other))
    assert found.agreeing == 60 and found.compared >= 76


@pytest.mark.parametrize("seed", range(3))
def test_amounts_that_agree_once_rows_may_go_anywhere_are_no_table(seed):
    """Two months of a diary of clouds: the day, and six amounts from 0 to 10, most of them 10."""
    rng = np.random.default_rng(seed)
    months = [[[str(day), *map(str, np.minimum(rng.integers(0, 16, 6), 10))] for day in range(1, 32)] for _ in range(2)]
    found = verify(*(reading(name, month) for name, month in zip("ab", months, strict=True)))
    assert not found.same and found.rank < 0.4


def test_rows_in_another_order_are_the_same_table_still():
    rows = chords()
    turned = [rows[at] for at in np.random.default_rng(0).permutation(len(rows)).tolist()]
    found = verify(reading("a", rows), reading("b", turned))
    assert found.same and found.agreement == 1.0


def test_words_give_the_size_and_what_chance_gives():
    few = Verification(12, 2, 0, 14, (14, 20), 1.0, 11.2)
    assert few.words == "12 of 14 cells agree; by chance 11"
    assert not few.same and few.verdict == "not shown to be the same table"
    assert replace(few, by_chance=2.0).same
    assert verify(reading("a", chords()), reading("empty")).words == "no cell of one meets a cell of the other"


def test_empty_pages_agree_nowhere():
    assert verify(reading("a", chords()), reading("empty")) == Verification(0, 0, 0, 0, (405, 0), 0.0, 0)


def test_of_several_witnesses_every_two_are_judged_by_themselves():
    rows = chords()
    changed = [row[:] for row in rows]
    for at in range(5):
        changed[at][4] = "99"
    collation = collate(reading("a", rows), reading("b", rows), reading("c", changed))
    assert verification(collation, 0, 1).agreement == 1.0
    for a in (0, 1):
        two = verify(reading("a", rows), reading("c", changed))
        assert verification(collation, a, 2) == two and two.agreement == pytest.approx(1 - 5 / 405)
    with pytest.raises(IndexError):
        verification(collation, 0, 3)


def test_a_page_of_a_table_on_three_is_contained_in_it_though_less_alike():
    whole = chords(1, 90)
    first, second, third = (reading(f"p{n}", whole[30 * n : 30 * n + 30]) for n in range(3))
    alone, together = (
        witness_pairs(collate(pages, reading("b", whole[:30])))[0] for pages in ([first], [first, second, third])
    )
    assert (alone.a, alone.b) == ("A", "B") and alone.similarity == pytest.approx(1.0)
    assert together.containment == pytest.approx(1.0) and together.similarity < 0.97
    assert together.verification.same and together.to_dict()["same_table"]


def test_every_two_of_four_witnesses_make_a_pair():
    pairs = witness_pairs(collate(*(reading(name, chords()) for name in "wxyz")))
    assert [(pair.a, pair.b) for pair in pairs] == list(combinations("ABCD", 2))


@pytest.mark.real
def test_two_transcribed_editions_are_one_table_and_their_other_pages_are_not(real):
    from evidence.collation.test_collation import transcribed

    pages = {
        (year, page): transcribed(real, f"almagest_{year}_chords_p{page}")[0]
        for year in (1515, 1912)
        for page in (1, 2)
    }
    for page in (1, 2):
        assert verify(pages[1515, page], pages[1912, page]).same
        assert not verify(pages[1515, page], pages[1912, 3 - page]).same
        assert not verify(pages[1515, page], pages[1515, 3 - page]).same
