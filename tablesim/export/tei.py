"""A collation as TEI P5: the table with a critical apparatus in the text, by parallel segmentation.

Where witnesses agree, a cell holds its number; where they do not, it holds an ``app`` with a reading for each witness
that has this row and this column. An empty ``rdg`` is a number that a witness leaves out. Every reading points with
``facs`` to its zone on the scan, and says with ``cert`` how sure it is. The identifier of a cell is its address.
(Guidelines, chapters 12.2.3, 14.1, 11.1.)
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import count
from urllib.parse import quote

from tablesim.evidence.collation.summary import CollationSummary
from tablesim.export.markup import add, legal, pixels, root, to_bytes
from tablesim.records.boxes import Box
from tablesim.records.collation import AGREES, Cell, CellReading, Collation
from tablesim.records.reading import ILLEGIBLE, Number, Reading
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.locator import Locator

NAMESPACE = "http://www.tei-c.org/ns/1.0"


def tei(collation: Collation, provenance: Provenance) -> bytes:
    """A collation as a TEI document.

    Parameters
    ----------
    collation : Collation
    provenance : Provenance
        Goes into the header, with what is known of each page.
    """
    document = root("TEI", NAMESPACE)
    about = provenance.only(reading.page for reading in collation.readings)
    _header(add(document, "teiHeader"), collation, about)
    zones = _Zones(add(document, "facsimile"), collation.readings)
    body = add(add(document, "text"), "body")
    for number, table in enumerate(collation.tables, 1):
        element = add(body, "table", rows=len(table.rows), cols=len(table.columns), n=number)
        for row in range(len(table.rows)):
            line = add(element, "row", n=row + 1)
            for column in range(len(table.columns)):
                cell = table.cells.get((row, column))
                if cell is None:
                    add(line, "cell", n=column + 1)
                else:
                    address = collation.address(cell)
                    _fill(add(line, "cell", n=address.column, xml_id=address.anchor), collation, cell, zones)
    if not collation.parts:
        add(body, "p", "The witnesses have no row and no column in common.")
    if collation.unaligned:
        _unaligned(add(body, "div", type_="unaligned"), collation)
    return to_bytes(document, ("cell", "rdg", "p", "item"))


def _header(header: ET.Element, collation: Collation, about: Provenance) -> None:
    file = add_file(header, f"Collation of {', '.join(collation.sigla)}", about)
    witnesses = add(add(file, "sourceDesc"), "listWit")
    for siglum, witness in zip(about.sigla(collation), collation.witnesses, strict=True):
        element = add(witnesses, "witness", xml_id=siglum.letters, n=siglum.name)
        for page in (reading.page for reading in witness.readings):
            add_page(element, page, about)
    encoding = add(header, "encodingDesc")
    add(add(encoding, "projectDesc"), "p", about.citation)
    practice = add(add(encoding, "editorialDecl"), "interpretation")
    add(
        practice,
        "p",
        f"Digits were read from the scans by machine (digit network {about.network}, settings {about.settings_text}) "
        f"and collated cell by cell. {CollationSummary(collation).paragraph} Tables, rows and columns are counted from "
        "1, and the identifier of a cell is its address: t1r16c3 is row 16, column 3 of table 1. cert on rdg is the "
        "confidence of the reading, from 0 to 1; cert on app is low where another reading of doubtful digits would "
        "change the state. Coordinates are pixels of the scans.",
    )
    add(encoding, "variantEncoding", method="parallel-segmentation", location="internal")
    add_software(encoding, about)
    add(add(header, "revisionDesc"), "change", "Exported.", when=about.created)


def add_file(header: ET.Element, title: str, about: Provenance) -> ET.Element:
    """The description of a file in a header: what it is called, who made it and when; what it is from follows."""
    file = add(header, "fileDesc")
    add(add(file, "titleStmt"), "title", title)
    publication = add(file, "publicationStmt")
    add(publication, "publisher", f"{SOFTWARE} {about.version}")
    add(publication, "date", about.created[:10], when=about.created[:10])
    return file


def add_page(parent: ET.Element, page: str, about: Provenance) -> None:
    """A page as it is cited: what is known of it, its permanent address, the hash of its scan."""
    known = next((each for each in about.pages if each.page == page), None)
    bibl = add(parent, "bibl", n=page)
    add(bibl, "title", known.about if known is not None and known.about else page)
    if known is not None:
        add(bibl, "idno", known.sha256, type_="SHA-256")
        if known.handle:
            add(bibl, "idno", known.handle, type_="handle")


def add_software(encoding: ET.Element, about: Provenance) -> None:
    """The program that read the numbers, with its version."""
    application = add(add(encoding, "appInfo"), "application", ident=SOFTWARE, version=_version(about.version))
    add(application, "label", SOFTWARE)


def _fill(element: ET.Element, collation: Collation, cell: Cell, zones: _Zones) -> None:
    if cell.state == AGREES:
        present = [reading for reading in cell.readings if reading is not None]
        shown = next((reading for reading in present if reading.number.emendation), present[0])
        write_printed(element, shown.number, shown.text)
        element.set("facs", " ".join(zones.of(reading) for reading in present))
        return
    app = add(element, "app", type_=cell.state, cert="low" if cell.doubtful else "high")
    for index, (siglum, reading) in enumerate(zip(collation.sigla, cell.readings, strict=True)):
        if not collation.has(index, cell):
            continue
        if reading is None:
            add(app, "rdg", wit=f"#{siglum}")
            continue
        # Four decimals and boxes to a tenth of a pixel, as in JSON.
        confidence = round(float(reading.number.confidence), 4)
        # What a ditto mark repeats is not printed there.
        type_ = "repeated" if reading.repeats else None
        rdg = add(app, "rdg", wit=f"#{siglum}", cert=confidence, facs=zones.of(reading), type_=type_)
        write_printed(rdg, reading.number, reading.text)


def write_printed(element: ET.Element, number: Number, text: str | None = None) -> None:
    """A number as it is printed (``text`` where only a part of that is compared), beside it what it should be."""
    printed = number.printed if text is None else text
    if not number.emendation:
        write_digits(element, printed)
        return
    choice = add(element, "choice")
    write_digits(add(choice, "sic"), printed)
    write_digits(add(choice, "corr"), number.emendation)
    if number.emended_by or number.emended_at:
        add(element, "note", legal(", ".join(filter(None, (number.emended_by, number.emended_at)))), type_="emendation")


def write_digits(element: ET.Element, text: str) -> None:
    """A number as it is printed; each illegible digit as a gap."""
    gap: ET.Element | None = None
    for digit in legal(text):
        if digit == ILLEGIBLE:
            gap = add(element, "gap", reason="illegible", unit="chars", quantity=1)
        elif gap is None:
            element.text = (element.text or "") + digit
        else:
            gap.tail = (gap.tail or "") + digit


def _unaligned(division: ET.Element, collation: Collation) -> None:
    add(division, "head", "Rows and columns of one witness alone")
    entries = add(division, "list")
    for line in collation.unaligned:
        item = add(entries, "item", corresp=f"#{collation.sigla[line.witness]}")
        item.text = legal(f"{collation.words_alone(line)}: {' | '.join(line.texts)}")


class _Zones:
    """The surfaces of the pages, with a zone for each reading that something points to."""

    def __init__(self, facsimile: ET.Element, readings: Sequence[Reading]) -> None:
        self.pages = {reading.page: reading for reading in readings}
        self.next = count(1)
        self.surfaces: dict[str, ET.Element] = {}
        for page, reading in self.pages.items():
            surface = add(facsimile, "surface", n=page, ulx=0, uly=0, lrx=reading.width, lry=reading.height)
            add(surface, "graphic", url=scan_address(reading.scan))
            self.surfaces[page] = surface

    def of(self, reading: CellReading) -> str:
        """A pointer to the zone of a reading."""
        page, name = self.pages[reading.page], f"z{next(self.next)}"
        box = Box.from_dict(reading.number.box.to_dict())
        left, top, right, bottom = pixels(box, page.width, page.height)
        add(self.surfaces[reading.page], "zone", xml_id=name, ulx=left, uly=top, lrx=right, lry=bottom)
        return f"#{name}"


def scan_address(scan: str) -> str:
    """The scan's file as a URL: its name alone, since folders differ from machine to machine."""
    return quote(Locator.of(scan).file.name.encode("utf-8", errors="replace")) or "unknown"


def _version(text: str) -> str:
    """What TEI takes for the number of a version: digits and points."""
    match = re.match(r"\d+(\.\d+){0,3}", text)
    return match[0] if match else "0"
