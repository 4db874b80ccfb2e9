"""What practice pages ask to be read: tables in every spacing, lists with numbers, whole numbers with fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tablesim.synthesis.faces import FACES
from tablesim.synthesis.practice_blocks import Block, figure_style, letter_style, random_number, reach_of_figures
from tablesim.synthesis.prose import greek_numeral, roman, word
from tablesim.synthesis.sheet import RAISED_POINT, Sheet, Style

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


@dataclass(frozen=True, slots=True)
class _Type:
    """The type a table is set in: figures, words, Greek."""

    figures: Style
    words: Style
    greek: Style


_KINDS = ("figures", "course", "decimal", "word", "roman", "greek", "zodiac", "letter")
_ODDS = (0.61, 0.2, 0.0, 0.07, 0.03, 0.04, 0.02, 0.03)
_ODDS_WITH_DECIMALS = (0.1, 0.03, 0.84, 0.01, 0.01, 0.0, 0.0, 0.01)
_PLACES = {1: 0.15, 2: 0.5, 3: 0.12, 4: 0.12, 5: 0.05, 6: 0.03, 7: 0.03}
# Room of a column that does not hold figures, in widths of a figure.
_ROOM = {"word": 9.0, "roman": 5.0, "greek": 4.0, "zodiac": 2.0, "letter": 2.0}


def _columns(block: Block, style: Style, decimals: bool, rng: np.random.Generator) -> list[_Column]:
    """Columns that fill the block from left to right. Gaps without a rule stay wider than gaps inside numbers."""
    digit = style.face_for("0").glyph("0", style.size).advance + style.spacing
    odds = np.array(_ODDS_WITH_DECIMALS if decimals else _ODDS)
    ruled = rng.random()
    pad = float(rng.choice([rng.uniform(0.08, 0.5), rng.uniform(0.4, 1.2), rng.uniform(1.0, 3.5)]))
    align = str(rng.choice(["right", "right", "middle", "left"]))
    usual = _places(rng)
    columns: list[_Column] = []
    used = 0.0
    while used < block.width and len(columns) < 30:
        kind = str(rng.choice(_KINDS, p=odds / odds.sum()))
        places = usual if rng.random() < 0.6 else _places(rng)
        if kind == "course":
            places = int(rng.choice([1, 1, 2, 3]))
        rule = float(rng.uniform(0.7, 3.0)) if rng.random() < ruled else 0.0
        # A narrow gap needs a rule; otherwise two numbers would be one to any reader.
        room = pad if rule else max(pad, 0.8 + style.spacing / digit)
        # Up to three decimals, and the point is as wide as most of a figure.
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


def _places(rng: np.random.Generator) -> int:
    return int(rng.choice(list(_PLACES), p=list(_PLACES.values())))


def set_table(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A table of columns in one type, with rules or without, lines in groups or not, some cells blank."""
    decimals = rng.random() < 0.2
    style = figure_style(rng, block.figure_height, lining=0.75 if decimals else 0.26)
    columns = _columns(block, style, decimals, rng)
    kinds = _Type(style, letter_style(rng, block.figure_height), letter_style(rng, block.figure_height, script="G"))
    line = reach_of_figures(style) * float(rng.choice([rng.uniform(1.02, 1.3), rng.uniform(1.1, 1.9)]))
    blank = float(rng.choice([0.0, 0.0, 0.05, 0.3]))
    group = int(rng.choice([0, 0, 3, 5, 10]))
    lined = rng.random() < 0.5
    y, row = block.top + line * float(rng.uniform(0.8, 1.4)), 0
    end = min(block.right, block.left + sum(column.width for column in columns))
    while y < block.bottom:
        x = block.left
        for column in columns:
            if x + column.width <= block.right and rng.random() >= blank:
                _set_cell(sheet, (x, y), column, kinds, _text_of(column, row, rng))
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
    if column.kind == "figures":
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


def _set_cell(sheet: Sheet, corner: tuple[float, float], column: _Column, kinds: _Type, text: str) -> None:
    """Set ``text`` into the cell of a column; ``corner`` is its left end on the line."""
    x, y = corner
    styles = {
        "figures": kinds.figures,
        "course": kinds.figures,
        "decimal": kinds.figures,
        "greek": kinds.greek,
        "zodiac": Style(FACES["libertine"], 1.1 * kinds.figures.size),
    }
    style = styles.get(column.kind, kinds.words)
    margin = 0.5 * (column.width - sheet.measure("0" * column.places, kinds.figures)) if column.rule else 0.0
    at = {"left": x + max(2.0, margin), "middle": x + column.width / 2, "right": x + column.width - max(2.0, margin)}
    if column.kind in _ROOM:
        while text and sheet.measure(text, style) > column.width:
            text = text[:-1]
    sheet.write(at[column.align], y, text, style, anchor=column.align)


def set_list(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Names or places with a number at the end of the line, sometimes after a leader, with rules between."""
    language = str(rng.choice(["latin", "italian", "german", "greek"]))
    script = "G" if language == "greek" else "L"
    words = letter_style(rng, block.figure_height, script=script)
    figures = figure_style(rng, block.figure_height)
    line = max(block.figure_height * float(rng.uniform(1.3, 2.0)), 1.02 * reach_of_figures(figures))
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


def set_fractions(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Whole numbers with small fractions after them, as modern editions print half degrees."""
    style = figure_style(rng, block.figure_height)
    small = Style(style.face, 0.62 * style.size)
    line = reach_of_figures(style) * float(rng.uniform(1.1, 1.6))
    y = block.top + line
    while y < block.bottom:
        x = block.left + 6
        while x < block.right - 4 * style.size:
            x = sheet.write(x, y, random_number(rng, int(rng.integers(1, 3))), style) + 1
            if rng.random() < 0.6:
                over, under = rng.integers(1, 4), rng.integers(2, 9)
                x = sheet.write(x, y - 0.42 * block.figure_height, str(over), small)
                x = sheet.write(x, y, "/", style)
                x = sheet.write(x, y + 0.1 * block.figure_height, str(under), small)
            x += float(rng.uniform(1.2, 4)) * style.size
        y += line
