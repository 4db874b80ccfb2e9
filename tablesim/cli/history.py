"""``tablesim history``: how varied the tables are from year to year or from place to place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, Run, goes_with
from tablesim.cli.output import note, print_json, print_table


def command(
    context: typer.Context,
    run: Run,
    by: Annotated[str, typer.Option("--by", metavar="year|place", help="What to go by.")] = "year",
    sigma: Annotated[float, typer.Option("--sigma", help="Width of the Gaussian window, in years.")] = 4.0,
    reach: Annotated[float, typer.Option("--reach", help="Where the corrected window ends, in sigmas.")] = 2.0,
    pages: Annotated[int | None, typer.Option("--pages", min=1, help="Pages compared at each year or place.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Resamplings of books and of the null model.")] = 100,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", metavar="BOOK|CSV", help="Book to leave out; or a CSV.")
    ] = None,
    min_digits: Annotated[
        int, typer.Option("--min-digits", "--min-figures", min=0, help="Leave out pages with fewer digits.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the resamplings.")] = 0,
    as_json: Json = False,
) -> None:
    """Draw the entropy of a run's clusters over years or places, in the published and in a corrected way.

    Entropy is how varied the tables are, in bits: n clusters of one size have log2 n. The null columns say what it
    would be if books had nothing to do with their years (places). Writes RUN/history/BY.csv and BY.png.

    Example: tablesim history myrun --by place
    """
    goes_with(context, "--by year", by == "year", "sigma", "reach")
    from tablesim.corpus.history.rows import HistorySettings
    from tablesim.corpus.history.series import history, write_history
    from tablesim.corpus.store import Corpus
    from tablesim.errors import NotWritableError

    left_out = tuple(book for given in leave_out or () for book in books_of(given))
    settings = HistorySettings(sigma, reach, pages, repeats, left_out, min_digits, seed)
    corpus = Corpus.open(run)
    try:
        found, written = write_history(corpus, by, settings)
        kept = f"written: {written} and {written.with_suffix('.png').name}"
    except NotWritableError as error:
        found, kept = history(corpus, by, settings), f"not kept: {error}"
    for message in (*found.said_by_people, *found.remarks(), kept):
        note(message)
    if as_json:
        print_json(found.to_dict())
        return
    heads = (by, "mode", "entropy", "low", "high", "null", "null low", "null high", "pages", "books", "compared")
    rows = [
        # Where there is too little nothing is compared.
        (
            *(r.at, r.mode, r.entropy, r.low, r.high, r.null, r.null_low, r.null_high, r.pages, r.books),
            None if r.entropy is None else r.depth,
        )
        for r in found.rows
    ]
    print_table(heads, rows)


def books_of(given: str) -> list[str]:
    """The books that an argument names: one, or those in the first fitting column of a CSV."""
    from tablesim.errors import MetadataError
    from tablesim.scans.csvfile import read_csv, shortlist
    from tablesim.scans.headings import ALIASES
    from tablesim.scans.metadata import find_column

    if not given.lower().endswith(".csv"):
        return [given]
    names = (*ALIASES["book"], "bookID", "id")
    file = read_csv(Path(given), known=names)
    column = find_column(file, names)
    if column is None:
        raise MetadataError(f"{given}: no column of books; found {shortlist(file.columns)}, expected one named book")
    return [row[column] for row in file.rows if row[column]]
