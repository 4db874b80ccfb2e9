"""``tablesim compare``: how alike two pages are, and which digits make them so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tablesim.cli.options import Cache, Force, Json, Offline, OtherLabels, goes_with
from tablesim.cli.output import note, print_json, print_table, remark
from tablesim.records.counting import counted
from tablesim.scans.images import page_id

if TYPE_CHECKING:
    from tablesim.evidence.comparison import Comparison
    from tablesim.evidence.matches.glyphs import Match
    from tablesim.evidence.matches.photograph_network import PixelComparison
    from tablesim.records.reading import Reading

N_PRINTED = 10
"""Matches that are printed as text; --json and --out give --top of them."""


N_NAMED = 8
"""Bigrams that are named as text."""


class SimilarityModel(StrEnum):
    """What compares the pages."""

    bigram = "bigram"
    vgg16 = "vgg16"


class FigureStyle(StrEnum):
    """How the picture is drawn."""

    arcs = "arcs"
    print = "print"


def command(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Scan of one page; with --run a page.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Scan of the other page.")],
    model: Annotated[
        SimilarityModel,
        typer.Option("--model", help="What compares: bigram reads digits, vgg16 sees rules and layout."),
    ] = SimilarityModel.bigram,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Weights of the digit network, or of VGG-16 with vgg16.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many matches to list.")] = 200,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="Run folder to set the pair against.")
    ] = None,
    labels: OtherLabels = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Say on what of the page the relevance lies; takes some seconds more.")
    ] = False,
    style: Annotated[
        FigureStyle, typer.Option("--style", help="The picture: arcs; print adds one for paper, as PDF.")
    ] = FigureStyle.arcs,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the pictures and the JSON.")] = None,
    force: Force = False,
    cache: Cache = None,
    offline: Offline = False,
) -> None:
    """Compare two pages: similarity, score, and the pairs of equal digits whose contributions add up to it.

    A page of a PDF or of a TIFF with several is book.pdf#12, a page of a IIIF manifest ADDRESS#12. With --run A and B
    may be page ids of that run, which are not read again, or scans that are in it; then it is also said how the pair
    ranks among all its pages, so that one sees whether such a similarity is anything special there.

    With --model vgg16 tiles of the pages are matched instead, as a network for photographs sees them; without
    --weights (a state dict in torchvision's format) its weights are random.

    Example: tablesim compare edition_1585.jpg edition_1604.jpg --out pair
    """
    goes_with(context, "--run", run, "labels")
    goes_with(context, "--out", out, "style", "force")
    vgg16 = model is SimilarityModel.vgg16
    goes_with(context, "--model bigram", not vgg16, "pixels", "labels")
    from tablesim import reader
    from tablesim.corpus.evaluation.labels import read_labels
    from tablesim.corpus.storage.outputs import refuse_existing
    from tablesim.corpus.store import Corpus
    from tablesim.evidence.comparison import compare
    from tablesim.evidence.matches import photograph_network
    from tablesim.export.comparison_folder import comparison_files, write_comparison
    from tablesim.scans.sources import find_page
    from tablesim.scans.web import Web
    from tablesim.workflow.witnesses import stored_alignment

    corpus, web = None if run is None else Corpus.open(run), Web(cache, offline=offline)
    known = None if labels is None else read_labels(labels).labels

    def page_of(name: str) -> str | Reading:
        if corpus is not None and corpus.page_table.row_of(name) is not None:
            return corpus.reading(name)
        return str(find_page(name, web))

    page_a, page_b = page_of(a), page_of(b)
    needs_network = pixels or isinstance(page_a, str) or isinstance(page_b, str)
    goes_with(context, "scans; two pages of a run were read already", needs_network or vgg16, "weights")
    if out is not None:
        id_a, id_b = (page_id(page if isinstance(page, str) else page.scan) for page in (page_a, page_b))
        files = comparison_files(id_a, id_b, out, model=model.value, pixels=pixels, style=style.value)
        refuse_existing(files.values(), force=force)
    comparison: Comparison | PixelComparison
    ink = None
    if vgg16:
        comparison = photograph_network.compare_pixels(page_a, page_b, weights, top=top)
        note(f"compared by {comparison.provenance}")
        if corpus is not None:
            note("how a pair ranks in a run is known of the bigram network alone")
    else:
        network = reader.load_network(weights) if needs_network else None
        alignment = None
        if corpus is not None and all(corpus.page_table.row_of(name) is not None for name in (a, b)):
            in_run = [str(corpus.page(name)["page"]) for name in (a, b)]
            alignment = stored_alignment(corpus, in_run[0], in_run[1], remark)
        comparison = compare(page_a, page_b, network=network, top=top, alignment=alignment)
        if pixels:
            ink = comparison.pixels(network)
            comparison = replace(comparison, by_region=ink.by_region)
        if corpus is not None:
            comparison = comparison.within(corpus, known)
    if out is not None:
        for path in write_comparison(comparison, out, ink=ink, style=style.value, force=force):
            note(f"written: {path}")
        if comparison.model == "bigram" and cast("Comparison", comparison).transform is None:
            note(f"no overlay: {cast('Comparison', comparison).why_no_transform}")
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


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
        f"score {comparison.score:.4f}, the sum of {counted(comparison.glyph_matches.n_pairs, 'match', 'matches')} "
        f"{comparison.relevance_total:.4f}"
    )
    if not comparison.glyph_matches.n_pairs:
        typer.echo("the pages have no digit in common")
        return
    bigrams = comparison.bigrams
    named = ", ".join(f"{bigram.bigram} {100 * bigram.share:.0f} %" for bigram in bigrams[:N_NAMED])
    typer.echo(f"{n_for(bigrams, 0.5)} of {len(bigrams)} common bigrams bring half of the score: {named}")
    _show_what(comparison)
    if assignment.registered:
        share = 100 * assignment.relevance_supported / comparison.score
        typer.echo(
            f"{assignment.equal_numbers} equal numbers stand at matching positions; "
            f"digits at matching positions bring {share:.0f} % of the score"
        )
    else:
        reason = comparison.why_no_transform or "too few equal numbers stand at matching positions"
        typer.echo(f"the pages cannot be registered: {reason}")
    links = assignment.supported if assignment.registered else assignment.links
    typer.echo("strongest pairs, joined one to one (positions in source pixels):")
    _table("digits", links[:N_PRINTED], comparison)


def _table(what: str, matches: Sequence[Match], comparison: Comparison | PixelComparison) -> None:
    rows = [
        [match.bigram or "", match.relevance, f"{match.a.x:.0f}, {match.a.y:.0f}", f"{match.b.x:.0f}, {match.b.y:.0f}"]
        for match in matches
    ]
    print_table([what, "brings", f"on {page_id(comparison.a)}", f"on {page_id(comparison.b)}"], rows)
