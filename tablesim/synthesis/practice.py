"""Practice pages for the digit network: small sheets that crowd together all that stands on early pages.

A practice page is not a sensible page but a hard one: blocks of tables in every spacing, lists with words, running
text, Greek and Roman numerals, drawings, dials. The same sheet and the same ageing make the pages of whole editions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tablesim.scans.boxes import Box
from tablesim.synthesis.ageing import Scan, age, draw_ageing
from tablesim.synthesis.faces import FACES, Face, faces
from tablesim.synthesis.prose import greek_numeral, roman, sentence, word
from tablesim.synthesis.sheet import RAISED_POINT, Sheet, Style
from tablesim.synthesis.truth import TrueDigit

OVERSAMPLING = 1.7
"""Sheet pixels per scan pixel: enough for the ink to spread by fractions of a scan pixel."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the sheet to fill, with the page's type size (height of figures), all in sheet pixels."""

    left: float
    top: float
    right: float
    bottom: float
    figure_height: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def practice_page(seed: int, size: int = 640, wear: float = 1.0) -> Scan:
    """A practice page of ``size`` x ``size`` working pixels; the same seed gives the same bytes.

    Figures are 9 to 24 pixels high, most of them 11 to 18. As with real pages, the scan was made at some other
    resolution and then brought to the working scale. One page in ten lies on its side or on its head: there no figure
    is asked for, so that the network does not read what is not upright. ``wear`` from 0 to 1 as in ``draw_ageing``.
    """
    rng = np.random.default_rng([seed, 0x7AB1E])
    side = round(size * OVERSAMPLING)
    sheet = Sheet(side, side, rng)
    height = float(np.clip(rng.lognormal(np.log(14.0), 0.2), 9, 24)) * OVERSAMPLING
    for block in _split(Block(0, 0, side, side, height), rng, depth=2):
        _FILLERS[rng.choice(len(_FILLERS), p=_ODDS)](sheet, block, rng)
    if rng.random() < 0.1:
        _scratches(sheet, rng)
    resolution = float(np.exp(rng.uniform(np.log(0.52), np.log(1.4))))
    scan = _resized(age(sheet, draw_ageing(rng, resolution / OVERSAMPLING, wear), rng), size)
    if rng.random() < 0.1:
        return Scan(np.ascontiguousarray(np.rot90(scan.grey, int(rng.integers(1, 4)))), (), ())
    return scan


def _resized(scan: Scan, size: int) -> Scan:
    """The scan brought to ``size`` x ``size`` pixels, as reading brings a page to its working scale."""
    share = size / scan.grey.shape[0]
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    grey = np.asarray(cv2.resize(scan.grey, (size, size), interpolation=way), dtype=np.uint8)

    def moved(box: Box) -> Box:
        return Box(box.x * share, box.y * share, box.width * share, box.height * share)

    numbers = tuple(
        replace(number, digits=tuple(TrueDigit(d.value, moved(d.box)) for d in number.digits))
        for number in scan.numbers
    )
    return Scan(grey, numbers, tuple(moved(box) for box in scan.unasked))


def figure_style(rng: np.random.Generator, height: float, lining: float = 0.25) -> Style:
    """A style whose figures are ``height`` pixels high on average, lining ones in a share ``lining`` of all styles."""
    modern = rng.random() < lining
    pool = faces(figures="lining" if modern else "old-style")
    face = pool[rng.integers(len(pool))]
    size = height / face.figure_height(100.0) * 100.0
    width = face.glyph("0", size).advance
    spacing = float(rng.choice([0.0, 0.0, rng.uniform(-0.06, 0.12), rng.uniform(0.0, 0.3)])) * width
    return Style(face, size, spacing, jitter=float(rng.uniform(0.0, 0.035)) * height)


