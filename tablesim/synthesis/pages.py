"""Whole pages with a table: title, table, text around it, page number, signature, catch-word; printed, aged, scanned.

``table_page(edition, seed)`` gives the picture and its truth; the same edition and seed give the same bytes. Pages
without a table are in ``plates``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.records.truth import PageTruth
from tablesim.synthesis.ageing import SimulatedScan
from tablesim.synthesis.editions import Book, Edition
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.leaf import OVERSAMPLING, draw_leaf_ageing, photograph, thicken
from tablesim.synthesis.prose import WORDS, roman
from tablesim.synthesis.sheet import Area, Sheet, SourceText, Style, long_s, paragraph, spell, style
from tablesim.synthesis.tablesetting import printed_columns, set_table

PAGE_WIDTH, PAGE_HEIGHT = 930, 1330
"""Size of a leaf in scan pixels; the dark ground around it comes on top."""


@dataclass(frozen=True)
class SimulatedPage:
    """A scan (uint8 of shape (height, width)) with its truth."""

    grey: NDArray[np.uint8]
    truth: PageTruth


@dataclass(frozen=True)
class PrintedLeaf:
    """A blank leaf to be printed: its sheet, its measure (the area within the margins), its book and page."""

    sheet: Sheet
    measure: Area
    book: Book
    page: int
    letters: str
    heading: str
    digits: str
    rng: np.random.Generator

    @property
    def recto(self) -> bool:
        return self.page % 2 == 1

    def style(self, height: float, face: str = "") -> Style:
        """Letters ``height`` scan pixels high at the x."""
        letters = FACES[face or self.letters]
        larger = 1.15 if letters.style == "gothic" else 1.0
        return replace(style(letters, larger * height * OVERSAMPLING), digits=FACES[self.digits])

    def spelled(self, text: str, face: str = "") -> str:
        return spell(text, FACES[face or self.letters])


def blank_leaf(
    book: Book, page: int, letters: tuple[str, str, str], rng: np.random.Generator, *, wide: bool = False
) -> PrintedLeaf:
    """A leaf of about 930 x 1330 scan pixels, or lying on its long side; ``letters`` names the faces of words, heading
    and digits.
    """
    sizes = (PAGE_HEIGHT, PAGE_WIDTH) if wide else (PAGE_WIDTH, PAGE_HEIGHT)
    width, height = (round(size * float(rng.uniform(0.96, 1.04)) * OVERSAMPLING) for size in sizes)
    sheet = Sheet(width, height, rng)
    inner, outer = float(rng.uniform(0.06, 0.1)), float(rng.uniform(0.09, 0.14))
    left, right = (inner, outer) if page % 2 else (outer, inner)
    top, bottom = float(rng.uniform(0.05, 0.075)), float(rng.uniform(0.075, 0.1))
    measure = Area(left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return PrintedLeaf(sheet, measure, book, page, *letters, rng)


def table_page(edition: Edition, seed: int) -> SimulatedPage:
    """The scan of an edition's table, with its truth. About 0.4 seconds.

    ``truth.meta`` says which table and witness it is, which row of the computed table each printed row of each
    half-table is (``lines``), and what each column of the truth holds (``columns``).
    """
    rng = np.random.default_rng([seed, 0x7AB1E])
    layout, table = edition.layout, edition.table
    letters = (layout.letters, layout.heading, layout.digits)
    leaf = blank_leaf(edition.book, edition.page, letters, rng, wide=layout.wide)
    top = _running_head(leaf)
    copy = SourceText(WORDS, int(rng.integers(len(WORDS))), FACES[layout.letters])
    text = leaf.style(0.82 * 0.72 * max(14.0, layout.digit_height))
    if layout.text_above:
        top = paragraph(
            leaf.sheet, leaf.measure.left, top, leaf.measure.width, layout.text_above, copy, text, ragged_end=True
        )
    top = _title(leaf, top, table.titles[layout.title], layout.digit_height)
    foot = 1.3 * text.size
    bottom = leaf.measure.bottom - foot - layout.text_below * 1.22 * text.size
    area = Area(leaf.measure.left, top, leaf.measure.right, bottom)
    set_ = set_table(leaf.sheet, table, layout, area, OVERSAMPLING, rng)
    y = set_.bottom + 1.5 * text.size
    if layout.text_below:
        y = paragraph(leaf.sheet, leaf.measure.left, y, leaf.measure.width, layout.text_below, copy, text)
    _foot(leaf, y, text, copy.catchword())
    lines = edition.witness.lines
    count = -(-len(lines) // layout.halves)
    meta = {
        "kind": "table",
        "label": table.label,
        "table": table.name,
        "witness": edition.witness.name,
        "columns": printed_columns(table, layout),
        "lines": [list(lines[half * count : (half + 1) * count]) for half in range(layout.halves)],
    }
    return develop(leaf, meta, is_table=True, turn=layout.turn)


def develop(leaf: PrintedLeaf, meta: dict[str, Any], *, is_table: bool, turn: int = 0) -> SimulatedPage:
    """Age and photograph a printed leaf."""
    rng = leaf.rng
    gothic = FACES[leaf.letters].style == "gothic"
    thicken(leaf.sheet, float(rng.uniform(0.42, 0.62) if gothic else rng.uniform(0.55, 0.95)))
    ageing = draw_leaf_ageing(rng)
    behind = _other_side(leaf) if ageing.show_through > 0 else None
    scan = photograph(leaf.sheet, ageing, rng, behind, recto=leaf.recto, turn=turn)
    return SimulatedPage(scan.grey, _truth(leaf, scan, meta, is_table, (360 - turn) % 360))


def _truth(leaf: PrintedLeaf, scan: SimulatedScan, meta: dict[str, Any], is_table: bool, rotation: int) -> PageTruth:
    numbers = sorted(
        scan.numbers,
        key=lambda n: (n.table is None, n.table or 0, n.row or 0, n.column or 0, n.box.y, n.box.x),
    )
    height, width = scan.grey.shape
    unasked = [box.to_dict() for box in scan.unasked]
    page_id = f"{leaf.book.book}_p{leaf.page}"
    return PageTruth(page_id, width, height, is_table, tuple(numbers), {**meta, "unasked": unasked}, rotation)


def _other_side(leaf: PrintedLeaf) -> Sheet:
    """A page of text to show through."""
    sheet = Sheet(leaf.sheet.width, leaf.sheet.height, leaf.rng)
    setting = leaf.style(11.0)
    copy = SourceText(WORDS, int(leaf.rng.integers(len(WORDS))), setting.face)
    lines = int((leaf.measure.bottom - leaf.measure.top) / (1.22 * setting.size)) - 1
    # The back's inner margin is on the other side.
    left = leaf.sheet.width - leaf.measure.right
    paragraph(sheet, left, leaf.measure.top + setting.size, leaf.measure.width, lines, copy, setting)
    return sheet


def running_head(leaf: PrintedLeaf, words: str) -> float:
    """Set the running head and the page number; returns the y at which the page goes on."""
    rng, measure = leaf.rng, leaf.measure
    head = leaf.style(10.5)
    y = measure.top + head.size
    if head.face.style == "gothic":
        words = words.capitalize().replace("v", "u")
    spaced = replace(head, spacing=float(rng.uniform(0.05, 0.2)) * head.size)
    leaf.sheet.write(0.5 * (measure.left + measure.right), y, leaf.spelled(words), spaced, anchor="middle")
    x, anchor = (measure.right, "right") if leaf.recto else (measure.left, "left")
    old = leaf.book.year < 1540
    if old and rng.random() < 0.5:
        leaf.sheet.write(x, y, leaf.spelled(f"Fo. {roman(leaf.page, False)}."), head, anchor=anchor)
    elif rng.random() < 0.9:
        leaf.sheet.write(x, y, str(leaf.page), head, anchor=anchor)
    return y + 1.75 * head.size


def _running_head(leaf: PrintedLeaf) -> float:
    heads: tuple[str, ...] = ("LIBER PRIMVS.", "LIBER SECVNDVS.", "TABVLÆ.", "CAPVT TERTIVM.", "DE SPHÆRA.", "CANONES.")
    if leaf.book.year >= 1780:
        heads = ("HOURLY READINGS.", "OBSERVATORY.", "METEOROLOGICAL REGISTER.")
    return running_head(leaf, str(leaf.rng.choice(heads)))


def _title(leaf: PrintedLeaf, top: float, title: str, digit_height: float) -> float:
    """The table's title, in one or two lines that grow smaller; returns where the table begins."""
    setting = leaf.style(0.72 * max(13.0, 1.1 * digit_height), leaf.heading)
    text = leaf.spelled(long_s(title), leaf.heading)
    y = top + 0.55 * setting.size
    for number, line in enumerate(_balanced(leaf, text.split(), setting)):
        smaller = replace(setting, size=setting.size * (1.0 if number == 0 else 0.86))
        middle = 0.5 * (leaf.measure.left + leaf.measure.right)
        leaf.sheet.write(middle, y, line, smaller, anchor="middle")
        y += 1.3 * smaller.size
    return y - 0.45 * setting.size


def _balanced(leaf: PrintedLeaf, words: list[str], setting: Style) -> list[str]:
    """One line where it fits, else several with the first the longest."""
    lines: list[str] = []
    room = 0.92 * leaf.measure.width
    for word in words:
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and leaf.sheet.measure(joined, setting) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _foot(leaf: PrintedLeaf, y: float, text: Style, catchword: str) -> None:
    """Catch-word at the right, now and then a signature in the middle."""
    rng, measure = leaf.rng, leaf.measure
    if rng.random() < 0.75:
        leaf.sheet.write(measure.right, y, catchword, text, anchor="right")
    if leaf.recto and rng.random() < 0.5:
        signature = f"{rng.choice(list('ABCDEFGHKLMNOPQRST'))} {rng.choice(['ij', 'iij', 'iiij', 'v'])}"
        leaf.sheet.write(measure.left + 0.6 * measure.width, y, leaf.spelled(signature), text, anchor="middle")
