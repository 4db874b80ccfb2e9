"""``tablesim search``: pages like a page, or with typed numbers on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, OtherLabels, Run, goes_with
from tablesim.cli.output import note, print_json, print_table, remark

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus
    from tablesim.workflow.verification import VerifiedHit


def command(
    context: typer.Context,
    run: Run,
    page: Annotated[str | None, typer.Argument(metavar="PAGE", help="Page to start from.")] = None,
    numbers: Annotated[str | None, typer.Option("--numbers", help="Numbers to look for, instead of PAGE.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many pages.")] = 10,
    across_books: Annotated[bool, typer.Option("--across-books", help="Leave out pages of the same book.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Align candidates with PAGE; those that agree cell by cell come first.")
    ] = False,
    labels: OtherLabels = None,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Past two million pages: quicker, and may miss a page.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the pages of a run that are most like one of its pages, or that hold some numbers.

    Pages come by falling similarity, those for numbers by how much of what was typed they hold. With each page stand
    the bigrams that bring most of the score, and how many pages of other tables (by --labels, else of other books) come
    as near: a hit is worth the more, the fewer they are. Pages of one kind are alike, and only those of one table agree
    in their cells: --verify aligns the pages cell by cell and shows how many cells agree, of how many in the part that
    both have, and how many do by chance; without it, of those that the run has aligned already. "same kind" is what
    was not shown to be the same table. Where a table runs over several pages, these are named.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    goes_with(context, "a PAGE", page, "verify", "across_books", "approximate")
    goes_with(context, "an exact search, without --approximate", not approximate, "labels")
    from tablesim.corpus.evaluation import read_labels
    from tablesim.corpus.store import Corpus
    from tablesim.workflow.long_tables import long_tables_with
    from tablesim.workflow.verification import VerifiedHit, known_to_agree, verified_search

    corpus = Corpus.open(run)
    known = None if labels is None else read_labels(labels).labels
    if page is None:
        hits = [VerifiedHit(hit, None) for hit in corpus.search(numbers=numbers, top=top, labels=known)]
    else:
        options: dict[str, Any] = {"across_books": across_books, "labels": known, "approximate": approximate}
        if verify:
            hits = verified_search(corpus, page, top=top, on_event=remark, **options)
        else:
            hits = known_to_agree(corpus, page, corpus.search(page, top=top, **options), remark)
        if across_books and corpus.page(page)["book"] is None:
            note(f"the book of {page} is not known; give the run --metadata to leave out pages of the same book")
    long_tables = {} if page is None else long_tables_with(corpus, page)
    if as_json:
        print_json(
            [
                {
                    **hit.to_dict(),
                    "scan": corpus.page(hit.hit.page)["scan"],
                    "table_over_pages": long_tables.get(hit.hit.page),
                }
                for hit in hits
            ]
        )
        return
    _print(corpus, hits, long_tables)


def _print(corpus: Corpus, hits: Sequence[VerifiedHit], long_tables: Mapping[str, Mapping[str, Any]]) -> None:
    """A line a hit; what is known of none of them has no column."""
    from tablesim.records.dates import YearRange

    columns: dict[str, list[Any]] = {}
    for verified in hits:
        hit, verification, row = verified.hit, verified.verification, corpus.page(verified.hit.page)
        line = {
            "rank": hit.rank,
            "similarity": hit.similarity,
            "containment": hit.containment,
            "relation": verified.relation,
            "cells that agree": None if verification is None else verification.words,
            "as near": None if hit.surprise is None else f"{hit.surprise.as_near} of {hit.surprise.others}",
            "page": hit.page,
            "year": YearRange.of_row(row).shown or None,
            "place": row["place"],
            "runs over": "+".join(long_tables[hit.page]["pages"]) if hit.page in long_tables else None,
            "shared bigrams": " ".join(bigram.bigram for bigram in hit.shared),
        }
        for name, value in line.items():
            columns.setdefault(name, []).append(value)
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    print_table(tuple(known), list(zip(*known.values(), strict=True)))
    if hits and hits[0].hit.surprise is not None:
        by = hits[0].hit.surprise.by
        note(f"as near: pages with another {by} than the query and the hit that come at least as near")
    if "relation" in known:
        note(
            "cells that agree: of the part that both pages have; by chance: as many agree between tables of these kinds"
        )
