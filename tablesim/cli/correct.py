"""``tablesim correct``: what a person read otherwise than the machine, taken into a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Json, Run
from tablesim.cli.output import note, print_json


def command(
    run: Run,
    csv: Annotated[
        Path,
        typer.Option("--csv", help="File with the columns page,sha256,x,y,width,height,read,correct,who,when,reason."),
    ],
    who: Annotated[str, typer.Option("--who", help="Who corrected, for the lines that do not say it.")] = "",
    as_json: Json = False,
) -> None:
    """Take corrected readings into a run: a line a number, by the box of the number in pixels of the scan.

    What is printed stands under correct: digits, ? for an illegible one, nothing where no number is printed.
    What the machine read is kept; corrections are kept beside it in RUN/corrections.csv, with who and when. They belong
    to the scan by its hash (sha256; without one, to the scan that the page has now), so the corrections of another run
    are taken over where it has the same scans. Embeddings and neighbours follow at once; clusters and report when they
    are made again.

    Example: tablesim correct myrun --csv corrections.csv --who "A. Reader"
    """
    from tablesim.corpus.corrections.apply import correct
    from tablesim.corpus.store import Corpus
    from tablesim.digits.corrections import correction_row, read_corrections

    corpus = Corpus.open(run)
    taken = correct(corpus, read_corrections(csv), who)
    for remark in (*taken.remarks, *corpus.corrections.status().remarks()):
        note(remark)
    nameless = sum(not correction.who for correction in taken.new)
    if nameless:
        note(f"{nameless} corrections do not say who made them; give --who, or the column who")
    if as_json:
        new, not_taken = ([correction_row(c) for c in some] for some in (taken.new, taken.not_taken))
        print_json({"new": new, "known": taken.known, "pages": list(taken.pages), "not_taken": not_taken})
        return
    known = f", {taken.known} stood there already" if taken.known else ""
    known += f", {len(taken.not_taken)} not taken over" if taken.not_taken else ""
    typer.echo(f"{len(taken.new)} corrections taken over{known}; {len(taken.pages)} pages have another embedding now")
    if taken.pages:
        typer.echo(f"to let clusters and report follow: tablesim cluster {run}; tablesim report {run}")
