"""``tablesim collate``: two witnesses of a table or more, cell by cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Json, OfRun, Weights
from tablesim.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from tablesim.export.provenance import Provenance
    from tablesim.records.collation import Collation
    from tablesim.records.reading import Reading

N_PRINTED = 60
"""Differences that are printed as text; the other forms give every place."""


def command(
    witnesses: Annotated[
        list[str],
        typer.Argument(
            metavar="WITNESS",
            help="Scans, or pages of a run; one witness on several pages is A1+A2+A3.",
            show_default=False,
        ),
    ],
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout: a line a place, with all witnesses.")] = False,
    as_tei: Annotated[bool, typer.Option("--tei", help="TEI on stdout: the table with a critical apparatus.")] = False,
    as_xlsx: Annotated[bool, typer.Option("--xlsx", help="A workbook, coloured where witnesses part.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="File for one page with the table and both cut-outs of every difference.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File for --csv, --tei or --xlsx.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    laws: Annotated[
        bool, typer.Option("--laws", help="Recompute arithmetic columns and propose which witness errs.")
    ] = False,
    genealogy: Annotated[
        Path | None,
        typer.Option("--genealogy", help="File for who copied whom: CSV, GraphML, PNG or PDF.", show_default=False),
    ] = None,
    years: Annotated[
        str | None,
        typer.Option("--years", help="When the witnesses were printed, as '1515,1549,?'.", show_default=False),
    ] = None,
    run: OfRun = None,
    weights: Weights = None,
) -> None:
    """Collate witnesses of a table: which rows and columns belong together, where they agree and where they differ.

    A difference that a doubtful figure of the reading could explain is marked with a question mark. With --html each
    difference is shown with what every scan has there. With --laws the functions and sums that a table obeys are named,
    and the witness that breaks one at a difference stands in brackets: a proposal, never a proof. With --genealogy the
    errors that witnesses share tell which was set from which.

    With --run the witnesses are page ids of a run: nothing is read again, and what people corrected counts.

    JSON, TEI and workbooks carry provenance and a citation, CSV in a file beside it with --out.

    Example: tablesim collate 1585.jpg 1604_p1.jpg+1604_p2.jpg
    """
    if len(witnesses) < 2:
        raise typer.BadParameter("give two witnesses or more")
    exported = as_csv or as_tei or as_xlsx
    if laws and exported:
        raise typer.BadParameter("--laws goes with --json or with words alone")
    if as_json + as_csv + as_tei + as_xlsx > 1:
        raise typer.BadParameter("give one of --json, --csv, --tei and --xlsx")
    if out is not None and not exported:
        raise typer.BadParameter("--out goes with --csv, --tei or --xlsx")
    if as_xlsx and out is None and sys.stdout.isatty():
        raise typer.BadParameter("a workbook is no text: give --out FILE")
    if run is not None and weights is not None:
        raise typer.BadParameter("--weights goes with scans; the pages of a run were read already")
    dates = None if years is None else years_of(years, len(witnesses))
    collation, about = _of_scans(witnesses, weights) if run is None else _of_run(witnesses, run)
    if genealogy is not None:
        write_genealogy(collation, dates, genealogy)
    if html is not None:
        from tablesim.export.collation_page import collation_page

        _write({html: collation_page(collation, about).encode()}, force=force)
    if exported:
        _write(_exported(collation, about, "tei" if as_tei else "xlsx" if as_xlsx else "csv", out), force=force)
        return
    said = _said(collation) if laws else None
    if as_json:
        print_json(collation.to_dict() | _pairs(collation) | (said or {}) | {"provenance": about.to_dict()})
    else:
        show(collation, said)


def _of_scans(witnesses: Sequence[str], weights: Path | None) -> tuple[Collation, Provenance]:
    """The collation of scans, which are read first."""
    from tablesim import reader
    from tablesim.evidence.collation.collation import collate
    from tablesim.export.provenance import Provenance

    network = reader.load_network(weights)
    collation = collate(*map(pages_of, witnesses), network=network)
    return collation, Provenance.of_network(network, _readings(collation).values())


def _of_run(witnesses: Sequence[str], run: Path) -> tuple[Collation, Provenance]:
    """The collation of pages of a run, as they were read and corrected."""
    from tablesim.corpus.store import Corpus
    from tablesim.evidence.collation.collation import collate
    from tablesim.export.formats import witness_pages
    from tablesim.export.provenance import Provenance

    corpus = Corpus.open(run)
    groups = [[corpus.reading(page) for page in witness_pages(corpus, witness)] for witness in witnesses]
    collation = collate(*groups)
    return collation, Provenance.of_run(corpus, _readings(collation))


def _readings(collation: Collation) -> dict[str, Reading]:
    """What was read on each page, by its id."""
    return {reading.page: reading for witness in collation.witnesses for reading in witness.readings}


def _exported(collation: Collation, about: Provenance, form: str, out: Path | None) -> dict[Path | None, bytes]:
    """The collation in the format of another tool, and beside a CSV file what its columns mean and how to cite it."""
    from tablesim.export.collated import CollationTable
    from tablesim.export.spreadsheets import collation_columns, collation_rows, collation_xlsx, csv_bytes, csv_files
    from tablesim.export.tei import tei

    table = CollationTable.from_dict(collation.to_dict())
    if form == "csv":
        columns, rows = collation_columns(table), collation_rows(table)
        if out is None:
            return {None: csv_bytes(columns, rows)}
        return {out.with_name(name): data for name, data in csv_files(out.name, columns, rows, about).items()}
    return {out: tei(table, about, _readings(collation)) if form == "tei" else collation_xlsx(table, about)}


def _write(files: Mapping[Path | None, bytes], *, force: bool) -> None:
    """Write files, or the one without a name to stdout."""
    from tablesim.corpus.storage.outputs import refuse_existing, write_new

    refuse_existing([path for path in files if path is not None], force=force)
    for path, data in files.items():
        if path is None:
            typer.echo(data, nl=False)
        else:
            note(f"written: {write_new(path, data, force=force)}")


def years_of(text: str, count: int) -> list[int | None]:
    """The years in ``1515,1549,?``, one for each witness; a question mark is none."""
    describe = [word.strip() for word in text.split(",")]
    if len(describe) != count or not all(word == "?" or (word.isascii() and word.isdigit()) for word in describe):
        raise typer.BadParameter(f"--years: got {text!r}, expected {count} years or question marks between commas")
    return [None if word == "?" else int(word) for word in describe]


def write_genealogy(collation: Collation, years: list[int | None] | None, path: Path) -> None:
    """Write who copied whom, in the format of the file's suffix, and say what is found."""
    from tablesim.evidence.genealogy.genealogy import genealogy

    suffix = path.suffix.lower()
    if suffix not in (".csv", ".graphml", ".png", ".pdf", ".svg"):
        raise typer.BadParameter(f"--genealogy: got {path.name}, expected a .csv, .graphml, .png, .pdf or .svg file")
    found = genealogy(collation, years)
    if suffix == ".csv":
        path.write_text(found.to_csv(), encoding="utf-8")
    elif suffix == ".graphml":
        path.write_text(found.to_graphml(), encoding="utf-8")
    else:
        found.plot(path)
    note(f"written: {path}; {len(found.confident)} of {len(found.links)} links are sure")


