"""``tablesim report``: the report of a run, written again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import print_json


def command(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; RUN/report unless given.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of a run: its clusters and a page for each pair, opened from disk, without a network.

    The page of a pair shows the matched figures, both tables place by place with a piece of the scans for each
    difference, one page upon the other, and a citation. Pairs of pages that it lays over each other are kept in the
    run (verified.parquet), and tables that run over several pages are listed in RUN/tables_over_pages.csv.

    Example: tablesim report myrun
    """
    from tablesim.corpus.store import Corpus
    from tablesim.report import write_report

    report = write_report(Corpus.open(run), out)
    if as_json:
        print_json({"report": str(report)})
    else:
        typer.echo(f"report: {report}")
