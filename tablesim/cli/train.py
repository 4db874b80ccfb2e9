"""``tablesim train``: the digit network."""

from __future__ import annotations

from pathlib import Path

import typer

from tablesim.digits.training import Progress, TrainingSettings, train


def command(
    out: Path = typer.Option(..., "--out", help="Folder for checkpoints, metrics and weights."),
    steps: int = typer.Option(TrainingSettings().steps, help="Updates of the weights."),
    batch: int = typer.Option(TrainingSettings().batch, help="Crops of 256 x 256 pixels an update."),
    seed: int = typer.Option(TrainingSettings().seed, help="Decides pages, crops and first weights."),
    workers: int = typer.Option(1, help="Processes that make practice pages."),
    threads: int = typer.Option(1, help="Threads of the network; more than one helps on idle machines only."),
    json_lines: bool = typer.Option(False, "--json", help="One JSON object a checkpoint, on stdout."),
) -> None:
    """Train the digit network on synthetic practice pages. The same command again goes on where it stopped.

    Example: tablesim train --out training --steps 8500
    """
    import json
    from dataclasses import asdict

    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    settings = TrainingSettings(steps=steps, batch=batch, seed=seed)
    columns = [
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Bar(*columns, disable=json_lines) as bar:
        task = bar.add_task("training", total=steps, note="")

        def report(progress: Progress) -> None:
            if json_lines:
                typer.echo(json.dumps(asdict(progress)))
            note = f"digits {progress.digits:.3f} joins {progress.joins:.3f} edges {progress.edges:.3f}"
            bar.update(task, completed=progress.step, note=note)

        train(out, settings, workers=workers, threads=threads, on_progress=report, checkpoint_every=min(250, steps))
    if not json_lines:
        typer.echo(f"weights: {out / 'digits.safetensors'}")
