"""A collation as TEI P5: the table with a critical apparatus in the text, by parallel segmentation.

Where witnesses agree a cell holds its number; where they do not it holds an ``app`` with a reading for each witness
that has this row and this column. An empty ``rdg`` is a number that a witness leaves out. Every reading points with
``facs`` to its zone on the scan, and says with ``cert`` how sure it is. (Guidelines, chapters 12.2.3, 14.1, 11.1.)
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from itertools import count
from urllib.parse import quote

from tablesim.export.collated import CollationTable, Place, Reading
from tablesim.export.markup import add, legal, pixels, root, to_bytes
from tablesim.export.provenance import SOFTWARE, Provenance
from tablesim.records.reading import ILLEGIBLE
from tablesim.records.reading import Reading as PageReading
from tablesim.scans.locator import Locator

NAMESPACE = "http://www.tei-c.org/ns/1.0"

_FAR = 1_000_000_000
"""Stands for the size of a scan that is not known."""


def tei(table: CollationTable, provenance: Provenance, readings: Mapping[str, PageReading]) -> bytes:
    """The collation as a TEI document.

    Parameters
    ----------
    table : CollationTable
        What was collated.
    provenance : Provenance
        Goes into the header, with what is known of each page.
    readings : mapping of str to Reading
        What was read on each page, by page id: for the size of its scan.
    """
    document = root("TEI", NAMESPACE)
    about = provenance.only(table.pages)
    _header(add(document, "teiHeader"), table, about)
    zones = _Zones(add(document, "facsimile"), table, readings)
    body = add(add(document, "text"), "body")
    parts = [part for part in table.parts if part[0][1] > part[0][0] and part[1][1] > part[1][0]]
    for number, (rows, columns) in enumerate(parts, 1):
        element = add(body, "table", rows=rows[1] - rows[0], cols=columns[1] - columns[0], n=number)
        for row in range(*rows):
            line = add(element, "row", n=row)
            for column in range(*columns):
                cell = add(line, "cell", n=column)
                if (row, column) in table.places:
                    _fill(cell, table, table.places[row, column], zones)
    if not parts:
        add(body, "p", "The witnesses have no row and no column in common.")
    if table.unaligned:
        _unaligned(add(body, "div", type_="unaligned"), table)
    return to_bytes(document, ("cell", "rdg", "p", "item"))


def _header(header: ET.Element, table: CollationTable, about: Provenance) -> None:
    file = add(header, "fileDesc")
    add(add(file, "titleStmt"), "title", f"Collation of {', '.join(table.sigla)}")
    publication = add(file, "publicationStmt")
    add(publication, "publisher", f"{SOFTWARE} {about.version}")
    add(publication, "date", about.created[:10], when=about.created[:10])
    witnesses = add(add(file, "sourceDesc"), "listWit")
    pages = {page.page: page for page in about.pages}
    for witness in table.witnesses:
        element = add(witnesses, "witness", xml_id=witness.siglum)
        for page in witness.pages:
            known = pages.get(page)
            bibl = add(element, "bibl", n=page)
            add(bibl, "title", known.about if known is not None and known.about else page)
            if known is not None:
                add(bibl, "idno", known.sha256, type_="SHA-256")
                if known.handle:
                    add(bibl, "idno", known.handle, type_="handle")
    encoding = add(header, "encodingDesc")
    add(add(encoding, "projectDesc"), "p", about.citation)
    practice = add(add(encoding, "editorialDecl"), "interpretation")
    counts = ", ".join(f"{n} {state}" for state, n in table.summary.items())
    add(
        practice,
        "p",
        f"Figures were read from the scans by machine (digit network {about.network}, settings {about.settings_text}) "
        f"and collated place by place: {counts}. cert on rdg is the confidence of the reading, from 0 to 1; cert on "
        "app is low where another reading of doubtful figures would change the state. Coordinates are pixels of the "
        "scans.",
    )
    add(encoding, "variantEncoding", method="parallel-segmentation", location="internal")
    application = add(add(encoding, "appInfo"), "application", ident=SOFTWARE, version=_version(about.version))
    add(application, "label", SOFTWARE)
    add(add(header, "revisionDesc"), "change", "Exported.", when=about.created)


def _fill(cell: ET.Element, table: CollationTable, place: Place, zones: _Zones) -> None:
    if place.state == "agrees":
        _write(cell, place.text)
        cell.set("facs", " ".join(zones.of(reading) for reading in place.readings if reading is not None))
        return
    app = add(cell, "app", type_=place.state, cert="low" if place.doubtful else "high")
    for witness, reading in enumerate(place.readings):
        if not table.has(witness, place):
            continue
        mark = f"#{table.sigla[witness]}"
        if reading is None:
            add(app, "rdg", wit=mark)
            continue
        element = add(app, "rdg", wit=mark, cert=float(reading.confidence), facs=zones.of(reading))
        _write(element, reading.text)


def _write(element: ET.Element, text: str) -> None:
    """The figures; each illegible one as a gap."""
    last: ET.Element | None = None
    for figure in legal(text):
        if figure == ILLEGIBLE:
            last = add(element, "gap", reason="illegible", unit="chars", quantity=1)
        elif last is None:
            element.text = (element.text or "") + figure
        else:
            last.tail = (last.tail or "") + figure


def _unaligned(division: ET.Element, table: CollationTable) -> None:
    add(division, "head", "Rows and columns of one witness alone")
    entries = add(division, "list")
    for line in table.unaligned:
        siglum = table.sigla[line["witness"]]
        item = add(entries, "item", corresp=f"#{siglum}")
        item.text = legal(f"{siglum}, {line['kind']} {line['index'] + 1}: {' | '.join(line['texts'])}")


class _Zones:
    """The surfaces of the pages, with a zone for each reading that is pointed to."""

    def __init__(self, facsimile: ET.Element, table: CollationTable, readings: Mapping[str, PageReading]) -> None:
        self.facsimile = facsimile
        self.readings = readings
        self.surfaces: dict[str, ET.Element] = {}
        self.names = count(1)
        for witness in table.witnesses:
            for page, scan in zip(witness.pages, witness.scans, strict=True):
                self._surface(page, scan)

    def of(self, reading: Reading) -> str:
        """A pointer to the place of a reading."""
        surface, name = self._surface(reading.page, reading.page), f"z{next(self.names)}"
        page = self.readings.get(reading.page)
        left, top, right, bottom = pixels(reading.box, *((page.width, page.height) if page else (_FAR, _FAR)))
        add(surface, "zone", xml_id=name, ulx=left, uly=top, lrx=right, lry=bottom)
        return f"#{name}"

    def _surface(self, page: str, scan: str) -> ET.Element:
        if page not in self.surfaces:
            reading = self.readings.get(page)
            size = {"ulx": 0, "uly": 0, "lrx": reading.width, "lry": reading.height} if reading else {}
            self.surfaces[page] = add(self.facsimile, "surface", n=page, **size)
            add(self.surfaces[page], "graphic", url=_address(scan))
        return self.surfaces[page]


def _address(scan: str) -> str:
    """The scan's file as a URL: its name alone, since folders differ from desk to desk."""
    return quote(Locator.of(scan).file.name.encode("utf-8", errors="replace")) or "unknown"


def _version(text: str) -> str:
    """What TEI takes for the number of a version: figures and points."""
    found = re.match(r"\d+(\.\d+){0,3}", text)
    return found[0] if found else "0"
