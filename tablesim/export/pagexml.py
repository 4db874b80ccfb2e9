"""A reading as PAGE-XML: as PRImA publishes it (2019-07-15), or as Transkribus takes it.

Both name the cells of tables, each in its own way: PRImA as text regions with the role of a cell, Transkribus as
``TableCell``. A number is a word, a digit is a glyph; its runner-up is a second ``TextEquiv``.
Marks inside a number (9·965) belong to the word alone, since no glyph was boxed for them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import count

from tablesim.export.kinds import Dialect
from tablesim.export.markup import Pixels, add, by_table, confidence, outline, pdf_matrix, pixels, root, to_bytes
from tablesim.records.emendations import emendation_note, sic_tag
from tablesim.records.reading import ILLEGIBLE, Digit, Number, Reading
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.locator import Locator

_NAMESPACE = {
    Dialect.prima: "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15",
    Dialect.transkribus: "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15",
}


def page_xml(reading: Reading, provenance: Provenance, dialect: Dialect = Dialect.prima) -> bytes:
    """The reading of one page as a PAGE-XML document.

    Parameters
    ----------
    reading : Reading
        What was read.
    provenance : Provenance
        Goes into ``Metadata``.
    dialect : Dialect
        PRImA's is valid by the published schema and what OCR-D, LAREX and eScriptorium read; Transkribus' has no
        published schema.
    """
    namespace = _NAMESPACE[dialect]
    document = root("PcGts", namespace, f"{namespace}/pagecontent.xsd")
    _metadata(add(document, "Metadata"), reading, provenance, dialect)
    prima = dialect is Dialect.prima
    turn = {0: 0, 90: 90, 180: 180, 270: -90}[reading.transform.rotation]
    page = add(
        document,
        "Page",
        imageFilename=Locator.of(reading.scan).name or reading.page,
        imageWidth=reading.width,
        imageHeight=reading.height,
        orientation=float(turn) if prima and turn else None,
    )
    _Regions(reading, dialect).write(page)
    return to_bytes(document)


def _metadata(metadata: ET.Element, reading: Reading, provenance: Provenance, dialect: Dialect) -> None:
    add(metadata, "Creator", f"{SOFTWARE} {provenance.version}")
    add(metadata, "Created", provenance.created)
    add(metadata, "LastChange", provenance.created)
    facts = {
        "network": provenance.network,
        "settings": provenance.settings_text,
        "legibility": f"{reading.legibility:.4f}",
        "sha256": reading.sha256,
    }
    if matrix := pdf_matrix(reading):
        facts["pdfMatrix"] = matrix
    comment = provenance.only([reading.page]).citation
    if dialect is Dialect.transkribus:
        # This one has no other place for it.
        add(metadata, "Comments", f"{comment} {'; '.join(f'{name} {value}' for name, value in facts.items())}")
        return
    add(metadata, "Comments", comment)
    for name, value in facts.items():
        kind = "imageProperties" if name in ("sha256", "pdfMatrix") else "processingStep"
        add(metadata, "MetadataItem", type_=kind, name=name, value=value, date=provenance.created)


class _Regions:
    """Writes the regions of one page; each gets an id of its own."""

    def __init__(self, reading: Reading, dialect: Dialect) -> None:
        self.reading = reading
        self.dialect = dialect
        self.next = {kind: count(1) for kind in "twg"}
        self.order: list[str] = []

    def write(self, page: ET.Element) -> None:
        tables, loose = by_table((*self.reading.numbers, *self.reading.repeated))
        if not self.reading.numbers:
            return
        order = add(page, "ReadingOrder")
        for table, cells in tables.items():
            self._table(page, f"table{table + 1}", cells)
        for number in loose:
            self._loose(page, f"r{next(self.next['t'])}", number)
        group = add(order, "OrderedGroup", id="order", caption="Regions reading order")
        for index, region in enumerate(self.order):
            add(group, "RegionRefIndexed", index=index, regionRef=region)

    def _table(self, page: ET.Element, name: str, cells: dict[tuple[int, int], list[Number]]) -> None:
        self.order.append(name)
        prima = self.dialect is Dialect.prima
        rectangle = outline(self.reading, *(number for numbers in cells.values() for number in numbers))
        rows, columns = (1 + max(cell[side] for cell in cells) for side in (0, 1))
        region = add(page, "TableRegion", id=name, rows=rows if prima else None, columns=columns if prima else None)
        self._coords(region, rectangle)
        for (row, column), numbers in cells.items():
            cell = f"{name}r{row + 1}c{column + 1}"
            if prima:
                inner = add(region, "TextRegion", id=cell)
            else:
                inner = add(region, "TableCell", row=row, col=column, rowSpan=1, colSpan=1, id=cell)
            self._coords(inner, outline(self.reading, *numbers))
            if prima:
                add(add(inner, "Roles"), "TableCellRole", rowIndex=row, columnIndex=column)
            self._line(inner, f"{cell}l1", numbers)
            if not prima:
                add(inner, "CornerPts", "0 1 2 3")

    def _loose(self, page: ET.Element, name: str, number: Number) -> None:
        self.order.append(name)
        region = add(page, "TextRegion", id=name)
        self._coords(region, outline(self.reading, number))
        self._line(region, f"{name}l1", [number])

    def _line(self, region: ET.Element, name: str, numbers: Sequence[Number]) -> None:
        rectangle = outline(self.reading, *numbers)
        line = add(region, "TextLine", id=name)
        self._coords(line, rectangle)
        add(line, "Baseline", points=_points(baseline(rectangle, self.reading.transform.rotation)))
        for number in numbers:
            word = add(line, "Word", id=f"w{next(self.next['w'])}")
            self._coords(word, outline(self.reading, number))
            for digit in () if number.repeats else number.digits:
                self._glyph(word, digit)
            doubts = "; ".join(number.doubts) if self.dialect is Dialect.prima else ""
            if number.emendation and self.dialect is Dialect.transkribus:
                word.set("custom", sic_tag(number, 0))
            _text(word, number.printed, number.confidence, 0 if number.emendation else None, comments=doubts or None)
            if number.emendation and self.dialect is Dialect.prima:
                # Another text of the same word, which comes after what is printed.
                emended = add(word, "TextEquiv", index=1, comments=emendation_note(number))
                add(emended, "Unicode", number.emendation)
        if self.dialect is Dialect.transkribus and (tags := _tags(numbers)):
            line.set("custom", tags)
        _text(line, " ".join(number.printed for number in numbers), min(number.confidence for number in numbers))

    def _glyph(self, word: ET.Element, digit: Digit) -> None:
        glyph = add(word, "Glyph", id=f"g{next(self.next['g'])}")
        self._coords(glyph, pixels(digit.box, self.reading.width, self.reading.height))
        value = ILLEGIBLE if digit.value is None else str(digit.value)
        second = digit.runner_up
        _text(glyph, value, digit.confidence, None if second is None else 0)
        if second is not None:
            _text(glyph, str(second[0]), second[1], 1)

    @staticmethod
    def _coords(parent: ET.Element, rectangle: Pixels) -> None:
        left, top, right, bottom = rectangle
        add(parent, "Coords", points=_points(((left, top), (right, top), (right, bottom), (left, bottom))))


def _text(parent: ET.Element, text: str, value: float, index: int | None = None, comments: str | None = None) -> None:
    equivalent = add(parent, "TextEquiv", index=index, conf=confidence(value), comments=comments)
    add(equivalent, "Unicode", text)


def _tags(numbers: Sequence[Number]) -> str:
    """The emendations of a line as Transkribus tags them, by where they stand in its text."""
    tags, offset = [], 0
    for number in numbers:
        if number.emendation:
            tags.append(sic_tag(number, offset))
        offset += len(number.printed) + 1
    return " ".join(tags)


def _points(points: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def baseline(rectangle: Pixels, rotation: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The edge on which the digits stand, from the first to the last, on a scan that is ``rotation`` off upright."""
    left, top, right, bottom = rectangle
    return {
        0: ((left, bottom), (right, bottom)),
        90: ((right, bottom), (right, top)),
        180: ((right, top), (left, top)),
        270: ((left, top), (left, bottom)),
    }[rotation]
