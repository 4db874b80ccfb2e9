"""``tablesim compare``: how alike two pages are, and which figures make them so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tablesim.cli.options import Json, Weights
from tablesim.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from tablesim.evidence.comparison import Comparison

N_PRINTED = 10
"""Matches that are printed as text; --json and --out give --top of them."""


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="Scan of one page.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Scan of the other page.", show_default=False)],
    weights: Weights = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many matches to list.")] = 200,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the picture and the JSON.", show_default=False)
    ] = None,
) -> None:
    """Compare two pages: similarity, score, and the pairs of equal figures whose contributions add up to it.

    Example: tablesim compare edition_1585.jpg edition_1604.jpg --out pair
    """
    from tablesim.evidence import compare
    from tablesim.reader import load_network

    comparison = compare(a, b, load_network(weights), top)
    if out is not None:
        for path in write(comparison, out):
            note(f"written: {path}")
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


def write(comparison: Comparison, folder: Path) -> Iterator[Path]:
    """Write the picture and the JSON into ``folder``, named after the two pages; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{comparison.reading_a.page}__{comparison.reading_b.page}"
    picture, data = folder / f"{stem}.png", folder / f"{stem}.json"
    comparison.plot(picture)
    data.write_text(json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    yield picture
    yield data


def show(comparison: Comparison) -> None:
    """Say it in words, with the strongest matches."""
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
    rows = [
        [link.bigram, link.relevance, f"{link.a.x:.0f}, {link.a.y:.0f}", f"{link.b.x:.0f}, {link.b.y:.0f}"]
        for link in links[:N_PRINTED]
    ]
    print_table(["figures", "brings", f"on {comparison.reading_a.page}", f"on {comparison.reading_b.page}"], rows)
