"""``tablesim report``: the report of a run, written again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, PageLanguage, Run, Workers
from tablesim.cli.output import print_json, progress


def command(
    run: Run,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write; RUN/report unless given.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files in the way that no report wrote; all others stay.")
    ] = False,
    workers: Workers = 1,
    language: Annotated[PageLanguage, typer.Option("--language", help="Language of its pages.")] = PageLanguage.en,
    as_json: Json = False,
) -> None:
    """Write the report of a run: its clusters and a page for each pair, opened from disk, without a network.

    The page of a pair shows the matched digits, both tables cell by cell with a piece of the scans for each
    difference, one page registered upon the other, and a citation. How far pairs of pages agree is kept in the run, and
    tables that run over several pages are listed in RUN/tables_over_pages.csv. --workers N writes the pages of a large
    report in N processes. With --out the run is only read. A page that would be as it is is left alone: a report that
    was interrupted goes on where it was.

    Example: tablesim report myrun
    """
    from tablesim.corpus.store import Corpus
    from tablesim.report import write_report

    with progress(quiet=as_json) as show:
        report = write_report(Corpus.open(run), out, force=force, workers=workers, language=language, on_event=show)
    if as_json:
        print_json({"report": str(report)})
    else:
        typer.echo(f"report: {report}")
