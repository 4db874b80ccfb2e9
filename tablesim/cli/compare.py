"""``tablesim compare``: how alike two pages are, and which figures make them so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tablesim.cli.options import Cache, Json, Offline
from tablesim.cli.output import note, print_json, print_table
from tablesim.scans.images import page_id

if TYPE_CHECKING:
    from tablesim.evidence.comparison import Comparison
    from tablesim.evidence.matches import Match
    from tablesim.evidence.pixels import PixelComparison

N_PRINTED = 10
"""Matches that are printed as text; --json and --out give --top of them."""


class Model(Enum):
    """What compares the pages."""

    bigram = "bigram"
    vgg16 = "vgg16"


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="Scan of one page.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Scan of the other page.", show_default=False)],
    model: Annotated[
        Model, typer.Option("--model", help="What compares: bigram reads figures, vgg16 sees rules and layout.")
    ] = Model.bigram,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Weights of the digit network, or of VGG-16 with vgg16.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many matches to list.")] = 200,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the picture and the JSON.", show_default=False)
    ] = None,
    cache: Cache = None,
    offline: Offline = False,
) -> None:
    """Compare two pages: similarity, score, and the pairs of equal figures whose contributions add up to it.

    A page of a PDF or of a TIFF with several is book.pdf#12, a page of a IIIF manifest ADDRESS#12.

    With --model vgg16 tiles of the pages are matched instead, as a network for photographs sees them; without
    --weights (a state dict in torchvision's format) its weights are random.

    Example: tablesim compare edition_1585.jpg edition_1604.jpg --out pair
    """
    from tablesim.scans.sources import find_page
    from tablesim.scans.web import Web

    web = Web(cache, offline=offline)
    comparison = _compare(str(find_page(a, web)), str(find_page(b, web)), model, weights, top)
    if out is not None:
        for path in write(comparison, out):
            note(f"written: {path}")
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


def _compare(a: str, b: str, model: Model, weights: Path | None, top: int) -> Comparison | PixelComparison:
    if model is Model.vgg16:
        from tablesim.evidence.pixels import compare_pixels

        pixels = compare_pixels(a, b, weights, top=top)
        note(f"compared by {pixels.provenance}")
        return pixels
    from tablesim.evidence import compare
    from tablesim.reader import load_network

    return compare(a, b, load_network(weights), top)


def write(comparison: Comparison | PixelComparison, folder: Path) -> Iterator[Path]:
    """Write the picture and the JSON into ``folder``, named after the two pages; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{page_id(comparison.a)}__{page_id(comparison.b)}"
    if comparison.model != Model.bigram.value:
        stem += f"__{comparison.model}"
    picture, data = folder / f"{stem}.png", folder / f"{stem}.json"
    comparison.plot(picture)
    data.write_text(json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    yield picture
    yield data


def show(comparison: Comparison | PixelComparison) -> None:
    """Say it in words, with the strongest matches."""
    if comparison.model != Model.bigram.value:
        typer.echo(f"similarity {comparison.similarity:.4f}")
        typer.echo(
            f"score {comparison.score:.4g}, of which {comparison.relevance_total:.4g} goes to pairs of tiles "
            f"and {round(100 * comparison.bias_share)} % to biases"
        )
        _table("tile", comparison.matches[:N_PRINTED], comparison)
        return
    _show_glyphs(cast("Comparison", comparison))


def _show_glyphs(comparison: Comparison) -> None:
    assignment = comparison.assignment
    typer.echo(f"similarity {comparison.similarity:.4f}   containment {comparison.containment:.4f}")
    typer.echo(
        f"score {comparison.score:.4f}, the sum of {comparison.glyph_matches.n_pairs} matches "
        f"{comparison.relevance_total:.4f}"
    )
    if not comparison.glyph_matches.n_pairs:
        typer.echo("the pages have no figure in common")
        return
    if assignment.registered:
        share = 100 * assignment.relevance_supported / comparison.score
        typer.echo(
            f"{assignment.equal_numbers} equal numbers stand at matching places; "
            f"figures at matching places bring {share:.0f} % of the score"
        )
    else:
        typer.echo("the pages cannot be laid over each other: too few equal numbers stand at matching places")
    links = assignment.supported if assignment.registered else assignment.links
    typer.echo("strongest pairs, joined one to one (places in source pixels):")
    _table("figures", links[:N_PRINTED], comparison)


def _table(what: str, matches: Sequence[Match], comparison: Comparison | PixelComparison) -> None:
    rows = [
        [match.bigram or "", match.relevance, f"{match.a.x:.0f}, {match.a.y:.0f}", f"{match.b.x:.0f}, {match.b.y:.0f}"]
        for match in matches
    ]
    print_table([what, "brings", f"on {page_id(comparison.a)}", f"on {page_id(comparison.b)}"], rows)
