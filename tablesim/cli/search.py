"""``tablesim search``: pages like a page, or with typed numbers on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus


def command(
    run: Run,
    page: Annotated[str | None, typer.Argument(metavar="PAGE", help="Page to start from.", show_default=False)] = None,
    numbers: Annotated[
        str | None, typer.Option("--numbers", help="Numbers to look for, instead of PAGE.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many pages.")] = 10,
    across_books: Annotated[bool, typer.Option("--across-books", help="Leave out pages of the same book.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Lay candidates over PAGE and put those that agree cell by cell first.")
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="Columns page,label: who counts as another.", show_default=False),
    ] = None,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Past two million pages: quicker, and may miss a page.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the pages of a run that are most like one of its pages, or that hold some numbers.

    Pages come by falling similarity, those for numbers by how much of what was typed they hold. With each page stand
    the bigrams that bring most of the score, and how many pages of other tables (by --labels, else of other books) come
    as near: a hit is worth the more, the fewer they are. Pages of one kind are alike, and only those of one table agree
    in their cells: --verify shows how large a share of the common cells agrees, and of how much of the page these are.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    if verify and page is None:
        raise typer.BadParameter("--verify needs a PAGE: typed numbers have no cells")
    from tablesim.corpus.evaluation import read_labels
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
    if verify and page is not None:
        _verified(corpus, page, top, across_books=across_books, as_json=as_json)
        return
    known = None if labels is None else read_labels(labels).labels
    hits = corpus.search(
        page, numbers=numbers, top=top, across_books=across_books, labels=known, approximate=approximate
    )
    if across_books and page is not None and corpus.page(page)["book"] is None:
        note(f"the book of {page} is not known; give the run --metadata to leave out pages of the same book")
    if as_json:
        print_json([{**hit.to_dict(), "scan": corpus.page(hit.page)["scan"]} for hit in hits])
        return
    rows = []
    for hit in hits:
        about = corpus.page(hit.page)
        shared = " ".join(bigram.bigram for bigram in hit.shared)
        odd = "" if hit.surprise is None else f"{hit.surprise.as_near} of {hit.surprise.others}"
        rows.append((hit.rank, hit.similarity, hit.containment, odd, hit.page, about["year"], about["place"], shared))
    print_table(("rank", "similarity", "containment", "as near", "page", "year", "place", "shared bigrams"), rows)
    if hits and hits[0].surprise is not None:
        note(f"as near: pages with another {hits[0].surprise.by} than the query and the hit that come at least as near")


def _verified(corpus: Corpus, page: str, top: int, *, across_books: bool, as_json: bool) -> None:
    from tablesim.workflow.verifying import verified_search

    found = verified_search(corpus, page, top=top, across_books=across_books)
    if as_json:
        print_json([{**one.to_dict(), "scan": corpus.page(one.hit.page)["scan"]} for one in found])
        return
    rows = []
    for one in found:
        about, told = corpus.page(one.hit.page), one.verification
        rows.append(
            (
                one.hit.rank,
                "same" if told.same else "",
                told.agreement,
                told.coverage,
                one.hit.similarity,
                one.hit.page,
                about["year"],
                about["place"],
            )
        )
    print_table(("rank", "table", "agreement", "of page", "similarity", "page", "year", "place"), rows)
