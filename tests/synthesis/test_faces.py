"""Every face sets what it says it sets."""

import numpy as np
import pytest

from tablesim.errors import SettingsError
from tablesim.synthesis.faces import DIGITS, FACES, faces


@pytest.mark.parametrize("face", [f for f in FACES.values() if f.digits != "none"], ids=lambda f: f.name)
def test_digits_are_printed_and_distinct(face):
    masks = [face.glyph(digit, 40).mask for digit in DIGITS]
    assert all(mask.max() > 200 for mask in masks)
    assert len({(mask.shape, mask.tobytes()) for mask in masks}) == 10


@pytest.mark.parametrize("face", faces(digits="old-style"), ids=lambda f: f.name)
def test_old_style_digits_range_above_and_below_the_line(face):
    small, tall, hanging = face.glyph("0", 60), face.glyph("6", 60), face.glyph("9", 60)
    assert tall.mask.shape[0] > 1.2 * small.mask.shape[0]
    assert hanging.top + hanging.mask.shape[0] > 0.05 * 60  # below the baseline


def test_a_pillow_that_cannot_set_them_says_what_to_install(monkeypatch):
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    with pytest.raises(SettingsError, match=r"is set with onum.*FriBiDi.*apt-get install libfribidi0"):
        FACES["garamond"].glyph("4", 31.25)
    assert FACES["fanwood"].glyph("4", 31.25).mask.size


@pytest.mark.parametrize("face", faces(digits="lining"), ids=lambda f: f.name)
def test_lining_digits_have_one_height(face):
    heights = [face.glyph(digit, 60).mask.shape[0] for digit in DIGITS]
    hanging = 1.45 if face.name == "latin-modern-italic" else 1.15  # its 4 and 7 hang a little below the line
    assert max(heights) <= hanging * min(heights)


@pytest.mark.parametrize(("script", "letters"), [("L", "abcdexyz"), ("G", "αβγδλω"), ("Z", "♈♋♓")])
def test_scripts_are_set(script, letters):
    for face in faces(script=script):
        missing = face.glyph("\uffff", 40).mask
        for letter in letters:
            mask = face.glyph(letter, 40).mask
            assert mask.size, f"{face.name} lacks {letter}"
            assert mask.shape != missing.shape or not np.array_equal(mask, missing), f"{face.name} lacks {letter}"


def test_a_space_prints_nothing_and_moves_the_pen():
    glyph = FACES["garamond"].glyph(" ", 40)
    assert glyph.mask.size == 0
    assert glyph.advance > 3
