"""The drawn digits are ten different old-style digits, the same every time, and the same at every size."""

import itertools

import cv2
import numpy as np
import pytest

from tablesim.errors import SettingsError
from tablesim.synthesis.faces import (
    ASCENDER,
    DESCENDER,
    DIGITS,
    DRAWN,
    FACES,
    FORMS,
    VARIANTS,
    X_HEIGHT,
    DrawnFace,
    _drawn_glyph,
)
from tablesim.synthesis.sheet import Sheet, Style

every_face = pytest.mark.parametrize("face", DRAWN.values(), ids=lambda face: face.name)


def on_canvas(glyph, size):
    """The glyph where it stands to the line, on a canvas common to all."""
    canvas = np.zeros((int(1.2 * size), int(0.8 * size)))
    top, (height, width) = int(0.85 * size) + glyph.top, glyph.mask.shape
    canvas[top : top + height, glyph.left : glyph.left + width] = glyph.mask / 255
    return canvas


@every_face
def test_digits_are_printed_with_white_in_and_around_them(face):
    for digit in DIGITS:
        mask = face.glyph(digit, 60).mask
        assert mask.dtype == np.uint8
        assert mask.max() == 255
        assert 0.15 < np.mean(mask > 128) < 0.75, digit


@every_face
@pytest.mark.parametrize("size", [20, 60])
def test_digits_are_distinct(face, size):
    drawn = {digit: on_canvas(face.glyph(digit, size), size) for digit in DIGITS}
    for one, other in itertools.combinations(DIGITS, 2):
        a, b = drawn[one], drawn[other]
        assert np.minimum(a, b).sum() < 0.75 * np.maximum(a, b).sum(), (one, other)


@every_face
def test_digits_keep_old_style_extents(face):
    size = 200.0
    expected = dict.fromkeys("012", (X_HEIGHT, 0.0)) | dict.fromkeys("68", (ASCENDER, 0.0))
    for digit, (top, foot) in expected.items():
        glyph = face.glyph(digit, size)
        assert -glyph.top == pytest.approx(top / 100 * size, abs=2), digit
        assert glyph.top + glyph.mask.shape[0] == pytest.approx(-foot / 100 * size, abs=2), digit
    for digit in "34579":
        glyph = face.glyph(digit, size)
        below = glyph.top + glyph.mask.shape[0]
        assert 0.1 * size < below <= -DESCENDER / 100 * size + 1, digit
        assert 0.4 * size < -glyph.top < 0.52 * size, digit


