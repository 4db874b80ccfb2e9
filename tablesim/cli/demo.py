"""``tablesim demo``: the main job on the bundled sample corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, Workers
from tablesim.cli.output import print_run, progress

SHOWN = ("precision_at_1", "adjusted_rand")
"""What of the evaluation is printed."""


def command(
    out: Annotated[Path, typer.Option("--out", help="Run folder to write, or to go on with.")] = Path("demo"),
    workers: Workers = 1,
    as_json: Json = False,
) -> None:
    """Read, compare and cluster the sample corpus: eight tables in four or five editions each, and pages without any.

    Example: tablesim demo --out demo
    """
    from tablesim.api import demo

    with progress(quiet=as_json) as show:
        corpus, evaluation = demo(out, workers=workers, on_event=show)
    print_run(corpus, as_json=as_json, evaluation={name: getattr(evaluation, name) for name in SHOWN})
