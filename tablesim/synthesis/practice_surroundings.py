"""What surrounds the tables on practice pages: running text, headings, dials, drawings, scratches.

Only here and there a number stands among them; all else is to be left alone.
"""

from __future__ import annotations

import numpy as np

from tablesim.synthesis.practice_blocks import Block, figure_style, letter_style, random_number
from tablesim.synthesis.prose import greek_numeral, roman, sentence, word
from tablesim.synthesis.sheet import Sheet, Style


def set_text(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """Running text, with Roman numerals and now and then a number in it."""
    language = str(rng.choice(["latin", "latin", "italian", "german", "greek"]))
    style = None
    if language != "greek" and rng.random() < 0.45:
        style = str(rng.choice(["gothic", "italic"]))
    letters = letter_style(
        rng, block.figure_height * float(rng.uniform(0.8, 1.3)), "G" if language == "greek" else "L", style
    )
    line = block.figure_height * float(rng.uniform(1.45, 2.0))
    numbers = float(rng.choice([0.0, 0.0, 0.03])) if letters.face.figures != "none" else 0.0
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
    letters = letter_style(rng, block.figure_height * float(rng.uniform(1.3, 2.4)))
    y = block.top + 2.2 * block.figure_height
    title = " ".join(word(rng) for _ in range(6))
    spaced = Style(letters.face, letters.size, spacing=float(rng.uniform(0, 0.25)) * letters.size)
    sheet.write(block.left + 4, y, title.upper() if rng.random() < 0.7 else title, spaced)
    return block.below(y + block.figure_height)


def set_dial(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
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


def set_drawing(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
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


def set_scratches(sheet: Sheet, rng: np.random.Generator) -> None:
    """Lines across the sheet that belong to nothing."""
    for _ in range(int(rng.integers(1, 5))):
        start, end = rng.uniform(0, sheet.width, 2), rng.uniform(0, sheet.width, 2)
        sheet.line(
            [(float(start[0]), float(start[1])), (float(end[0]), float(end[1]))], 1, float(rng.uniform(0.3, 0.9))
        )
