"""Pages of numbers with known cells, made without any picture: the ground on which the layout is tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number

HANG = {**dict.fromkeys("34579", 0.22), **dict.fromkeys("68", -0.22)}


@dataclass(frozen=True)
class Column:
    """Where the numbers of a column stand, in digit heights, and what they look like."""

    x: float
    n_digits: tuple[int, int] = (1, 2)
    align: str = "right"
    filled: float = 1.0


@dataclass(frozen=True)
class Bend:
    """What the camera did: degrees askew, sag of the lines and lean of the columns as shares of half the page."""

    skew: float = 0.0
    sag: float = 0.0
    keystone: float = 0.0


@dataclass
class Page:
    """Numbers with their true cells, in pixels; ``unit`` is the height of a digit."""

    rng: np.random.Generator
    unit: float = 14.0
    jitter: float = 0.06
    old_style: bool = True
    numbers: list[Number] = field(default_factory=list)

    def put(self, text: str, x: float, y: float, cell: tuple[int, int, int] | None = None, align: str = "left") -> None:
        """Set a number at (x, y) in digit heights."""
        advance = 0.62
        width = advance * len(text)
        x -= {"left": 0.0, "right": width, "middle": width / 2}[align]
        x += self.rng.normal(0, self.jitter)
        digits = []
        for i, digit in enumerate(text):
            drop = HANG.get(digit, 0.0) if self.old_style else 0.0
            height = 1.3 if drop and self.old_style else 1.0
            top = y + drop - height / 2 + self.rng.normal(0, self.jitter)
            left = x + i * advance + self.rng.normal(0, self.jitter / 2)
            digits.append(Digit(int(digit), Box(left, top, 0.55, height), 0.9))
        table, row, column = cell if cell is not None else (None, None, None)
        self.numbers.append(Number(text, tuple(digits), 0.9, table, row, column))

    def table(
        self,
        columns: Sequence[Column],
        n_rows: int,
        pitch: float = 1.7,
        *,
        top: float = 0.0,
        table: int = 0,
        group: int = 0,
        leading: float = 0.0,
        first_column: int = 0,
        first_row: int = 0,
    ) -> None:
        """Set a table; after every ``group`` rows there is ``leading`` more space."""
        for row in range(n_rows):
            y = top + row * pitch + (row // group if group else 0) * leading
            for n, column in enumerate(columns):
                if self.rng.random() > column.filled:
                    continue
                low, high = column.n_digits
                length = int(self.rng.integers(low, high + 1))
                text = "".join(str(v) for v in self.rng.integers(0, 10, length))
                self.put(text, column.x, y, (table, first_row + row, first_column + n), column.align)

    def bent(self, bend: Bend) -> list[Number]:
        """The numbers in pixels after what the camera did."""
        boxes = [number.box for number in self.numbers]
        middle_x = (min(b.x for b in boxes) + max(b.right for b in boxes)) / 2
        middle_y = (min(b.y for b in boxes) + max(b.bottom for b in boxes)) / 2
        half_x = max(1.0, max(b.right for b in boxes) - middle_x)
        half_y = max(1.0, max(b.bottom for b in boxes) - middle_y)
        sine, cosine = math.sin(math.radians(bend.skew)), math.cos(math.radians(bend.skew))

        def moved(box: Box) -> Box:
            x, y = box.centre[0] - middle_x, box.centre[1] - middle_y
            y += bend.sag * half_x * (x / half_x) ** 2
            x += bend.keystone * x * (y / half_y)
            x, y = x * cosine - y * sine, x * sine + y * cosine
            x, y = x + middle_x + 20 - box.width / 2, y + middle_y + 20 - box.height / 2
            return Box(x * self.unit, y * self.unit, box.width * self.unit, box.height * self.unit)

        return [replace(n, digits=tuple(replace(d, box=moved(d.box)) for d in n.digits)) for n in self.numbers]


def neighbours(numbers: Sequence[Number], boxes: Sequence[Box] | None = None) -> set[tuple[str, Box, Box]]:
    """Every pair of numbers that follow each other in a row or a column of a table; blank cells are passed over."""
    pairs: set[tuple[str, Box, Box]] = set()
    for way in ("row", "column"):
        lines: dict[tuple[int, int], list[Number]] = {}
        for number in numbers:
            if number.table is not None:
                lines.setdefault((number.table, getattr(number, way)), []).append(number)
        across = "column" if way == "row" else "row"
        for line in lines.values():
            line.sort(key=lambda n: getattr(n, across))
            pairs.update((way, a.box, b.box) for a, b in pairwise(line))
    return pairs


def share_kept(true: Sequence[Number], arranged: Sequence[Number]) -> float:
    """Share of the true neighbours that are neighbours in the arrangement."""
    wanted = neighbours(true)
    return len(wanted & neighbours(arranged)) / len(wanted)
