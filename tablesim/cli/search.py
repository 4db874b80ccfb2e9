"""``tablesim search``: pages like a page, or that hold typed numbers, with the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, OtherLabels, goes_with
from tablesim.cli.output import note, print_json, print_table, remark
from tablesim.records.counting import counted, cut

if TYPE_CHECKING:
    from tablesim.corpus.search.number_search import NumberHit
    from tablesim.corpus.store import Corpus
    from tablesim.workflow.verification import VerifiedHit

MARK_OF = {"read": "", "doubtful": "~", "may be": "?", "differs": "!"}
"""What stands behind a number by how its cell stands to what was asked."""

DOUBTS_SHOWN = 10
"""Remarks on the places below a list: more than a screen is not read."""


def command(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN... [PAGE]", help="Run folders, searched as one; page to start from.")
    ],
    page: Annotated[str | None, typer.Option("--page", help="The page, where that is clearer than behind RUN.")] = None,
    numbers: Annotated[
        str | None, typer.Option("--numbers", help='Numbers to look for, such as "0 24 / 0 48", instead of PAGE.')
    ] = None,
    any_order: Annotated[
        bool, typer.Option("--any-order", help="The numbers may stand anywhere on a page, in any order.")
    ] = False,
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

    Numbers are found one after the other in a row or in a column, with their cells; rows below each other are apart by
    a slash with blanks around it. 39;1 is a value in units and sixtieths, whose places may have a column each, 3/8 a
    fraction; ? is any one figure, * any figures, and alone any number. Pages that hold all of them come first, then
    those of which a reading is in doubt, then those that hold all but one of four or more; pages that are merely alike
    by bigrams stand below, and it is said. Corrections count at once.

    Pages like PAGE come by falling similarity. With each stand the bigrams that bring most of the score, and how many
    pages of other tables (by --labels, else of other books) come as near: a hit is worth the more, the fewer they are.
    Pages of one kind are alike, and only those of one table agree in their cells: --verify aligns the pages cell by
    cell and shows how many cells agree, of how many in the part that both have, and how many do by chance; without it,
    of those that the run has aligned already. "same kind" is what was not shown to be the same table. Where a table
    runs over several pages, these are named.

    Several runs are searched as one, and each hit says its run: for a page of any of them, or for numbers.

    Example: tablesim search myrun --numbers "0 24 / 0 48" --top 5
    """
    from tablesim.corpus.storage.run_folder import is_run

    *folders, last = runs
    if numbers is None and page is None:
        page = last if folders else None
    elif not folders or is_run(Path(last)):
        folders.append(last)
    else:
        page = page or last
    if (page is None) == (numbers is None):
        raise typer.BadParameter("give either PAGE or --numbers")
    goes_with(context, "a PAGE", page, "verify", "across_books", "approximate")
    goes_with(context, "--numbers", numbers, "any_order")
    goes_with(context, "an exact search, without --approximate", not approximate, "labels")
    if len(folders) > 1:
        goes_with(context, "one run", None, "verify", "approximate", "labels")
        _search_shelves(
            folders, page, numbers, top=top, across_books=across_books, any_order=any_order, as_json=as_json
        )
        return
    run = folders[0]
    from tablesim.corpus.evaluation.labels import read_labels
    from tablesim.corpus.store import Corpus
    from tablesim.scans.books import AS_METADATA
    from tablesim.workflow.long_tables import long_tables_with
    from tablesim.workflow.verification import known_to_agree, verified_search

    corpus = Corpus.open(run)
    known = None if labels is None else read_labels(labels).labels
    if page is None:
        answer = corpus.search_numbers(str(numbers), top=top, any_order=any_order, labels=known)
        note(answer.sentence)
        if as_json:
            print_json(
                [
                    hit.to_dict() | {"scan": corpus.page(hit.page)["scan"], "report": _in_report(corpus, hit)}
                    for hit in answer.hits
                ]
            )
        else:
            _print_numbers([(corpus, hit) for hit in answer.hits])
        return
    options: dict[str, Any] = {"across_books": across_books, "labels": known, "approximate": approximate}
    if verify:
        hits = verified_search(corpus, page, top=top, on_event=remark, **options)
    else:
        hits = known_to_agree(corpus, page, corpus.search(page, top=top, **options), remark)
    if across_books and corpus.page(page)["book"] is None:
        note(f"the book of {page} is not known; give the run --metadata to leave out pages of the same book")
    elif across_books and (taken := corpus.run.get("books", AS_METADATA)) != AS_METADATA:
        note(f"books: {taken}")
    long_tables = long_tables_with(corpus, page)
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
    _print([(corpus, hit) for hit in hits], long_tables)


