"""``tablesim evaluate``: readings against transcriptions, neighbours and clusters against labels."""

from __future__ import annotations

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
        typer.Option("--truth", metavar="DIR", help="Transcriptions, named as the scans.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="Columns page,label; for a run folder.", show_default=False),
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure how well scans are read, or how well a run finds the pages that belong together.

    With --truth: F1 of whole numbers, F1 of digits and the correlation of the 110 bins, by page and over all pages.
    With --labels: how often a page's nearest page has its label, and how clusters and labels agree.

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
        result = evaluate_run(sources[0], labels)
    if as_json:
        print_json(result)
    elif truth is not None:
        print_table(("page", "numbers", "F1 numbers", "F1 digits", "Pearson"), _rows(result))
    else:
        figures = [(name.replace("_", " "), _joined(value)) for name, value in result.items()]
        print_table(("figure", "value"), figures)


def evaluate_scans(sources: list[Path], truth: Path, weights: Path | None = None) -> dict[str, Any]:
    """Read every scan and score it against its transcription.

    Returns
    -------
    dict
        ``pages``: for each scan ``page``, ``scan``, ``is_table``, ``f1_numbers``, ``f1_digits``, ``pearson`` and the
        counts; ``total``: the same over all pages; ``without_truth``: scans found in a folder that nobody transcribed.

    Raises
    ------
    TranscriptionError
        A scan named outright has no transcription, or none of the scans has one, or a file breaks the format.
    """
    from tablesim.digits.scores import score_reading, total
    from tablesim.digits.transcription import read_transcription
    from tablesim.reader import load_network
    from tablesim.scans.sources import find_scans

    scans = find_scans(sources)
    paths = {scan: truth / f"{scan.stem}.txt" for scan in scans}
    missing = [scan for scan in scans if not paths[scan].is_file()]
    named = [scan for scan in missing if scan in sources]
    if named or len(missing) == len(scans):
        scan = (named or missing)[0]
        raise TranscriptionError(
            f"{scan}: no transcription, expected it at {paths[scan]}; write one (a row a line, '|' between columns) "
            "or name the folder that has it with --truth"
        )
    # All of them before the first page is read: a slip of the pen should not show after an hour.
    transcriptions = {scan: read_transcription(paths[scan]) for scan in scans if scan not in missing}
    reader = load_network(weights)
    pages, scores = [], []
    for scan, transcription in transcriptions.items():
        reading = reader.read(scan)
        score = score_reading(reading.numbers, transcription)
        scores.append(score)
        pages.append({"page": reading.page, "scan": str(scan), "is_table": reading.is_table, **score.to_dict()})
    return {"pages": pages, "total": total(scores).to_dict(), "without_truth": [str(scan) for scan in missing]}


def evaluate_run(run: Path, labels: Path) -> dict[str, Any]:
    """Neighbours and clusters of a run folder against a CSV with the columns ``page,label``."""
    from tablesim.corpus.evaluation import evaluate
    from tablesim.corpus.store import Corpus

    return _plain(evaluate(Corpus.open(run), labels))


def _plain(result: Any) -> dict[str, Any]:
    """A result as a dict of plain values."""
    if hasattr(result, "to_dict"):
        return dict(result.to_dict())
    return asdict(result) if is_dataclass(result) and not isinstance(result, type) else dict(result)


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _rows(result: dict[str, Any]) -> list[tuple[str, int, float, float, float]]:
    """A row a page, and one over all."""
    named = [*((page["page"], page) for page in result["pages"]), (f"all {len(result['pages'])}", result["total"])]
    return [
        (
            name,
            score["numbers"]["hits"] + score["numbers"]["missed"],
            score["f1_numbers"],
            score["f1_digits"],
            score["pearson"],
        )
        for name, score in named
    ]
