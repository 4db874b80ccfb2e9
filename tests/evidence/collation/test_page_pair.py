from dataclasses import replace

import numpy as np
import pytest

from evidence.pages import declinations, print_page, sines, two_editions
from tablesim.evidence.collation.collation import PagePair


def cells(reading):
    return [(number.row, number.column, number.digits_text) for number in reading.numbers]


def test_two_editions_meet_number_by_number(tmp_path):
    a, b = two_editions(tmp_path)
    pair = PagePair.of(a, b)
    assert not pair.alignment.transposed[1]
    assert len(pair.equal) == len(a.numbers) == 31 * 8
    order = [0, 1, 2, 5, 6, 3, 4, 7]  # the columns of the second edition
    for i, j in pair.equal:
        one, other = a.numbers[i], b.numbers[j]
        assert (one.row, one.column) == (other.row, order[other.column])


def test_a_page_with_itself(tmp_path):
    page = print_page(tmp_path, "page", declinations())
    pair = PagePair.of(page, page)
    assert pair.equal.tolist() == [[i, i] for i in range(len(page.numbers))]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_scan_that_lies_turned(tmp_path, rotation):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", declinations(), rotation=rotation, size=30, face="garamond")
    pair = PagePair.of(a, b)
    assert all(cells(a)[i] == cells(b)[j] for i, j in pair.equal)
    assert len(pair.equal) == len(a.numbers)


def test_rows_set_for_columns(tmp_path):
    rows = declinations(last=12)
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", [list(column) for column in zip(*rows, strict=True)])
    pair = PagePair.of(a, b)
    assert pair.alignment.transposed[1]
    assert len(pair.equal) == len(a.numbers)
    for i, j in pair.equal:
        assert (a.numbers[i].row, a.numbers[i].column) == (b.numbers[j].column, b.numbers[j].row)


def test_half_tables_beside_each_other(tmp_path):
    whole = sines(60000, last=40)
    a = print_page(tmp_path, "a", whole, widths=(70, 120, 120))
    b = print_page(
        tmp_path, "b", [x + y for x, y in zip(whole[:20], whole[20:], strict=True)], widths=(70, 120, 120) * 2
    )
    pair = PagePair.of(a, b)
    assert len(pair.alignment.panels) == 2
    assert len(pair.equal) >= 0.95 * len(a.numbers)
    assert all(a.numbers[i].digits_text == b.numbers[j].digits_text for i, j in pair.equal)


def test_no_number_meets_two(tmp_path):
    pair = PagePair.of(*two_editions(tmp_path))
    for side in pair.equal.T:
        assert len(set(side.tolist())) == len(side)


def test_only_the_column_of_arguments_is_shared(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", sines(60000), widths=(70, 110, 110))
    pair = PagePair.of(a, b)
    assert {a.numbers[i].column for i, _ in pair.equal} == {0}
    assert {b.numbers[j].column for _, j in pair.equal} == {0}


def test_pages_without_a_common_place_are_refused(tmp_path):
    rng = np.random.default_rng(5)
    pages = [[[str(n) for n in rng.integers(0, 60, 6)] for _ in range(30)] for _ in range(2)]
    a, b = (print_page(tmp_path, f"page{i}", rows, seed=i) for i, rows in enumerate(pages))
    assert not PagePair.of(a, b).aligned


def test_pages_without_numbers_are_refused(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    empty = replace(a, numbers=())
    assert not PagePair.of(a, empty).aligned
    assert not PagePair.of(empty, a).aligned
    assert not PagePair.of(empty, empty).aligned


def test_readings_without_rows_and_columns_do_too(tmp_path):
    a, b = two_editions(tmp_path)
    bare = [replace(n, table=None, row=None, column=None) for n in a.numbers]
    pair = PagePair.of(replace(a, numbers=tuple(bare)), b)
    assert len(pair.equal) >= 0.95 * len(a.numbers)


def test_common_numbers_meet_too(tmp_path):
    rows = [[str(row), "0", "15", "30", "0", str(97 - row)] for row in range(1, 46)]
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", rows, widths=(90, 60, 80, 64, 70, 84), seed=1)
    pair = PagePair.of(a, b)
    assert len(pair.alignment.panels) == 1
    assert [cells(a)[i] for i, _ in pair.equal] == [cells(b)[j] for _, j in pair.equal]
    assert len(pair.equal) == len(a.numbers)