def _search_shelves(
    folders: Sequence[str],
    page: str | None,
    numbers: str | None,
    *,
    top: int,
    across_books: bool,
    any_order: bool,
    as_json: bool,
) -> None:
    """Search several runs as one."""
    from tablesim.corpus.shelves import Shelves
    from tablesim.workflow.verification import VerifiedHit

    shelves = Shelves.open(folders)
    for message in shelves.remarks():
        note(message)
    if numbers is not None:
        answer = shelves.search_numbers(numbers, top=top, any_order=any_order)
        note(answer.sentence)
        if as_json:
            reports = [_in_report(each.corpus, each.hit) for each in answer.hits]
            print_json(
                [
                    {**each.to_dict(), "scan": each.corpus.page(each.hit.page)["scan"], "report": report}
                    for each, report in zip(answer.hits, reports, strict=True)
                ]
            )
        else:
            _print_numbers([(each.corpus, each.hit) for each in answer.hits], several=True)
        return
    found = shelves.search(str(page), top=top, across_books=across_books)
    if as_json:
        print_json([{**each.to_dict(), "scan": each.corpus.page(each.hit.page)["scan"]} for each in found])
    else:
        _print([(each.corpus, VerifiedHit(each.hit, None)) for each in found], {}, several=True)


def _in_report(corpus: Corpus, hit: NumberHit) -> str | None:
    """The page of a page in the run's report, at the first cell that was found; None where there is no such page."""
    from tablesim.report.addresses import page_href

    path = corpus.folder / "report" / page_href(hit.page)
    anchor = f"#{hit.places[0].cells[0].address.anchor}" if hit.places else ""
    return f"{path}{anchor}" if path.is_file() else None


def _print_numbers(hits: Sequence[tuple[Corpus, NumberHit]], *, several: bool = False) -> None:
    """A line a page with the first place; what is in doubt about it below the list; with ``several`` runs its run."""
    from tablesim.records.dates import YearRange

    lines, doubts = [], []
    for corpus, hit in hits:
        row, place = corpus.page(hit.page), hit.places[0] if hit.places else None
        where = reads = None
        if place is not None:
            first, last = place.cells[0].address, place.cells[-1].address
            where = first.words if len(place.cells) == 1 else f"{first.short} to {last.short}"
            where += f" and {hit.n_places - 1} more" if hit.n_places > 1 else ""
            reads = " ".join(cell.number.printed + MARK_OF[cell.state] for cell in place.cells)
            doubts += [f"{hit.page}: {one}" for one in place.remarks]
        alike = None if hit.hit is None else cut(hit.hit.similarity, 4)
        year = YearRange.of_row(row).shown or None
        report = _in_report(corpus, hit)
        run = corpus.folder.name if several else None
        lines.append((hit.rank, hit.standing, run, hit.page, year, row["place"], where, reads, alike, report))
    names = ("rank", "what the page does", "run", "page", "year", "place", "where", "reads", "similarity", "report")
    known = [at for at, column in enumerate(zip(*lines, strict=True)) if any(value is not None for value in column)]
    print_table([names[at] for at in known], [[line[at] for at in known] for line in lines])
    if any(MARK_OF[cell.state] for _, hit in hits for place in hit.places[:1] for cell in place.cells):
        note("~ doubtful reading; ? read otherwise and may be this; ! another number")
    for doubt in doubts[:DOUBTS_SHOWN]:
        note(doubt)
    if len(doubts) > DOUBTS_SHOWN:
        note(f"and {counted(len(doubts) - DOUBTS_SHOWN, 'more remark')}; --json has them all")


def _print(
    hits: Sequence[tuple[Corpus, VerifiedHit]], long_tables: Mapping[str, Mapping[str, Any]], *, several: bool = False
) -> None:
    """A line a hit; what is known of none of them has no column."""
    from tablesim.records.dates import YearRange

    columns: dict[str, list[Any]] = {}
    for corpus, verified in hits:
        hit, verification, row = verified.hit, verified.verification, corpus.page(verified.hit.page)
        line = {
            "rank": hit.rank,
            "similarity": cut(hit.similarity, 4),
            "containment": cut(hit.containment, 4),
            "relation": verified.relation,
            "cells that agree": None if verification is None else verification.words,
            "as near": None if hit.surprise is None else f"{hit.surprise.as_near} of {hit.surprise.others}",
            "run": corpus.folder.name if several else None,
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
    if hits and (surprise := hits[0][1].hit.surprise) is not None:
        by = surprise.by
        note(f"as near: pages with another {by} than the query and the hit that come at least as near")
    if "relation" in known:
        note(
            "cells that agree: of the part that both pages have; by chance: as many agree between tables of these kinds"
        )
