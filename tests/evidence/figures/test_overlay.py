from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evidence.pages import declinations, print_page
from evidence.photographed import photographed, tilted, turned
from tablesim.errors import ScanError
from tablesim.evidence import compare
from tablesim.evidence.figures import overlay
from tablesim.evidence.figures.overlay import aligned_pages, draw_overlay, write_blink


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return print_page(tmp_path_factory.mktemp("pages"), "page", declinations())


@pytest.fixture(scope="module")
def other_setting(page):
    rows = [list(row) for row in declinations()]
    rows[10][2] = "38"
    folder = Path(page.scan).parent
    return print_page(folder, "other", rows, face="garamond", pitch=44, widths=(120, 70, 64, 134, 64, 80, 110, 60))


def alike(one, other):
    """Correlation of the ink of two pictures, apart from the edge of the page."""
    inner = [255.0 - picture[60:-60, 60:-60] for picture in (one, other)]
    return float(np.corrcoef(inner[0].ravel(), inner[1].ravel())[0, 1])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_copy_comes_to_lie_on_the_page(page, degrees):
    matrix = turned(page, degrees) if degrees else tilted(page)
    copy = photographed(page, matrix, f"copy{degrees}", degrees=degrees)
    on_b, b = aligned_pages(compare(copy, page))
    assert on_b.shape == b.shape == (page.height, page.width)
    assert on_b.dtype == b.dtype == np.uint8
    assert alike(on_b, b) > 0.93
    # The other way round page B is the one that lies turned; the picture stands upright all the same.
    on_copy, upright = aligned_pages(compare(page, copy))
    assert on_copy.shape == upright.shape
    assert upright.shape[0] > upright.shape[1]
    assert alike(on_copy, upright) > 0.93


def test_half_a_pixel_is_not_lost(page):
    on_b, b = aligned_pages(compare(page, page))
    np.testing.assert_array_equal(on_b, b)
    large = photographed(page, np.diag([2.5, 2.5, 1.0]), "large")
    small_on_b, b = aligned_pages(compare(large, page))
    assert alike(small_on_b, b) > 0.98
    assert abs(float(small_on_b.mean()) - float(b.mean())) < 3


def test_the_picture_is_no_larger_than_asked(page):
    on_b, b = aligned_pages(compare(page, page), side=400)
    assert max(b.shape) == 400
    assert on_b.shape == b.shape


def test_ink_of_both_is_dark_and_ink_of_one_has_its_colour(tmp_path, page):
    same = np.asarray(Image.open(draw_overlay(compare(page, page), tmp_path / "same.png"))).astype(int)
    page_of = same[-page.height :]
    assert (page_of.max(axis=2) < 90).mean() > 0.01
    assert np.ptp(page_of, axis=2).mean() < 8  # no colour to speak of
    blank = photographed(page, np.array([[1, 0, 6.0], [0, 1, 6], [0, 0, 1]]), "moved")
    Image.fromarray(np.roll(np.asarray(Image.open(blank.scan)), 9, axis=1)).save(blank.scan)
    apart = np.asarray(Image.open(draw_overlay(compare(blank, page), tmp_path / "apart.png"))).astype(int)
    apart = apart[-page.height :]
    assert (apart[..., 2] - apart[..., 0] > 80).mean() > 0.01  # A's ink, blue
    assert (apart[..., 0] - apart[..., 2] > 80).mean() > 0.01  # B's ink, orange


def test_places_that_differ_are_framed(tmp_path, page, other_setting):
    comparison = compare(page, other_setting)
    framed, plain = (
        np.asarray(Image.open(draw_overlay(comparison, tmp_path / f"{mark}.png", mark=mark))).astype(int)
        for mark in (True, False)
    )
    height = other_setting.height
    changed = (framed[-height:] != plain[-height:]).any(axis=2)
    y, x = np.nonzero(changed)
    number = next(n for n in other_setting.numbers if (n.row, n.column) == (10, 2))
    assert number.box.x - 12 < x.min() < x.max() < number.box.right + 12
    assert number.box.y - 12 < y.min() < y.max() < number.box.bottom + 12


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_blink_has_both_pages_and_no_end(tmp_path, page, other_setting, suffix):
    path = write_blink(compare(page, other_setting), tmp_path / f"blink{suffix}", side=700)
    assert path.stat().st_size < 400_000
    with Image.open(path) as picture:
        assert picture.n_frames == 2
        assert picture.info["loop"] == 0
        assert max(picture.size) < 760
        frames = []
        for at in range(2):
            picture.seek(at)
            frames.append(np.asarray(picture.convert("L")).astype(int))
    assert (np.abs(frames[0] - frames[1]) > 60).mean() > 0.005
    assert alike(frames[0], frames[1]) > 2 * alike(frames[0], np.roll(frames[1], 8, axis=0))


def test_no_transform_no_picture(tmp_path, page):
    comparison = compare(page, replace(page, numbers=()))
    for make, where in ((aligned_pages, []), (draw_overlay, [tmp_path / "x.png"]), (write_blink, [tmp_path / "x.gif"])):
        with pytest.raises(ValueError, match=r"cannot be registered on .*: too few equal numbers"):
            make(comparison, *where)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_that_has_gone(page):
    with pytest.raises(ScanError, match="no such file"):
        aligned_pages(compare(page, replace(page, scan="gone.png")))


def test_the_coarse_grid_gives_the_picture_of_every_pixel(page, other_setting, monkeypatch):
    comparison = compare(page, other_setting)
    assert comparison.transform.warp is not None
    coarse, _ = aligned_pages(comparison)
    monkeypatch.setattr(overlay, "STEP", 1)
    exact, _ = aligned_pages(comparison)
    # Between two columns the map bends: there alone a pixel may come from a little beside.
    assert (np.abs(coarse.astype(int) - exact) > 24).mean() < 0.01
    assert alike(coarse, exact) > 0.99
