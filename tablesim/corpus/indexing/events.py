"""Events of a running job, and its pace from them (pages a second over the last minute).

Each event is one line of ``events.jsonl`` and one step of a progress bar.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a job.

    Parameters
    ----------
    kind : str
        "start" and "end" of a stage, "page" done, "problem" with a page, "remark".
    stage : str
        "fetch", "ingest", "read", "neighbours", "clusters", "long tables" or "report".
    done, total : int or None
        Pages done and to do in this stage, where they are counted.
    page, message : str
        Which page; the message. Blank where there is none.
    seconds, megabytes, worker
        Of a page that was read what it took and where, as in ``Cost``.
    """

    kind: str
    stage: str
    done: int | None = None
    total: int | None = None
    page: str = ""
    message: str = ""
    seconds: float | None = None
    megabytes: int | None = None
    worker: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What is not blank, as a line of ``events.jsonl`` has it."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


Listener = Callable[[Event], None]


def ignore_event(event: Event) -> None:
    """A listener that does nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a job is.

    Parameters
    ----------
    stage : str or None
        The stage it is at; None where nothing is known.
    per_second : float or None
        Pages a second in the last minute; None where too little is known.
    seconds_left : float or None
        How long the rest of the stage takes at that rate.
    """

    stage: str | None = None
    per_second: float | None = None
    seconds_left: float | None = None

    def __str__(self) -> str:
        if self.per_second is None or self.seconds_left is None:
            return ""
        return f"{self.per_second:.3g} pages/s, {_duration(self.seconds_left)} left"

    @classmethod
    def of(cls, events: Path) -> Pace:
        """The pace at the end of an ``events.jsonl``: none without the file; a last line that is cut off is ignored."""
        stopwatch, pace = Stopwatch(), cls()
        for at, event in _tail(events):
            pace = stopwatch.pace(at, event)
        return pace


class Stopwatch:
    """Computes the pace of a job from its events."""

    def __init__(self) -> None:
        self._stage = ""
        self._points: deque[tuple[float, int]] = deque()

    def pace(self, at: float, event: Event) -> Pace:
        """The pace after ``event``, which happened at ``at`` seconds of any clock."""
        if event.stage != self._stage or event.kind == "start":
            self._stage = event.stage
            self._points.clear()
        if event.done is None or event.total is None:
            return Pace(event.stage)
        self._points.append((at, event.done))
        # The last minute, but never fewer than two points: a page may take longer than that.
        while len(self._points) > 2 and at - self._points[1][0] > _WINDOW_SECONDS:
            self._points.popleft()
        first_at, done = self._points[0]
        if at <= first_at or event.done <= done:
            return Pace(event.stage)
        rate = (event.done - done) / (at - first_at)
        return Pace(event.stage, rate, (event.total - event.done) / rate)


_WINDOW_SECONDS = 60.0
"""The speed of now is that of the last minute: long enough to hold several pages of a slow job."""
_TAIL_BYTES = 1 << 18
"""The last thousand lines or more: some minutes of a fast job."""


def _tail(path: Path) -> Iterator[tuple[float, Event]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    for line in lines:
        try:
            data = json.loads(line)
            at = datetime.fromisoformat(data.pop("at")).timestamp()
            event = Event(**data)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # the first line of the tail, or one that a killed job left half written
        yield at, event


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
