"""What a page took where it was read: seconds by the clock, most memory of the process meanwhile, host and process."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tablesim.records.reading import Reading

_HERE = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page took.

    Parameters
    ----------
    seconds : float
        By the clock.
    megabytes : int
        Most resident memory of the process while it read the page; where the system does not tell that (it is not
        Linux), since the process began.
    worker : str
        Host and process: "node7:4711".
    """

    seconds: float
    megabytes: int
    worker: str


class Done(NamedTuple):
    """What came of a page, and what it took; no cost where its process died, and no outcome yet."""

    outcome: Reading | str | None
    cost: Cost | None = None


def measured(read: Callable[[Path], Reading | str], path: Path) -> Done:
    """Read a page and measure it."""
    _forget_peak()
    started = time.perf_counter()
    outcome = read(path)
    seconds = round(time.perf_counter() - started, 3)
    return Done(outcome, Cost(seconds, _peak(), f"{platform.node()}:{os.getpid()}"))


def _forget_peak() -> None:
    """Let the kernel count the peak from now on (``/proc/PID/clear_refs``, since Linux 4.0)."""
    try:
        (_HERE / "clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> int:
    try:
        status = (_HERE / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024
    except (OSError, IndexError, ValueError):
        import resource  # of Unix alone

        # Kilobytes on Linux, bytes on macOS.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << 20 if sys.platform == "darwin" else 1024)
