"""Pages without a table: running text, title pages, diagrams, dials with digits round a circle.

They are what a reader of tables must leave alone; digits on them (page numbers, hours, degrees) are in the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tablesim.errors import SettingsError
from tablesim.synthesis.editions import Book
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.pages import PrintedLeaf, SimulatedPage, blank_leaf, develop, running_head
from tablesim.synthesis.prose import SENTENCES, WORDS, roman
from tablesim.synthesis.sheet import Sheet, SourceText, Style, long_s, paragraph, rule

_LETTERS = (
    ("garamond", "garamond-italic", "fell-english"),
    ("lindenhill", "lindenhill-italic", "lindenhill"),
    ("garamond-italic", "garamond", "garamond-italic"),
    ("fanwood", "fanwood-italic", "fell-dw-pica"),
)
_LOCATIVES = {
    "Venice": "VENETIIS", "Paris": "PARISIIS", "Lyon": "LVGDVNI", "Wittenberg": "VVITEBERGÆ", "Basel": "BASILEÆ",
    "Cologne": "COLONIÆ", "Antwerp": "ANTVERPIÆ", "Rome": "ROMÆ", "Nuremberg": "NORIMBERGÆ", "Siena": "SENIS",
    "Leiden": "LVGDVNI BATAVORVM", "Strasbourg": "ARGENTORATI",
}  # fmt: skip
_GOTHIC = ("rusch", "durandus", "zainer")


def plate(kind: str, book: Book, page: int, seed: int) -> SimulatedPage:
    """A page of that kind (a key of ``PLATES``) in a book; SettingsError for another kind."""
    if kind not in PLATES:
        raise SettingsError(f"plate: got kind {kind!r}, expected one of {', '.join(PLATES)}")
    rng = np.random.default_rng([seed, 0x91A7E])
    letters = _GOTHIC if book.year < 1520 else _LETTERS[rng.integers(len(_LETTERS))]
    leaf = blank_leaf(book, page, letters, rng)
    PLATES[kind](leaf)
    meta: dict[str, Any] = {"kind": kind, "label": ""}
    return develop(leaf, meta, is_table=False)


def _copy(leaf: PrintedLeaf) -> SourceText:
    return SourceText(WORDS, SENTENCES[leaf.rng.integers(len(SENTENCES))], FACES[leaf.letters])


def _lines(leaf: PrintedLeaf, top: float, bottom: float, setting: Style) -> int:
    return max(1, int((bottom - top) / (1.22 * setting.size)))


def _text(leaf: PrintedLeaf) -> None:
    """Running text in one or two columns, with a large initial and notes in the margin."""
    rng, measure = leaf.rng, leaf.measure
    top = running_head(leaf, "DE SPHÆRA.")
    setting = leaf.style(float(rng.uniform(8.5, 11.5)))
    copy = _copy(leaf)
    if rng.random() < 0.5:
        gap = 0.035 * measure.width
        width = 0.5 * (measure.width - gap)
        for column in (0, 1):
            left = measure.left + column * (width + gap)
            _initial(leaf, left, top, width, setting, copy, _lines(leaf, top, measure.bottom, setting))
        if rng.random() < 0.5:
            middle = measure.left + width + 0.5 * gap
            rule(leaf.sheet, middle, top - setting.size, middle, measure.bottom, 2.0, rng)
        return
    _initial(leaf, measure.left, top, measure.width, setting, copy, _lines(leaf, top, measure.bottom, setting))
    note = leaf.style(6.3, leaf.heading if leaf.letters != "rusch" else "")
    edge = measure.right + 0.015 * leaf.sheet.width if leaf.recto else 0.02 * leaf.sheet.width
    room = 0.9 * (leaf.sheet.width - measure.right if leaf.recto else measure.left)
    for _ in range(int(rng.integers(0, 4))):
        y = float(rng.uniform(top, 0.9 * measure.bottom))
        notes = SourceText(WORDS, int(rng.integers(len(WORDS))), note.face)
        for _line in range(3):
            words = " ".join(notes.take(leaf.sheet, 0.75 * room, note)[:2])
            leaf.sheet.write(edge, y, words, note)
            y += 1.2 * note.size


def _initial(
    leaf: PrintedLeaf, left: float, top: float, width: float, setting: Style, copy: SourceText, lines: int
) -> None:
    """A paragraph of ``lines`` that begins with a letter three lines high."""
    big = replace(setting, size=3.3 * setting.size, jitter=0.0)
    letter = copy.initial()
    step = 1.22 * setting.size
    leaf.sheet.write(left, top + 1.95 * step, letter, big)
    beside = leaf.sheet.measure(letter, big) + 0.35 * setting.size
    y = paragraph(leaf.sheet, left + beside, top, width - beside, min(3, lines), copy, setting)
    while lines > 3:
        some = min(lines - 3, int(leaf.rng.integers(6, 16)))
        lines -= some
        y = paragraph(leaf.sheet, left, y, width, some, copy, setting, indent=setting.size, ragged_end=True)
    if leaf.rng.random() < 0.8:
        leaf.sheet.write(left + width, y, copy.catchword(), setting, anchor="right")


def _title_page(leaf: PrintedLeaf) -> None:
    """Lines that shrink and swell, a device, place, printer and the year in Roman numerals."""
    rng, measure, book = leaf.rng, leaf.measure, leaf.book
    middle = 0.5 * (measure.left + measure.right)
    y = measure.top + 60
    lines = (
        (book.author.upper().replace("U", "V"), 19.0, 0.12),
        (book.title.upper().replace("U", "V").replace("AE", "Æ"), 15.0, 0.08),
        ("ad vtilitatem studiosorum recens editus,", 11.5, 0.0),
        ("& quam plurimis tabulis illustratus.", 10.5, 0.0),
    )
    for number, (text, height, spacing) in enumerate(lines):
        face = leaf.heading if number in (1, 2) else leaf.letters
        setting = leaf.style(height, face)
        setting = replace(setting, spacing=spacing * setting.size)
        words = leaf.spelled(long_s(text) if number > 1 else text, face)
        width = leaf.sheet.measure(words, setting)
        if width > measure.width:
            setting = replace(
                setting, size=setting.size * measure.width / width, spacing=setting.spacing * measure.width / width
            )
        y += 1.05 * setting.size
        leaf.sheet.write(middle, y, words, setting, anchor="middle")
        y += 0.45 * setting.size
    radius = 0.27 * measure.width
    centre = y + 0.06 * leaf.sheet.height + radius
    _armillary(leaf.sheet, middle, centre, radius, rng)
    y = centre + radius + 0.075 * leaf.sheet.height
    small = leaf.style(10.5)
    printer = book.printer.replace("Heirs of ", "apud hæredes ").replace("Widow of ", "apud viduam ")
    spaced = replace(small, spacing=0.13 * small.size)
    imprint = ((f"{_LOCATIVES.get(book.place, book.place.upper())},", spaced), (f"{printer}.", small))
    for text, setting in (*imprint, (f"{roman(book.year)}.", spaced)):
        leaf.sheet.write(middle, y, leaf.spelled(text), setting, anchor="middle")
        y += 1.4 * small.size


def _ring(sheet: Sheet, x: float, y: float, wide: float, high: float, thickness: int, turn: float = 0.0) -> None:
    """An ellipse with half axes ``wide`` and ``high``, turned clockwise by ``turn`` radians."""
    t = np.linspace(0, 2 * np.pi, 90)
    across, down = wide * np.cos(t), high * np.sin(t)
    points_x = x + across * np.cos(turn) - down * np.sin(turn)
    points_y = y + across * np.sin(turn) + down * np.cos(turn)
    sheet.line([(float(a), float(b)) for a, b in zip(points_x, points_y, strict=True)], thickness)


def _armillary(sheet: Sheet, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    """An armillary sphere: rings of the meridian, equator, tropics, zodiac and horizon about a small earth."""
    tilt = float(rng.uniform(-0.7, -0.3))
    for inset in (0, 9):
        _ring(sheet, x, y, radius - inset, radius - inset, 3)
    for share in (0.0, 0.4, -0.4, 0.8, -0.8):
        wide = radius * float(np.sqrt(1 - share**2)) * 0.97
        off_x, off_y = -np.sin(tilt) * share * radius, np.cos(tilt) * share * radius
        for inset in (0, 7):
            _ring(sheet, x + off_x, y + off_y, wide - inset, 0.2 * wide, 2, tilt)
    for inset in (0, 14):
        _ring(sheet, x, y, 0.95 * radius - inset, 0.3 * radius - 0.5 * inset, 2, tilt + 0.41)
        _ring(sheet, x, y, 1.12 * radius - inset, 0.17 * radius - 0.3 * inset, 3)
    axis = np.array([-np.sin(tilt), np.cos(tilt)]) * 1.15 * radius
    sheet.line([(x - float(axis[0]), y - float(axis[1])), (x + float(axis[0]), y + float(axis[1]))], 4)
    _globe(sheet, x, y, 0.16 * radius, rng)


def _globe(sheet: Sheet, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    """A ball, one side of it hatched."""
    _ring(sheet, x, y, radius, radius, 3)
    for share in np.arange(-0.95, 1.0, 7.0 / radius):
        half = radius * float(np.sqrt(1 - share**2))
        start = x + radius * float(rng.uniform(0.05, 0.3) - 0.3 * share**2)
        sheet.line([(min(start, x + half), y + float(share) * radius), (x + half, y + float(share) * radius)], 2)


def _diagram(leaf: PrintedLeaf) -> None:
    """Text, a woodcut of the spheres or of an eclipse with its words, text."""
    rng, measure, sheet = leaf.rng, leaf.measure, leaf.sheet
    setting = leaf.style(float(rng.uniform(9.5, 11.5)))
    copy = _copy(leaf)
    top = running_head(leaf, "LIBER PRIMVS.")
    y = paragraph(sheet, measure.left, top, measure.width, int(rng.integers(4, 11)), copy, setting, ragged_end=True)
    radius = 0.36 * measure.width
    middle, centre = 0.5 * (measure.left + measure.right), y + radius
    if rng.random() < 0.6:
        _spheres(leaf, middle, centre, radius)
    else:
        _eclipse(leaf, middle, centre, radius)
    y = centre + radius + 2.2 * setting.size
    paragraph(sheet, measure.left, y, measure.width, _lines(leaf, y, measure.bottom, setting), copy, setting)


def _spheres(leaf: PrintedLeaf, x: float, y: float, radius: float) -> None:
    """The spheres of the planets about the earth, each with its name."""
    sheet = leaf.sheet
    names = ("FIRMAMENTVM", "Saturnus", "Iupiter", "Mars", "Sol", "Venus", "Mercurius", "Luna")
    step = 0.84 * radius / len(names)
    small = leaf.style(5.6)
    for number, name in enumerate(names):
        ring = radius - number * step
        _ring(sheet, x, y, ring, ring, 3 if number == 0 else 2)
        sheet.write(x, y - ring + 0.68 * step, leaf.spelled(long_s(name)), small, anchor="middle")
        angle = float(leaf.rng.uniform(0.15, 0.85)) * np.pi
        mark = ring - 0.5 * step
        star_x, star_y = x + mark * float(np.cos(angle)), y + mark * float(np.sin(angle))
        for spoke in range(4):
            turn = np.pi * spoke / 4
            dx, dy = 7 * float(np.cos(turn)), 7 * float(np.sin(turn))
            sheet.line([(star_x - dx, star_y - dy), (star_x + dx, star_y + dy)], 2)
    _globe(sheet, x, y, radius - len(names) * step, leaf.rng)


def _eclipse(leaf: PrintedLeaf, x: float, y: float, radius: float) -> None:
    """Sun, earth and the moon in the shadow, with letters at the points."""
    sheet = leaf.sheet
    sun, earth, moon = 0.34 * radius, 0.17 * radius, 0.07 * radius
    left, right = x - 0.85 * radius, x + 0.35 * radius
    _ring(sheet, left, y, sun, sun, 3)
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        sheet.line([(left + 1.08 * sun * cos, y + 1.08 * sun * sin), (left + 1.3 * sun * cos, y + 1.3 * sun * sin)], 3)
    _globe(sheet, right, y, earth, leaf.rng)
    _ring(sheet, right + 0.5 * radius, y, moon, moon, 3)
    for side in (-1, 1):
        sheet.line(
            [(left, y + side * sun), (right, y + side * earth), (right + 1.0 * radius, y + side * 0.02 * radius)], 2
        )
    small = leaf.style(9.0)
    for text, at_x, at_y in (
        ("SOL", left, y + 4),
        ("A", right, y - 1.3 * earth),
        ("B", right + 0.5 * radius, y - 2 * moon),
    ):
        sheet.write(at_x, at_y, text, small, anchor="middle")


def _at(x: float, y: float, radius: float, degrees: float) -> tuple[float, float]:
    """The point of a circle at so many degrees clockwise from its top."""
    angle = np.radians(degrees)
    return x + radius * float(np.sin(angle)), y - radius * float(np.cos(angle))


def _dial(leaf: PrintedLeaf) -> None:
    """An instrument: rings with hours or degrees round them, spokes, a hand, and text below."""
    rng, measure, sheet = leaf.rng, leaf.measure, leaf.sheet
    setting = leaf.style(10.5)
    top = running_head(leaf, "DE COMPOSITIONE INSTRVMENTI.")
    radius = 0.45 * measure.width
    x, y = 0.5 * (measure.left + measure.right), top + radius + 20
    for share in (1.0, 0.985, 0.88, 0.87, 0.74, 0.3, 0.12):
        _ring(sheet, x, y, share * radius, share * radius, 3 if share == 1.0 else 2)
    digits = leaf.style(7.6)
    outer = [str(10 * (i + 1)) for i in range(36)] if rng.random() < 0.5 else [str(10 * (i % 9 + 1)) for i in range(36)]
    for labels, share, inner, reach in (
        (outer, 0.925, 0.87, 0.985),
        ([str(i % 12 + 1) for i in range(24)], 0.8, 0.3, 0.87),
    ):
        for number, label in enumerate(labels):
            degrees = 360 * (number + 1) / len(labels)
            between = 360 * (number + 0.5) / len(labels)
            spoke = [_at(x, y, inner * radius, between), _at(x, y, reach * radius, between)]
            sheet.line(spoke, 1 if inner < 0.5 else 2)
            sheet.write_turned(*_at(x, y, share * radius, degrees), label, digits, degrees % 360)
    hand = float(rng.uniform(0, 360))
    for side in (-25, 25):
        sheet.line([_at(x, y, 0.12 * radius, hand + side), _at(x, y, 0.7 * radius, hand)], 3)
    for at, text in ((0.45, "HORÆ"), (0.58, "GRADVS")):
        sheet.write(x, y + at * radius, leaf.spelled(text), digits, anchor="middle")
    start = y + radius + 2.4 * setting.size
    copy = _copy(leaf)
    paragraph(sheet, measure.left, start, measure.width, _lines(leaf, start, measure.bottom, setting), copy, setting)


PLATES: dict[str, Callable[[PrintedLeaf], None]] = {
    "text": _text,
    "title": _title_page,
    "diagram": _diagram,
    "dial": _dial,
}
"""Kinds of pages without a table."""
