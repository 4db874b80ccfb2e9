"""``tablesim compare``: how alike two pages are, and which figures make them so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tablesim.cli.options import Cache, Json, Offline
from tablesim.cli.output import note, print_json, print_table
from tablesim.records.reading import Reading
from tablesim.scans.images import page_id

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus
    from tablesim.evidence.comparison import Comparison
    from tablesim.evidence.matches.glyphs import Match
    from tablesim.evidence.matches.ink_relevance import PixelRelevance
    from tablesim.evidence.matches.photograph_network import PixelComparison
    from tablesim.scans.web import Web

N_PRINTED = 10
"""Matches that are printed as text; --json and --out give --top of them."""


N_NAMED = 8
"""Bigrams that are named as text."""


class SimilarityModel(Enum):
    """What compares the pages."""

    bigram = "bigram"
    vgg16 = "vgg16"


class FigureStyle(Enum):
    """How the picture is drawn."""

    arcs = "arcs"
    print = "print"


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="Scan of one page; with --run a page.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Scan of the other page.", show_default=False)],
    model: Annotated[
        SimilarityModel,
        typer.Option("--model", help="What compares: bigram reads figures, vgg16 sees rules and layout."),
    ] = SimilarityModel.bigram,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Weights of the digit network, or of VGG-16 with vgg16.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many matches to list.")] = 200,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="RUN", help="Run folder to set the pair against.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="Columns page,label: who counts as another.", show_default=False),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Say on what of the page the relevance lies; takes some seconds more.")
    ] = False,
    style: Annotated[
        FigureStyle, typer.Option("--style", help="The picture: arcs; print adds a quiet one for paper, as PDF.")
    ] = FigureStyle.arcs,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the pictures and the JSON.", show_default=False)
    ] = None,
    cache: Cache = None,
    offline: Offline = False,
) -> None:
    """Compare two pages: similarity, score, and the pairs of equal figures whose contributions add up to it.

    A page of a PDF or of a TIFF with several is book.pdf#12, a page of a IIIF manifest ADDRESS#12. With --run A and B
    may be page ids of that run, which are not read again, or scans that are in it; then it is also said how the pair
    stands among all its pages, so that one sees whether such a similarity is anything special there.

    With --model vgg16 tiles of the pages are matched instead, as a network for photographs sees them; without
    --weights (a state dict in torchvision's format) its weights are random.

    Example: tablesim compare edition_1585.jpg edition_1604.jpg --out pair
    """
    if labels is not None and run is None:
        raise typer.BadParameter("--labels needs a --run")
    from tablesim.scans.web import Web

    corpus, known = _corpus(run, labels)
    web = Web(cache, offline=offline)
    pages = _page(a, corpus, web), _page(b, corpus, web)
    comparison: Comparison | PixelComparison
    ink = None
    if model is SimilarityModel.vgg16:
        comparison = _by_vgg(*pages, weights, top)
        if corpus is not None:
            note("how a pair stands in a run is told of the bigram network alone")
    else:
        comparison, ink = _by_bigrams(*pages, weights, top, pixels=pixels)
        if corpus is not None:
            comparison = comparison.within(corpus, known)
    if out is not None:
        written = list(write(comparison, out))
        written += _write_more(comparison, ink, style, written[0])
        for path in written:
            note(f"written: {path}")
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


def _corpus(run: Path | None, labels: Path | None) -> tuple[Corpus | None, dict[str, str] | None]:
    if run is None:
        return None, None
    from tablesim.corpus.evaluation.labels import read_labels
    from tablesim.corpus.store import Corpus

    return Corpus.open(run), None if labels is None else dict(read_labels(labels).labels)


def _page(name: str, corpus: Corpus | None, web: Web) -> str | Reading:
    """What was read on a page of the run, or the path of a scan."""
    from tablesim.scans.sources import find_page

    if corpus is not None and corpus.page_table.row_of(name) is not None:
        return corpus.reading(name)
    return str(find_page(name, web))


def _by_vgg(a: str | Reading, b: str | Reading, weights: Path | None, top: int) -> PixelComparison:
    from tablesim.evidence.matches.photograph_network import compare_pixels

    found = compare_pixels(a, b, weights, top=top)
    note(f"compared by {found.provenance}")
    return found


def _by_bigrams(
    a: str | Reading, b: str | Reading, weights: Path | None, top: int, *, pixels: bool
) -> tuple[Comparison, PixelRelevance | None]:
    from tablesim.evidence import compare
    from tablesim.reader import load_network

    network = None if isinstance(a, Reading) and isinstance(b, Reading) and not pixels else load_network(weights)
    found = compare(a, b, network, top)
    if not pixels:
        return found, None
    ink = found.pixels(network)
    return replace(found, by_region=ink.by_region), ink


def write(comparison: Comparison | PixelComparison, folder: Path) -> Iterator[Path]:
    """Write the pictures and the JSON into ``folder``, named after the two pages; gives their paths.

    Where the pages can be laid over each other, the overlay and the blinking picture are among them; where not, a line
    on stderr says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{page_id(comparison.a)}__{page_id(comparison.b)}"
    if comparison.model != SimilarityModel.bigram.value:
        stem += f"__{comparison.model}"
    picture, data = folder / f"{stem}.png", folder / f"{stem}.json"
    comparison.plot(picture)
    data.write_text(json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    yield picture
    yield data
    if comparison.model == SimilarityModel.bigram.value:
        yield from _write_overlays(cast("Comparison", comparison), folder / stem)


def _write_overlays(comparison: Comparison, stem: Path) -> Iterator[Path]:
    from tablesim.evidence.figures.overlay import draw_overlay, write_blink

    if comparison.transform is None:
        note(f"no overlay: {comparison.why_no_transform}")
        return
    yield draw_overlay(comparison, stem.with_name(f"{stem.name}__overlay.png"))
    yield write_blink(comparison, stem.with_name(f"{stem.name}__blink.gif"))


def _write_more(
    comparison: Comparison | PixelComparison, ink: PixelRelevance | None, style: FigureStyle, picture: Path
) -> Iterator[Path]:
    """Write the other pictures that were asked for, named after the first one."""

    def beside(name: str) -> Path:
        return picture.with_name(f"{picture.stem}__{name}")

    if comparison.faithfulness is not None:
        from tablesim.evidence.figures.faithfulness_figure import draw_faithfulness

        yield draw_faithfulness(comparison, beside("faithfulness.png"))
    if ink is not None:
        ink.plot(beside("pixels.png"))
        yield beside("pixels.png")
    if style is FigureStyle.print:
        comparison.plot(beside("print.pdf"), style=style.value)
        yield beside("print.pdf")


def show(comparison: Comparison | PixelComparison) -> None:
    """Say it in words, with the strongest matches."""
    if comparison.model != SimilarityModel.bigram.value:
        typer.echo(f"similarity {comparison.similarity:.4f}")
        typer.echo(
            f"score {comparison.score:.4g}, of which {comparison.relevance_total:.4g} goes to pairs of tiles "
            f"and {round(100 * comparison.bias_share)} % to biases"
        )
        _show_what(comparison)
        _table("tile", comparison.matches[:N_PRINTED], comparison)
        return
    _show_glyphs(cast("Comparison", comparison))


def _show_what(comparison: Comparison | PixelComparison) -> None:
    """What the relevance lies on, and whether the similarity rests on it."""
    if comparison.by_region is not None:
        for scan, part in zip((comparison.a, comparison.b), comparison.by_region, strict=True):
            typer.echo(f"relevance on {page_id(scan)}, and how much of the page it is: {part.words}")
    if comparison.faithfulness is not None:
        typer.echo(comparison.faithfulness.words)


def _show_glyphs(comparison: Comparison) -> None:
    from tablesim.evidence.matches.shares import n_for

    assignment = comparison.assignment
    typer.echo(f"similarity {comparison.similarity:.4f}   containment {comparison.containment:.4f}")
    interval = comparison.interval
    typer.echo(
        f"{interval.low:.4f} to {interval.high:.4f} for what the reader doubts ({100 * interval.level:.0f} % of "
        f"{interval.resampled} readings drawn by the confidences)"
    )
    if comparison.corpus_rank is not None:
        for sentence in comparison.corpus_rank.words:
            typer.echo(sentence)
    typer.echo(
        f"score {comparison.score:.4f}, the sum of {comparison.glyph_matches.n_pairs} matches "
        f"{comparison.relevance_total:.4f}"
    )
    if not comparison.glyph_matches.n_pairs:
        typer.echo("the pages have no figure in common")
        return
    bigrams = comparison.bigrams
    named = ", ".join(f"{bigram.bigram} {100 * bigram.share:.0f} %" for bigram in bigrams[:N_NAMED])
    typer.echo(f"{n_for(bigrams, 0.5)} of {len(bigrams)} common bigrams bring half of the score: {named}")
    _show_what(comparison)
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
