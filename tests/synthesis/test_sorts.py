"""Single sorts: worn ones stay legible, marks are taken down where they are printed."""

import numpy as np
import pytest

from tablesim.records.marks import BAR, DITTO, MARKS, MINUS, RAISED_POINT, THIN_SPACE
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.practice import KINDS, practice_page
from tablesim.synthesis.sheet import Sheet, Style
from tablesim.synthesis.sorts import FAINTEST, SortWear, fraction_bar, raised_point, thin_space

FACE = FACES["oldstandard"]


@pytest.mark.parametrize("kind", ["faint", "broken", "clogged", "off_line"])
def test_wear_changes_a_sort_and_leaves_it_legible(kind):
    mask = FACE.glyph("8", 40).mask
    for seed in range(20):
        worn, drift = SortWear(**{kind: 1.0}, height=20).of(mask, np.random.default_rng(seed))
        assert worn.shape == mask.shape
        assert (drift != 0) == (kind == "off_line")
        assert (worn != mask).any() or kind == "off_line"
        assert worn.sum() > 0.9 * min(FAINTEST, 0.45) * mask.sum()
    whole, drift = SortWear().of(mask, np.random.default_rng(0))
    assert whole is mask
    assert drift == 0


def test_marks_are_taken_down_with_their_kind_and_place():
    rng = np.random.default_rng(3)
    own = raised_point(20, rng) | thin_space(6)
    sheet, style = Sheet(600, 200, rng), Style(FACE, 30, own=own)
    sheet.write(20, 60, f"\u221234{RAISED_POINT}6 (4{THIN_SPACE}403)", style)
    sheet.write_mark(20, 120, "do.", style, DITTO)
    sheet.print_mark(200, 100, fraction_bar(12, 16, 2), BAR)
    assert [mark.kind for mark in sheet.marks] == [MINUS, RAISED_POINT, "(", ")", DITTO, BAR]
    assert [number.text for number in sheet.numbers] == [f"34{RAISED_POINT}6", f"4{THIN_SPACE}403"]
    for mark in sheet.marks:
        x, y, right, bottom = (round(v) for v in (mark.box.x, mark.box.y, mark.box.right, mark.box.bottom))
        assert sheet.ink[y:bottom, x:right].max() > 100


def test_a_mark_over_the_edge_is_not_asked_for():
    sheet = Sheet(100, 100, np.random.default_rng(0))
    sheet.print_mark(95, 50, fraction_bar(12, 0, 2), BAR)
    assert sheet.marks == []
    assert len(sheet.unasked) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_block_fills_a_page(kind):
    pages = [practice_page(seed, 320, kind=kind) for seed in range(6)]
    assert any(page.grey.std() > 5 for page in pages)
    if kind not in ("text", "drawing", "headed"):
        assert any(page.numbers for page in pages)


def test_practice_pages_hold_every_kind_of_mark():
    kinds = {mark.kind for kind in KINDS for seed in range(4) for mark in practice_page(seed, 384, kind=kind).marks}
    assert kinds == set(MARKS)
