"""Sets a table into an area of a sheet: column heads, marks over the places, rules, rows, half-tables.

The digits are as large as the layout asks or, where the table would not fit, as large as the area allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tablesim.synthesis.editions import Layout
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.prose import roman
from tablesim.synthesis.sheet import Area, Sheet, Style, long_s, reach_of_digits, rule, spell, style
from tablesim.synthesis.tables import Column, HistoricalTable


@dataclass(frozen=True, slots=True)
class _Track:
    """One place of one column: its room within the half-table, and its number in the truth (None for letters)."""

    column: int
    place: int
    kind: str
    left: float
    width: float
    number: int | None


@dataclass(frozen=True)
class _Plan:
    """A table measured at one size of type: tracks, edges of the columns, heads."""

    digits: Style
    words: Style
    heads: Style
    digit: float
    tracks: tuple[_Track, ...]
    edges: tuple[float, ...]
    head_lines: tuple[tuple[str, ...], ...]
    has_units: bool
    line: float
    group_gap: float

    @property
    def width(self) -> float:
        """Width of a half-table."""
        return self.edges[-1]

    @property
    def head_height(self) -> float:
        step = 1.5 * self.heads.face.x_height(self.heads.size) / 0.62
        return step * (max(len(lines) for lines in self.head_lines) + self.has_units) + 0.6 * step


def set_table(
    sheet: Sheet, table: HistoricalTable, layout: Layout, area: Area, scale: float, rng: np.random.Generator
) -> Area:
    """Set ``table`` into ``area`` and say how much of the area it took.

    Numbers go into the sheet's truth with the half-table as ``table``, the printed row, and the column counted over
    places printed in Arabic digits. ``scale`` is sheet pixels per scan pixel.
    """
    order = [table.column(name) for name in layout.columns]
    rows = [[row[i] for i in order] for row in table.rows]
    columns = [table.columns[i] for i in order]
    count = -(-len(rows) // layout.halves)
    height, leading = layout.digit_height * scale, layout.leading
    # In mean heights of a digit: what hangs below a line must not meet what stands up from the next.
    face = FACES[layout.digits]
    least = max(1.3, reach_of_digits(Style(face, 100.0)) / face.digit_height(100.0))
    least += 0.28 if layout.rules == "grid" else 0.02
    leading = max(leading, least)
    plan = _plan(sheet, columns, rows, layout, height, leading)
    for _ in range(40):
        gap = 1.6 * plan.digit
        too_wide = layout.halves * plan.width + (layout.halves - 1) * gap > area.width
        too_tall = _height(plan, count, table.group) > area.bottom - area.top
        if not (too_wide or too_tall):
            break
        if too_tall and not too_wide and leading > least:
            leading *= 0.97
        else:
            height *= 0.97
        plan = _plan(sheet, columns, rows, layout, height, leading)
    # A short table is spaced out to fill the page, within reason.
    free = (area.bottom - area.top) / _height(plan, count, table.group)
    plan = _spread(replace(plan, line=plan.line * min(max(free, 1.0), 1.22)), area, layout)
    gap = 1.6 * plan.digit
    width = layout.halves * plan.width + (layout.halves - 1) * gap
    left = area.left + 0.5 * (area.width - width)
    bottom = area.top + _height(plan, count, table.group)
    printer = _Printer(sheet, columns, layout, plan, table.group, rng)
    for half in range(layout.halves):
        start = left + half * (plan.width + gap)
        printer.half(half, start, area.top, bottom, rows[half * count : (half + 1) * count])
    return Area(left, area.top, left + width, bottom)


def printed_columns(table: HistoricalTable, layout: Layout) -> list[dict[str, Any]]:
    """For each column of the truth the name of the table's column and the place within it."""
    names: list[dict[str, Any]] = []
    for name in layout.columns:
        column = table.columns[table.column(name)]
        if not column.words and name != layout.roman:
            names.extend({"column": name, "place": place} for place in range(column.places))
    return names


def _height(plan: _Plan, count: int, group: int) -> float:
    breaks = (count - 1) // group if group else 0
    return plan.head_height + plan.line * (count + 0.5) + breaks * plan.group_gap


