"""``tablesim status``: where a run stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import print_json, print_table, remark
from tablesim.records.counting import counted

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus

PROBLEMS_SHOWN = 20
"""Lines of problems on the screen; a run may have thousands."""


def command(
    run: Run,
    by: Annotated[
        str | None, typer.Option("--by", metavar="COLUMN", help="Count the pages by any column of the metadata.")
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
    readers = corpus.read_with()
    if as_json:
        names = ("page", "scan", "sha256", "status", "away")
        pages = [{name: row[name] for name in names} for row in corpus.pages]
        print_json({**status, "read_with": readers, "problems": corpus.problems, "page_list": pages})
        return
    status = {name: value for name, value in status.items() if value is not None}
    width = max(map(len, status))
    for name, value in status.items():
        typer.echo(f"{name.replace('_', ' '):{width}}  {_written(value)}".rstrip())
    if corpus.clusters is not None:
        typer.echo(corpus.groups.sentence)
    for reader in readers if len(readers) > 1 else ():
        numbers = ", ".join(f"{name} {number}" for name, number in sorted(reader["versions"].items()))
        typer.echo(f"{counted(reader['pages'], 'page')} read with {numbers}")
    problems = corpus.problem_log.rows()
    for problem in problems[:PROBLEMS_SHOWN]:
        typer.echo(f"{'problem' if problem['kind'] == 'failed' else problem['kind']}: {problem['problem']}")
    if len(problems) > PROBLEMS_SHOWN:
        typer.echo(f"and {len(problems) - PROBLEMS_SHOWN} more in {corpus.folder / 'problems.csv'}")


def _compared(corpus: Corpus) -> dict[str, Any]:
    """How many verdicts there are, pairs of pages that were collated, and tables over several pages."""
    from tablesim.review.constraints import names_status, verdicts_status
    from tablesim.review.verdicts_and_names import names_by_number
    from tablesim.workflow.alignments import RunAlignments
    from tablesim.workflow.long_tables import stored_tables_over_pages

    return {
        **verdicts_status(corpus).counts(),
        **names_status(corpus).counts(),
        "named_clusters": {str(n): name for n, name in names_by_number(corpus, corpus.clusters).items()} or None,
        "collated_pairs": len(RunAlignments(corpus, remark)),
        "tables_over_pages": len(stored_tables_over_pages(corpus)),
    }


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text}" for name, text in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)
