"""Events of a job on their way: into ``events.jsonl``, onto a progress bar, or as plain lines into a log."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tablesim.corpus.indexing.events import Event, Listener, Stopwatch
from tablesim.errors import shown
from tablesim.files import naming
from tablesim.records.counting import counted
from tablesim.version import __version__

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

WORDS = {
    "fetch": "fetching scans",
    "ingest": "finding scans",
    "read": "reading pages",
    "neighbours": "neighbours",
    "numbers": "index of numbers",
    "clusters": "clusters",
    "long tables": "tables over several pages",
    "report": "report",
}
_SELDOM = ("ingest", "report")

_LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal: a log stays short, a waiting person is not left alone."""


class EventLog:
    """Writes each event with its time as a line of JSON, then hands it on. A context manager.

    The first line of a job says which software it is, on which host and in which process. Of stages that take
    milliseconds a page one page a second is written.
    """

    def __init__(self, path: Path, then: Listener) -> None:
        self.path = path
        self.then = then
        self.last = time.monotonic()

    def __enter__(self) -> Listener:
        # A line a page and one buffer a line: what a killed job did can be read to its last page.
        self.file = self.path.open("a", encoding="utf-8", buffering=1)
        if self.file.tell() and not _ends_whole(self.path):
            # A killed job left half a line: it stays alone, and the next event is a line of its own.
            self.file.write("\n")
        self.begun = False
        return self._tell

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def _tell(self, event: Event) -> None:
        if not (event.kind == "page" and event.stage in _SELDOM) or self._is_due():
            self._write(event.to_dict())
        self.then(event)

    def _write(self, line: Mapping[str, Any]) -> None:
        if not self.begun:
            # With the first event: of a job that is refused before, nothing is written.
            self.begun = True
            self._write({"kind": "job", **_software()})
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with naming(self.path):
            self.file.write(json.dumps({"at": at, **line}, ensure_ascii=False) + "\n")

    def _is_due(self) -> bool:
        """Whether a second has passed since the last page of what is quick."""
        now = time.monotonic()
        if now - self.last < 1.0:
            return False
        self.last = now
        return True


class ProgressLines:
    """Plain lines for logs and pipes: the beginning and end of a stage, every problem, and a count now and then."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.last = 0.0
        self.watch = Stopwatch()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.flush()

    def __call__(self, event: Event) -> None:
        words = WORDS.get(event.stage, event.stage)
        now = time.monotonic()
        pace = self.watch.pace(now, event)
        if event.kind == "problem":
            self._line(f"problem: {event.message}")
        elif event.kind == "remark":
            self._line(event.message)
        elif event.kind == "start":
            self.last = now
        elif event.kind == "end":
            self._line(f"{words}: {event.message or _counted(event) or 'done'}")
        elif now - self.last > _LINE_SECONDS:
            self.last = now
            self._line(", ".join(filter(None, (f"{words}: {_counted(event)}", str(pace)))))

    def _line(self, text: str) -> None:
        print(shown(text), file=self.stream, flush=True)


class ProgressBars:
    """A bar a stage on a terminal, with its rate and what is left; problems and remarks above them."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.bars: Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(file=stream),
        )
        self.tasks: dict[str, TaskID] = {}
        self.watch = Stopwatch()

    def __enter__(self) -> ProgressBars:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def __call__(self, event: Event) -> None:
        if event.message:
            self.bars.console.print(shown(event.message), markup=False, highlight=False)
        if event.stage not in self.tasks:
            words = WORDS.get(event.stage, event.stage)
            done, total = event.done or 0, event.total or 1
            self.tasks[event.stage] = self.bars.add_task(words, total=total, completed=done, pace="")
        changes: dict[str, Any] = {"completed": event.done} if event.done is not None else {}
        changes["pace"] = str(self.watch.pace(time.monotonic(), event)) if event.kind != "end" else ""
        if event.kind == "end" and event.done is None:
            changes = {"completed": 1}
        self.bars.update(self.tasks[event.stage], **changes)


def progress(stream: TextIO) -> ProgressBars | ProgressLines:
    """What shows a job's events on ``stream``: bars on a terminal, lines elsewhere. A context manager."""
    return ProgressBars(stream) if stream.isatty() else ProgressLines(stream)


def _software() -> dict[str, Any]:
    system = {"python": platform.python_version(), "host": platform.node(), "pid": os.getpid()}
    return {"tablesim": __version__, **system, "cores": os.cpu_count()}


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _counted(event: Event) -> str:
    return "" if event.done is None else f"{event.done} of {counted(event.total or 0, 'page')}"
