"""``tablesim train``: the digit network, from nothing or from weights that read already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tablesim.cli.output import note
from tablesim.digits.training import TrainingProgress, TrainingSettings, train

_FRESH = TrainingSettings()
_TUNING = {"steps": 1500, "learning_rate": 4e-4}
"""Weights that read already need fewer and smaller steps."""


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoints, metrics, weights and the report.")],
    steps: Annotated[
        int | None,
        typer.Option(help=f"Updates of the weights; {_FRESH.steps}, with --start {_TUNING['steps']}.", min=1),
    ] = None,
    batch: Annotated[int, typer.Option(help="Crops of 256 x 256 pixels an update.", min=1)] = _FRESH.batch,
    learning_rate: Annotated[
        float | None,
        typer.Option(help=f"Highest rate; {_FRESH.learning_rate}, with --start {_TUNING['learning_rate']}."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Decides pages, crops, first weights and held-out books.", min=0)
    ] = _FRESH.seed,
    annotations: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV",
            help="Annotated digits or numbers, or the corrections of a run, to learn from too; may be given again.",
            show_default=False,
        ),
    ] = None,
    scans: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the annotated scans are.", show_default=False)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS|bundled|none",
            help="Weights to go on from; with --annotations the bundled ones, otherwise none.",
            show_default=False,
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
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a checkpoint, on stdout.")] = False,
) -> None:
    """Train the digit network on synthetic practice pages, and on annotated scans of your own.

    The same command again goes on where it stopped. In the end the folder holds digits.safetensors, to be used with
    --weights, and report.md with its learning curve, confusion matrix and calibration. Whole books of the annotations
    are held out, and how they are read before and after is reported.

    Example: tablesim train --out tuned --annotations digits.csv --scans raw
    """
    import json
    from dataclasses import asdict

    if (annotations is None) != (scans is None):
        raise typer.BadParameter("--annotations and --scans go together")
    pages = _pages(annotations, scans) if annotations and scans else []
    weights = _weights(start or ("bundled" if pages else "none"))
    usual = _TUNING if weights is not None else asdict(_FRESH)
    settings = TrainingSettings(
        steps=steps if steps is not None else int(usual["steps"]),
        batch=batch,
        learning_rate=learning_rate if learning_rate is not None else usual["learning_rate"],
        seed=seed,
        annotated_share=share,
        held_out=held_out,
    )
    with _bar(quiet=json_lines) as bar:
        task = bar.add_task("training", total=settings.steps, note="")

        def report(progress: TrainingProgress) -> None:
            if json_lines:
                typer.echo(json.dumps(asdict(progress)))
            bar.update(task, completed=progress.step, note=_note(progress))

        train(
            out,
            settings,
            annotations=pages,
            start=weights,
            workers=workers,
            threads=threads,
            on_progress=report,
            checkpoint_every=min(250, settings.steps),
        )
    if not json_lines:
        typer.echo(f"weights: {out / 'digits.safetensors'}")
        typer.echo(f"report: {out / 'report.md'}")


def _pages(annotations: list[Path], scans: Path) -> list[Any]:
    """The annotated pages, and on stderr what is used and what is not."""
    from tablesim.digits.annotated_pages import annotated_pages
    from tablesim.digits.annotations import read_annotations
    from tablesim.scans.csvfile import listed

    read = read_annotations(annotations)
    for line in read.summary():
        note(f"annotations: {line}")
    pages, left_out = annotated_pages(read, scans)
    for reason, which in left_out.items():
        note(f"annotations: {len(which)} pages left out, {reason} ({listed(which, 3)})")
    note(f"annotations: {len(pages)} pages of {len({page.book for page in pages})} books have their scans")
    return pages


def _weights(start: str) -> Path | None:
    from tablesim.reader import BUNDLED_WEIGHTS

    return {"none": None, "bundled": BUNDLED_WEIGHTS}.get(start, Path(start))


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
