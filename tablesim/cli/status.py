"""``tablesim status``: where a run stands."""

from __future__ import annotations

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import print_json


def command(run: Run, as_json: Json = False) -> None:
    """Say how many pages of a run are read, waiting or failed, and which stages are done.

    Example: tablesim status myrun --json
    """
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
    status = corpus.status()
    if as_json:
        pages = [{"page": row["page"], "scan": row["scan"], "status": row["status"]} for row in corpus.pages]
        print_json({**status, "problems": corpus.problems, "page_list": pages})
        return
    width = max(map(len, status))
    for name, value in status.items():
        text = "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        typer.echo(f"{name:{width}}  {', '.join(text) if isinstance(text, list) else text}")
    for problem in corpus.problems:
        typer.echo(f"problem: {problem['problem']}")
