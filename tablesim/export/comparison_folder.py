"""A comparison as a folder: pictures of two pages and what makes them alike, and the numbers behind them as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tablesim.corpus.storage.outputs import file_name, refuse_existing
from tablesim.errors import SettingsError
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.figures.match_figure import STYLES
from tablesim.evidence.matches.ink_relevance import PixelRelevance
from tablesim.evidence.matches.photograph_network import PixelComparison
from tablesim.scans.images import page_id


def comparison_files(
    page_a: str, page_b: str, folder: str | Path, *, model: str = "bigram", pixels: bool = False, style: str = "arcs"
) -> dict[str, Path]:
    """The files that ``write_comparison`` may write about two pages, by what they show.

    ``page_a`` and ``page_b`` are page ids, ``model`` is that of the comparison ("bigram" or "vgg16"), and ``pixels`` is
    whether the relevance of the ink is drawn too. SettingsError for a style that there is not.
    """
    if style not in STYLES:
        raise SettingsError(f"style: got {style!r}, expected one of {', '.join(STYLES)}")
    ends = {"matches": ".png", "data": ".json", "faithfulness": "__faithfulness.png"}
    if model == "bigram":
        ends |= {"overlay": "__overlay.png", "blink": "__blink.gif"}
    if pixels:
        ends["pixels"] = "__pixels.png"
    if style == "print":
        ends["print"] = "__print.pdf"
    stem = f"{page_a}__{page_b}" + ("" if model == "bigram" else f"__{model}")
    return {kind: Path(folder) / file_name(stem, end) for kind, end in ends.items()}


def write_comparison(
    comparison: Comparison | PixelComparison,
    folder: str | Path,
    *,
    ink: PixelRelevance | None = None,
    style: str = "arcs",
    force: bool = False,
) -> list[Path]:
    """Write a comparison as pictures and JSON, named after the two pages.

    Parameters
    ----------
    comparison : Comparison or PixelComparison
        What ``compare`` or ``compare_pixels`` gave.
    folder : path
        Where to write; made if it is not there.
    ink : PixelRelevance, optional
        The relevance of single pixels, as ``Comparison.pixels`` gives it: one picture more.
    style : {"arcs", "print"}
        "print" adds a picture for paper, as PDF.
    force : bool
        Replace files that are there.

    Returns
    -------
    list of Path
        The matches as a picture, and the JSON of ``Comparison.to_dict``. Where the pages can be registered, their
        overlay and a blinking picture (``Comparison.why_no_transform`` says why not). Where they have a match, how fast
        the similarity falls without its matches.

    Raises
    ------
    ExportError
        One of the files is there and ``force`` is False; nothing was written.
    SettingsError
        There is no such style.
    ScanError
        A scan is no longer where the reading says it was.
    """
    files = comparison_files(
        page_id(comparison.a),
        page_id(comparison.b),
        folder,
        model=comparison.model,
        pixels=ink is not None,
        style=style,
    )
    refuse_existing(files.values(), force=force)
    Path(folder).mkdir(parents=True, exist_ok=True)
    comparison.plot(files["matches"])
    data = json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1)
    files["data"].write_text(data + "\n", encoding="utf-8")
    written = [files["matches"], files["data"]]
    if isinstance(comparison, Comparison) and comparison.transform is not None:
        from tablesim.evidence.figures.overlay import draw_overlay, write_blink

        written += [draw_overlay(comparison, files["overlay"]), write_blink(comparison, files["blink"])]
    if comparison.faithfulness is not None:
        from tablesim.evidence.figures.faithfulness_figure import draw_faithfulness

        written.append(draw_faithfulness(comparison, files["faithfulness"]))
    if ink is not None:
        ink.plot(files["pixels"])
        written.append(files["pixels"])
    if style == "print":
        comparison.plot(files["print"], style=style)
        written.append(files["print"])
    return written