def _text(entry: Any, is_roman: bool, capital: bool) -> str:
    return roman(int(entry), capital) if is_roman and str(entry).isdigit() and int(entry) > 0 else str(entry)


def _plan(
    sheet: Sheet, columns: list[Column], rows: list[list[Any]], layout: Layout, height: float, leading: float
) -> _Plan:
    face = FACES[layout.letters]
    digits = style(FACES[layout.digits], height, of="digits")
    # Gothic letters are dense: they need more room to stay open.
    larger = 1.2 if face.style == "gothic" else 1.0
    words = replace(style(face, 0.62 * larger * height), digits=FACES[layout.digits])
    heads = replace(style(face, 0.58 * larger * height), digits=FACES[layout.digits])
    digit = digits.face.glyph("0", digits.size).advance
    # Without a rule the gap must be wider than any inside a number.
    between = 1.35 * digit if layout.place_rules else 0.95 * digit
    pad = 0.8 * digit if layout.rules == "open" else 0.6 * digit
    tracks: list[_Track] = []
    edges = [0.0]
    all_heads: list[tuple[str, ...]] = []
    number = 0
    for index, column in enumerate(columns):
        x = edges[-1] + pad
        for place in range(column.places):
            kind = "words" if column.words else "roman" if column.name == layout.roman else "digits"
            setting = digits if kind == "digits" else words
            entries = [_text(row[index][place], kind == "roman", False) for row in rows if row[index]]
            if kind != "digits":
                entries = [spell(long_s(entry), face) for entry in entries]
            width = max((sheet.measure(entry, setting) for entry in entries), default=digit)
            tracks.append(_Track(index, place, kind, x, width, number if kind == "digits" else None))
            number += kind == "digits"
            x += width + between
        right = x - between + pad
        head = spell(long_s(column.heads[min(layout.title, len(column.heads) - 1)]), face)
        pieces = [piece for piece in re.split(r"(?<=-)| ", head) if piece]
        room = max([right - edges[-1], *(sheet.measure(piece, heads) + 0.9 * digit for piece in pieces)])
        # A head wider than its column pushes the places apart evenly.
        shift = 0.5 * (room - (right - edges[-1]))
        tracks = [replace(t, left=t.left + shift) if t.column == index else t for t in tracks]
        all_heads.append(tuple(_break(sheet, pieces, room - 0.6 * digit, heads)))
        edges.append(edges[-1] + room)
    has_units = any(unit for column in columns for unit in column.units)
    gap = 0.55 * height if layout.group != "none" else 0.0
    return _Plan(
        digits, words, heads, digit, tuple(tracks), tuple(edges), tuple(all_heads), has_units, leading * height, gap
    )


def _break(sheet: Sheet, pieces: list[str], room: float, setting: Style) -> list[str]:
    """Lines of a head: pieces joined as long as they fit; a piece that ends in a hyphen ends its line."""
    lines: list[str] = []
    for piece in pieces:
        joined = f"{lines[-1]} {piece}" if lines else piece
        if lines and not lines[-1].endswith("-") and sheet.measure(joined, setting) <= room:
            lines[-1] = joined
        else:
            lines.append(piece)
    return lines or [""]


def _spread(plan: _Plan, area: Area, layout: Layout) -> _Plan:
    """Give the columns some of the width that is left over, so that a table fills its measure if it can."""
    columns = len(plan.edges) - 1
    free = area.width - layout.halves * plan.width - (layout.halves - 1) * 1.6 * plan.digit
    most = 4.5 if columns <= 5 and layout.halves == 1 else 2.4
    more = min(free / (layout.halves * columns), most * plan.digit)
    if more <= 0:
        return plan
    tracks = tuple(replace(t, left=t.left + more * (t.column + 0.5)) for t in plan.tracks)
    edges = tuple(edge + more * i for i, edge in enumerate(plan.edges))
    return replace(plan, tracks=tracks, edges=edges)


