"""``tablesim collate``: two witnesses of a table or more, cell by cell."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, OfRun, Weights, goes_with
from tablesim.cli.output import note, print_json, print_table, remark
from tablesim.export.kinds import GENEALOGY_SUFFIXES, Format
from tablesim.records.collation import DIFFERS
from tablesim.records.counting import counted, cut

if TYPE_CHECKING:
    from tablesim.evidence.recomputation.recompute import Recomputation
    from tablesim.records.collation import Collation
    from tablesim.records.dates import YearRange
    from tablesim.records.reading import Reading
    from tablesim.report.provenance import Provenance

N_PRINTED = 60
"""Differences that are printed as text; the other forms give every cell. Chosen by eye: one screen."""


def command(
    context: typer.Context,
    witnesses: Annotated[
        list[str],
        typer.Argument(metavar="WITNESS", help="Scans, or pages of a run; one witness on several pages is A1+A2+A3."),
    ],
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout: a line a cell, with all witnesses.")] = False,
    as_tei: Annotated[bool, typer.Option("--tei", help="TEI on stdout: the table with a critical apparatus.")] = False,
    as_xlsx: Annotated[bool, typer.Option("--xlsx", help="A workbook, coloured where witnesses differ.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="File for one page with the table and both cut-outs of every difference."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for --csv, --tei or --xlsx.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    laws: Annotated[
        bool, typer.Option("--laws", help="Recompute columns and propose which witness errs; of one page too.")
    ] = False,
    genealogy: Annotated[
        Path | None, typer.Option("--genealogy", help="File for who copied whom: CSV, GraphML, PNG, PDF, SVG.")
    ] = None,
    years: Annotated[
        str | None, typer.Option("--years", help="When the witnesses were printed, as '1515,um 1549,?'.")
    ] = None,
    run: OfRun = None,
    weights: Weights = None,
) -> None:
    """Collate witnesses of a table: which rows and columns belong together, where they agree and where they differ.

    A difference that a doubtful digit of the reading could explain is marked with a question mark. With --html each
    difference is shown, by column and kind, with what every scan has there. With --laws the functions and sums that a
    table obeys are named, and the witness that breaks one at a difference is in brackets: a proposal, never a proof.
    With --genealogy the errors that witnesses share show which was set from which.

    One witness alone can be examined with --laws: what its numbers obey, and which of them do not.

    With --run the witnesses are page ids of a run: nothing is read again, and what people corrected counts.

    A witness may also be what another program or a person read: PAGE-XML or ALTO (.xml), a grid or a line a number
    (.csv), .jsonl, or a transcription (.txt).

    JSON, TEI and workbooks carry provenance and a citation, CSV in a file beside it with --out.

    Example: tablesim collate 1585.jpg 1604_p1.jpg+1604_p2.jpg
    """
    exported = as_csv or as_tei or as_xlsx
    if len(witnesses) < 2 and not (laws and html is None and genealogy is None):
        raise typer.BadParameter("give two witnesses or more, or --laws alone to examine one")
    if laws and exported:
        raise typer.BadParameter("--laws goes with --json or with words alone")
    if as_json + as_csv + as_tei + as_xlsx > 1:
        raise typer.BadParameter("give one of --json, --csv, --tei and --xlsx")
    if out is not None and not exported:
        raise typer.BadParameter("--out goes with --csv, --tei or --xlsx")
    if as_xlsx and out is None and sys.stdout.isatty():
        raise typer.BadParameter("a workbook is no text: give --out FILE")
    goes_with(context, "scans; the pages of a run were read already", run is None, "weights")
    goes_with(context, "--genealogy", genealogy, "years")
    goes_with(context, "a file: --out, --html or --genealogy", out or html or genealogy, "force")
    if genealogy is not None and genealogy.suffix.lower() not in GENEALOGY_SUFFIXES:
        raise typer.BadParameter(f"--genealogy: got {genealogy.name}, expected one of {', '.join(GENEALOGY_SUFFIXES)}")
    dates = None if years is None else years_of(years, len(witnesses))
    form = Format.tei if as_tei else Format.collation_xlsx if as_xlsx else Format.collation_csv
    from tablesim.corpus.storage.outputs import refuse_existing
    from tablesim.export.formats import collation_files, collation_paths, write_collation, write_genealogy

    files = [path for path in (html, genealogy) if path is not None]
    files += [] if out is None else collation_paths(out, form)
    if len({path.resolve() for path in files}) < len(files):
        raise typer.BadParameter("two results have the same file; give each a name of its own")
    refuse_existing(files, force=force)
    collation, provenance = _of_scans(witnesses, weights) if run is None else _of_run(witnesses, run)
    links = None
    if genealogy is not None:
        from tablesim.evidence.genealogy.genealogy import genealogy as genealogy_of

        links = genealogy_of(collation, dates)
        path = write_genealogy(links, genealogy, force=force)
        note(f"written: {path}; {links.headline}")
    if html is not None:
        _note_written(write_collation(collation, html, provenance, form=Format.collation_html, force=force))
    if out is not None:
        _note_written(write_collation(collation, out, provenance, form=form, force=force))
        return
    if exported:
        typer.echo(next(iter(collation_files(collation, form, provenance).values())), nl=False)
        return
    recomputation = None
    if laws:
        from tablesim.evidence.recomputation.recompute import recompute

        recomputation = recompute(collation)
    if len(witnesses) == 1:
        assert recomputation is not None
        if as_json:
            pages = {"witnesses": collation.to_dict()["witnesses"]}
            print_json(pages | recomputation.to_dict() | {"provenance": provenance.to_dict()})
            return
        for siglum in provenance.sigla(collation):
            typer.echo(siglum.words)
        for line_of_words in recomputation.words:
            typer.echo(line_of_words)
    elif as_json:
        more = {} if recomputation is None else recomputation.to_dict()
        more |= {} if links is None else {"genealogy": links.to_dict()}
        print_json(collation.to_dict() | _pairs(collation) | more | {"provenance": provenance.to_dict()})
    else:
        show(collation, provenance, recomputation)
        for line_of_words in () if links is None else links.words:
            typer.echo(line_of_words)


def _note_written(paths: Sequence[Path]) -> None:
    for path in paths:
        note(f"written: {path}")


def _of_scans(witnesses: Sequence[str], weights: Path | None) -> tuple[Collation, Provenance]:
    """The collation of scans, which are read first."""
    from tablesim import reader
    from tablesim.evidence.collation.collation import collate
    from tablesim.report.provenance import Provenance

    network = reader.load_network(weights)
    collation = collate(*([_page(path) for path in pages_of(witness)] for witness in witnesses), network=network)
    return collation, Provenance.of_readings(collation.readings, network)


def _page(path: Path) -> Path | Reading:
    """A scan to be read, or what another program or a person read on it."""
    from tablesim.digits.other_readings import is_other_reading, reading_from_file

    return reading_from_file(path) if is_other_reading(path) else path


def _of_run(witnesses: Sequence[str], run: Path) -> tuple[Collation, Provenance]:
    """The collation of pages of a run, as they were read and corrected."""
    from tablesim.corpus.store import Corpus
    from tablesim.report.provenance import Provenance
    from tablesim.workflow.witnesses import collate_from_run

    corpus = Corpus.open(run)
    collation = collate_from_run(corpus, witnesses, remark)
    of_run = [page for reading in collation.readings if corpus.page_table.row_of(page := reading.page) is not None]
    return collation, Provenance.of_run(corpus, of_run)


def years_of(text: str, count: int) -> list[YearRange]:
    """The dates in ``1515,um 1549,?``, one for each witness; a question mark is none."""
    from tablesim.records.dates import YearRange
    from tablesim.scans.dates import read_date

    words = [word.strip() for word in text.split(",")]
    dates = [read_date(word).years if word != "?" else YearRange() for word in words]
    if len(words) != count or not all(date.is_known or word == "?" for date, word in zip(dates, words, strict=True)):
        raise typer.BadParameter(f"--years: got {text!r}, expected {count} years or question marks between commas")
    return dates


def pages_of(witness: str) -> list[Path]:
    """The pages of ``A1+A2+A3``; a file whose name has a plus is one page."""
    if "+" not in witness or Path(witness).exists():
        return [Path(witness)]
    return [Path(part) for part in witness.split("+") if part]


def show(collation: Collation, provenance: Provenance, recomputation: Recomputation | None = None) -> None:
    """Print the collation in words: the witnesses, what it comes to, the differences, what recomputation says."""
    from tablesim.evidence.collation.summary import MAX_PAIRS, CollationSummary
    from tablesim.evidence.collation.verification import witness_pairs

    summary = CollationSummary(collation)
    for siglum, witness in zip(provenance.sigla(collation), collation.witnesses, strict=True):
        typer.echo(f"{siglum.words} ({counted(len(witness.numbers), 'number')})")
    typer.echo(summary.paragraph)
    if len(summary.pairs) <= MAX_PAIRS:
        for pair in summary.pairs:
            typer.echo(pair.words)
        for alike in witness_pairs(collation):
            likeness = f"{cut(alike.similarity)}, containment {cut(alike.containment)}"
            typer.echo(f"Similarity of {alike.a} and {alike.b} {likeness}.")
    if any(collation.transposed):
        turned = [s for s, flag in zip(collation.sigla, collation.transposed, strict=True) if flag]
        typer.echo(f"Rows are columns in {', '.join(turned)}.")
    for line_of_words in () if recomputation is None else recomputation.words:
        typer.echo(line_of_words)
    proposals = () if recomputation is None else recomputation.proposals
    errs = {proposal.cell: proposal.errs for proposal in proposals}
    differences = [(index, cell) for index, cell in enumerate(collation.cells) if cell.state == DIFFERS]
    rows = [
        (
            collation.address(cell).words,
            *_texts(cell.texts, errs.get(index)),
            summary.kinds[cell.row, cell.column] + (" ?" if cell.doubtful else ""),
        )
        for index, cell in differences[:N_PRINTED]
    ]
    if rows:
        print_table(("where", *collation.sigla, "how"), rows)
    if len(differences) > N_PRINTED:
        typer.echo(
            f"The first {N_PRINTED} of {len(differences)} that differ; --html shows them all, by column and kind, and "
            "--json, --csv and --xlsx have them all."
        )


def _pairs(collation: Collation) -> dict[str, Any]:
    from tablesim.evidence.collation.verification import witness_pairs

    return {"pairs": [pair.to_dict() for pair in witness_pairs(collation)]}


def _texts(texts: Sequence[str | None], errs: Sequence[bool | None] | None) -> list[str]:
    """What each witness has, in brackets where recomputation proposes that it errs."""
    flags = errs or [None] * len(texts)
    return ["-" if t is None else f"[{t}]" if wrong else t for t, wrong in zip(texts, flags, strict=True)]
