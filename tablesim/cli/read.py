"""``tablesim read``: the digits and numbers of scans."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Cache, Json, MaxPixels, Offline, Scans, Weights
from tablesim.cli.output import failure, note, print_json
from tablesim.errors import TablesimError
from tablesim.export.kinds import Format
from tablesim.scans.images import MAX_PIXELS

if TYPE_CHECKING:
    from tablesim.reader import PageReader
    from tablesim.records.reading import Reading

CSV_COLUMNS = ("page", "text", "digits_text", "x", "y", "width", "height", "confidence", "table", "row", "column")


def command(
    scans: Scans,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, a line a number.")] = False,
    as_page_xml: Annotated[
        bool, typer.Option("--page-xml", help="PAGE-XML (PRImA 2019-07-15) on stdout, or a file a scan with --out.")
    ] = False,
    transkribus: Annotated[
        bool, typer.Option("--transkribus", help="With --page-xml: tables as Transkribus takes them.")
    ] = False,
    as_alto: Annotated[bool, typer.Option("--alto", help="ALTO 4.3 on stdout, or a file a scan with --out.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --page-xml or --alto: folder for the files.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    weights: Weights = None,
    cache: Cache = None,
    offline: Offline = False,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Read the numbers of scans and print them as they stand, row by row.

    A page of a PDF or of a TIFF with several is book.pdf#12, a page of a IIIF manifest ADDRESS#12.

    A scan that cannot be read is named on stderr, the others are read; the exit code is 1 then.

    Example: tablesim read scans/p12.jpg scans/p13.jpg --json
    """
    if as_json + as_csv + as_page_xml + as_alto > 1:
        raise typer.BadParameter("give one of --json, --csv, --page-xml and --alto")
    if transkribus and not as_page_xml:
        raise typer.BadParameter("--transkribus goes with --page-xml")
    form = Format.transkribus if transkribus else Format.page_xml if as_page_xml else Format.alto if as_alto else None
    if out is not None and form is None:
        raise typer.BadParameter("--out goes with --page-xml and --alto")
    from tablesim import reader
    from tablesim.scans.locator import Locator
    from tablesim.scans.sources import find_pages
    from tablesim.scans.web import Web

    web = Web(cache, offline=offline)
    found: list[Locator] = []
    failed = 0
    for source in scans:
        try:
            pages = find_pages(source, web, max_pixels=max_pixels)
        except TablesimError as error:
            failed += 1
            failure(str(error))
            continue
        for problem in pages.missing.values():
            failed += 1
            failure(problem)
        found.extend(sorted(place for page, place in pages.scans.items() if page not in pages.missing))
    found = list(dict.fromkeys(found))
    if form is not None and out is None and len(found) > 1:
        raise typer.BadParameter(f"--{form.value} of {len(found)} scans: give --out, a file holds one page")
    network = reader.load_network(weights) if found else None
    readings: list[Reading] = []
    for scan in found:
        assert network is not None
        try:
            reading = network.read(str(scan), max_pixels)
        except TablesimError as error:
            failed += 1
            failure(str(error))
            continue
        if as_json:
            readings.append(reading)
        elif form is not None:
            _write_document(reading, network, form, out, force=force)
        elif as_csv:
            _print_csv(reading, with_head=not readings)
            readings.append(reading)
        else:
            typer.echo("\n".join(lines_of(reading)))
    if as_json:
        print_json([reading.to_dict() for reading in readings])
    if failed:
        raise typer.Exit(1)


def lines_of(reading: Reading) -> Iterator[str]:
    """The reading in lines: what page it is, its tables row by row with ``|`` between columns, then the rest."""
    n_digits = sum(1 for _ in reading.digits)
    kind = "table" if reading.is_table else "no table"
    note = f" ({reading.note})" if reading.note else ""
    yield (
        f"# {reading.page}: {kind}, {len(reading.numbers)} numbers, {n_digits} digits, "
        f"legibility {reading.legibility:.2f}{note}"
    )
    cells: dict[tuple[int, int], dict[int, str]] = {}
    loose = []
    for number in reading.numbers:
        if number.table is None or number.row is None or number.column is None:
            loose.append(number.text)
        else:
            cells.setdefault((number.table, number.row), {})[number.column] = number.text
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


def _write_document(reading: Reading, network: PageReader, form: Format, out: Path | None, *, force: bool) -> None:
    from tablesim.corpus.storage.outputs import file_name, write_new
    from tablesim.export.formats import DOCUMENTS
    from tablesim.report.provenance import Provenance

    document = DOCUMENTS[form]
    data = document.write(reading, Provenance.of_readings([reading], network))
    if out is None:
        typer.echo(data.decode(), nl=False)
    else:
        note(f"written: {write_new(out / file_name(reading.page, document.suffix), data, force=force)}")


def _print_csv(reading: Reading, *, with_head: bool) -> None:
    writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    if with_head:
        writer.writeheader()
    for number in reading.numbers:
        row: dict[str, Any] = {"page": reading.page, **number.to_dict()}
        writer.writerow(row)
