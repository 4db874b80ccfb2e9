"""Practice pages for the digit network: small sheets that crowd together all that stands on early pages.

A practice page is not a sensible page but a hard one: blocks of tables in every spacing, lists with words, running
text, Greek and Roman numerals, drawings, dials. The same sheet and the same ageing make the pages of whole editions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tablesim.records.boxes import Box
from tablesim.records.marks import RAISED_POINT
from tablesim.records.truth import TrueMark, TrueNumber
from tablesim.synthesis.ageing import SimulatedScan, age, draw_ageing
from tablesim.synthesis.blocks import Block, digit_style, letter_style, random_number
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.hard_tables import (
    set_bill,
    set_census,
    set_dittos,
    set_fractions,
    set_half_columns,
    set_notes,
    set_readings,
    set_signs,
    set_small_table,
)
from tablesim.synthesis.prose import greek_numeral, roman, sentence, word
from tablesim.synthesis.sheet import Sheet, Style, reach_of_digits


def set_text(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Running text, with Roman numerals and now and then a number in it."""
    language = str(rng.choice(["latin", "latin", "italian", "german", "greek"]))
    style = None
    if language != "greek" and rng.random() < 0.45:
        style = str(rng.choice(["gothic", "italic"]))
    letters = letter_style(
        rng, block.digit_height * float(rng.uniform(0.8, 1.3)), "G" if language == "greek" else "L", style
    )
    line = block.digit_height * float(rng.uniform(1.45, 2.0))
    numbers = float(rng.choice([0.0, 0.0, 0.03])) if letters.face.digits != "none" else 0.0
    y = block.top + line
    while y < block.bottom:
        x = block.left
        while x < block.right:
            kind = rng.random()
            if kind < numbers:
                text = random_number(rng, int(rng.integers(1, 5))) + str(rng.choice(["", ".", ","]))
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


def set_heading(sheet: Sheet, block: Block, rng: np.random.Generator) -> Block:
    """Large letters at the head of the block; returns what is left below them."""
    letters = letter_style(rng, block.digit_height * float(rng.uniform(1.3, 2.4)))
    y = block.top + 2.2 * block.digit_height
    title = " ".join(word(rng) for _ in range(6))
    spaced = Style(letters.face, letters.size, spacing=float(rng.uniform(0, 0.25)) * letters.size)
    sheet.write(block.left + 4, y, title.upper() if rng.random() < 0.7 else title, spaced)
    return replace(block, top=y + block.digit_height)


