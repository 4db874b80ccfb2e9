"""The marks that stand beside digits and are read with them: points, commas, signs, bars, ditto marks, note marks."""

from __future__ import annotations

POINT, RAISED_POINT, COMMA, PLUS, MINUS, BAR = ".", "\u00b7", ",", "+", "\u2212", "/"
DITTO, DEGREE, MINUTE, NOTE, OPEN, CLOSE = "\u2033", "\u00b0", "'", "*", "(", ")"

MARKS = (POINT, RAISED_POINT, COMMA, PLUS, MINUS, BAR, DITTO, DEGREE, MINUTE, NOTE, OPEN, CLOSE)
"""Every kind of mark, as the character that stands for it in a number's text; their order is that of the mark maps.

The minus is also a dash, the bar also level (between the parts of a stacked fraction); a ditto mark may be printed
``"``, ``\u201e``, ``do.`` or ``id.``; a note mark is an asterisk, a dagger or a raised letter after a number.
"""

THIN_SPACE = "\u2009"
"""Stands in a number's text where a thin space sets thousands apart."""

KIND_OF = {
    **{mark: mark for mark in MARKS},
    **dict.fromkeys("-\u2010\u2013\u2014", MINUS),
    **dict.fromkeys("\u2019\u2032", MINUTE),
    **dict.fromkeys("\u2020\u2021\u2217", NOTE),
    "\u2044": BAR,
    "[": OPEN,
    "]": CLOSE,
}
"""The kind of mark of every character that is one."""
