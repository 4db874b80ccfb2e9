"""A reading as ALTO 4.3: strings and glyphs with their boxes and confidences.

ALTO has no grid of cells. A table is a ``ComposedBlock`` of type ``table`` with a ``TextBlock`` a cell; structure
tags say which row and column that is, so that nothing of the reading is lost.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import count

from tablesim.export.markup import Pixels, add, by_table, confidence, outline, pdf_matrix, pixels, root, to_bytes
from tablesim.records.emendations import emendation_note
from tablesim.records.reading import ILLEGIBLE, Digit, Number, Reading
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.locator import Locator

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"


def alto(reading: Reading, provenance: Provenance) -> bytes:
    """The reading of one page as an ALTO 4.3 document; ``provenance`` goes into its description."""
    document = root("alto", NAMESPACE, SCHEMA, SCHEMAVERSION="4.3")
    _description(add(document, "Description"), reading, provenance)
    tables, loose = by_table((*reading.numbers, *reading.repeated))
    rows, columns = _tags(document, [cell for cells in tables.values() for cell in cells])
    page = add(
        add(document, "Layout"),
        "Page",
        ID="page1",
        PHYSICAL_IMG_NR=max(1, Locator.of(reading.scan).number),
        WIDTH=reading.width,
        HEIGHT=reading.height,
        PROCESSINGREFS="reading",
    )
    space = add(page, "PrintSpace", HPOS=0, VPOS=0, WIDTH=reading.width, HEIGHT=reading.height)
    writer = _Blocks(reading)
    for table, cells in tables.items():
        box = _box(outline(reading, *(number for numbers in cells.values() for number in numbers)))
        block = add(space, "ComposedBlock", ID=f"table{table + 1}", **box, ROTATION=writer.turn, TYPE="table")
        for (row, column), numbers in cells.items():
            name = f"table{table + 1}r{row + 1}c{column + 1}"
            writer.block(block, name, numbers, TAGREFS=f"{rows[row]} {columns[column]}")
    for index, number in enumerate(loose, 1):
        writer.block(space, f"r{index}", [number], ROTATION=writer.turn)
    return to_bytes(document)


def _description(description: ET.Element, reading: Reading, provenance: Provenance) -> None:
    add(description, "MeasurementUnit", "pixel")
    image = add(description, "sourceImageInformation")
    add(image, "fileName", Locator.of(reading.scan).name or reading.page)
    add(image, "fileIdentifier", reading.sha256, fileIdentifierLocation="SHA-256")
    step = add(description, "Processing", ID="reading")
    add(step, "processingCategory", "contentGeneration")
    add(step, "processingDateTime", provenance.created)
    add(step, "processingStepDescription", provenance.only([reading.page]).citation)
    matrix = f"; pdfMatrix {words}" if (words := pdf_matrix(reading)) else ""
    add(step, "processingStepSettings", f"network {provenance.network}; {provenance.settings_text}{matrix}")
    software = add(step, "processingSoftware")
    add(software, "softwareName", SOFTWARE)
    add(software, "softwareVersion", provenance.version)


def _tags(document: ET.Element, cells: Sequence[tuple[int, int]]) -> tuple[dict[int, str], dict[int, str]]:
    """A tag for each row and each column of a table; their ids by number."""
    if not cells:
        return {}, {}
    tags = add(document, "Tags")
    names: list[dict[int, str]] = []
    for side, kind in enumerate(("row", "column")):
        ids = {number: f"{kind}{number + 1}" for number in sorted({cell[side] for cell in cells})}
        for number, name in ids.items():
            add(tags, "StructureTag", ID=name, TYPE=kind, LABEL=number)
        names.append(ids)
    return names[0], names[1]


class _Blocks:
    """Writes the blocks of one page; strings and glyphs get ids of their own."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        # ALTO turns the other way round: how far the print is turned, anticlockwise. Inner blocks inherit it.
        self.turn = reading.transform.rotation or None
        self.strings, self.glyphs = count(1), count(1)

    def block(self, parent: ET.Element, name: str, numbers: Sequence[Number], **attributes: object) -> None:
        box = _box(outline(self.reading, *numbers))
        block = add(parent, "TextBlock", ID=name, **attributes, **box)
        line = add(block, "TextLine", ID=f"{name}l1", **box)
        for index, number in enumerate(numbers):
            if index:
                add(line, "SP")
            self._string(line, number)

    def _string(self, line: ET.Element, number: Number) -> None:
        string = add(
            line,
            "String",
            ID=f"s{next(self.strings)}",
            **_box(outline(self.reading, number)),
            CONTENT=number.printed,
            WC=confidence(number.confidence),
        )
        if number.emendation:
            # What is printed stays the content of the string.
            add(string, "ALTERNATIVE", number.emendation, PURPOSE=emendation_note(number))
        for digit in () if number.repeats else number.digits:
            self._glyph(string, digit)

    def _glyph(self, string: ET.Element, digit: Digit) -> None:
        glyph = add(
            string,
            "Glyph",
            ID=f"g{next(self.glyphs)}",
            **_box(pixels(digit.box, self.reading.width, self.reading.height)),
            CONTENT=ILLEGIBLE if digit.value is None else digit.value,
            GC=confidence(digit.confidence),
        )
        if digit.runner_up is not None:
            add(glyph, "Variant", CONTENT=digit.runner_up[0], VC=confidence(digit.runner_up[1]))


def _box(rectangle: Pixels) -> dict[str, int]:
    left, top, right, bottom = rectangle
    return {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
