"""Digits of pages without any picture, set line by line in figures of one width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tablesim.digits.peaks import DigitPeaks

HEIGHT, ADVANCE, PITCH = 14.0, 10.0, 24.0
"""Height of a digit, distance of two digits of a number, distance of two rows, in working pixels."""


def set_lines(
    lines: Sequence[Sequence[tuple[float, str]]], *, space: float = 0.5, seed: int = 0, seen: bool = False
) -> tuple[DigitPeaks, list[np.ndarray], np.ndarray]:
    """Digits, numbers as a network without spaces joins them, and bare paper.

    ``lines`` hold the numbers of a line, each by its right end in widths of a digit and its text; a blank in it is
    ``space`` widths of a digit wide, and the network has ``seen`` it or not; a point is half a digit wide.
    """
    rng = np.random.default_rng(seed)
    values, boxes, joins, runs = [], [], [], []
    for row, line in enumerate(lines):
        for end, text in line:
            x = 20 + ADVANCE * (end - sum({" ": space, ".": 0.5}.get(sign, 1.0) for sign in text))
            run: list[int] = []
            for at, sign in enumerate(text):
                if sign in " .":
                    x += ADVANCE * (space if sign == " " else 0.5)
                    if sign == " ":
                        runs.append(run)
                        run = []
                    continue
                after = text[at + 1 : at + 2]
                top = 20 + PITCH * row + rng.normal(0, 0.4)
                left = x + rng.normal(0, 0.3)
                run.append(len(values))
                values.append(int(sign))
                boxes.append((left, top, left + 8, top + HEIGHT))
                joined = [len(run) > 1, after not in ("", " "), after == ".", seen and after == " "]
                joins.append([float(join) for join in joined])
                x += ADVANCE
            runs.append(run)
    n = len(values)
    digits = DigitPeaks(
        np.array(values), np.full(n, 0.99), np.zeros(n, np.int64), np.zeros(n), np.array(boxes), np.array(joins)
    )
    ink = np.zeros((int(digits.boxes[:, 3].max()) + 40, int(digits.boxes[:, 2].max()) + 40), dtype=np.float32)
    return digits, [np.array(run) for run in runs], ink


def text_of(digits: DigitPeaks, run: np.ndarray) -> str:
    """The digits of a number, with a blank where a space of thousands follows."""
    return "".join(f"{digits.values[k]}{' ' * bool(digits.joins[k, 3] > 0.5)}" for k in run)