def _said(collation: Collation) -> dict[str, Any]:
    """What recomputation says: the functions found, what breaks them, and the proposals for the differences."""
    from tablesim.evidence.recomputation.describe import describe
    from tablesim.evidence.recomputation.examination import examine, propose

    examined = [examine(witness, at) for at, witness in enumerate(collation.witnesses)]
    return {
        "laws": [finding.to_dict() for one in examined for finding in one.findings],
        "suspects": [asdict(suspect) for one in examined for suspect in one.suspects],
        "proposals": [asdict(proposal) for proposal in propose(collation)],
        "words": [
            line
            for siglum, witness, one in zip(collation.sigla, collation.witnesses, examined, strict=True)
            for line in describe(witness, one, siglum)
        ],
    }


def pages_of(witness: str) -> list[Path]:
    """The pages of ``A1+A2+A3``; a file whose name has a plus is one page."""
    if "+" not in witness or Path(witness).exists():
        return [Path(witness)]
    return [Path(part) for part in witness.split("+") if part]


def show(collation: Collation, said: dict[str, Any] | None = None) -> None:
    """Say it in words: the sigla, how much agrees, every difference, and what recomputation says of them."""
    for siglum, witness in zip(collation.sigla, collation.witnesses, strict=True):
        typer.echo(f"{siglum}  {witness.name}, {len(witness.numbers)} numbers")
    told = [f"{count} {state}" for state, count in collation.summary.items() if count]
    typer.echo(f"{len(collation.cells)} places in common: {', '.join(told)}" if told else "no place in common")
    _say_pairs(collation)
    if any(collation.transposed):
        turned = [s for s, flag in zip(collation.sigla, collation.transposed, strict=True) if flag]
        typer.echo(f"rows stand for columns in {', '.join(turned)}")
    for line in collation.unaligned:
        if line.kind == "column":
            typer.echo(f"column {line.index} stands in {collation.sigla[line.witness]} alone")
    rows = sum(line.kind == "row" for line in collation.unaligned)
    if rows:
        typer.echo(f"{rows} rows stand in one witness alone")
    for line in said["words"] if said else ():
        typer.echo(line)
    differences = collation.differences
    if not differences:
        return
    errs = {at["cell"]: at["errs"] for at in said["proposals"]} if said else {}
    number_of = {id(cell): at for at, cell in enumerate(collation.cells)}
    typer.echo(f"differences, {sum(cell.doubtful for cell in differences)} of {len(differences)} doubtful (?):")
    table = [
        (
            *_place(collation, cell.row, cell.column),
            "?" if cell.doubtful else "",
            *_texts(cell.texts, errs.get(number_of[id(cell)])),
        )
        for cell in differences[:N_PRINTED]
    ]
    print_table(("row", "column", "", *collation.sigla), table)
    if len(differences) > N_PRINTED:
        typer.echo(f"and {len(differences) - N_PRINTED} more: --json or --csv gives them all")