def set_dial(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Circles with digits turned round the middle, and spokes."""
    middle_x, middle_y = (block.left + block.right) / 2, (block.top + block.bottom) / 2
    radius = 0.45 * min(block.width, block.height)
    style = digit_style(rng, block.digit_height)
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


def set_drawing(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A woodcut of sorts: hatching, curves, foliage, letters at the corners."""
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(block.left, block.right), rng.uniform(block.top, block.bottom)
        reach = float(rng.uniform(2, 14)) * block.digit_height
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
            walk = np.cumsum(rng.normal(0, 0.4 * block.digit_height, (int(rng.integers(6, 40)), 2)), axis=0)
            sheet.line([(x + float(a), y + float(b)) for a, b in walk], thickness)
    letters = letter_style(rng, block.digit_height)
    for _ in range(int(rng.integers(0, 8))):
        text = word(rng) if rng.random() < 0.5 else str(rng.choice(list("ABCDEFGHIKLMNOPSZ")))
        sheet.write_turned(
            float(rng.uniform(block.left, block.right)),
            float(rng.uniform(block.top, block.bottom)),
            text,
            letters,
            float(rng.uniform(-180, 180)),
        )


def set_scratches(sheet: Sheet, rng: np.random.Generator) -> None:
    """Lines across the sheet that belong to nothing."""
    for _ in range(int(rng.integers(1, 5))):
        start, end = rng.uniform(0, sheet.width, 2), rng.uniform(0, sheet.width, 2)
        sheet.line(
            [(float(start[0]), float(start[1])), (float(end[0]), float(end[1]))], 1, float(rng.uniform(0.3, 0.9))
        )


# Without o, i, l and I: alone in a cell of a table nobody could tell them from 0 and 1.
_LETTERS = "ABCDGHMNPSXZbdgkmnpsuvxz"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a practice table.

    ``kind`` says what fills it; ``start``, ``step`` and ``every`` make a "course": numbers that stay or rise slowly,
    as degrees do beside their minutes. ``width`` and ``rule`` (thickness of the rule to its right; 0 for none) are in
    sheet pixels.
    """

    kind: str
    places: int
    width: float
    align: str
    rule: float
    start: int
    step: int
    every: int


_KINDS = ("digits", "course", "decimal", "word", "roman", "greek", "zodiac", "letter")
_ODDS = (0.61, 0.2, 0.0, 0.07, 0.03, 0.04, 0.02, 0.03)
_ODDS_WITH_DECIMALS = (0.1, 0.03, 0.84, 0.01, 0.01, 0.0, 0.0, 0.01)
_PLACES = {1: 0.15, 2: 0.5, 3: 0.12, 4: 0.12, 5: 0.05, 6: 0.03, 7: 0.03}
# Room of a column that does not hold digits, in widths of a digit.
_ROOM = {"word": 9.0, "roman": 5.0, "greek": 4.0, "zodiac": 2.0, "letter": 2.0}


def _columns(block: Block, style: Style, decimals: bool, rng: np.random.Generator) -> list[_Column]:
    """Columns that fill the block from left to right. Gaps without a rule stay wider than gaps inside numbers."""
    digit = style.face_for("0").glyph("0", style.size).advance + style.spacing
    odds = np.array(_ODDS_WITH_DECIMALS if decimals else _ODDS)
    ruled = rng.random()
    pad = float(rng.choice([rng.uniform(0.08, 0.5), rng.uniform(0.4, 1.2), rng.uniform(1.0, 3.5)]))
    align = str(rng.choice(["right", "right", "middle", "left"]))

    def drawn_places() -> int:
        return int(rng.choice(list(_PLACES), p=list(_PLACES.values())))

    usual = drawn_places()
    columns: list[_Column] = []
    used = 0.0
    while used < block.width and len(columns) < 30:
        kind = str(rng.choice(_KINDS, p=odds / odds.sum()))
        places = usual if rng.random() < 0.6 else drawn_places()
        if kind == "course":
            places = int(rng.choice([1, 1, 2, 3]))
        rule = float(rng.uniform(0.7, 3.0)) if rng.random() < ruled else 0.0
        # A narrow gap needs a rule; otherwise two numbers would be one to any reader.
        room = pad if rule else max(pad, 0.8 + style.spacing / digit)
        # Up to three decimals, and the point is as wide as most of a digit.
        held = _ROOM.get(kind, max(places, 4) + 0.8 if kind == "decimal" else float(places))
        columns.append(
            _Column(
                kind=kind,
                places=places,
                width=(held + 2 * room if rule else held + room) * digit,
                align="left" if kind == "word" else align,
                rule=rule,
                start=int(rng.integers(0, 10 ** min(places, 2))) if rng.random() < 0.6 else int(rng.integers(0, 2)),
                step=int(rng.choice([1, 1, 1, 2, 15, 20, 30])),
                every=int(rng.choice([1, 2, 3, 6, 20])),
            )
        )
        used += columns[-1].width
    return columns


def set_table(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A table of columns in one type, with rules or without, lines in groups or not, some cells blank."""
    decimals = rng.random() < 0.2
    style = digit_style(rng, block.digit_height, lining=0.75 if decimals else 0.26)
    columns = _columns(block, style, decimals, rng)
    words = letter_style(rng, block.digit_height)
    styles = dict.fromkeys(_KINDS, words) | dict.fromkeys(("digits", "course", "decimal"), style)
    styles["greek"] = letter_style(rng, block.digit_height, script="G")
    styles["zodiac"] = Style(FACES["libertine"], 1.1 * style.size)
    line = reach_of_digits(style) * float(rng.choice([rng.uniform(1.02, 1.3), rng.uniform(1.1, 1.9)]))
    blank = float(rng.choice([0.0, 0.0, 0.05, 0.3]))
    group = int(rng.choice([0, 0, 3, 5, 10]))
    lined = rng.random() < 0.5
    y, row = block.top + line * float(rng.uniform(0.8, 1.4)), 0
    end = min(block.right, block.left + sum(column.width for column in columns))
    while y < block.bottom:
        x = block.left
        for column in columns:
            if x + column.width <= block.right and rng.random() >= blank:
                _set_cell(sheet, (x, y), column, styles, _text_of(column, row, rng))
            x += column.width
        row += 1
        if group and row % group == 0:
            if lined:
                at = y + 0.35 * line
                sheet.rule(block.left, at, end, at, float(rng.uniform(0.7, 2.5)))
            y += line * 0.35
        y += line
    _rule_columns(sheet, block, columns, rng)


def _rule_columns(sheet: Sheet, block: Block, columns: list[_Column], rng: np.random.Generator) -> None:
    x = block.left
    for column in columns:
        x += column.width
        if column.rule and x <= block.right:
            for shift in (0.0, 3.5) if rng.random() < 0.12 else (0.0,):
                sheet.rule(x + shift, block.top, x + shift + rng.normal(0, 1.5), block.bottom, column.rule)


def _text_of(column: _Column, row: int, rng: np.random.Generator) -> str:
    """What stands in a cell of the column."""
    if column.kind == "digits":
        text = random_number(rng, column.places)
        if column.places > 1 and rng.random() < 0.012:
            text += str(rng.choice([".", ",", "°", "'", "*"]))
        return text
    if column.kind == "course":
        return str((column.start + row // column.every * column.step) % 10 ** max(column.places, 1))
    if column.kind == "decimal":
        point = RAISED_POINT if rng.random() < 0.8 else "."
        whole = random_number(rng, max(1, column.places - 3))
        return whole + point + "".join(str(d) for d in rng.integers(0, 10, rng.integers(1, 4)))
    if column.kind == "word":
        return word(rng, str(rng.choice(["latin", "italian"])), rng.random() < 0.6)
    if column.kind == "roman":
        return roman(int(rng.integers(1, 60)), rng.random() < 0.5)
    if column.kind == "greek":
        return greek_numeral(rng)
    if column.kind == "zodiac":
        return chr(0x2648 + int(rng.integers(12)))
    return str(rng.choice(list(_LETTERS)))


def _set_cell(sheet: Sheet, corner: tuple[float, float], column: _Column, styles: dict[str, Style], text: str) -> None:
    """Set ``text`` into the cell of a column; ``corner`` is its left end on the line."""
    x, y = corner
    style = styles[column.kind]
    margin = 0.5 * (column.width - sheet.measure("0" * column.places, styles["digits"])) if column.rule else 0.0
    at = {"left": x + max(2.0, margin), "middle": x + column.width / 2, "right": x + column.width - max(2.0, margin)}
    if column.kind in _ROOM:
        while text and sheet.measure(text, style) > column.width:
            text = text[:-1]
    sheet.write(at[column.align], y, text, style, anchor=column.align)


def set_list(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Names or places with a number at the end of the line, sometimes after a leader, with rules between."""
    language = str(rng.choice(["latin", "italian", "german", "greek"]))
    script = "G" if language == "greek" else "L"
    words = letter_style(rng, block.digit_height, script=script)
    digits = digit_style(rng, block.digit_height)
    line = max(block.digit_height * float(rng.uniform(1.3, 2.0)), 1.02 * reach_of_digits(digits))
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
            text = greek_numeral(rng) if numeral else random_number(rng, int(rng.integers(1, 5)))
            style = words if numeral else digits
            start = end - sheet.measure(text, style) - digits.size * 0.3
            if leader and n == 0:
                step = max(3.0, sheet.measure(leader, words) * float(rng.uniform(0.9, 2.5)))
                while pen + 2 * step < start:
                    pen = sheet.write(pen + 0.2 * step, y, leader, words) + 0.6 * step
            if start > pen:
                sheet.write(end, y, text, style, anchor="right")
        y += line
    for share in ends:
        if rng.random() < 0.6:
            x = block.left + block.width * share + 0.3 * block.digit_height
            sheet.rule(x, block.top, x, block.bottom, float(rng.uniform(0.7, 2.5)))


OVERSAMPLING = 1.7
"""Sheet pixels per scan pixel: enough for the ink to spread by fractions of a scan pixel."""

USUAL_HEIGHT, LOWEST, HIGHEST = 17.5, 10.5, 33.0
"""Heights of digits in working pixels: about the network's FIGURE_HEIGHT, as pages differ from their first survey."""

FINEST = 1.6
"""Finest resolution at which a practice page is scanned before it is brought to the working scale."""

FEWEST_PIXELS = 8.0
"""Height in scan pixels of the smallest type's digits when the scan is at its coarsest."""

LOST_MARK_PIXELS = 1.5
"""Marks that are smaller than this in the scan are not asked for."""

LOST_PIXELS = 6.0
"""Numbers whose tallest digit has fewer scan pixels than this are not asked for: nobody could read them."""


BLANK = 0.04
"""Share of the practice pages that are empty, with the other side of the leaf showing through."""


def practice_page(seed: int, size: int = 768, wear: float = 1.0, kind: str | None = None) -> SimulatedScan:
    """A practice page of ``size`` x ``size`` working pixels; the same seed gives the same bytes.

    Digits are 10 to 33 pixels high, most of them 14 to 22. As with real pages, the scan was made at some other
    resolution and then brought to the working scale. One page in thirteen lies on its side or on its head: there no
    digit is asked for, so that the network does not read what is not upright. ``wear`` from 0 to 1 as in
    ``draw_ageing``; ``kind``, one of `KINDS`, fills every block alike.
    """
    rng = np.random.default_rng([seed, 0x7AB1E])
    side = round(size * OVERSAMPLING)
    sheet = Sheet(side, side, rng)
    height = float(np.clip(rng.lognormal(np.log(USUAL_HEIGHT), 0.2), LOWEST, HIGHEST))
    blocks = _split(Block(0, 0, side, side, height * OVERSAMPLING), rng, depth=2)
    for block in blocks:
        drawn = list(KINDS)[rng.choice(len(KINDS), p=_ODDS_OF_KINDS)]
        KINDS[kind or drawn][1](sheet, block, rng)
    if rng.random() < 0.1:
        set_scratches(sheet, rng)
    smallest = min(block.digit_height for block in blocks) / OVERSAMPLING
    resolution = float(np.exp(rng.uniform(np.log(FEWEST_PIXELS / smallest), np.log(FINEST))))
    ageing = draw_ageing(rng, resolution / OVERSAMPLING, wear)
    if kind is None and rng.random() < BLANK:
        sheet, behind = Sheet(side, side, rng), sheet
        aged = age(sheet, replace(ageing, show_through=float(rng.uniform(0.1, 0.5)), bitonal=False), rng, behind)
    else:
        aged = age(sheet, ageing, rng)
    scan = _resized(aged.asking(_legible), size)
    if rng.random() < 0.08:
        return SimulatedScan(np.ascontiguousarray(np.rot90(scan.grey, int(rng.integers(1, 4)))), (), ())
    return scan


def _legible(asked: TrueNumber | TrueMark) -> bool:
    """Whether a number or mark is large enough in the scan to be asked for."""
    if isinstance(asked, TrueMark):
        return max(asked.box.width, asked.box.height) >= LOST_MARK_PIXELS
    return max(digit.box.height for digit in asked.digits) >= LOST_PIXELS


def _resized(scan: SimulatedScan, size: int) -> SimulatedScan:
    """The scan brought to ``size`` x ``size`` pixels, as reading brings a page to its working scale."""
    share = size / scan.grey.shape[0]
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    grey = np.asarray(cv2.resize(scan.grey, (size, size), interpolation=way), dtype=np.uint8)

    return scan.moved(grey, lambda box: Box(box.x * share, box.y * share, box.width * share, box.height * share))


def _split(block: Block, rng: np.random.Generator, depth: int) -> list[Block]:
    """Pieces of a block, some of them in another size of type."""
    if depth == 0 or min(block.width, block.height) < 14 * block.digit_height or rng.random() < 0.2:
        return [_resized_type(block, rng)]
    at = float(rng.uniform(0.3, 0.7))
    if rng.random() < 0.5:
        x = block.left + at * block.width
        parts = replace(block, right=x - block.digit_height), replace(block, left=x)
    else:
        y = block.top + at * block.height
        parts = replace(block, bottom=y - 0.5 * block.digit_height), replace(block, top=y)
    return [piece for part in parts for piece in _split(part, rng, depth - 1)]


def _resized_type(block: Block, rng: np.random.Generator) -> Block:
    """The block, now and then in a smaller or larger size of type than the rest of the page."""
    if rng.random() >= 0.12:
        return block
    height = block.digit_height * float(rng.choice([rng.uniform(0.65, 0.85), rng.uniform(1.2, 1.6)]))
    return replace(block, digit_height=float(np.clip(height, LOWEST * OVERSAMPLING, HIGHEST * OVERSAMPLING)))


def _headed(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A heading with a table or text below."""
    rest = set_heading(sheet, block, rng)
    if rest.height > 3 * block.digit_height:
        (set_table if rng.random() < 0.6 else set_text)(sheet, rest, rng)


KINDS: dict[str, tuple[float, Callable[[Sheet, Block, np.random.Generator], None]]] = {
    "table": (0.31, set_table),
    "list": (0.06, set_list),
    "text": (0.11, set_text),
    "headed": (0.05, _headed),
    "dial": (0.02, set_dial),
    "drawing": (0.03, set_drawing),
    "bill": (0.10, set_bill),
    "readings": (0.07, set_readings),
    "census": (0.06, set_census),
    "half columns": (0.04, set_half_columns),
    "fractions": (0.04, set_fractions),
    "signs": (0.03, set_signs),
    "dittos": (0.03, set_dittos),
    "notes": (0.02, set_notes),
    "small table": (0.03, set_small_table),
}
"""What fills a block of a practice page, by name, with the share of the blocks that it fills."""

_ODDS_OF_KINDS = np.array([share for share, _ in KINDS.values()]) / sum(share for share, _ in KINDS.values())
