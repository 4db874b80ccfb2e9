"""``tablesim synthesize``: pages of historical tables with their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, goes_with
from tablesim.cli.output import print_json


def command(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    pages: Annotated[
        int | None, typer.Option("--pages", min=1, help="How many pages, one in seven without a table.")
    ] = None,
    tables: Annotated[
        int | None,
        typer.Option("--tables", min=1, help="How many different tables, instead of --pages; 8 unless given."),
    ] = None,
    editions: Annotated[int, typer.Option("--editions", min=1, help="Editions of each table.")] = 4,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="The bundled sample corpus: 8 tables in 4 or 5 editions each.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a corpus that was written there before.")] = False,
    as_json: Json = False,
) -> None:
    """Write synthetic pages of historical tables, with the position of every digit and the history of their misprints.

    Example: tablesim synthesize --out corpus --tables 6 --editions 3 --seed 7
    """
    if sum((sample, pages is not None, tables is not None)) > 1:
        raise typer.BadParameter("give one of --sample, --pages and --tables")
    goes_with(context, "--pages or --tables", not sample, "editions")
    from rich.console import Console
    from rich.progress import Progress

    from tablesim.synthesis.corpus import synthesize

    with Progress(console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("pages", total=None)
        summary = synthesize(
            out,
            pages=pages,
            tables=tables,
            editions=editions,
            seed=seed,
            sample=sample,
            force=force,
            on_page=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(summary.to_dict())
    else:
        typer.echo(
            f"{summary.pages} pages, {summary.table_pages} of them with one of {summary.tables} tables, "
            f"{summary.scan_bytes / 1e6:.1f} MB of scans: {summary.folder}"
        )