def _pairs(collation: Collation) -> dict[str, Any]:
    from tablesim.evidence.collation.verification import witness_pairs

    return {"pairs": [pair.to_dict() for pair in witness_pairs(collation)]}


def _say_pairs(collation: Collation) -> None:
    """For every two witnesses how alike their pages are, and whether they carry one table."""
    from tablesim.evidence.collation.verification import witness_pairs

    for pair in witness_pairs(collation):
        found = pair.verification
        alike = f"similarity {pair.similarity:.3f}, containment {pair.containment:.3f}"
        agree = f"{found.agreement:.3f} of {found.places} places agree, {found.coverage:.2f} of the smaller one met"
        said = "the same table" if found.same else "not the same table"
        typer.echo(f"{pair.a} and {pair.b}: {alike}; {agree}: {said}")


def _texts(texts: Sequence[str | None], errs: Sequence[bool | None] | None) -> list[str]:
    """What each witness has, in brackets where a law speaks against it."""
    told = errs or [None] * len(texts)
    return ["-" if t is None else f"[{t}]" if wrong else t for t, wrong in zip(texts, told, strict=True)]


def _place(collation: Collation, row: int, column: int) -> tuple[str, str]:
    """Row and column as the first witness that has them counts."""
    lines = collation.rows[row], collation.columns[column]
    named = []
    for line in lines:
        at = next(w for w, number in enumerate(line) if number is not None)
        named.append(f"{collation.sigla[at]}{line[at]}")
    return named[0], named[1]
