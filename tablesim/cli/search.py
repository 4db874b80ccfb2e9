"""``tablesim search``: pages like a page, or with typed numbers on them."""

from __future__ import annotations

from typing import Annotated

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json, print_table


def command(
    run: Run,
    page: Annotated[str | None, typer.Argument(metavar="PAGE", help="Page to start from.", show_default=False)] = None,
    numbers: Annotated[
        str | None, typer.Option("--numbers", help="Numbers to look for, instead of PAGE.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many pages.")] = 10,
    across_books: Annotated[bool, typer.Option("--across-books", help="Leave out pages of the same book.")] = False,
    as_json: Json = False,
) -> None:
    """Find the pages of a run that are most like one of its pages, or that hold some numbers.

    Pages come by falling similarity, those for numbers by how much of what was typed they hold. With each page stand
    the bigrams that bring most of the score.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
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
