"""The report of a training: learning curve, confusion matrix, reliability diagram, and a page with all measures.

Its sources are the record in the weights file and the lines of metrics.jsonl; it can be made again from them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

CURVE, CONFUSION, CALIBRATION, REPORT = "learning_curve.png", "confusion.png", "calibration.png", "report.md"

_INCHES, _DPI = (8.0, 4.5), 110


def write_training_report(folder: str | Path, record: dict[str, Any]) -> Path:
    """Write the pictures and ``report.md`` of a training into its folder.

    Parameters
    ----------
    folder : str or Path
        Of the training, with its metrics.jsonl.
    record : dict
        As the weights file holds it.

    Returns
    -------
    Path
        Of the report.
    """
    folder = Path(folder)
    points = read_metrics(folder / "metrics.jsonl")
    _draw_curve(points, folder / CURVE)
    _draw_confusion(record, folder / CONFUSION)
    _draw_calibration(record, folder / CALIBRATION)
    report = folder / REPORT
    report.write_text("\n".join(_lines(record, points)) + "\n", encoding="utf-8")
    return report


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The points of metrics.jsonl by rising step, the last line of a step where it stands twice; [] without a file."""
    path = Path(path)
    if not path.is_file():
        return []
    by_step: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            point = json.loads(line)
        except json.JSONDecodeError:
            continue  # a process was killed while it wrote this line
        by_step[int(point["step"])] = point
    return [by_step[step] for step in sorted(by_step)]


def _lines(record: dict[str, Any], points: Sequence[dict[str, Any]]) -> list[str]:
    settings, practice, whole = record["training"], record["validation"], record["whole_pages"]
    chosen = {name: settings[name] for name in settings if settings[name] != ""}
    lines = [
        "# Digit network: a training",
        "",
        f"{settings['steps']} updates of {settings['batch']} crops, seed {settings['seed']}"
        + (f", {len(points)} points on the learning curve." if points else "."),
        "The same settings on the same machine give the same weights.",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in chosen.items()),
        "",
        "## Practice pages",
        "",
        f"{practice['pages']} pages that were never trained on; harder than books.",
        "",
        "| measure | value |",
        "|---|---|",
        f"| precision of digits | {practice['digit_precision']:.4f} |",
        f"| recall of digits | {practice['digit_recall']:.4f} |",
        f"| F1 of whole numbers | {practice['f1_numbers']:.4f} |",
        f"| expected calibration error of digits | {practice['calibration_error']:.4f} |",
        f"| most frequent confusions | {', '.join(confusions(practice['confusion'])) or 'none'} |",
        *_curve_lines(points),
        "",
        "## Whole pages",
        "",
        f"{whole['pages']} synthesized pages of books, read as any scan is.",
        "",
        "| measure | value |",
        "|---|---|",
        f"| F1 of whole numbers | {whole['f1_numbers']:.4f} |",
        f"| F1 of digits | {whole['f1_digits']:.4f} |",
        f"| Pearson over the 110 bins | {whole['pearson']:.4f} |",
        f"| neighbours in rows and columns kept | {whole['neighbours']['share']:.4f} |",
        f"| expected calibration error of digits | {whole['calibration_error_digits']:.4f} |",
        f"| expected calibration error of numbers | {whole['calibration_error_numbers']:.4f} |",
        "",
    ]
    if "held_out" in record:
        lines += _held_out_lines(record["held_out"])
    lines += [
        "## Pictures",
        "",
        f"![Losses and measures while training]({CURVE})",
        "",
        f"![Printed digits, and what was read there]({CONFUSION})",
        "",
        f"![Confidences and shares that are right]({CALIBRATION})",
    ]
    return lines


def _curve_lines(points: Sequence[dict[str, Any]]) -> list[str]:
    """How a network that was trained further reads the practice pages before and after."""
    if not points or points[0]["step"] or not (points[0].get("practice") and points[-1].get("practice")):
        return []
    before, after = points[0]["practice"], points[-1]["practice"]
    names = (("F1 of digits", "f1_digits"), ("F1 of whole numbers", "f1_numbers"))
    return [
        f"| {name} on the few pages of the learning curve, before and after | {before[key]:.4f}, {after[key]:.4f} |"
        for name, key in names
    ]


