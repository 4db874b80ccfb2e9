"""``tablesim evaluate``: readings against what is printed, neighbours and clusters against labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Weights, goes_with
from tablesim.cli.output import note, print_json, print_table, print_values

if TYPE_CHECKING:
    from tablesim.corpus.evaluation.embeddings import EmbeddingRow
    from tablesim.workflow.evaluation import ReadingEvaluation

SHOWN = ("mean_average_precision", "precision_at_1", "detection", "adjusted_rand", "purity")
"""What is printed of each embedding; JSON has all."""


def command(
    context: typer.Context,
    sources: Annotated[
        list[Path], typer.Argument(metavar="SCAN...|RUN", help="Scans or folders of scans; or one run folder.")
    ],
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="DIR", help="Transcriptions or truths of the scans.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="CSV", help="Columns page,label; for a run folder.")
    ] = None,
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="With --labels: other embeddings beside ours, with intervals.")
    ] = False,
    pooled: Annotated[bool, typer.Option("--pooled", help="With --embeddings: pooled maps too.")] = False,
    vgg16: Annotated[
        Path | None,
        typer.Option(
            "--vgg16",
            metavar="WEIGHTS",
            help="With --embeddings: VGG-16 too, with weights of torchvision or `random` ones.",
        ),
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure how well scans are read, or how well a run finds the pages that belong together.

    With --truth: F1 of whole numbers, F1 of digits, the correlation of the 110 bins and the share of neighbours in rows
    and columns that were read as neighbours, by page and over all pages; and over all pages what confidences are worth.
    DIR holds a transcription a scan (p12.jpg: p12.txt), PAGE-XML or ALTO (.xml), or the truth (.json) of a synthesized
    one, which goes first.
    A transcription is plain text: a printed row a line, blanks between numbers, | between columns, || between tables
    side by side; points and commas inside a number may be left out. `# ignore x y width height` is a rectangle, in
    pixels of the scan, in which nothing counts: headings, page numbers.

    With --labels: how often a page's nearest pages have its label, the published detection test, and how clusters and
    labels agree; with --embeddings the same of other embeddings, and each one's difference from ours.

    Example: tablesim evaluate scans/p12.jpg --truth transcriptions
    """
    if (truth is None) == (labels is None):
        raise typer.BadParameter("give either --truth DIR (for scans) or --labels CSV (for a run folder)")
    goes_with(context, "--labels", labels, "embeddings")
    goes_with(context, "--embeddings", embeddings, "pooled", "vgg16")
    goes_with(context, "--truth or --pooled", truth or pooled, "weights")
    if truth is not None:
        from tablesim.workflow.evaluation import evaluate_reading

        reading = evaluate_reading(sources, truth, network=weights)
        for scan in reading.without_truth:
            note(f"not transcribed, left out: {scan}")
        print_json(reading.to_dict()) if as_json else _print_reading(reading)
        return
    assert labels is not None
    if len(sources) != 1:
        raise typer.BadParameter(f"--labels takes one run folder, got {len(sources)} paths")
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(sources[0])
    if embeddings:
        from tablesim.reader import load_network
        from tablesim.workflow.baselines import compare_embeddings_on

        network = load_network(weights) if pooled else None
        rows = compare_embeddings_on(corpus, labels, network=network, vgg16=vgg16)
        print_json([row.to_dict() for row in rows]) if as_json else _print_embeddings(rows)
        return
    from tablesim.corpus.evaluation.run import evaluate

    print_values(evaluate(corpus, labels).to_dict(), as_json=as_json, heading="measure")


def _print_reading(evaluation: ReadingEvaluation) -> None:
    """A line a page and one over all, and what the confidences of numbers and digits are worth."""
    lines = [(page.page, page.score, page.neighbours) for page in evaluation.pages]
    lines.append((f"all {len(evaluation.pages)}", evaluation.total, evaluation.neighbours))
    rows = [
        (
            name,
            score.numbers.hits + score.numbers.missed,
            score.f1_numbers,
            score.f1_digits,
            score.pearson,
            neighbours.both.share,
        )
        for name, score, neighbours in lines
    ]
    print_table(("page", "numbers", "F1 numbers", "F1 digits", "Pearson", "neighbours"), rows)
    for name, calibration in evaluation.calibration.items():
        typer.echo(f"calibration of {name}: expected error {calibration.error:.4f} over {calibration.judged}")
        if calibration.bins:
            bins = ", ".join(f"{each.confidence:.2f}:{each.right:.2f}" for each in calibration.bins)
            typer.echo(f"  confidence:share right in equal-count bins: {bins}")


def _print_embeddings(embeddings: Sequence[EmbeddingRow]) -> None:
    rows: list[tuple[Any, ...]] = []
    for row in (embedding.to_dict() for embedding in embeddings):
        for name in SHOWN:
            measured = row[name]
            interval = f"{measured['low']:.3f} to {measured['high']:.3f}"
            difference = ""
            if measured["difference"] is not None:
                low, high = measured["difference_low"], measured["difference_high"]
                difference = f"{measured['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append((row["embedding"], name.replace("_", " "), measured["value"], interval, difference))
    print_table(("embedding", "measure", "value", "95 %", "difference from the first"), rows)
