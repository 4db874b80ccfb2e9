"""Words with their boxes and cells from PAGE-XML and ALTO, as OCR and HTR programs and their users write them.

PAGE-XML of any year (PRImA, Transkribus, eScriptorium), by `Word`, or by `TextLine` where lines hold no words; ALTO 2
to 4, by `String`. Namespaces are looked over; documents with a DOCTYPE are refused, so that no entity is expanded.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tablesim.errors import TranscriptionError
from tablesim.records.boxes import Box

MAX_BYTES = 100_000_000
"""Larger files are refused: a page of 20,000 numbers with every glyph takes 15 MB."""

_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)

Cell = tuple[int, int, int]
"""Table, row and column, from 0."""


@dataclass(frozen=True, slots=True)
class PrintedWord:
    """A word, or a line, as somebody read it.

    Parameters
    ----------
    text : str
    box : Box
        In pixels of the image that the file describes.
    confidence : float or None
        0 to 1, where the file has one.
    cell : (int, int, int), optional
        Table, row and column, from 0, where the file has cells.
    """

    text: str
    box: Box
    confidence: float | None = None
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class WordsOfPage:
    """The words of one page in the order of the file, and the size of its image in pixels."""

    width: int
    height: int
    words: tuple[PrintedWord, ...]


def read_words(path: str | Path) -> WordsOfPage:
    """The words of a PAGE-XML or ALTO file.

    Raises
    ------
    TranscriptionError
        The file is missing, too large, no XML or another kind of XML, or has a DOCTYPE.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TranscriptionError(f"{path}: larger than {MAX_BYTES:,} bytes; expected PAGE-XML or ALTO of one page")
        data = path.read_bytes()
    except OSError as error:
        raise TranscriptionError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    if _DOCTYPE.search(data) or b"\0" in data:
        raise TranscriptionError(
            f"{path}: has a DOCTYPE, or is no UTF-8; save it as PAGE-XML or ALTO in UTF-8 without one"
        )
    try:
        document = ET.fromstring(data)  # noqa: S314 - no DOCTYPE, so no entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise TranscriptionError(f"{path}: not well-formed XML ({error}); export the page again") from error
    kind = _name(document)
    try:
        if kind == "PcGts":
            return _page(document)
        if kind.lower() == "alto":
            return _alto(document)
    except (ValueError, LookupError, OverflowError, RecursionError) as error:
        raise TranscriptionError(
            f"{path}: a number in it is missing or cannot be meant ({error}); export the page again"
        ) from error
    raise TranscriptionError(f"{path}: got XML that begins with {kind!r}, expected PAGE-XML (PcGts) or ALTO (alto)")


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(element: ET.Element, *names: str) -> list[ET.Element]:
    return [child for child in element if _name(child) in names]


def _page(document: ET.Element) -> WordsOfPage:
    page = next((each for each in document.iter() if _name(each) == "Page"), None)
    if page is None:
        raise ValueError("no Page in it")
    words: list[PrintedWord] = []
    tables = 0

    def walk(region: ET.Element, table: int, cell: Cell | None) -> None:
        nonlocal tables
        for child in region:
            name = _name(child)
            if name == "TableRegion":
                tables += 1
                walk(child, tables - 1, None)
            elif name == "TableCell":
                walk(child, table, (max(table, 0), int(child.attrib["row"]), int(child.attrib["col"])))
            elif name == "TextRegion":
                role = next((each for each in child.iter() if _name(each) == "TableCellRole"), None)
                own = cell
                if role is not None and _name(child) == "TextRegion" and _children(child, "Roles"):
                    own = (max(table, 0), int(role.attrib["rowIndex"]), int(role.attrib["columnIndex"]))
                walk(child, table, own)
            elif name == "TextLine":
                parts = _children(child, "Word") or [child]
                words.extend(word for part in parts if (word := _page_word(part, cell)) is not None)
            elif name.endswith("Region"):
                walk(child, table, cell)

    walk(page, -1, None)
    return WordsOfPage(_side(page, "imageWidth"), _side(page, "imageHeight"), tuple(words))


def _page_word(element: ET.Element, cell: Cell | None) -> PrintedWord | None:
    equivalents = _children(element, "TextEquiv")
    coords = _children(element, "Coords")
    if not equivalents or not coords:
        return None
    best = min(equivalents, key=lambda each: int(each.attrib.get("index", 0)))
    text = next((each.text or "" for each in best if _name(each) == "Unicode"), "")
    points = [tuple(map(float, point.split(","))) for point in coords[0].attrib.get("points", "").split()]
    points = points or [(float(each.attrib["x"]), float(each.attrib["y"])) for each in coords[0]]  # of 2010
    if not text.strip() or not points:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    box = Box(min(xs), min(ys), max(max(xs) - min(xs), 1.0), max(max(ys) - min(ys), 1.0))
    return PrintedWord(text, box, _share(best.attrib.get("conf")), cell)


def _alto(document: ET.Element) -> WordsOfPage:
    page = next((each for each in document.iter() if _name(each) == "Page"), None)
    if page is None:
        raise ValueError("no Page in it")
    cells = {
        each.attrib["ID"]: (each.attrib["TYPE"], int(each.attrib["LABEL"]))
        for each in document.iter()
        if _name(each) == "StructureTag" and each.attrib.get("TYPE") in ("row", "column")
    }
    words: list[PrintedWord] = []
    tables = 0
    for block, table in _alto_blocks(page, -1):
        tags = dict(cells[tag] for tag in block.attrib.get("TAGREFS", "").split() if tag in cells)
        cell = (max(table, 0), tags["row"], tags["column"]) if {"row", "column"} <= tags.keys() else None
        for string in (each for each in block.iter() if _name(each) == "String"):
            text = string.attrib.get("CONTENT", "")
            sides = [float(string.attrib.get(side, 0)) for side in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
            if text.strip():
                box = Box(sides[0], sides[1], max(sides[2], 1.0), max(sides[3], 1.0))
                words.append(PrintedWord(text, box, _share(string.attrib.get("WC")), cell))
        tables = max(tables, table)
    return WordsOfPage(_side(page, "WIDTH"), _side(page, "HEIGHT"), tuple(words))


def _alto_blocks(element: ET.Element, table: int) -> Iterator[tuple[ET.Element, int]]:
    """The text blocks with the number of the table that they are in, -1 for none."""
    found = -1
    for child in element:
        if _name(child) == "TextBlock":
            yield child, table
        elif _name(child) == "ComposedBlock" and child.attrib.get("TYPE") == "table":
            found += 1
            yield from _alto_blocks(child, found)
        else:
            yield from _alto_blocks(child, table)


def _side(page: ET.Element, name: str) -> int:
    return max(1, round(float(page.attrib.get(name, 1))))


def _share(text: str | None) -> float | None:
    """A confidence 0 to 1; None where there is none, or one of another scale."""
    value = float(text) if text else -1.0
    return value if 0 <= value <= 1 else None
