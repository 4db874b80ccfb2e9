"""Cut-outs show the number they are asked for, upright, whatever the scan; and say why there is none."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evidence.grids import chords
from evidence.pages import declinations, print_page
from tablesim.evidence.collation import cutouts as module
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.collation.cutouts import FRAME, Cutter, cutouts
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("editions")


@pytest.fixture(scope="module")
def pages(folder):
    """Two editions, the second scanned on its side; in it one number is another and one was not read."""
    rows = declinations()
    a = print_page(folder, "a", rows, seed=1)
    changed = [row[:] for row in rows]
    changed[12][4] = "59"
    b = print_page(folder, "b", changed, size=34, pitch=40, at=(110, 190), rotation=90, seed=2)
    unread = next(n for n in b.numbers if (n.row, n.column) == (20, 2))
    return a, replace(b, numbers=tuple(n for n in b.numbers if n is not unread)), unread


def framed(picture):
    """Left, top, right and bottom of the frame."""
    rows, columns = np.nonzero((picture == FRAME).all(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def inside(picture):
    left, top, right, bottom = framed(picture)
    return picture[top + 3 : bottom - 2, left + 3 : right - 2].mean(axis=2)


def test_both_witnesses_of_a_difference_are_shown_upright_with_the_number_in_the_frame(pages):
    a, b, _ = pages
    collation = collate(a, b)
    (cell,) = collation.differences
    here, there = cutouts(collation, cell)
    for picture, reading, number in zip((here, there), (a, b), cell.readings, strict=True):
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.shape[1] > picture.shape[0]
        grey = np.asarray(Image.open(reading.scan).convert("L"))
        turned = np.rot90(grey, -(reading.transform.rotation // 90))
        box = number.number.box
        corners = reading.transform.to_working(np.array([[box.x, box.y], [box.right, box.bottom]]))
        (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        glyphs = turned[int(top) : int(bottom), int(left) : int(right)]
        seen = inside(picture)
        # The same glyphs at another size: each quarter of the number has as much ink.
        assert quarters(seen) == pytest.approx(quarters(glyphs), abs=0.12)


def quarters(grey):
    """The share of the ink in each quarter."""
    ink = np.clip(180.0 - grey, 0, None)
    rows, columns = np.nonzero(ink > 0)
    ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    middle, centre = ink.shape[0] // 2, ink.shape[1] // 2
    parts = [ink[:middle, :centre], ink[:middle, centre:], ink[middle:, :centre], ink[middle:, centre:]]
    return [float(part.sum() / ink.sum()) for part in parts]


def test_where_nothing_was_read_the_spot_is_marked_by_corners(pages):
    a, b, unread = pages
    collation = collate(a, b)
    (cell,) = [cell for cell in collation.cells if cell.state == "missing"]
    here, there = cutouts(collation, cell)
    assert here is not None and cell.readings[1] is None
    _, spot = module._crossing(collation, 1, cell)
    assert spot.contains(*unread.box.centre)
    assert (here == FRAME).all(axis=2).sum() > (there == FRAME).all(axis=2).sum()


def test_a_witness_that_lacks_the_row_has_no_cutout(pages, folder):
    a, b, _ = pages
    short = replace(a, page="c", numbers=tuple(n for n in a.numbers if n.row != 5))
    collation = collate(a, b, short)
    row = next(at for at, line in enumerate(collation.rows) if line[2] is None)
    cell = next(cell for cell in collation.cells if cell.row == row)
    assert [picture is None for picture in cutouts(collation, cell)] == [False, False, True]


def test_a_slanted_page_is_cut_out_level(folder):
    """The same page photographed at a slant of two degrees: the cut-out hardly changes."""
    straight = print_page(folder, "straight", declinations(), seed=4)
    image = Image.open(straight.scan)
    image.rotate(2.0, Image.Resampling.BICUBIC, fillcolor="white").save(folder / "slanted.png")
    transform = Transform(image.width, image.height, skew=2.0)
    number = straight.numbers[40]
    box = transform.box_to_source(number.box)
    slanted = Reading(str(folder / "slanted.png"), "slanted", "", transform, True, 1.0, ())
    level = Cutter().cut(straight, number.box).astype(float)
    again = Cutter().cut(slanted, box).astype(float)
    assert np.abs(level - again).mean() < 12
    unlevelled = replace(slanted, transform=replace(transform, skew=0.0))
    assert np.abs(level - Cutter().cut(unlevelled, box).astype(float)).mean() > 2 * np.abs(level - again).mean()


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_figures_have_one_height_whatever_the_resolution(folder, times):
    page = print_page(folder, "usual", declinations(), seed=5)
    image = Image.open(page.scan)
    size = round(image.width * times), round(image.height * times)
    image.resize(size, Image.Resampling.LANCZOS).save(folder / "other.png")
    box = page.numbers[30].box
    scaled = Box(*(times * value for value in (box.x, box.y, box.width, box.height)))
    other = Reading(str(folder / "other.png"), "other", "", Transform(*size), True, 1.0, ())
    one, again = Cutter().cut(page, box), Cutter().cut(other, scaled)
    assert np.abs(np.subtract(framed(one), framed(again))).max() <= 2
    assert quarters(inside(one)) == pytest.approx(quarters(inside(again)), abs=0.1)


def test_a_scan_that_is_gone_or_another_is_told_in_words_and_not_shown(pages, folder):
    a, b, _ = pages
    gone = replace(b, scan=str(folder / "gone.png"))
    other = replace(b, scan=a.scan)
    for reading, words in ((gone, "no such file"), (other, "when it was read")):
        collation = collate(a, reading)
        cell = collation.differences[0]
        cutter = Cutter()
        here, there = cutouts(collation, cell, cutter)
        assert here is not None and there is None
        assert words in cutter.problems[reading.scan]


def test_a_box_at_the_edge_of_the_scan_is_filled_up_with_white(pages):
    piece = Cutter().cut(pages[0], Box(0, 0, 10, 14))
    assert (piece[0, 0] == 255).all()


def test_a_cutter_keeps_few_scans_open(pages, monkeypatch):
    a, b, _ = pages
    opened = []
    true = module.open_image
    monkeypatch.setattr(module, "open_image", lambda where, limit: opened.append(where) or true(where, limit))
    cutter = Cutter()
    for reading in (a, b, a, b):
        cutter.cut(reading, reading.numbers[0].box)
    assert len(opened) == 2
    monkeypatch.setattr(module, "CACHED_PIXELS", 1)
    again = Cutter()
    for reading in (a, b, a):
        again.cut(reading, reading.numbers[0].box)
    assert len(opened) == 5


def test_readings_without_scans_have_no_cutouts_and_still_collate():
    from evidence.grids import reading

    rows = chords()
    rows[3][4] = "99"
    collation = collate(reading("a", chords()), reading("b", rows))
    cutter = Cutter()
    assert cutouts(collation, collation.differences[0], cutter) == [None, None]
    assert set(cutter.problems) == {"a.jpg", "b.jpg"}