class _Printer:
    """Prints the half-tables of one planned table."""

    def __init__(
        self, sheet: Sheet, columns: list[Column], layout: Layout, plan: _Plan, group: int, rng: np.random.Generator
    ) -> None:
        self.sheet = sheet
        self.columns = columns
        self.layout = layout
        self.plan = plan
        self.group = group
        self.rng = rng
        self.thin = float(rng.uniform(1.7, 2.3))
        self.thick = float(rng.uniform(2.4, 3.6))
        self.capital = bool(rng.random() < 0.5)

    def half(self, half: int, left: float, top: float, bottom: float, rows: list[list[Any]]) -> None:
        body = top + self.plan.head_height
        self._heads(left, top)
        y = body + 0.25 * self.plan.line
        for number, row in enumerate(rows):
            if self.group and number and number % self.group == 0:
                if self.layout.group == "rule" and self.layout.rules != "grid":
                    at = y + 0.5 * self.plan.group_gap + 0.02 * self.plan.line
                    self._rule(left, at, left + self.plan.width, at, self.thin)
                y += self.plan.group_gap
            y += self.plan.line
            baseline = y - 0.24 * self.plan.line
            self._row(half, number, left, baseline, row)
            if self.layout.rules == "grid" and number < len(rows) - 1:
                # Old-style digits hang a third of their height below the line.
                under = baseline + 0.43 * self.plan.digits.face.digit_height(self.plan.digits.size)
                self._rule(left, under, left + self.plan.width, under, 0.85 * self.thin)
        self._rules(left, top, body, bottom)

    def _row(self, half: int, number: int, left: float, baseline: float, row: list[Any]) -> None:
        for track in self.plan.tracks:
            cell = row[track.column]
            if not cell or cell[track.place] == "":
                continue
            text = _text(cell[track.place], track.kind == "roman", self.capital)
            x = left + track.left
            if track.kind == "digits":
                self.sheet.write(
                    x + track.width, baseline, text, self.plan.digits, anchor="right",
                    table=half, row=number, column=track.number,
                )  # fmt: skip
            elif track.kind == "roman":
                text = spell(text, self.plan.words.face)
                self.sheet.write(x + 0.5 * track.width, baseline, text, self.plan.words, anchor="middle")
            else:
                self.sheet.write(x, baseline, spell(long_s(text), self.plan.words.face), self.plan.words)

    def _heads(self, left: float, top: float) -> None:
        plan = self.plan
        units = 1 if plan.has_units else 0
        most = max(len(lines) for lines in plan.head_lines)
        step = (plan.head_height - 0.25 * plan.line) / (most + units)
        for index, lines in enumerate(plan.head_lines):
            middle = left + 0.5 * (plan.edges[index] + plan.edges[index + 1])
            start = top + 0.5 * step * (most - len(lines))
            for number, text in enumerate(lines):
                self.sheet.write(middle, start + step * (number + 0.8), text, plan.heads, anchor="middle")
        if units:
            y = top + step * (most + 0.85)
            for track in plan.tracks:
                unit = spell(self.columns[track.column].units[track.place], plan.heads.face)
                self.sheet.write(left + track.left + 0.5 * track.width, y, unit, plan.heads, anchor="middle")

    def _rules(self, left: float, top: float, body: float, bottom: float) -> None:
        plan, kind = self.plan, self.layout.rules
        right = left + plan.width
        for y in (top, bottom):
            self._rule(left, y, right, y, self.thick)
            if kind == "double":
                inward = 7.0 if y == top else -7.0
                self._rule(left, y + inward, right, y + inward, self.thin)
        self._rule(left, body, right, body, self.thin)
        if kind == "open":
            return
        for index, edge in enumerate(plan.edges):
            x = left + edge
            outer = index in (0, len(plan.edges) - 1)
            self._rule(x, top, x, bottom, self.thick if outer else self.thin)
            if kind == "double":
                beside = x + (6.5 if index == 0 else -6.5)
                self._rule(beside, top, beside, bottom, self.thin)
        if self.layout.place_rules:
            for before, after in zip(plan.tracks, plan.tracks[1:], strict=False):
                if before.column == after.column:
                    x = left + 0.5 * (before.left + before.width + after.left)
                    self._rule(x, body, x, bottom, 0.8 * self.thin)

    def _rule(self, x0: float, y0: float, x1: float, y1: float, thickness: float) -> None:
        rule(self.sheet, x0, y0, x1, y1, thickness, self.rng)
