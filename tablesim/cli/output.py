"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from tablesim.errors import TablesimError, shown
from tablesim.records.counting import counted

if TYPE_CHECKING:
    from tablesim.corpus.indexing.events import Event
    from tablesim.corpus.store import Corpus


def print_json(data: Any) -> None:
    """``data`` as JSON on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=1))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns under their headings, two blanks apart; numbers to the right, words and lists to the left."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(heading), *(len(row[at]) for row in cells), 0) for at, heading in enumerate(headings)]
    numeric = [
        bool(rows) and all(isinstance(value, int | float | None) for value in column)
        for column in zip(*rows, strict=True)
    ]
    for line in [list(headings), *cells]:
        columns = zip(line, widths, numeric or [False] * len(widths), strict=True)
        parts = [text.rjust(width) if right else text.ljust(width) for text, width, right in columns]
        typer.echo("  ".join(parts).rstrip())


def print_values(values: Mapping[str, Any], *, as_json: bool, heading: str = "what") -> None:
    """Named values: as JSON, or as a table with a line each."""
    if as_json:
        print_json(values)
    else:
        print_table((heading, "value"), [(name.replace("_", " "), value) for name, value in values.items()])


def note(message: str) -> None:
    """One line on stderr."""
    typer.echo(shown(" ".join(message.split())), err=True)


def remark(event: Event) -> None:
    """Print the remarks among the events of something quick, which shows no progress."""
    if event.kind == "remark":
        note(event.message)


def failure(message: str) -> None:
    """One line on stderr about something that could not be done, while the rest goes on."""
    note(f"tablesim: {message}")


@contextmanager
def going_on(failed: list[str]) -> Iterator[None]:
    """Say an expected error in one line and go on with the rest; ``failed`` gets it."""
    try:
        yield
    except TablesimError as error:
        failed.append(str(error))
        failure(str(error))


def progress(*, quiet: bool = False) -> Any:
    """What shows a job's events on stderr; with ``quiet`` only problems and remarks, as lines."""
    from tablesim.workflow import event_log

    return event_log.ProgressLines(sys.stderr) if quiet else event_log.progress(sys.stderr)


def print_run(corpus: Corpus, *, as_json: bool, evaluation: Mapping[str, float | None] | None = None) -> None:
    """What a finished run holds, how it compares with labels if that is known, and where its report is."""
    status, measured = corpus.status(), evaluation or {}
    report = corpus.folder / "report" / "index.html"
    failed, away, left_out = (status[name] for name in ("failed", "away", "left_out"))
    counts = [
        words
        for n, words in (
            (failed, f"{counted(failed, 'page')} could not be read"),
            (away, f"{counted(away, 'page has its scan', 'pages have their scans')} away"),
            (left_out, counted(left_out, "file or folder is no scan", "files and folders are no scans")),
        )
        if n
    ]
    if counts:
        failure(f"{'; '.join(counts)}; {corpus.folder / 'problems.csv'} says why")
    if as_json:
        there = str(report) if status["report"] else None
        print_json({**status, "report": there, "problems": corpus.problems, **measured})
        return
    pages = f"{counted(status['read'], 'page')} read, {status['tables']:,} with a numerical table."
    typer.echo(f"{pages} {corpus.groups.sentence if corpus.groups.known else ''}".rstrip())
    for name, value in measured.items():
        typer.echo(f"{name.replace('_', ' ')}: {'none' if value is None else f'{value:.3f}'}")
    typer.echo(f"report: {report}" if status["report"] else f"no report yet: tablesim report {corpus.folder}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)
