"""``tablesim search``: pages like a page, or with typed numbers on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from tablesim.corpus.search.hits import Hit
    from tablesim.corpus.store import Corpus
    from tablesim.workflow.verification import VerifiedHit


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
    in their cells: --verify lays the pages over each other and shows how large a share of the common cells agrees, and
    of how much of the page these are; without it, of those that the run has laid over each other already. Where a table
    runs over several pages, these are named.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    if verify and page is None:
        raise typer.BadParameter("--verify needs a PAGE: typed numbers have no cells")
    from tablesim.corpus.evaluation.labels import read_labels
    from tablesim.corpus.store import Corpus

    corpus = Corpus.open(run)
    if page is None or not verify:
        known = None if labels is None else read_labels(labels).labels
        hits = corpus.search(
            page, numbers=numbers, top=top, across_books=across_books, labels=known, approximate=approximate
        )
        found = _unverified(corpus, page, hits)
    else:
        from tablesim.workflow.verification import verified_search

        found = verified_search(corpus, page, top=top, across_books=across_books)
    if across_books and page is not None and corpus.page(page)["book"] is None:
        note(f"the book of {page} is not known; give the run --metadata to leave out pages of the same book")
    on = {} if page is None else _go_on(corpus, page)
    if as_json:
        print_json(
            [
                {**one.to_dict(), "scan": corpus.page(one.hit.page)["scan"], "table_over_pages": on.get(one.hit.page)}
                for one in found
            ]
        )
        return
    _print(corpus, found, on)


def _unverified(corpus: Corpus, page: str | None, hits: Sequence[Hit]) -> list[VerifiedHit]:
    from tablesim.workflow.verification import VerifiedHit, known_to_agree

    return [VerifiedHit(hit, None) for hit in hits] if page is None else known_to_agree(corpus, page, hits)


def _go_on(corpus: Corpus, page: str) -> dict[str, dict[str, Any]]:
    """By the page of a hit, the table over several pages that it and ``page`` belong to, where the run lists one."""
    from tablesim.workflow.long_tables import stored_tables_over_pages

    found: dict[str, dict[str, Any]] = {}
    for told in reversed(stored_tables_over_pages(corpus)):
        for here, there in (("pages_a", "pages_b"), ("pages_b", "pages_a")):
            if page in told[here]:
                said = {name: told[name] for name in ("similarity", "containment", "agreement")}
                found |= {hit: {"pages": told[there], "of_query": told[here], **said} for hit in told[there]}
    return found


def _print(corpus: Corpus, found: Sequence[VerifiedHit], on: Mapping[str, Mapping[str, Any]]) -> None:
    """A line a hit; what is known of none of them has no column."""
    columns: dict[str, list[Any]] = {}
    for one in found:
        hit, told, about = one.hit, one.verification, corpus.page(one.hit.page)
        line = {
            "rank": hit.rank,
            "similarity": hit.similarity,
            "containment": hit.containment,
            "table": None if told is None else "same" if told.same else "other",
            "agreement": None if told is None else told.agreement,
            "of page": None if told is None else told.coverage,
            "as near": None if hit.surprise is None else f"{hit.surprise.as_near} of {hit.surprise.others}",
            "page": hit.page,
            "year": about["year"],
            "place": about["place"],
            "runs over": "+".join(on[hit.page]["pages"]) if hit.page in on else None,
            "shared bigrams": " ".join(bigram.bigram for bigram in hit.shared),
        }
        for name, value in line.items():
            columns.setdefault(name, []).append(value)
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    print_table(tuple(known), list(zip(*known.values(), strict=True)))
    if found and found[0].hit.surprise is not None:
        by = found[0].hit.surprise.by
        note(f"as near: pages with another {by} than the query and the hit that come at least as near")
    if "table" in known:
        note(
            "agreement: share of the cells that both pages have and that agree; of page: how much of the page these are"
        )
