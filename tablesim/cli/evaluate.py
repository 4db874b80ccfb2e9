"""``tablesim evaluate``: readings against what is printed, neighbours and clusters against labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tablesim.cli.options import Json, Weights
from tablesim.cli.output import note, print_json, print_table
from tablesim.errors import TranscriptionError


def command(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SCAN...|RUN", help="Scans or folders of scans; or one run folder.", show_default=False),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="DIR", help="Transcriptions or truths, named as the scans.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="Columns page,label; for a run folder.", show_default=False),
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
            show_default=False,
        ),
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure how well scans are read, or how well a run finds the pages that belong together.

    With --truth: F1 of whole numbers, F1 of digits, the correlation of the 110 bins and the share of neighbours in rows
    and columns that were read as neighbours, by page and over all pages; and over all pages what confidences are worth.
    DIR holds a transcription (.txt) a scan, or the truth (.json) of a synthesized one, which goes first.
    With --labels: how often a page's nearest pages have its label, the published detection test, and how clusters and
    labels agree; with --embeddings the same of other embeddings, and each one's difference from ours.

    Example: tablesim evaluate scans/p12.jpg --truth transcriptions
    """
    if (truth is None) == (labels is None):
        raise typer.BadParameter("give either --truth DIR (for scans) or --labels CSV (for a run folder)")
    if truth is not None:
        result = evaluate_scans(sources, truth, weights)
        for scan in result["without_truth"]:
            note(f"not transcribed, left out: {scan}")
    else:
        assert labels is not None
        if len(sources) != 1:
            raise typer.BadParameter(f"--labels takes one run folder, got {len(sources)} paths")
        if embeddings or pooled or vgg16 is not None:
            table = compare_rivals(sources[0], labels, pooled=pooled, vgg16=vgg16, weights=weights)
            _print_rivals(table, as_json)
            return
        result = evaluate_run(sources[0], labels)
    if as_json:
        print_json(result)
    elif truth is not None:
        print_table(("page", "numbers", "F1 numbers", "F1 digits", "Pearson", "neighbours"), _rows(result))
        for line in _calibration_lines(result["total"]):
            typer.echo(line)
    else:
        figures = [(name.replace("_", " "), _joined(value)) for name, value in result.items()]
        print_table(("figure", "value"), figures)


def evaluate_scans(sources: list[Path], truth: Path, weights: Path | None = None) -> dict[str, Any]:
    """Read every scan and score it against what is printed on it.

    Returns
    -------
    dict
        ``pages``: for each scan ``page``, ``scan``, ``is_table``, ``f1_numbers``, ``f1_digits``, ``pearson``,
        ``neighbours`` and the counts; ``total``: the same over all pages, with ``calibration``: for ``numbers`` (and
        for ``digits``, of pages whose truth has places) how many were judged, their expected calibration ``error`` and
        the ``bins`` behind it; ``without_truth``: scans found in a folder that nobody transcribed.

    Raises
    ------
    TranscriptionError
        A scan named outright has no truth, or none of the scans has one, or a file breaks the format.
    """
    from tablesim.digits.transcription import find_truth, read_truth
    from tablesim.reader import load_network
    from tablesim.scans.sources import find_scans

    scans = find_scans(sources)
    found = {scan: find_truth(truth, scan.stem) for scan in scans}
    missing = [scan for scan in scans if found[scan] is None]
    named = [scan for scan in missing if scan.file in sources]
    if named or len(missing) == len(scans):
        scan = (named or missing)[0]
        raise TranscriptionError(
            f"{scan}: no transcription, expected it at {truth / scan.stem}.txt; write one (a row a line, '|' between "
            "columns) or name the folder that has it with --truth"
        )
    # All of them before the first page is read: a slip of the pen should not show after an hour.
    truths = {scan: read_truth(path) for scan, path in found.items() if path is not None}
    return {**_measured(load_network(weights), truths), "without_truth": [str(scan) for scan in missing]}


