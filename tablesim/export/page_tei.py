"""A page as TEI P5: its tables row by row, each number pointing to its zone on the scan, with how sure it is.

A cell holds a ``num`` with the text as printed and, in ``value``, the number that is meant; a digit that cannot be read
is a ``gap``, a doubtful number has ``cert`` low, and its reasons stand in a ``note``. (Guidelines, chapters 14.1, 11.1,
3.5.3, 21.1.)
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal
from fractions import Fraction
from itertools import count

from tablesim.evidence.figures.page_grid import GridTable, page_grid
from tablesim.export.markup import add, legal, outline, root, to_bytes
from tablesim.export.tei import NAMESPACE, add_file, add_page, add_software, scan_address, write_printed
from tablesim.export.workbook import SURE
from tablesim.records.address import PageAddresses
from tablesim.records.number_values import value_to_text
from tablesim.records.reading import REPEATS, Number, Reading
from tablesim.report.provenance import Provenance


def page_tei(reading: Reading, provenance: Provenance) -> bytes:
    """The reading of one page as a TEI document; ``provenance`` goes into the header."""
    about = provenance.only([reading.page])
    document = root("TEI", NAMESPACE)
    _header(add(document, "teiHeader"), reading, about)
    surface = add(
        add(document, "facsimile"), "surface", n=reading.page, ulx=0, uly=0, lrx=reading.width, lry=reading.height
    )
    add(surface, "graphic", url=scan_address(reading.scan))
    body = add(add(document, "text"), "body")
    grid = page_grid(reading)
    writer = _Numbers(reading, surface)
    for table in sorted(grid.tables, key=lambda table: table.table):
        writer.table(body, table)
    if grid.loose:
        writer.loose(add(body, "p", "Outside the tables: "), grid.loose)
    if not len(body):
        add(body, "p", "No number was read on this page.")
    return to_bytes(document, ("cell", "p"))


def _header(header: ET.Element, reading: Reading, about: Provenance) -> None:
    file = add_file(header, f"Numbers of the page {reading.page}", about)
    add_page(add(file, "sourceDesc"), reading.page, about)
    encoding = add(header, "encodingDesc")
    add(add(encoding, "projectDesc"), "p", about.citation)
    practice = add(add(encoding, "editorialDecl"), "interpretation")
    add(
        practice,
        "p",
        f"Digits were read from the scan by machine (digit network {about.network}, settings {about.settings_text}). "
        f"num has the text as printed and in value the number meant; cert is low where it is right with a probability "
        f"below {SURE:g} or something speaks against it. Coordinates are pixels of the scan.",
    )
    if reading.marks_mean:
        add(practice, "p", reading.marks_mean)
    add_software(encoding, about)
    add(add(header, "revisionDesc"), "change", "Exported.", when=about.created)


class _Numbers:
    """Writes numbers, each with a zone on the scan."""

    def __init__(self, reading: Reading, surface: ET.Element) -> None:
        self.reading = reading
        self.surface = surface
        self.addresses = PageAddresses(reading)
        self.next = count(1)

    def table(self, body: ET.Element, table: GridTable) -> None:
        rows = 1 + max(row for row, _ in table.cells)
        element = add(body, "table", rows=rows, cols=table.n_columns, n=table.table + 1)
        for row in range(rows):
            line = add(element, "row", n=row + 1)
            for column in range(table.n_columns):
                cell = table.cells.get((row, column))
                address = self.addresses.at(table.table, row, column)
                place = add(line, "cell", n=column + 1, xml_id=None if cell is None else address.anchor)
                for at, number in enumerate(() if cell is None else cell.numbers):
                    self._number(place, number, after=" " if at else "")

    def loose(self, paragraph: ET.Element, numbers: tuple[Number, ...]) -> None:
        for at, number in enumerate(numbers):
            self._number(paragraph, number, after=", " if at else "")

    def _number(self, parent: ET.Element, number: Number, after: str) -> None:
        """A number behind those before it, parted by ``after``."""
        if after:
            parent[-1].tail = after
        doubts = [doubt for doubt in number.doubts if doubt != REPEATS]
        name = f"z{next(self.next)}"
        left, top, right, bottom = outline(self.reading, number)
        add(self.surface, "zone", xml_id=name, ulx=left, uly=top, lrx=right, lry=bottom)
        element = add(
            parent,
            "num",
            value=_value(number),
            facs=f"#{name}",
            cert="low" if number.confidence < SURE or doubts else "high",
            type_="repeated" if number.repeats else None,
        )
        write_printed(element, number)
        if doubts:
            add(parent, "note", "; ".join(map(legal, doubts)), type_="doubt")


def _value(number: Number) -> str | None:
    """The value as TEI takes it: digits, decimals, or numerator over denominator (teidata.numeric)."""
    value = number.value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}" if value.denominator > 1 else str(value.numerator)
    return value_to_text(value) if isinstance(value, int | Decimal) else None
