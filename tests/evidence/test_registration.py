from dataclasses import replace

import numpy as np
import pytest

from tablesim.evidence import register
from tablesim.evidence.registration.equal_numbers import NumberFrame

from .pages import declinations, print_page, sines, two_editions


def cells(reading):
    return [(number.row, number.column, number.digits_text) for number in reading.numbers]


def test_two_editions_are_laid_over_each_other_number_by_number(tmp_path):
    a, b = two_editions(tmp_path)
    registration = register(a, b)
    assert registration is not None
    assert not registration.transposed
    assert len(registration.pairs) == len(a.numbers) == 31 * 8
    order = [0, 1, 2, 5, 6, 3, 4, 7]  # the columns of the second edition
    for i, j in registration.pairs:
        one, other = a.numbers[i], b.numbers[j]
        assert (one.row, one.column) == (other.row, order[other.column])


def test_a_page_over_itself(tmp_path):
    page = print_page(tmp_path, "page", declinations())
    registration = register(page, page)
    assert registration is not None
    assert registration.pairs.tolist() == [[i, i] for i in range(len(page.numbers))]
    # Within a thousandth of a figure's height: numbers of a row that repeat differ a little in height.
    np.testing.assert_allclose(registration.patches[0].along, [0, 1, 0], atol=1e-3)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_scan_that_lies_turned(tmp_path, rotation):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", declinations(), rotation=rotation, size=30, face="garamond")
    registration = register(a, b)
    assert registration is not None
    assert all(cells(a)[i] == cells(b)[j] for i, j in registration.pairs)
    assert len(registration.pairs) == len(a.numbers)


def test_rows_set_for_columns(tmp_path):
    rows = declinations(last=12)
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", [list(column) for column in zip(*rows, strict=True)])
    registration = register(a, b)
    assert registration is not None
    assert registration.transposed
    assert len(registration.pairs) == len(a.numbers)
    for i, j in registration.pairs:
        assert (a.numbers[i].row, a.numbers[i].column) == (b.numbers[j].column, b.numbers[j].row)


def test_half_tables_beside_each_other(tmp_path):
    whole = sines(60000, last=40)
    a = print_page(tmp_path, "a", whole, widths=(70, 120, 120))
    b = print_page(
        tmp_path, "b", [x + y for x, y in zip(whole[:20], whole[20:], strict=True)], widths=(70, 120, 120) * 2
    )
    registration = register(a, b)
    assert registration is not None
    assert len(registration.patches) == 2
    assert len(registration.pairs) >= 0.95 * len(a.numbers)
    assert all(a.numbers[i].digits_text == b.numbers[j].digits_text for i, j in registration.pairs)


def test_no_number_stands_twice(tmp_path):
    registration = register(*two_editions(tmp_path))
    assert registration is not None
    for side in registration.pairs.T:
        assert len(set(side.tolist())) == len(side)


def test_only_the_column_of_arguments_is_shared(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", sines(60000), widths=(70, 110, 110))
    registration = register(a, b)
    assert registration is not None
    assert {a.numbers[i].column for i, _ in registration.pairs} == {0}
    assert {b.numbers[j].column for _, j in registration.pairs} == {0}


def test_pages_without_a_common_place_are_refused(tmp_path):
    rng = np.random.default_rng(5)
    pages = [[[str(n) for n in rng.integers(0, 60, 6)] for _ in range(30)] for _ in range(2)]
    a, b = (print_page(tmp_path, f"page{i}", rows, seed=i) for i, rows in enumerate(pages))
    assert register(a, b) is None


def test_pages_without_numbers_are_refused(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    empty = replace(a, numbers=())
    assert register(a, empty) is None
    assert register(empty, a) is None
    assert register(empty, empty) is None


def test_readings_without_rows_and_columns_do_too(tmp_path):
    a, b = two_editions(tmp_path)
    bare = [replace(n, table=None, row=None, column=None) for n in a.numbers]
    registration = register(replace(a, numbers=tuple(bare)), b)
    assert registration is not None
    assert len(registration.pairs) >= 0.95 * len(a.numbers)


def test_frame_is_measured_in_figures(tmp_path):
    a = print_page(tmp_path, "a", declinations(), size=24)
    b = print_page(tmp_path, "b", declinations(), size=48, pitch=68, widths=[144] * 8, at=(160, 300))
    frames = NumberFrame.of(a), NumberFrame.of(b)
    assert frames[1].unit == pytest.approx(2 * frames[0].unit, rel=0.1)
    spans = [np.ptp(frame.centres, axis=0) for frame in frames]
    np.testing.assert_allclose(spans[0], spans[1], rtol=0.12)  # figures are whole pixels high


def test_numbers_too_common_to_lay_a_page_by_are_pairs_too(tmp_path):
    rows = [[str(row), "0", "15", "30", "0", str(97 - row)] for row in range(1, 46)]
    a = print_page(tmp_path, "a", rows)
    b = print_page(tmp_path, "b", rows, widths=(90, 60, 80, 64, 70, 84), seed=1)
    registration = register(a, b)
    assert registration is not None
    assert len(registration.patches) == 1
    assert [cells(a)[i] for i, _ in registration.pairs] == [cells(b)[j] for _, j in registration.pairs]
    assert len(registration.pairs) == len(a.numbers)


def test_numbers_beside_the_table_are_no_column_of_it(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    outside = [replace(n, table=None, row=None, column=None) if n.column in (0, 7) else n for n in a.numbers]
    frame, whole = NumberFrame.of(replace(a, numbers=tuple(outside))), NumberFrame.of(a)
    for labels, known in ((frame.columns, whole.columns), (frame.rows, whole.rows)):
        parts = {(int(one), int(other)) for one, other in zip(labels, known, strict=True)}
        assert len({one for one, _ in parts}) == len(parts)  # no label stands for two columns or rows