def letter_style(rng: np.random.Generator, height: float, script: str = "L", style: str | None = None) -> Style:
    """A style for words whose small letters fit figures of ``height`` pixels."""
    pool: list[Face] = faces(style=style, script=script)
    face = pool[rng.integers(len(pool))]
    probe = "x" if script == "L" else "α"
    tall = max(1, face.glyph(probe, 100.0).mask.shape[0])
    return Style(face, 0.72 * height / tall * 100.0 * float(rng.uniform(0.85, 1.15)), jitter=0.02 * height)


def _split(block: Block, rng: np.random.Generator, depth: int) -> list[Block]:
    if depth == 0 or min(block.width, block.height) < 14 * block.figure_height or rng.random() < 0.2:
        return [block]
    at = float(rng.uniform(0.3, 0.7))
    if rng.random() < 0.5:
        x = block.left + at * block.width
        parts = [
            Block(block.left, block.top, x - block.figure_height, block.bottom, block.figure_height),
            Block(x, block.top, block.right, block.bottom, block.figure_height),
        ]
    else:
        y = block.top + at * block.height
        parts = [
            Block(block.left, block.top, block.right, y - 0.5 * block.figure_height, block.figure_height),
            Block(block.left, y, block.right, block.bottom, block.figure_height),
        ]
    return [piece for part in parts for piece in _split(part, rng, depth - 1)]


