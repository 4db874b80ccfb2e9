"""``tablesim correct``: what a person says of numbers, and of pages being tables or none, taken into a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, Run, goes_with
from tablesim.cli.output import note, print_json
from tablesim.records.counting import counted, plural

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus
    from tablesim.records.corrections import Correction, TableDecision


def _page(name: str, words: str) -> Any:
    return typer.Option(name, metavar="PAGE", help=f"This page {words}; may be given again.")


def command(
    context: typer.Context,
    run: Run,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="File with the columns page,sha256,x,y,width,height,read,correct,who,when,reason."),
    ] = None,
    table: Annotated[list[str] | None, _page("--table", "carries a table, whatever the machine takes it for")] = None,
    no_table: Annotated[list[str] | None, _page("--no-table", "carries no table, whatever was read on it")] = None,
    as_read: Annotated[list[str] | None, _page("--table-as-read", "is what the machine takes it for again")] = None,
    who: Annotated[str, typer.Option("--who", help="Who corrected, for the lines that do not say it.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why a page is said to carry a table, or none.")] = "",
    as_json: Json = False,
) -> None:
    """Take into a run what people read otherwise than the machine, and which pages they say carry a table or none.

    --csv: a line a number, by the box of the number in pixels of the scan. What is printed stands under correct:
    digits, ? for an illegible one, nothing where no number is printed.

    --table and --no-table: whole pages, by their ids. Pages with a table are searched and clustered, others are not.
    A page that was refused at a first look is read in full, from its scan, when it is said to carry a table.
    Many at once: --csv with the columns page,sha256,is_table,who,when,reason, where is_table is yes, no or `as read`.

    What the machine read is kept. Corrections are kept beside it in RUN/corrections.csv, pages in
    RUN/table_decisions.csv, with who and when. They belong to the scan by its hash (sha256; without one, to the scan
    that the page has now): they hold when it is read again, and those of another run are taken over where it has the
    same scans. Embeddings and neighbours follow at once; clusters and report when they are made again.

    Example: tablesim correct myrun --csv corrections.csv --who "A. Reader"
    """
    from tablesim.records.corrections import TableDecision

    given = ((table, True), (no_table, False), (as_read, None))
    pages = [(page, is_table) for some, is_table in given for page in some or ()]
    if (csv is None) == (not pages):
        raise typer.BadParameter("give either --csv, or pages with --table, --no-table or --table-as-read")
    goes_with(context, "--table, --no-table or --table-as-read", pages, "reason")
    from tablesim.corpus.corrections.table_decisions import read_table_decisions, says_tables
    from tablesim.corpus.store import Corpus
    from tablesim.digits.corrections import read_corrections

    corpus = Corpus.open(run)
    if csv is None:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        decisions = [TableDecision(page, is_table, who, now, reason) for page, is_table in pages]
        _decide(corpus, decisions, who, as_json)
    elif says_tables(csv):
        _decide(corpus, read_table_decisions(csv), who, as_json)
    else:
        _correct(corpus, read_corrections(csv), who, as_json)


def _correct(corpus: Corpus, corrections: Sequence[Correction], who: str, as_json: bool) -> None:
    from tablesim.corpus.corrections.apply import correct
    from tablesim.digits.corrections import correction_row

    taken = correct(corpus, corrections, who)
    for remark in (*taken.remarks, *corpus.corrections.status().remarks()):
        note(remark)
    nameless = sum(not correction.who for correction in taken.new)
    if nameless:
        note(
            f"{counted(nameless, 'correction does', 'corrections do')} not say who made "
            f"{plural(nameless, 'it', 'them')}; give --who, or the column who"
        )
    if as_json:
        new, not_taken = ([correction_row(c) for c in some] for some in (taken.new, taken.not_taken))
        print_json({"new": new, "known": taken.known, "pages": list(taken.pages), "not_taken": not_taken})
        return
    known = _besides(taken.known, len(taken.not_taken))
    embedded = counted(len(taken.pages), "page has", "pages have")
    typer.echo(f"{counted(len(taken.new), 'correction')} taken over{known}; {embedded} another embedding now")
    _what_follows(corpus, taken.pages)


def _decide(corpus: Corpus, decisions: Sequence[TableDecision], who: str, as_json: bool) -> None:
    from tablesim.corpus.corrections.apply import decide_tables
    from tablesim.corpus.corrections.table_decisions import table_decision_row

    taken = decide_tables(corpus, decisions, who)
    for remark in (*taken.remarks, *corpus.table_decisions.status().remarks()):
        note(remark)
    if any(not decision.who for decision in taken.new):
        note("it is not said who says so; give --who, or the column who")
    if as_json:
        new, not_taken = ([table_decision_row(d) for d in some] for some in (taken.new, taken.not_taken))
        print_json({"new": new, "known": taken.known, "pages": list(taken.pages), "not_taken": not_taken})
        return
    for page in taken.pages:
        is_table = corpus.page(page)["is_table"]
        typer.echo(f"{page} {'is a table now and was none' if is_table else 'is no table any more'}")
    known = _besides(taken.known, len(taken.not_taken))
    otherwise = counted(len(taken.pages), "page is", "pages are")
    typer.echo(f"{counted(len(taken.new), 'decision')} taken over{known}; {otherwise} otherwise than before")
    _what_follows(corpus, taken.pages)


def _besides(known: int, not_taken: int) -> str:
    text = f", {known} stood there already" if known else ""
    return text + (f", {not_taken} not taken over" if not_taken else "")


def _what_follows(corpus: Corpus, pages: Sequence[str]) -> None:
    if pages:
        run = corpus.folder
        typer.echo(f"to let clusters and report follow: tablesim cluster {run}; tablesim report {run}")
