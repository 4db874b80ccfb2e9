"""``tablesim status``: where a run stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import print_json, print_table

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus


def command(
    run: Run,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Count the pages by any column of the metadata.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how many pages of a run are read, waiting or failed, which stages are done, and how a job at work goes on.

    With --by the pages are counted by place, year, printer or any other column that the metadata has.

    Example: tablesim status myrun --by place
    """
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
    if by is not None:
        from tablesim.scans.metadata import count_by

        counts = count_by(corpus.pages, by)
        if as_json:
            print_json({"by": by, "pages": counts})
        else:
            print_table((by, "pages"), list(counts.items()))
        return
    status = {**corpus.status(), **_compared(corpus)}
    if as_json:
        pages = [{"page": row["page"], "scan": row["scan"], "status": row["status"]} for row in corpus.pages]
        print_json({**status, "problems": corpus.problems, "page_list": pages})
        return
    status = {name: value for name, value in status.items() if value is not None}
    width = max(map(len, status))
    for name, value in status.items():
        typer.echo(f"{name.replace('_', ' '):{width}}  {_written(value)}".rstrip())
    for problem in corpus.problems:
        typer.echo(f"problem: {problem['problem']}")


def _compared(corpus: Corpus) -> dict[str, int]:
    """How many verdicts there are, pairs of pages that were collated, and tables over several pages."""
    from tablesim.review.constraints import verdicts_status
    from tablesim.workflow.alignments import RunAlignments
    from tablesim.workflow.long_tables import stored_tables_over_pages

    return {
        **verdicts_status(corpus).counts(),
        "verified_pairs": len(RunAlignments(corpus)),
        "tables_over_pages": len(stored_tables_over_pages(corpus)),
    }


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    return ", ".join(value) if isinstance(value, list) else str(value)
