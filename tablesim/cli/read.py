"""``tablesim read``: the digits and numbers of scans."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tablesim.cli.options import Cache, Device, Force, Json, MaxPixels, Offline, OnDevice, Scans, Weights, goes_with
from tablesim.cli.output import failure, going_on, note, print_json
from tablesim.errors import TablesimError
from tablesim.export.kinds import Format
from tablesim.records.counting import counted, plural
from tablesim.records.marks import DITTO
from tablesim.scans.images import MAX_PIXELS, page_id

SURE = 0.9
"""Least confidence of a number that is not named as doubtful: chosen by eye, one in ten of those below is wrong."""

DOUBTS_SHOWN = 12
"""Doubtful numbers on the screen; a faint page has hundreds."""

if TYPE_CHECKING:
    from tablesim.reader import PageReader
    from tablesim.records.reading import Reading
    from tablesim.scans.locator import Locator


def command(
    context: typer.Context,
    scans: Scans,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, a line a number.")] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="With --csv: the table as it stands, row by row, in place of lists.")
    ] = False,
    as_xlsx: Annotated[
        bool, typer.Option("--xlsx", help="A workbook that looks like the page; a file a scan with --out.")
    ] = False,
    as_tei: Annotated[bool, typer.Option("--tei", help="TEI P5 on stdout, or a file a scan with --out.")] = False,
    as_page_xml: Annotated[
        bool, typer.Option("--page-xml", help="PAGE-XML (PRImA 2019-07-15) on stdout, or a file a scan with --out.")
    ] = False,
    transkribus: Annotated[
        bool, typer.Option("--transkribus", help="With --page-xml: tables as Transkribus takes them.")
    ] = False,
    as_alto: Annotated[bool, typer.Option("--alto", help="ALTO 4.3 on stdout, or a file a scan with --out.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the files of --xlsx, --csv --grid, --tei, --page-xml, --alto."),
    ] = None,
    force: Force = False,
    weights: Weights = None,
    cache: Cache = None,
    offline: Offline = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    device: OnDevice = Device.cpu,
) -> None:
    """Read the numbers of scans and print them as they stand, row by row.

    Numbers stand as they are printed: a raised point is ·, an illegible digit ?, a mark that repeats the cell above
    ″. Doubtful numbers are named below the tables with the probability that they are right; what each number means,
    where it stands on the scan, and every digit with its runner-up are in --json.

    --xlsx writes the table as it is printed, to compute with: numbers as numbers, headings and words as pictures of the
    scan, doubtful cells coloured with a comment; --csv --grid writes its rows and columns as plain text.

    A page of a PDF or of a TIFF with several is book.pdf#12, a page of a IIIF manifest ADDRESS#12.

    A scan that cannot be read is named on stderr, the others are read; the exit code is 1 then.

    Example: tablesim read scans/p12.jpg scans/p13.jpg --json
    """
    given = {
        Format.json: as_json,
        Format.csv: as_csv,
        Format.xlsx: as_xlsx,
        Format.page_tei: as_tei,
        Format.page_xml: as_page_xml,
        Format.alto: as_alto,
    }
    if sum(given.values()) > 1:
        raise typer.BadParameter("give one of --json, --csv, --xlsx, --tei, --page-xml and --alto")
    goes_with(context, "--page-xml", as_page_xml, "transkribus")
    goes_with(context, "--csv", as_csv, "grid")
    form = next((form for form, chosen in given.items() if chosen and form not in (Format.json, Format.csv)), None)
    form = Format.transkribus if transkribus else Format.csv_grid if grid else form
    goes_with(context, "--xlsx, --csv --grid, --tei, --page-xml and --alto", form is not None, "out")
    goes_with(context, "--out", out, "force")
    if as_xlsx and out is None and sys.stdout.isatty():
        raise typer.BadParameter("a workbook is no text: give --out FOLDER")
    from tablesim import reader
    from tablesim.digits.units_of_page import units_of_page

    failed: list[str] = []
    found = _found(scans, cache, max_pixels, failed, offline=offline)
    if form is not None and out is None and len(found) > 1:
        raise typer.BadParameter(f"{form.value} of {len(found)} scans: give --out, a file holds one page")
    paths = _paths(found, form, out, force=force)
    network = reader.load_network(weights, device=device.value) if found else None
    readings: list[Reading] = []
    results = network.read_many(map(str, found), max_pixels=max_pixels) if network is not None else ()
    for reading, path in zip(results, paths, strict=True):
        assert network is not None
        with going_on(failed):
            if isinstance(reading, TablesimError):
                raise reading
            if form is not None:
                _print_document(reading, network, form, path, force=force)
            elif as_csv:
                _print_csv(reading, with_head=not readings)
            elif not as_json:
                typer.echo("\n".join(lines_of(reading)))
            readings.append(reading)
    if as_json:
        print_json([reading.to_dict() | {"units": units_of_page(reading.numbers).to_list()} for reading in readings])
    if failed:
        raise typer.Exit(1)


def _found(
    sources: Sequence[str], cache: Path | None, max_pixels: int, failed: list[str], *, offline: bool
) -> list[Locator]:
    """The scans of each source, each once; what cannot be found or fetched is said, and the rest goes on."""
    from tablesim.scans.sources import find_pages
    from tablesim.scans.web import Web

    found: list[Locator] = []
    web = Web(cache, offline=offline)
    for source in sources:
        with going_on(failed):
            pages = find_pages(source, web, max_pixels=max_pixels)
            for problem in pages.missing.values():
                failed.append(problem)
                failure(problem)
            found += sorted(scan for page, scan in pages.scans.items() if page not in pages.missing)
    return list(dict.fromkeys(found))


def _paths(scans: Sequence[Locator], form: Format | None, out: Path | None, *, force: bool) -> list[Path | None]:
    """The file for each scan; None for stdout. ExportError where one is there already."""
    if form is None or out is None:
        return [None] * len(scans)
    from tablesim.corpus.storage.outputs import file_names, refuse_existing
    from tablesim.export.formats import DOCUMENTS

    names = file_names([page_id(scan) for scan in scans], DOCUMENTS[form].suffix)
    paths = [out / names[page_id(scan)] for scan in scans]
    refuse_existing(paths, force=force)
    return list(paths)


def lines_of(reading: Reading) -> Iterator[str]:
    """The reading in lines: what page it is, its tables row by row with ``|`` between columns, the rest, the doubts."""
    n_digits = sum(1 for _ in reading.digits)
    kind = "table" if reading.is_table else "no table"
    note = f" ({reading.note})" if reading.note else ""
    rotation = reading.transform.rotation
    turned = f"; read turned clockwise by {rotation} degrees" if rotation and reading.numbers else ""
    negative = "; white on black" if reading.negative else ""
    yield (
        f"# {reading.page}: {kind}, {counted(len(reading.numbers), 'number')}, {counted(n_digits, 'digit')}, "
        f"legibility {reading.legibility:.2f}{note}{turned}{negative}"
    )
    if reading.marks_mean:
        yield f"# {reading.marks_mean}"
    cells: dict[tuple[int, int], dict[int, str]] = {}
    loose = []
    for number in (*reading.numbers, *reading.repeated):
        if number.table is None or number.row is None or number.column is None:
            loose.append(number.printed)
        else:
            cells.setdefault((number.table, number.row), {})[number.column] = number.printed
    for ditto in reading.dittos:
        if ditto.table is not None and ditto.row is not None and ditto.column is not None:
            cells.setdefault((ditto.table, ditto.row), {})[ditto.column] = DITTO
    widths: dict[tuple[int, int], int] = {}
    for (table, _), row in cells.items():
        for column, text in row.items():
            widths[table, column] = max(widths.get((table, column), 0), len(text))
    last = None
    for (table, _), row in sorted(cells.items()):
        if table != last:
            yield f"# table {table + 1}"
            last = table
        columns = sorted(column for of, column in widths if of == table)
        yield " | ".join(row.get(column, "").rjust(widths[table, column]) for column in columns).rstrip()
    if loose:
        yield f"# outside the table: {' '.join(loose)}"
    yield from _doubts(reading)


def _doubts(reading: Reading) -> Iterator[str]:
    """The numbers that deserve a look at the scan, the least certain first."""
    doubtful = sorted((n for n in reading.numbers if n.confidence < SURE or n.doubts), key=lambda n: n.confidence)
    if not doubtful:
        return
    are = plural(len(doubtful), "is", "are")
    yield f"# {len(doubtful)} of {counted(len(reading.numbers), 'number')} {are} doubtful, the least certain first:"
    for number in doubtful[:DOUBTS_SHOWN]:
        cell = "outside the tables"
        if number.table is not None and number.row is not None and number.column is not None:
            cell = f"in table {number.table + 1}, row {number.row + 1}, column {number.column + 1}"
        reasons = f" ({', '.join(number.doubts)})" if number.doubts else ""
        yield f"#   {number.text} {cell}: right with probability {number.confidence:.2f}{reasons}"
    if len(doubtful) > DOUBTS_SHOWN:
        yield f"#   and {len(doubtful) - DOUBTS_SHOWN} more; --json and --csv have all"


def _print_document(reading: Reading, network: PageReader, form: Format, path: Path | None, *, force: bool) -> None:
    from tablesim.corpus.storage.outputs import write_new
    from tablesim.evidence.collation.cutouts import Cutter
    from tablesim.export.formats import DOCUMENTS
    from tablesim.report.provenance import Provenance
    from tablesim.scans.encodings import MARK

    data = DOCUMENTS[form].write(reading, Provenance.of_readings([reading], network), Cutter())
    if path is None:
        # The mark of UTF-8 is for files: in a pipe it would stand before the first number.
        typer.echo(data.removeprefix(MARK), nl=False)
    else:
        note(f"written: {write_new(path, data, force=force)}")


def _print_csv(reading: Reading, *, with_head: bool) -> None:
    from tablesim.export.spreadsheets import READING_COLUMNS, csv_text, reading_rows

    head, _, rows = csv_text(READING_COLUMNS, reading_rows(reading)).partition("\n")
    typer.echo(f"{head}\n{rows}" if with_head else rows, nl=False)
