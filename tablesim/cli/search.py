"""``tablesim search``: pages like a page, or with typed numbers on them."""

from __future__ import annotations

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
    as_json: Json = False,
) -> None:
    """Find the pages of a run that are most like one of its pages, or that hold some numbers.

    Pages come by falling similarity, those for numbers by how much of what was typed they hold. With each page stand
    the bigrams that bring most of the score. Pages of one kind are alike, and only those of one table agree in their
    cells: --verify shows how large a share of the common cells agrees, and of how much of the page these are.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    if verify and page is None:
        raise typer.BadParameter("--verify needs a PAGE: typed numbers have no cells")
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
    if verify and page is not None:
        _verified(corpus, page, top, across_books=across_books, as_json=as_json)
        return
    hits = corpus.search(page, numbers=numbers, top=top, across_books=across_books)
    if across_books and page is not None and corpus.page(page)["book"] is None:
        note(f"the book of {page} is not known; give the run --metadata to leave out pages of the same book")
    if as_json:
        print_json([{**hit.to_dict(), "scan": corpus.page(hit.page)["scan"]} for hit in hits])
        return
    rows = []
    for hit in hits:
        about = corpus.page(hit.page)
        shared = " ".join(bigram.bigram for bigram in hit.shared)
        rows.append((hit.rank, hit.similarity, hit.containment, hit.page, about["year"], about["place"], shared))
    print_table(("rank", "similarity", "containment", "page", "year", "place", "shared bigrams"), rows)


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
