"""``tablesim train``: the digit network, from nothing or from weights that read already."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tablesim.api import FINE_TUNING, train
from tablesim.cli.options import goes_with
from tablesim.cli.output import note
from tablesim.digits.training.train import TrainingProgress, TrainingSettings

_FRESH = TrainingSettings()


def command(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoints, metrics, weights and the report.")],
    steps: Annotated[
        int | None,
        typer.Option(help=f"Updates of the weights; {_FRESH.steps}, with --start {FINE_TUNING['steps']}.", min=1),
    ] = None,
    batch: Annotated[int, typer.Option(help="Crops of 256 x 256 pixels an update.", min=1)] = _FRESH.batch,
    learning_rate: Annotated[
        float | None,
        typer.Option(help=f"Highest rate; {_FRESH.learning_rate}, with --start {FINE_TUNING['learning_rate']}."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Decides pages, crops, first weights and held-out books.", min=0)
    ] = _FRESH.seed,
    annotations: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV|DIR",
            help="Annotated digits or numbers, the corrections of a run, or PAGE-XML and ALTO; may be given again.",
        ),
    ] = None,
    scans: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the annotated scans are.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS|bundled|none",
            help="Weights to go on from; with --annotations the bundled ones, otherwise none.",
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(help="Share of the crops that come from annotated scans.")
    ] = _FRESH.annotated_share,
    held_out: Annotated[
        float, typer.Option("--held-out", help="Share of the annotated books to measure on instead.")
    ] = _FRESH.held_out,
    workers: Annotated[
        int, typer.Option(help="Processes that make practice pages; 0 for none beside this one.", min=0)
    ] = 1,
    threads: Annotated[
        int, typer.Option(help="Threads of the network; more than one helps on idle machines only.", min=1)
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a checkpoint, on stdout.")] = False,
) -> None:
    """Train the digit network on synthetic practice pages, and on annotated scans of your own.

    The same command again goes on where it stopped. In the end the folder holds digits.safetensors, to be used with
    --weights, and report.md with its learning curve, confusion matrix and calibration. Whole books of the annotations
    are held out, and how they are read before and after is reported.

    Example: tablesim train --out tuned --annotations digits.csv --scans raw
    """
    goes_with(context, "--annotations", annotations, "scans", "share", "held_out")
    goes_with(context, "--scans", scans, "annotations")
    given = {"steps": steps, "learning_rate": learning_rate}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with ExitStack() as stack:
        bar = _bar(quiet=as_json)
        task = bar.add_task("training", total=None, note="")

        def begin(steps: int) -> None:
            bar.update(task, total=steps)
            stack.enter_context(bar)

        def report(progress: TrainingProgress) -> None:
            if as_json:
                typer.echo(json.dumps(asdict(progress)))
            bar.update(task, completed=progress.step, note=_note(progress))

        train(
            out,
            annotations=annotations,
            scans=scans,
            start=start,
            workers=workers,
            threads=threads,
            on_start=begin,
            on_progress=report,
            on_remark=note,
            batch=batch,
            seed=seed,
            annotated_share=share,
            held_out=held_out,
            **settings,
        )
    if not as_json:
        typer.echo(f"weights: {out / 'digits.safetensors'}")
        typer.echo(f"report: {out / 'report.md'}")


def _bar(*, quiet: bool) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = [
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    return Bar(*columns, console=Console(stderr=True), disable=quiet)


def _note(progress: TrainingProgress) -> str:
    """Losses and, where the network was tried, how it reads by now."""
    parts = [f"loss {progress.digits:.3f}"]
    if progress.practice is not None:
        parts.append(f"F1 of digits {progress.practice['f1_digits']:.3f}")
    if progress.held_out is not None:
        parts.append(f"held-out books {progress.held_out['f1_digits']:.3f}")
    return ", ".join(parts)
