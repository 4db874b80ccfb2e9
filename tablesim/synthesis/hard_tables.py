"""Practice blocks of the tables that are hardest to read, each as one kind of print sets it.

Bills with names, dashes and lone figures; forms with large raised points; censuses with thousands set apart; fractions;
signs and dashes; ditto marks; note marks; half columns close to each other; a small table inside a text.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tablesim.records.marks import BAR, DEGREE, DITTO, MINUS, NOTE, PLUS, RAISED_POINT, THIN_SPACE
from tablesim.synthesis.blocks import Block, digit_style, letter_style, random_number
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.prose import sentence, word
from tablesim.synthesis.sheet import Sheet, Style, long_s, reach_of_digits, spell
from tablesim.synthesis.sorts import fraction_bar


def _line_height(style: Style, rng: np.random.Generator, widest: float = 1.7) -> float:
    return reach_of_digits(style) * float(rng.uniform(1.02, widest))


def _wavy_rule(sheet: Sheet, x: float, block: Block, rng: np.random.Generator) -> None:
    """A rule down the block that bends, breaks and leans a little, as loose rules of a forme do."""
    steps = max(2, int(block.height / (3 * block.digit_height)))
    y = np.linspace(block.top, block.bottom, steps + 1)
    off = np.cumsum(rng.normal(0, 0.6, steps + 1)) * float(rng.choice([0.2, 1.0]))
    thickness, strength = float(rng.uniform(0.8, 2.6)), float(rng.uniform(0.5, 1.0))
    for k in range(steps):
        if rng.random() > 0.06:
            sheet.rule(x + off[k], float(y[k]), x + off[k + 1], float(y[k + 1]), thickness, strength)


def _name(rng: np.random.Generator, words: Style, language: str) -> str:
    """A name of one to three words."""
    return spell(long_s(" ".join(word(rng, language, True) for _ in range(rng.integers(1, 4)))), words.face)


def _leader(
    sheet: Sheet, start: float, end: float, y: float, words: Style, kind: str, rng: np.random.Generator
) -> None:
    """Dots or dashes from a name up to, or into, the figure that follows."""
    if not kind:
        return
    pen = start
    width = sheet.measure(kind, words)
    gap = width * float(rng.uniform(0.0, 1.2)) if kind != "." else width * float(rng.uniform(0.6, 2.0))
    while pen + width < end:
        pen = sheet.write(pen, y, kind, words) + gap


def set_bill(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Names, many with a raised letter ("S^t"), dashes that run into lone figures, one or two columns of counts."""
    height = block.digit_height
    language = str(rng.choice(["latin", "italian", "german"]))
    words = letter_style(
        rng, height * float(rng.uniform(0.9, 1.2)), style=str(rng.choice(["roman", "italic", "gothic"]))
    )
    digits = digit_style(rng, height)
    raised = replace(words, size=0.6 * words.size)
    line = max(_line_height(digits, rng, 1.35), 1.05 * height)
    leader = str(rng.choice(["—", "-", ".", "", "—"]))
    blank = float(rng.choice([0.1, 0.4, 0.7]))
    places = int(rng.choice([1, 1, 2, 2, 3]))
    n_counts = int(rng.choice([1, 2, 2]))
    unit = digits.sort("0").advance
    counts = [unit * (places + float(rng.uniform(0.4, 2.0))) for _ in range(n_counts)]
    width = min(float(rng.uniform(11, 20)) * height + sum(counts), block.width - 4)
    saint = str(rng.choice(["", "S", "S", "M", "D", "No"]))
    few = rng.random() < 0.5
    x = block.left + 2
    while x + width < block.right:
        names = width - sum(counts)
        y = block.top + line
        while y < block.bottom:
            pen = x
            if saint and rng.random() < 0.6:
                pen = sheet.write(pen, y, saint, words)
                rise = float(rng.uniform(0.2, 0.45)) * height
                pen = sheet.write(pen, y - rise, str(rng.choice(["t", "t", "r", "o", "ta"])), raised) + 0.3 * height
            name = _name(rng, words, language)
            while name and pen + sheet.measure(name, words) > x + names:
                name = name[: 2 * len(name) // 3]
            pen = sheet.write(pen, y, name, words) + 0.2 * height
            _leader(sheet, pen, x + names - float(rng.uniform(0, 0.5)) * unit, y, words, leader, rng)
            at = x + names
            for column in counts:
                if rng.random() >= blank:
                    # Overprinted and loosely set figures stray against the rules.
                    stray = float(rng.normal(0, 0.12)) * unit
                    count = str(rng.geometric(0.4) - (rng.random() < 0.3)) if few else random_number(rng, places)
                    sheet.write(at + column - 0.3 * unit + stray, y, count, digits, anchor="right")
                at += column
            y += line
            if rng.random() < 0.05:
                _set_sums(sheet, (x, x + width, y), (words, digits), rng)
                y += line
        at = x + names
        for column in [0.0, *counts]:
            at += column
            if rng.random() < 0.7:
                _wavy_rule(sheet, at, block, rng)
        x += width + float(rng.uniform(0.2, 1.5)) * height


def _set_sums(
    sheet: Sheet, span: tuple[float, float, float], styles: tuple[Style, Style], rng: np.random.Generator
) -> None:
    """A line of a bill that sums up: a word, a dash, a number, and so on to the end of the column."""
    pen, end, y = span
    words, digits = styles
    while True:
        name = spell(long_s(word(rng, "latin", True)), words.face) + str(rng.choice(["—", "—", "", " "]))
        total = str(rng.integers(0, 10 ** int(rng.integers(0, 4)) + 1))
        if pen + sheet.measure(name, words) + sheet.measure(total, digits) + 0.5 * words.size > end:
            return
        pen = sheet.write(pen, y, name, words) + float(rng.uniform(0.05, 0.4)) * words.size
        pen = sheet.write(pen, y, total, digits) + 0.5 * words.size


_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW", "NNE", "ENE", "ESE", "SSE", "SSW", "WSW", "WNW", "NNW")


def set_readings(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A form of a station: readings with raised points, some of them without the whole part, days, letters, signs."""
    style = digit_style(rng, block.digit_height, lining=0.5)
    words = letter_style(rng, block.digit_height, style=str(rng.choice(["roman", "modern", "italic"])))
    unit = style.sort("0").advance
    line = _line_height(style, rng)
    point = str(rng.choice([RAISED_POINT, RAISED_POINT, RAISED_POINT, ".", ","]))
    ruled = rng.random() < 0.8
    kinds: list[tuple[str, int, float]] = []
    used = 0.0
    while used < block.width and len(kinds) < 30:
        kind = str(
            rng.choice(["decimal", "decimal", "decimal", "below one", "whole", "wind", "wind", "letters", "day"])
        )
        places = int(rng.choice([1, 2, 2, 3]))
        room = {"decimal": 3.2, "below one": 3.2 - places, "wind": 7.5 - places}.get(kind, 1.2)
        kinds.append((kind, places, unit * (places + room + float(rng.uniform(0, 1.5)))))
        used += kinds[-1][2]
    decimals = int(rng.integers(1, 4))
    carried = rng.random() < 0.4
    forced = rng.random() < 0.6
    y, row = block.top + line, 0
    while y < block.bottom:
        x = block.left
        for kind, places, width in kinds:
            end = x + width - 0.5 * unit + float(rng.normal(0, 0.08)) * unit
            if end < block.right and rng.random() > 0.04:
                tail = "".join(str(d) for d in rng.integers(0, 10, decimals))
                if kind == "decimal":
                    whole = "" if carried and row and rng.random() < 0.8 else random_number(rng, places)
                    sign = str(rng.choice(["", "", "", MINUS, PLUS])) if rng.random() < 0.3 else ""
                    sheet.write(end, y, sign + whole + point + tail, style, anchor="right")
                elif kind == "below one":
                    sheet.write(end, y, point + tail, style, anchor="right")
                elif kind == "wind":
                    wind = str(rng.choice(_WINDS)) if rng.random() < 0.9 else "Calm"
                    if forced:
                        sheet.write(end, y, str(rng.integers(0, 10)), style, anchor="right")
                        sheet.write(x + 0.3 * unit, y, wind, words)
                    else:
                        sheet.write(end, y, wind + str(rng.choice(["", "", "."])), words, anchor="right")
                elif kind == "letters":
                    sheet.write(end, y, str(rng.choice(["b", "c", "r", "S", "B", "Z"])), words, anchor="right")
                elif kind == "day":
                    sheet.write(end, y, str(row + 1), style, anchor="right")
                else:
                    sheet.write(end, y, random_number(rng, places), style, anchor="right")
            if row == 0 and rng.random() < 0.3:
                sheet.write(end - unit, y - 0.8 * line, str(rng.choice([DEGREE, "in.", "%", "ft."])), words)
            x += width
        row += 1
        y += line * (1.4 if row % 5 == 0 and rng.random() < 0.5 else 1.0)
    x = block.left
    for _, _, width in kinds:
        x += width
        if ruled and x < block.right:
            sheet.rule(x, block.top, x, block.bottom, float(rng.choice([0.8, 1.2, 3.5])))


def _grouped(rng: np.random.Generator, mark: str, places: int) -> str:
    """A number with its thousands set apart by ``mark``."""
    digits = str(rng.integers(10 ** max(0, places - 1), 10**places))
    groups = [digits[max(0, end - 3) : end] for end in range(len(digits), 0, -3)][::-1]
    return mark.join(groups)


def set_census(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Names with leaders and columns of numbers whose thousands are set apart by a thin space, a point or a comma."""
    height = block.digit_height
    style = digit_style(rng, height, lining=0.8)
    words = letter_style(rng, height, style=str(rng.choice(["modern", "roman", "gothic"])))
    mark = str(rng.choice([THIN_SPACE, THIN_SPACE, THIN_SPACE, ".", ","]))
    unit = style.sort("0").advance
    line = _line_height(style, rng, 2.0)
    most = int(rng.choice([4, 5, 6, 7]))
    width = unit * (most + (most - 1) // 3 * 0.6 + float(rng.uniform(0.5, 2.5)))
    names = float(rng.uniform(6, 16)) * height if rng.random() < 0.7 else 0.0
    leader = str(rng.choice([".", ".", "", "-"]))
    left = block.left + names
    n_columns = max(1, int((block.right - left) / width))
    largest = [int(rng.integers(max(1, most - 3), most + 1)) for _ in range(n_columns)]
    ruled = rng.random() < 0.75
    empty = str(rng.choice(["", "—", "...", "-", "\u201e"]))
    y = block.top + line
    while y < block.bottom:
        if names:
            name = _name(rng, words, "italian")
            while name and sheet.measure(name, words) > names - 2 * unit:
                name = name[: 2 * len(name) // 3]
            pen = sheet.write(block.left + 3, y, name, words)
            _leader(sheet, pen, left - 0.6 * unit, y, words, leader, rng)
        for n, places in enumerate(largest):
            end = left + (n + 1) * width - 0.35 * unit
            if rng.random() < 0.05:
                if empty == "\u201e":
                    sheet.write_mark(end, y, spell(",,", style.face), words, DITTO, anchor="right")
                elif empty:
                    sheet.write(end, y, empty, words, anchor="right")
                continue
            fewer = int(rng.integers(1, places + 1)) if rng.random() < 0.4 else places
            sheet.write(end, y, _grouped(rng, mark, fewer), style, anchor="right")
        y += line
        if rng.random() < 0.05:
            sheet.rule(left, y - 0.7 * line, left + n_columns * width, y - 0.7 * line, 1.2)
    for n in range(n_columns + 1):
        if ruled:
            sheet.rule(left + n * width, block.top, left + n * width, block.bottom, float(rng.choice([1.0, 1.5, 3.0])))


def set_fractions(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Whole numbers with fractions after them: stacked over a level bar, over a slanted one, or cast in one piece."""
    style = digit_style(rng, block.digit_height)
    small = replace(style, size=float(rng.uniform(0.45, 0.65)) * style.size, wear=None)
    low = 0.1 if rng.random() < 0.5 else 0.3
    kind = str(rng.choice(["level", "slanted", "slanted", "one piece"]))
    line = reach_of_digits(style) * float(rng.uniform(1.15, 1.7))
    width = style.sort("0").advance * float(rng.uniform(4.5, 8))
    height = block.digit_height
    y = block.top + line
    while y < block.bottom:
        x = block.left + 6
        while x < block.right - 4 * style.size:
            pen = sheet.write(x, y, random_number(rng, int(rng.integers(1, 4))), style) if rng.random() < 0.9 else x
            if rng.random() < 0.6:
                over = int(rng.choice([1, 1, 1, 2, 3, 5, 7]))
                under = int(rng.choice([2, 2, 3, 4, 4, 5, 6, 8, 12, 16, 32]))
                _set_fraction(sheet, (pen + 0.08 * height, y), (str(over), str(under)), small, kind, low * height)
            x += width
        y += line


def _set_fraction(
    sheet: Sheet, corner: tuple[float, float], parts: tuple[str, str], small: Style, kind: str, low: float
) -> None:
    x, y = corner
    over, under = parts
    tall = float(np.mean([small.sort(d).mask.shape[0] for d in over + under]))
    widths = sheet.measure(over, small), sheet.measure(under, small)
    thickness = max(1.0, 0.08 * tall)
    if kind == "level":
        wide = max(widths) + 0.2 * tall
        foot = y + 0.5 * low
        bar = foot - tall - 0.22 * tall
        sheet.write(x + wide / 2, bar - 0.2 * tall, over, small, anchor="middle")
        sheet.print_mark(x, bar, fraction_bar(wide, 0, thickness), BAR)
        sheet.write(x + wide / 2, bar + 0.25 * tall + tall, under, small, anchor="middle")
        return
    close = 0.55 if kind == "one piece" else 0.9
    rise = 0.75 * tall
    sheet.write(x, y + low - rise, over, small)
    sheet.print_mark(x + 0.75 * widths[0], y + low - 1.7 * tall, fraction_bar(close * tall, 1.7 * tall, thickness), BAR)
    sheet.write(x + widths[0] + close * 0.55 * tall, y + low, under, small)


def set_signs(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Numbers after plus and minus signs, in brackets, in equations, and dashes in place of numbers."""
    style = digit_style(rng, block.digit_height, lining=0.6)
    unit = style.sort("0").advance
    line = _line_height(style, rng, 2.0)
    close = float(rng.choice([0.0, 0.1, 0.4])) * unit
    width = unit * float(rng.uniform(5, 9))
    dash = str(rng.choice(["—", "-", "–"]))
    ruled = rng.random() < 0.4
    y = block.top + line
    while y < block.bottom:
        x = block.left + unit
        while x + width < block.right:
            number = random_number(rng, int(rng.choice([1, 2, 2, 3])))
            if rng.random() < 0.3:
                number += str(rng.choice([RAISED_POINT, ".", ","])) + str(rng.integers(0, 10))
            kind = rng.random()
            if kind < 0.5:
                pen = sheet.write(x, y, str(rng.choice([PLUS, "+", MINUS, "-", "–"])), style) + close
                sheet.write(pen, y, number, style)
            elif kind < 0.62:
                sheet.write(x, y, f"({number})" if rng.random() < 0.7 else f"[{number}]", style)
            elif kind < 0.75:
                sheet.write(x + 0.4 * width, y, dash, style)
            elif kind < 0.85:
                sheet.write(x, y, f"{number} = {random_number(rng, 2)}" if rng.random() < 0.5 else f"{number}=", style)
            else:
                sheet.write(x, y, number, style)
            x += width
        if ruled:
            sheet.rule(block.left, y + 0.4 * line, block.right, y + 0.4 * line, 1.0)
        y += line


def set_dittos(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Columns whose cells repeat the one above by ``do.``, ``id.``, quotation marks or a dash, beside plain numbers."""
    style = digit_style(rng, block.digit_height, lining=0.5)
    letters = letter_style(rng, block.digit_height, style=str(rng.choice(["roman", "italic", "modern", "gothic"])))
    text = str(rng.choice(["do.", "do", "Do.", "id.", "id", '"', ",,", "\u201e", "\u201d", "ditto"]))
    if text in '\u201e\u201d"':
        letters = replace(letters, face=FACES[str(rng.choice(["libertine", "garamond", "oldstandard"]))])
    unit = style.sort("0").advance
    line = _line_height(style, rng, 1.9)
    width = max(unit * float(rng.uniform(4, 8)), 1.3 * sheet.measure(text, letters))
    share = [float(rng.choice([0.0, 0.0, 0.5, 0.85])) for _ in range(40)]
    places = [int(rng.integers(1, 5)) for _ in range(40)]
    anchor = str(rng.choice(["right", "middle", "left"]))
    y = block.top + line
    while y < block.bottom:
        x, n = block.left, 0
        while x + width < block.right and n < 40:
            at = {"left": x + 3, "middle": x + width / 2, "right": x + width - 0.4 * unit}[anchor]
            if rng.random() < share[n]:
                sheet.write_mark(at, y, text, letters, DITTO, anchor=anchor)
            elif places[n] == 4 and rng.random() < 0.5:
                sheet.write(at, y, _name(rng, letters, "latin")[:7], letters, anchor=anchor)
            else:
                sheet.write(at, y, random_number(rng, places[n]), style, anchor=anchor)
            x, n = x + width, n + 1
        y += line


def set_notes(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Numbers with a star, a dagger or a small raised letter after them, degrees and minutes with their marks."""
    style = digit_style(rng, block.digit_height, lining=0.5)
    letters = letter_style(rng, 0.6 * block.digit_height, style=str(rng.choice(["roman", "italic", "modern"])))
    marked = replace(style, face=FACES[str(rng.choice(["libertine", "oldstandard", "garamond"]))])
    unit = style.sort("0").advance
    line = _line_height(style, rng, 1.9)
    width = unit * float(rng.uniform(5, 8))
    degrees = rng.random() < 0.4
    y = block.top + line
    while y < block.bottom:
        x = block.left + unit
        while x + width < block.right:
            if degrees:
                pen = sheet.write(x, y, str(rng.integers(0, 360)) + DEGREE, style) + 0.1 * unit
                if rng.random() < 0.7:
                    sheet.write(pen, y, str(rng.integers(0, 60)) + str(rng.choice(["'", "\u2032", "\u2019"])), marked)
            else:
                end = sheet.write(x, y, random_number(rng, int(rng.integers(1, 5))), style)
                if rng.random() < 0.35:
                    small = replace(marked, size=float(rng.uniform(0.6, 1.0)) * marked.size)
                    sheet.write(end + 0.05 * unit, y, str(rng.choice(["*", "\u2020", "\u2021", "*"])), small)
                elif rng.random() < 0.3:
                    raised = y - 0.5 * block.digit_height
                    sheet.write_mark(end + 0.05 * unit, raised, str(rng.choice(list("abcdefghmnrs"))), letters, NOTE)
            x += width
        y += line


def set_half_columns(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Long numbers in two half columns parted by a thin rule or a hair's breadth more than a space, short in part."""
    style = digit_style(rng, block.digit_height)
    unit = style.sort("0").advance + style.spacing
    line = _line_height(style, rng, 1.6)
    ruled = rng.random() < 0.75
    gap = unit * float(rng.uniform(0.06, 0.35) if ruled else rng.uniform(0.55, 1.1))
    halves = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    width = unit * sum(halves) + 2 * gap + unit * float(rng.uniform(0.4, 1.5))
    short = float(rng.choice([0.0, 0.7]))
    y, row = block.top + line, 0
    while y < block.bottom:
        x = block.left + 3
        while x + width < block.right:
            middle = x + unit * halves[0] + gap
            places = 2 if row and rng.random() < short else halves[0]
            sheet.write(middle - gap, y, "".join(str(d) for d in rng.integers(0, 10, places)), style, anchor="right")
            sheet.write(middle + gap, y, "".join(str(d) for d in rng.integers(0, 10, halves[1])), style)
            x += width
        y, row = y + line, row + 1
        if row % 5 == 0 and rng.random() < 0.5:
            sheet.rule(block.left, y - 0.75 * line, block.right, y - 0.75 * line, 1.2)
            y += 0.2 * line
    x = block.left + 3
    while ruled and x + width < block.right:
        _wavy_rule(sheet, x + unit * halves[0] + gap, block, rng)
        if rng.random() < 0.8:
            _wavy_rule(sheet, x + width - 0.2 * unit, block, rng)
        x += width


def set_small_table(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Lines of text, often in black letter, with a table of a few rows and columns among them."""
    face = str(rng.choice(["gothic", "gothic", "roman", "italic"]))
    letters = letter_style(rng, block.digit_height, style=face)
    own = letters.face.digits != "none" and rng.random() < 0.5
    digits = Style(letters.face, letters.size) if own else digit_style(rng, block.digit_height)
    line = max(block.digit_height * float(rng.uniform(1.5, 2.0)), reach_of_digits(digits) * 1.05)
    n_lines = max(1, int(block.height / line))
    first = int(rng.integers(0, max(1, n_lines // 2)))
    last = first + int(rng.integers(3, 9))
    unit = digits.sort("0").advance
    columns = np.cumsum(rng.uniform(3.5, 7, int(rng.integers(2, 6)))) * unit
    start = block.left + float(rng.uniform(0.1, 0.4)) * block.width
    dash = str(rng.choice(["—", "-", "..."]))
    for n in range(n_lines):
        y = block.top + (n + 1) * line
        if not first <= n < last:
            x = block.left + (1.5 * letters.size if rng.random() < 0.1 else 0)
            while x < block.right - 2 * letters.size:
                text = spell(long_s(sentence(rng, 1, "german")), letters.face)
                if rng.random() < 0.03:
                    text = random_number(rng, int(rng.integers(1, 5)))
                if x + sheet.measure(text, letters) > block.right:
                    break
                x = sheet.write(x, y, text, letters if not text[0].isdigit() else digits) + 0.33 * letters.size
            continue
        name = _name(rng, letters, "german")[: int(rng.integers(4, 14))]
        sheet.write(start - 0.5 * unit, y, name, letters, anchor="right")
        for at in columns:
            if start + at < block.right:
                text = dash if rng.random() < 0.06 else random_number(rng, int(rng.integers(1, 5)))
                sheet.write(start + float(at), y, text, digits, anchor="right")