def _random_number(rng: np.random.Generator, places: int) -> str:
    """A number of up to ``places`` figures; sixties are as common as in astronomy, leading zeros rare."""
    kind = rng.random()
    if places == 2 and kind < 0.6:
        return str(rng.integers(0, 60))
    if kind < 0.08:
        return "".join(str(d) for d in rng.integers(0, 10, places))
    fewer = int(rng.integers(1, places + 1)) if kind < 0.35 else places
    return str(rng.integers(10 ** (fewer - 1) if fewer > 1 else 0, 10**fewer))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a practice table: what fills it, and its room in sheet pixels."""

    kind: str
    places: int
    width: float
    align: str
    rule: float


def _columns(block: Block, style: Style, decimals: bool, rng: np.random.Generator) -> list[_Column]:
    """Columns that fill the block from left to right. Gaps without a rule stay wider than gaps inside numbers."""
    digit = style.face_for("0").glyph("0", style.size).advance + style.spacing
    kinds = ["figures", "decimal", "word", "roman", "greek", "zodiac", "letter"]
    odds = np.array([0.8, 0.0, 0.08, 0.03, 0.04, 0.02, 0.03])
    if decimals:
        odds = np.array([0.12, 0.85, 0.01, 0.01, 0.0, 0.0, 0.01])
    ruled = rng.random()
    pad = float(rng.choice([rng.uniform(0.12, 0.5), rng.uniform(0.4, 1.2), rng.uniform(1.0, 3.5)]))
    align = str(rng.choice(["right", "right", "middle", "left"]))
    places = int(rng.choice([1, 2, 2, 2, 3, 4, 5, 6, 7], p=[0.08, 0.2, 0.2, 0.17, 0.15, 0.08, 0.05, 0.04, 0.03]))
    columns: list[_Column] = []
    used = 0.0
    while used < block.width and len(columns) < 30:
        kind = str(rng.choice(kinds, p=odds / odds.sum()))
        here = places if rng.random() < 0.7 else int(rng.integers(1, 6))
        rule = float(rng.uniform(0.7, 3.0)) if rng.random() < ruled else 0.0
        # A narrow gap needs a rule; otherwise two numbers would be one to any reader.
        room = pad if rule else max(pad, 0.8 + style.spacing / digit)
        cells = {"figures": here, "decimal": here + 1.6, "word": 9, "roman": 4, "greek": 4, "zodiac": 2, "letter": 2}
        width = (cells[kind] + 2 * room if rule else cells[kind] + room) * digit
        columns.append(_Column(kind, here, width, align if kind != "word" else "left", rule))
        used += width
    return columns


def _table(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    decimals = rng.random() < 0.2
    style = figure_style(rng, block.figure_height, lining=0.7 if decimals else 0.22)
    columns = _columns(block, style, decimals, rng)
    line = block.figure_height * float(rng.uniform(1.05, 2.1))
    words = letter_style(rng, block.figure_height)
    greek = letter_style(rng, block.figure_height, script="G")
    blank = float(rng.choice([0.0, 0.0, 0.05, 0.3]))
    group = int(rng.choice([0, 0, 3, 5, 10]))
    lines = rng.random()
    top = block.top + line * float(rng.uniform(0.8, 1.4))
    bottom = block.bottom
    y, row = top, 0
    while y < bottom:
        x = block.left
        for column in columns:
            if x + column.width <= block.right and rng.random() >= blank:
                _cell(sheet, x, y, column, (style, words, greek), rng)
            x += column.width
        row += 1
        if group and row % group == 0:
            if lines < 0.5:
                at = y + 0.35 * line
                sheet.rule(block.left, at, min(x, block.right), at, float(rng.uniform(0.7, 2.5)))
            y += line * 0.35
        y += line
    x = block.left
    for column in columns:
        x += column.width
        if column.rule and x <= block.right:
            for shift in (0.0, 3.5) if rng.random() < 0.12 else (0.0,):
                sheet.rule(x + shift, block.top, x + shift + rng.normal(0, 1.5), bottom, column.rule)


def _cell(
    sheet: Sheet, x: float, y: float, column: _Column, styles: tuple[Style, Style, Style], rng: np.random.Generator
) -> None:
    figures, words, greek = styles
    margin = 0.5 * (column.width - sheet.measure("0" * column.places, figures)) if column.rule else 0.0
    at = {"left": x + max(2.0, margin), "middle": x + column.width / 2, "right": x + column.width - max(2.0, margin)}
    place = at[column.align]
    if column.kind == "figures":
        text = _random_number(rng, column.places)
        extra = rng.random()
        if extra < 0.012 and column.places > 1:
            text += str(rng.choice([".", ",", "°", "'", "*"]))
        sheet.write(place, y, text, figures, anchor=column.align)
    elif column.kind == "decimal":
        point = RAISED_POINT if rng.random() < 0.8 else "."
        whole = _random_number(rng, max(1, column.places - 3))
        tail = "".join(str(d) for d in rng.integers(0, 10, rng.integers(1, 4)))
        sheet.write(place, y, f"{whole}{point}{tail}", figures, anchor=column.align)
    elif column.kind == "word":
        name = word(rng, str(rng.choice(["latin", "italian"])), rng.random() < 0.6)
        while name and sheet.measure(name, words) > column.width:
            name = name[:-1]
        sheet.write(place, y, name, words)
    elif column.kind == "roman":
        sheet.write(place, y, roman(int(rng.integers(1, 60)), rng.random() < 0.5), words, anchor=column.align)
    elif column.kind == "greek":
        sheet.write(place, y, greek_numeral(rng), greek, anchor=column.align)
    elif column.kind == "zodiac":
        signs = Style(FACES["libertine"], 1.1 * figures.size)
        sheet.write(place, y, chr(0x2648 + int(rng.integers(12))), signs, anchor=column.align)
    else:
        sheet.write(place, y, str(rng.choice(list("ABCDGHILMNOPSVXZgilmosz"))), words, anchor=column.align)


def _list(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Names or places with a number at the end of the line, sometimes after a leader, with rules between."""
    language = str(rng.choice(["latin", "italian", "german", "greek"]))
    script = "G" if language == "greek" else "L"
    words = letter_style(rng, block.figure_height, script=script)
    figures = figure_style(rng, block.figure_height)
    line = block.figure_height * float(rng.uniform(1.3, 2.0))
    leader = str(rng.choice(["", "", ".", "-", "—"]))
    ends = [block.left + block.width * share for share in ((0.97,) if rng.random() < 0.5 else (0.72, 0.97))]
    numeral = language == "greek" and rng.random() < 0.6
    y = block.top + line
    while y < block.bottom:
        name = " ".join(word(rng, language, True) for _ in range(rng.integers(1, 3)))
        while name and sheet.measure(name, words) > 0.6 * block.width:
            name = name[: len(name) // 2]
        pen = sheet.write(block.left + 4, y, name, words)
        for n, end in enumerate(ends):
            if rng.random() < (0.15 if n == 0 else 0.35):
                continue
            text = greek_numeral(rng) if numeral else _random_number(rng, int(rng.integers(1, 5)))
            style = words if numeral else figures
            start = end - sheet.measure(text, style) - figures.size * 0.3
            if leader and n == 0:
                step = max(3.0, sheet.measure(leader, words) * float(rng.uniform(0.9, 2.5)))
                while pen + 2 * step < start:
                    pen = sheet.write(pen + 0.2 * step, y, leader, words) + 0.6 * step
            if start > pen:
                sheet.write(end, y, text, style, anchor="right")
        y += line
    for share in ends:
        if rng.random() < 0.6:
            x = block.left + block.width * share + 0.3 * block.figure_height
            sheet.rule(x, block.top, x, block.bottom, float(rng.uniform(0.7, 2.5)))


def _text(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Running text, with Roman numerals and now and then a number in it."""
    language = str(rng.choice(["latin", "latin", "italian", "german", "greek"]))
    style = None
    if language != "greek" and rng.random() < 0.45:
        style = str(rng.choice(["gothic", "italic"]))
    letters = letter_style(
        rng, block.figure_height * float(rng.uniform(0.8, 1.3)), "G" if language == "greek" else "L", style
    )
    line = block.figure_height * float(rng.uniform(1.35, 1.9))
    numbers = float(rng.choice([0.0, 0.0, 0.03])) if letters.face.figures != "none" else 0.0
    y = block.top + line
    while y < block.bottom:
        x = block.left
        while x < block.right:
            kind = rng.random()
            if kind < numbers:
                text = _random_number(rng, int(rng.integers(1, 5))) + str(rng.choice(["", ".", ","]))
            elif kind < 0.06 and language != "greek":
                text = roman(int(rng.integers(1, 2000)), rng.random() < 0.6) + str(rng.choice(["", "."]))
            elif kind < 0.09 and language == "greek":
                text = greek_numeral(rng)
            elif kind < 0.11 and language != "greek":
                text = str(rng.choice(["I.", "G.", "H.", "M.", "&", "S.", "l.", "o", "i", "z.", "s", "ij"]))
            else:
                text = sentence(rng, 1, language)
            if x + sheet.measure(text, letters) > block.right:
                break
            x = sheet.write(x, y, text, letters) + 0.33 * letters.size
        y += line


def _heading(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Large letters over the block, then text or figures below."""
    letters = letter_style(rng, block.figure_height * float(rng.uniform(1.3, 2.4)))
    y = block.top + 2.2 * block.figure_height
    title = " ".join(word(rng) for _ in range(6))
    spaced = Style(letters.face, letters.size, spacing=float(rng.uniform(0, 0.25)) * letters.size)
    sheet.write(block.left + 4, y, title.upper() if rng.random() < 0.7 else title, spaced)
    rest = Block(block.left, y + block.figure_height, block.right, block.bottom, block.figure_height)
    if rest.height > 3 * block.figure_height:
        (_table if rng.random() < 0.5 else _text)(sheet, rest, rng)


def _dial(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Circles with figures turned round the middle, and spokes."""
    middle_x, middle_y = (block.left + block.right) / 2, (block.top + block.bottom) / 2
    radius = 0.45 * min(block.width, block.height)
    style = figure_style(rng, block.figure_height)
    angles = np.linspace(0, 2 * np.pi, 60)
    for share in (1.0, 0.8, float(rng.uniform(0.2, 0.6))):
        around = [(middle_x + share * radius * np.cos(a), middle_y + share * radius * np.sin(a)) for a in angles]
        sheet.line(around, int(rng.integers(1, 4)))
    hours = int(rng.choice([12, 24, 18]))
    for hour in range(hours):
        angle = 2 * np.pi * hour / hours
        cos, sin = np.sin(angle), -np.cos(angle)
        sheet.line(
            [
                (middle_x + 0.3 * radius * cos, middle_y + 0.3 * radius * sin),
                (middle_x + 0.8 * radius * cos, middle_y + 0.8 * radius * sin),
            ]
        )
        label = str(hour + 1) if rng.random() < 0.85 else roman(hour + 1)
        sheet.write_turned(
            middle_x + 0.9 * radius * cos, middle_y + 0.9 * radius * sin, label, style, float(np.degrees(angle))
        )


def _drawing(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A woodcut of sorts: hatching, curves, foliage, letters at the corners."""
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(block.left, block.right), rng.uniform(block.top, block.bottom)
        reach = float(rng.uniform(2, 14)) * block.figure_height
        kind = rng.random()
        thickness = int(rng.integers(1, 5))
        if kind < 0.4:
            angle, step = rng.uniform(0, np.pi), float(rng.uniform(3, 12))
            for k in range(int(rng.integers(5, 30))):
                dx, dy = k * step * np.cos(angle + np.pi / 2), k * step * np.sin(angle + np.pi / 2)
                length = reach * float(rng.uniform(0.6, 1.0))
                sheet.line(
                    [(x + dx, y + dy), (x + dx + length * np.cos(angle), y + dy + length * np.sin(angle))], thickness
                )
        elif kind < 0.7:
            turn = np.linspace(0, rng.uniform(1, 2 * np.pi), 24)
            radii = reach * (0.3 + 0.1 * np.sin(turn * rng.integers(1, 6)))
            sheet.line([(x + r * np.cos(t), y + r * np.sin(t)) for r, t in zip(radii, turn, strict=True)], thickness)
        else:
            walk = np.cumsum(rng.normal(0, 0.4 * block.figure_height, (int(rng.integers(6, 40)), 2)), axis=0)
            sheet.line([(x + float(a), y + float(b)) for a, b in walk], thickness)
    letters = letter_style(rng, block.figure_height)
    for _ in range(int(rng.integers(0, 8))):
        text = word(rng) if rng.random() < 0.5 else str(rng.choice(list("ABCDEFGHIKLMNOPSZ")))
        sheet.write_turned(
            float(rng.uniform(block.left, block.right)),
            float(rng.uniform(block.top, block.bottom)),
            text,
            letters,
            float(rng.uniform(-180, 180)),
        )


def _fractions(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Whole numbers with small fractions after them, as modern editions print half degrees."""
    style = figure_style(rng, block.figure_height)
    small = Style(style.face, 0.62 * style.size)
    line = block.figure_height * float(rng.uniform(1.3, 1.8))
    y = block.top + line
    while y < block.bottom:
        x = block.left + 6
        while x < block.right - 4 * style.size:
            x = sheet.write(x, y, _random_number(rng, int(rng.integers(1, 3))), style) + 1
            if rng.random() < 0.6:
                over, under = rng.integers(1, 4), rng.integers(2, 9)
                x = sheet.write(x, y - 0.42 * block.figure_height, str(over), small)
                x = sheet.write(x, y, "/", style)
                x = sheet.write(x, y + 0.1 * block.figure_height, str(under), small)
            x += float(rng.uniform(1.2, 4)) * style.size
        y += line


def _scratches(sheet: Sheet, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 5))):
        start, end = rng.uniform(0, sheet.width, 2), rng.uniform(0, sheet.width, 2)
        sheet.line(
            [(float(start[0]), float(start[1])), (float(end[0]), float(end[1]))], 1, float(rng.uniform(0.3, 0.9))
        )


_FILLERS: list[Callable[[Sheet, Block, np.random.Generator], None]] = [
    _table,
    _list,
    _text,
    _heading,
    _dial,
    _drawing,
    _fractions,
]
_ODDS = np.array([0.46, 0.14, 0.2, 0.07, 0.03, 0.06, 0.04])
