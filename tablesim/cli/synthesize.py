"""``tablesim synthesize``: pages of historical tables with their truth."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    out: Path = typer.Option(..., "--out", help="Folder to write; a corpus written there before is replaced."),
    pages: int | None = typer.Option(None, "--pages", min=1, help="How many pages, one in seven without a table."),
    tables: int | None = typer.Option(None, "--tables", min=1, help="How many different tables, instead of --pages."),
    editions: int = typer.Option(4, "--editions", min=1, help="Editions of each table."),
    seed: int | None = typer.Option(None, "--seed", min=0, help="The same seed gives the same bytes."),
    sample: bool = typer.Option(False, "--sample", help="The bundled sample corpus: 8 tables in 4 or 5 editions each."),
    as_json: bool = typer.Option(False, "--json", help="Say what was written as JSON on stdout."),
) -> None:
    """Write synthetic pages of historical tables, with every figure's place and the history of their misprints.

    Example: tablesim synthesize --out corpus --tables 6 --editions 3 --seed 7
    """
    import json

    from rich.console import Console
    from rich.progress import Progress

    from tablesim.synthesis import corpus

    if sum((sample, pages is not None, tables is not None)) > 1:
        raise typer.BadParameter("give one of --sample, --pages and --tables")
    number = seed if seed is not None else corpus.SAMPLE_SEED if sample else 0
    if sample:
        plan = corpus.sample_plan(number)
    elif pages is not None:
        plan = corpus.plan_of_pages(number, pages, editions)
    else:
        plan = corpus.draw_plan(number, tables or 8, editions)
    with Progress(console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("pages", total=plan.n_pages)
        summary = corpus.write_corpus(out, plan, on_page=lambda _: bar.advance(task))
    if as_json:
        typer.echo(json.dumps(summary.to_dict()))
    else:
        typer.echo(
            f"{summary.pages} pages, {summary.table_pages} of them with one of {summary.tables} tables, "
            f"{summary.scan_bytes / 1e6:.1f} MB of scans: {summary.folder}"
        )
