"""Says why a page is not read, from the shapes of its marks: blank, shown through, music, a picture, handwriting, text.

A first look has decided that the page shows no figures in rows; what is said here changes nothing about that.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.scale import FEW_MARKS, TEXT_STANDS, Survey
from tablesim.language import to_say

NOTHING = to_say("no figures were found")
BLANK = to_say("no figures were found: the page is blank")
SHOW_THROUGH = to_say("no figures were found: nothing is printed here, the other side of the leaf shows through")
MUSIC = to_say("no figures were found: these are staves of music")
PICTURE = to_say("no figures were found: this looks like a picture or a map")
HANDWRITTEN = to_say("no figures were found: this looks handwritten, which is not read")
TEXT = to_say("no figures were found: text without figures in rows")

TOO_LARGE = to_say("no figures were found: the sheet is too large for its small type; cut it into parts and read those")

_LEAST_INK = 0.001
"""Share of the page that is inked, from which it is not blank."""

_STAVES, _STAFF_GAPS, _STAFF_SHARE, _EVEN = 2, (3, 5), 0.3, 0.25
"""Staves on a page of music at least, and the gaps in each: four lines in the oldest prints, six in tablatures. Least
length of their lines as a share of the page, and how much their gaps differ."""

_PICTURE_SHARE = 0.6
"""Share of the ink that stands in shapes much larger than letters, from which the page is a picture; two thirds of it
are enough where no lines of text stand."""

_JOINED, _THIN = (0.4, 0.5), (0.3, 0.22)
"""Share of the ink that stands in words of joined letters, and width of its strokes in heights of the marks, of
handwriting: without figures in rows, and with them. Of 19 real pages of print and pictures the first is .3 at most but
for titles and pictures, whose strokes are .4 and wider; script faces set unevenly have .6 and .2."""


def is_refusal(note: str) -> bool:
    """Whether the note of a reading says that the page was not read in full, and why."""
    return note.startswith(f"{NOTHING}: ")


def reason(marks: Survey) -> str:
    """Why a page without figures in rows is not read."""
    ink = (marks.ink > 0.5).astype(np.uint8)
    if ink.mean() < _LEAST_INK:
        return BLANK
    if marks.is_coarse:
        return TOO_LARGE
    if _n_staves(ink) >= _STAVES:
        return MUSIC
    if len(marks.boxes) < FEW_MARKS:
        return PICTURE
    large = _share_of_large(marks)
    if large > _PICTURE_SHARE or (large > 2 / 3 * _PICTURE_SHARE and marks.standing(0) < TEXT_STANDS):
        return PICTURE
    return HANDWRITTEN if _is_handwritten(ink, marks, surely=False) else TEXT


def is_surely_handwritten(marks: Survey) -> bool:
    """Whether a page that shows figures in rows is handwritten beyond doubt."""
    ink = (marks.ink > 0.5).astype(np.uint8)
    return len(marks.boxes) >= FEW_MARKS and _is_handwritten(ink, marks, surely=True)


def _is_handwritten(ink: NDArray[np.uint8], marks: Survey, *, surely: bool) -> bool:
    """Whether thin strokes join letters to words."""
    _, _, wide, tall, area = marks.shapes
    usual = float(np.median(marks.heights(0))) * marks.reduction
    words = (tall > 0.5 * usual) & (tall < 5 * usual)
    if area[words & (wide > 1.6 * usual)].sum() <= _JOINED[surely] * area[words].sum():
        return False
    # The mean distance to the edge of a stroke is a quarter of its width.
    stroke = 4 * float(cv2.distanceTransform(ink, cv2.DIST_L2, 3)[ink > 0].mean()) / usual
    return stroke < _THIN[surely]


def _n_staves(ink: NDArray[np.uint8]) -> int:
    """Groups of level lines at even distances."""
    width = ink.shape[1]
    # A line sinks by a pixel or two along a dash of this length; where it is broken, shorter dashes remain.
    dashes = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, max(30, width // 20)), dtype=np.uint8))
    profile = cv2.blur(dashes.sum(axis=1, dtype=np.float32)[:, None], (1, 3)).ravel()
    peaks = (profile > _STAFF_SHARE * width / 3) & (profile >= np.roll(profile, 1)) & (profile > np.roll(profile, -1))
    gaps = np.diff(np.flatnonzero(peaks))
    if not len(gaps):
        return 0
    usual = float(np.median(gaps))
    even = np.abs(gaps - usual) <= max(1.0, _EVEN * usual)
    turns = np.flatnonzero(np.diff(np.concatenate([[0], even.astype(np.int8), [0]])))
    lengths = turns[1::2] - turns[::2]
    return int(((lengths >= _STAFF_GAPS[0]) & (lengths <= _STAFF_GAPS[1])).sum())


def _share_of_large(marks: Survey) -> float:
    """Share of the ink that stands in shapes more than four times as tall and wide as the marks."""
    _, _, wide, tall, area = marks.shapes
    letter = 4 * float(np.median(marks.heights(0))) * marks.reduction
    return float(area[(wide > letter) & (tall > letter)].sum() / max(1, area.sum()))