def _held_out_lines(held_out: dict[str, Any]) -> list[str]:
    before, after = held_out["before"], held_out["after"]
    measures = (
        ("precision of digits", "digit_precision"),
        ("recall of digits", "digit_recall"),
        ("F1 of digits", "f1_digits"),
        ("numbers right", "numbers_right"),
    )
    return [
        "## Annotated books that were held out",
        "",
        f"{after['numbers']} annotated numbers on {held_out['pages']} pages of {len(held_out['books'])} books, none of "
        f"which was learned from: {', '.join(held_out['books'])}.",
        "",
        "| measure | before | after |",
        "|---|---|---|",
        *(
            f"| {name} | {f'{before[key]:.4f}' if before else 'from nothing'} | {after[key]:.4f} |"
            for name, key in measures
        ),
        f"| most frequent confusions | {_confused(before)} | {_confused(after)} |",
        "",
    ]


def _confused(measures: dict[str, Any] | None) -> str:
    return ", ".join(confusions(measures["confusion"])) or "none" if measures else ""


def confusions(matrix: Sequence[Sequence[int]], most: int = 6) -> list[str]:
    """The most frequent confusions, such as ``1 as 7 (12)``."""
    counts = np.asarray(matrix)
    wrong = [(int(counts[i, j]), i, j) for i in range(10) for j in range(10) if i != j and counts[i, j]]
    return [f"{i} as {j} ({count})" for count, i, j in sorted(wrong, key=lambda w: (-w[0], w[1:]))[:most]]


def _draw_curve(points: Sequence[dict[str, Any]], path: Path) -> None:
    figure, (left, right) = _axes(2)
    trained = [point for point in points if point["step"] > 0]
    for name in ("digits", "marks", "joins", "edges"):
        left.plot([point["step"] for point in trained], [point[name] for point in trained], label=name)
    left.set(xlabel="updates", ylabel="loss (log)", title="losses on training crops")
    if any(point["digits"] > 0 for point in trained):
        left.set_yscale("log")
    for where, key, label in (
        ("practice", "f1_digits", "practice pages: F1 of digits"),
        ("practice", "f1_numbers", "practice pages: F1 of numbers"),
        ("held_out", "f1_digits", "held-out books: F1 of digits"),
        ("held_out", "numbers_right", "held-out books: numbers right"),
    ):
        known = [(point["step"], point[where][key]) for point in points if point.get(where)]
        if known:
            right.plot(*zip(*known, strict=True), marker=".", label=label)
    right.set(xlabel="updates", title="averaged network, pages not trained on", ylim=(0, 1.02))
    for axes in (left, right):
        if axes.has_data():
            axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    _save(figure, path)


def _draw_confusion(record: dict[str, Any], path: Path) -> None:
    shown = [("practice pages", record["validation"]["confusion"])]
    if "held_out" in record:
        shown.append(("held-out books", record["held_out"]["after"]["confusion"]))
    figure, axes = _axes(len(shown))
    for place, (name, matrix) in zip(np.atleast_1d(axes), shown, strict=True):
        counts = np.asarray(matrix, dtype=float)
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        place.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
        for i in range(10):
            for j in range(10):
                if counts[i, j]:
                    colour = "white" if shares[i, j] > 0.3 else "black"
                    place.text(j, i, f"{int(counts[i, j])}", ha="center", va="center", fontsize=6, color=colour)
        place.set(xticks=range(10), yticks=range(10), xlabel="read", ylabel="printed", title=name)
    _save(figure, path)


def _draw_calibration(record: dict[str, Any], path: Path) -> None:
    figure, axes = _axes(2)
    shown = (
        ("digits, practice pages", record["validation"]["bins"]),
        ("numbers, whole pages", record["whole_pages"]["bins"]),
    )
    for place, (name, bins) in zip(axes, shown, strict=True):
        place.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        place.plot([each["confidence"] for each in bins], [each["right"] for each in bins], marker="o")
        place.set(xlabel="confidence", ylabel="share that is right", title=name, xlim=(0, 1.02), ylim=(0, 1.02))
        place.grid(alpha=0.3)
    _save(figure, path)


def _axes(count: int) -> tuple[Any, Any]:
    """A figure with plots side by side; drawn without a display, whatever is set elsewhere."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, count)


def _save(figure: Any, path: Path) -> None:
    # The same picture for the same training: no date, no version of the library inside.
    figure.savefig(path, metadata={"Software": None})