def holes(glyph):
    """How many pieces of white the ink closes in, slits between two strokes that meet (a few pixels) left out."""
    white = np.pad(glyph.mask < 128, 1, constant_values=True).astype(np.uint8)
    areas = cv2.connectedComponentsWithStats(white, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    return int(np.sum(areas > 15)) - 1


@every_face
def test_the_eyes_of_digits_stay_open(face):
    eyes = {digit: holes(face.glyph(digit, 120)) for digit in "035689"}
    assert eyes == {"0": 1, "3": 0, "5": 0, "6": 1, "8": 2, "9": 1}
    assert holes(face.glyph("4", 120)) == 1, "a loop, or the triangle of the new form"
    assert holes(face.glyph("7", 120)) == 0


@every_face
def test_the_same_bytes_when_drawn_again(face):
    first = [face.glyph(digit, 33) for digit in DIGITS]
    _drawn_glyph.cache_clear()
    again = [face.glyph(digit, 33) for digit in DIGITS]
    assert all(a.mask is not b.mask and a.mask.tobytes() == b.mask.tobytes() for a, b in zip(first, again, strict=True))
    assert all((a.left, a.top, a.advance) == (b.left, b.top, b.advance) for a, b in zip(first, again, strict=True))


@every_face
@pytest.mark.parametrize("digit", DIGITS)
def test_scales_with_size(face, digit):
    small, large = face.glyph(digit, 30), face.glyph(digit, 120)
    assert large.advance == pytest.approx(4 * small.advance)
    assert small.mask.sum(dtype=float) * 16 == pytest.approx(large.mask.sum(dtype=float), rel=0.03), "the same ink"
    for side in (0, 1):
        assert abs(4 * small.mask.shape[side] - large.mask.shape[side]) <= 8
    assert face.glyph(digit, 30.1).mask.tobytes() == small.mask.tobytes(), "sizes are rounded to a quarter"


@every_face
@pytest.mark.parametrize("character", [*DIGITS, "°", "."])
def test_stands_at_the_same_place_to_the_pen_at_every_size(face, character):
    def centre(size):
        glyph = face.glyph(character, size)
        ink = glyph.mask.astype(float)
        rows, columns = np.indices(ink.shape) + 0.5
        middle = np.array([np.average(columns, weights=ink) + glyph.left, np.average(rows, weights=ink) + glyph.top])
        return middle / size

    for size in np.arange(16.0, 20.0, 0.25):
        assert centre(size) * size == pytest.approx(centre(400.0) * size, abs=0.15), size


@every_face
def test_heights_are_those_of_the_glyphs(face):
    heights = [face.glyph(digit, 100).mask.shape[0] for digit in DIGITS]
    assert face.digit_height(100) == pytest.approx(np.mean(heights))
    assert face.x_height(100) == pytest.approx(X_HEIGHT, abs=1)


def test_variants_name_forms_of_their_digit_and_use_all_of_them():
    used = {f"{digit} {form}" for forms in VARIANTS.values() for digit, form in zip(DIGITS, forms, strict=True)}
    assert used == {name for name in FORMS if name[0] in DIGITS}
    assert {face.variant for face in DRAWN.values()} == set(VARIANTS)
    assert not DRAWN.keys() & FACES.keys(), "a name means one face"


def test_a_heavier_nib_leaves_more_ink_and_the_same_extents():
    light, heavy = (DrawnFace("test", nib, 35.0, "medieval").glyph("6", 100) for nib in (6.0, 12.0))
    assert heavy.mask.sum(dtype=float) > 1.4 * light.mask.sum(dtype=float)
    assert abs(heavy.mask.shape[0] - light.mask.shape[0]) <= 1
    assert abs(heavy.top - light.top) <= 1


def test_a_broad_nib_is_thick_across_its_edge_and_thin_along_it():
    level = DrawnFace("test", 12.0, 0.0, "modernised", edge=0.2).glyph("1", 100).mask
    upright = DrawnFace("test", 12.0, 90.0, "modernised", edge=0.2).glyph("1", 100).mask
    middle = level.shape[0] // 2, upright.shape[0] // 2
    assert level[middle[0]].sum() > 3 * upright[middle[1]].sum()


def test_the_angle_of_a_round_nib_does_not_matter():
    one, other = (DrawnFace("test", 12.0, angle, "medieval", edge=1.0).glyph("5", 100).mask for angle in (0.0, 90.0))
    assert one.shape == other.shape
    assert np.abs(one.astype(float) - other).mean() < 1


def test_letters_are_not_set_and_marks_are():
    face = DRAWN["incunable-early"]
    assert face.scripts == ""
    for character in ("x", "α", "\ufffe", " ", "²", ""):
        glyph = face.glyph(character, 40)
        assert glyph.mask.size == 0
        assert glyph.advance > 3
    for mark in ".,·'°/*":
        assert face.glyph(mark, 40).mask.max() > 200


def test_a_sheet_takes_down_a_number_set_in_a_drawn_face():
    sheet = Sheet(300, 80, np.random.default_rng(1))
    sheet.write(20, 50, "1479", Style(DRAWN["incunable-early"], 40.0))
    assert [digit.value for digit in sheet.numbers[0].digits] == [1, 4, 7, 9]
    assert sheet.ink.max() == 255


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nib": 0.0}, r"nib: got 0\.0"),
        ({"nib": float("nan")}, "nib: got nan"),
        ({"edge": 0.0}, r"edge: got 0\.0"),
        ({"angle": float("inf")}, "angle: got inf"),
        ({"variant": "gothic"}, "'gothic'; choose one of medieval"),
    ],
)
def test_impossible_pens_are_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        DrawnFace(**{"name": "test", "nib": 10.0, "angle": 30.0, "variant": "medieval"} | settings)


@pytest.mark.parametrize("size", [0.0, -3.0, float("nan"), 1e9])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(SettingsError, match="pixels an em"):
        DRAWN["incunable-early"].glyph("1", size)


@pytest.mark.parametrize("size", [0.25, 1.0, 3.25])
def test_tiny_sizes_do_not_fail(size):
    for digit in DIGITS:
        DRAWN["incunable-light"].glyph(digit, size)
