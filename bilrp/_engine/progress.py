"""How far the work is: a line on the standard error, or what the caller gives."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Gets how many of how many explanations are done."""


class ProgressLine:
    """One line on the standard error, written anew as the work goes on, at most ten times a second."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._written = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._written < 0.1:
            return
        self._written = now
        left = (now - self._started) * (total - done) / max(done, 1)
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\rbilrp: {done:,} of {total:,} explanations, {left:.0f} s to go {end}")
        sys.stderr.flush()


def progress_of(progress: Progress | bool) -> Progress | None:
    """What is called as the work goes on: True for a line on the standard error."""
    if callable(progress):
        return progress
    return ProgressLine() if progress else None
