"""Numbers in PAGE-XML and ALTO: the ground truth that users of HTR and OCR programs have made of their pages.

A word that is a number, with points or signs around it, is annotated by its box. A line that was transcribed as a whole
has a box and several words: they are told apart on the scan, at the widest gaps of its ink, and only where these gaps
are plainly wider than the others. What is no number is not asked for.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.scans.word_files import PrintedWord

MAX_FILES = 100_000
"""Files of a folder that are looked at."""

APART = 1.4
"""How many times wider than every other gap of a line the gaps between its words must be; chosen by eye."""

BEYOND, RULED = 0.5, 0.8
"""A rule goes on beyond a line by more than this share of its height, and is inked so far; digits end with the line."""

NARROWEST_WORD, WIDEST_WORD = 0.1, 2.0
"""Bounds of the width of a digit over the height of its box. Boxes of words are as high as their line: a digit may be
narrower in them than in a box of its own."""

_NUMBER = re.compile(r"[^\w?]*([0-9]{1,40})[^\w?]*")


def number_in(word: str) -> str | None:
    """The digits of a word that is one number with signs around it; None for any other word."""
    found = _NUMBER.fullmatch(word)
    return None if found is None else found[1]


def xml_files(folder: Path) -> list[Path]:
    """The XML files of a folder and those below it, in order."""
    found: list[Path] = []
    for path in folder.rglob("*.xml"):
        if path.is_file():
            found.append(path)
        if len(found) >= MAX_FILES:
            break
    return sorted(found)


def words_of_line(line: PrintedWord, grey: NDArray[np.uint8]) -> list[tuple[str, Box]]:
    """The words of a line with a box each, cut at the widest gaps of its ink; none where they cannot be told apart.

    Parameters
    ----------
    line : PrintedWord
        With its box in pixels of the scan.
    grey : uint8 array of shape (height, width)
        The scan.
    """
    words = line.text.split()
    left, top = max(0, int(line.box.x)), max(0, int(line.box.y))
    part = grey[top : int(np.ceil(line.box.bottom)), left : int(np.ceil(line.box.right))]
    if min(part.shape, default=0) < 4:
        return []
    _, dark = cv2.threshold(part, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    inked = dark.sum(axis=0) >= max(1, round(0.04 * part.shape[0]))
    inked = np.flatnonzero(inked & ~_ruled(grey, line.box, part.shape[1]))
    if len(inked) < 2:
        return []
    gaps = np.diff(inked) - 1
    order = np.argsort(-gaps, kind="stable")
    needed = order[: len(words) - 1]
    widest_other = int(gaps[order[len(words) - 1]]) if len(order) >= len(words) else 0
    if len(needed) < len(words) - 1 or gaps[needed].min() < max(2.0, APART * widest_other):
        return []
    cuts = np.sort(needed)
    starts, stops = np.r_[inked[0], inked[cuts + 1]], np.r_[inked[cuts], inked[-1]] + 1
    boxes = [Box(left + int(a), line.box.y, int(b - a), line.box.height) for a, b in zip(starts, stops, strict=True)]
    # Gaps may be as wide within a word as between two: then some word is far too broad or narrow for its letters.
    per_sign = np.array([box.width / len(word) for word, box in zip(words, boxes, strict=True)])
    if per_sign.max() > 3 * np.median(per_sign) or per_sign.min() < np.median(per_sign) / 3:
        return []
    return list(zip(words, boxes, strict=True))


def _ruled(grey: NDArray[np.uint8], box: Box, width: int) -> NDArray[np.bool_]:
    """Which columns of a line are a vertical rule: ink that goes on above and below it."""
    left, more = max(0, int(box.x)), int(BEYOND * box.height)
    top = max(0, int(box.y) - more)
    tall = grey[top : int(np.ceil(box.bottom)) + more, left : left + width]
    _, dark = cv2.threshold(tall, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ruled = dark.mean(axis=0) > RULED
    return np.asarray(ruled | np.r_[ruled[1:], False] | np.r_[False, ruled[:-1]])


def fits_digits(box: Box, text: str) -> bool:
    """Whether a box of a word can hold so many digits."""
    return NARROWEST_WORD <= box.width / len(text) / box.height <= WIDEST_WORD