def _measured(reader: Any, truths: dict[Any, Any]) -> dict[str, Any]:
    """``pages`` and ``total`` of `evaluate_scans`, from the truth of each scan."""
    from tablesim.digits.alignment import align, judged_digits
    from tablesim.digits.neighbours import TableNeighbourRecall, neighbour_recall
    from tablesim.digits.scores import score_texts, total
    from tablesim.records.truth import PageTruth

    pages, scores = [], []
    neighbours = TableNeighbourRecall()
    judged: dict[str, list[Any]] = {"numbers": [], "digits": []}
    for scan, truth in truths.items():
        reading = reader.read(scan)
        aligned = align(reading, truth)
        score = score_texts([n.digits_text for n in aligned.read], [n.digits_text for n in aligned.printed])
        kept = neighbour_recall(aligned)
        scores.append(score)
        neighbours += kept
        judged["numbers"].append(aligned.judged())
        if isinstance(truth, PageTruth):
            judged["digits"].append(judged_digits(reading, truth))
        here = {"page": reading.page, "scan": str(scan), "is_table": reading.is_table}
        pages.append({**here, **score.to_dict(), "neighbours": kept.to_dict()})
    calibration = {name: _calibration(parts) for name, parts in judged.items() if parts}
    over_all = {**total(scores).to_dict(), "neighbours": neighbours.to_dict(), "calibration": calibration}
    return {"pages": pages, "total": over_all}


def _calibration(parts: list[Any]) -> dict[str, Any]:
    import numpy as np

    from tablesim.digits.calibration import expected_calibration_error, reliability

    confidence, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {
        "judged": len(confidence),
        "error": round(expected_calibration_error(confidence, right), 6),
        "bins": [each.to_dict() for each in reliability(confidence, right)],
    }


def evaluate_run(run: Path, labels: Path) -> dict[str, Any]:
    """Neighbours and clusters of a run folder against a CSV with the columns ``page,label``."""
    from tablesim.corpus.evaluation.labels import evaluate
    from tablesim.corpus.store import Corpus

    return _plain(evaluate(Corpus.open(run), labels))


def compare_rivals(
    run: Path, labels: Path, *, pooled: bool = False, vgg16: Path | None = None, weights: Path | None = None
) -> list[dict[str, Any]]:
    """Embeddings of a run side by side against labels; see ``tablesim.workflow.baselines.embedding_table``."""
    from tablesim.corpus.store import Corpus
    from tablesim.reader import load_network
    from tablesim.workflow.baselines import compare_embeddings_on

    network = load_network(weights) if pooled else None
    return [row.to_dict() for row in compare_embeddings_on(Corpus.open(run), labels, network=network, vgg16=vgg16)]


_SHOWN = ("mean_average_precision", "precision_at_1", "detection", "adjusted_rand", "purity")


def _print_rivals(table: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(table)
        return
    rows: list[tuple[Any, ...]] = []
    for row in table:
        for name in _SHOWN:
            figure = row[name]
            interval = f"{figure['low']:.3f} to {figure['high']:.3f}"
            difference = ""
            if figure["difference"] is not None:
                low, high = figure["difference_low"], figure["difference_high"]
                difference = f"{figure['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append((row["embedding"], name.replace("_", " "), figure["value"], interval, difference))
    print_table(("embedding", "figure", "value", "95 %", "difference from the first"), rows)


def _plain(result: Any) -> dict[str, Any]:
    """A result as a dict of plain values."""
    if hasattr(result, "to_dict"):
        return dict(result.to_dict())
    return asdict(result) if is_dataclass(result) and not isinstance(result, type) else dict(result)


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _calibration_lines(total: dict[str, Any]) -> Iterator[str]:
    """What the confidences are worth, in a line each for numbers and digits."""
    for name, found in total["calibration"].items():
        bins = ", ".join(f"{each['confidence']:.2f}:{each['right']:.2f}" for each in found["bins"])
        yield f"calibration of {name}: expected error {found['error']:.4f} over {found['judged']}"
        if bins:
            yield f"  confidence:share right in equal-count bins: {bins}"


def _rows(result: dict[str, Any]) -> list[tuple[str, int, float, float, float, float]]:
    """A row a page, and one over all."""
    named = [*((page["page"], page) for page in result["pages"]), (f"all {len(result['pages'])}", result["total"])]
    return [
        (
            name,
            score["numbers"]["hits"] + score["numbers"]["missed"],
            score["f1_numbers"],
            score["f1_digits"],
            score["pearson"],
            score["neighbours"]["share"],
        )
        for name, score in named
    ]
