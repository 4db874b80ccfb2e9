"""Words with their boxes and cells from PAGE-XML and ALTO, as OCR and HTR programs and their users write them.

PAGE-XML of any year (PRImA, Transkribus, eScriptorium, OCR-D), by `Word`, or by `TextLine`, cell or region where what
is inside has no text; ALTO 2 to 4, by `String`, which has the place of its line where it has none. Namespaces are
looked over; documents with a DOCTYPE are refused, so that no entity is expanded.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

from tablesim.errors import TranscriptionError
from tablesim.files import refuse_special
from tablesim.records.boxes import Box
from tablesim.records.emendations import of_custom, of_note

MAX_BYTES = 100_000_000
"""Larger files are refused: a page of 20,000 numbers with every glyph takes 15 MB."""

MAX_TAGS = 4_000_000
"""More are refused: 20,000 numbers with every glyph and its text have 700,000, and each takes some 200 bytes."""

MAX_DEPTH = 200
"""Elements in each other; a glyph of a word in a table has 12."""

_IMAGE = re.compile(rb'imageFilename\s*=\s*["\']([^"\']+)|<(?:\w+:)?fileName>([^<]+)<')
_HEAD = 100_000
"""Bytes of a file in which the image is named, as a rule in the first thousand."""

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
    emended : (str, str, str), optional
        What should stand there in place of what is printed, as somebody said, who, and when.
    """

    text: str
    box: Box
    confidence: float | None = None
    cell: Cell | None = None
    emended: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class WordsOfPage:
    """The words of one page in the order of the file, the size of its image in the file's unit, as a rule pixels, and
    the name of the image; 1 and an empty text where the file does not say.
    """

    width: int
    height: int
    words: tuple[PrintedWord, ...]
    image: str = ""


def image_of(path: str | Path) -> str:
    """The name of the image that a PAGE-XML or ALTO file describes, without folders; empty where none is named."""
    try:
        with Path(path).open("rb") as file:
            found = _IMAGE.search(file.read(_HEAD))
    except OSError:
        return ""
    name = "" if found is None else (found[1] or found[2]).decode("utf-8", "replace")
    return re.split(r"[/\\]", unescape(name).strip())[-1]


def read_words(path: str | Path) -> WordsOfPage:
    """The words of a PAGE-XML or ALTO file.

    Raises
    ------
    TranscriptionError
        The file is missing, too large, no XML or another kind of XML, or has a DOCTYPE.
    """
    path = Path(path)
    try:
        refuse_special(path)
        if path.stat().st_size > MAX_BYTES:
            raise TranscriptionError(f"{path}: larger than {MAX_BYTES:,} bytes; expected PAGE-XML or ALTO of one page")
        data = path.read_bytes()
    except OSError as error:
        raise TranscriptionError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    if _DOCTYPE.search(data) or b"\0" in data:
        raise TranscriptionError(
            f"{path}: has a DOCTYPE, or is no UTF-8; save it as PAGE-XML or ALTO in UTF-8 without one"
        )
    if data.count(b"<") > MAX_TAGS:
        raise TranscriptionError(f"{path}: more than {MAX_TAGS:,} tags; expected PAGE-XML or ALTO of one page")
    try:
        document = _parsed(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise TranscriptionError(f"{path}: not well-formed XML ({error}); export the page again") from error
    kind = _name(document)
    try:
        if kind == "PcGts":
            return replace(_page(document), image=image_of(path))
        if kind.lower() == "alto":
            return replace(_alto(document), image=image_of(path))
    except (ValueError, LookupError, OverflowError, RecursionError) as error:
        raise TranscriptionError(
            f"{path}: a number in it is missing or cannot be meant ({error}); export the page again"
        ) from error
    raise TranscriptionError(f"{path}: got XML that begins with {kind!r}, expected PAGE-XML (PcGts) or ALTO (alto)")


def _parsed(data: bytes) -> ET.Element:
    """The document, refused with a ValueError where its elements lie too deep in each other."""
    root: ET.Element | None = None
    depth = 0
    for event, element in ET.iterparse(io.BytesIO(data), ("start", "end")):  # noqa: S314 - no DOCTYPE, so no entities
        root = element if root is None else root
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} elements in each other")
    assert root is not None  # an empty document is not well-formed
    return root


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
            name, before = _name(child), len(words)
            cell_of = cell
            if name == "TableRegion":
                tables += 1
                walk(child, tables - 1, None)
                continue
            if name == "TableCell":
                cell_of = (max(table, 0), int(child.attrib["row"]), int(child.attrib["col"]))
            elif name == "TextRegion":
                cell_of = _role(child, table) or cell
            elif name != "TextLine" and not name.endswith("Region"):
                continue
            if name == "TextLine":
                words.extend(_words_of(_children(child, "Word"), cell_of))
            else:
                walk(child, table, cell_of)
            if len(words) == before:
                # What is inside has no text: that of the line, the cell or the region stands for it.
                words.extend(_words_of([child], cell_of))

    walk(page, -1, None)
    return WordsOfPage(_side(page, "imageWidth"), _side(page, "imageHeight"), tuple(words))


def _role(region: ET.Element, table: int) -> Cell | None:
    """The cell that a region of a table is, as PRImA has it."""
    roles = _children(region, "Roles")
    role = next((each for each in roles[0].iter() if _name(each) == "TableCellRole"), None) if roles else None
    if role is None:
        return None
    return max(table, 0), int(role.attrib["rowIndex"]), int(role.attrib["columnIndex"])


def _words_of(elements: Sequence[ET.Element], cell: Cell | None) -> Iterator[PrintedWord]:
    """The texts of elements of PAGE-XML; one of several lines is divided evenly from top to bottom."""
    for element in elements:
        equivalents, coords = _children(element, "TextEquiv"), _children(element, "Coords")
        if not equivalents or not coords:
            continue
        best = min(equivalents, key=lambda each: int(each.attrib.get("index", 0)))
        text = next((each.text or "" for each in best if _name(each) == "Unicode"), "")
        points = coords[0].attrib.get("points", "").split()
        corners = [tuple(map(float, point.split(","))) for point in points]
        corners = corners or [(float(each.attrib["x"]), float(each.attrib["y"])) for each in coords[0]]  # of 2010
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines or not corners:
            continue
        box = _around(corners)
        emended = _emended(element, equivalents) if len(lines) == 1 else None
        for place, line in enumerate(lines):
            part = Box(box.x, box.y + box.height * place / len(lines), box.width, box.height / len(lines))
            yield PrintedWord(line, part, _share(best.attrib.get("conf")), cell, emended)


def _emended(element: ET.Element, equivalents: list[ET.Element]) -> tuple[str, str, str] | None:
    """What should stand in place of a word, as our exports say it: in another text of it, or in a tag."""
    for each in equivalents:
        known = of_note(each.attrib.get("comments", ""))
        text = next((part.text or "" for part in each if _name(part) == "Unicode"), "")
        if known is not None and text.strip():
            return (text, *known)
    return of_custom(element.attrib.get("custom", "")) if _name(element) == "Word" else None


def _around(corners: Sequence[tuple[float, ...]]) -> Box:
    xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return Box(min(xs), min(ys), max(max(xs) - min(xs), 1.0), max(max(ys) - min(ys), 1.0))


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
    for block, table in _alto_blocks(page, -1):
        tags = dict(cells[tag] for tag in block.attrib.get("TAGREFS", "").split() if tag in cells)
        cell = (max(table, 0), tags["row"], tags["column"]) if {"row", "column"} <= tags.keys() else None
        for line in (each for each in block.iter() if _name(each) == "TextLine"):
            for string in (each for each in line.iter() if _name(each) == "String"):
                text = string.attrib.get("CONTENT", "")
                if text.strip():
                    box = _alto_box(string) or _alto_box(line) or _alto_box(block)
                    if box is None:
                        raise ValueError(f"no place of {text[:40]!r}")
                    others = ((each.text or "", of_note(each.attrib.get("PURPOSE", ""))) for each in string)
                    emended = next(((said, *known) for said, known in others if said.strip() and known), None)
                    words.append(PrintedWord(text, box, _share(string.attrib.get("WC")), cell, emended))
    return WordsOfPage(_side(page, "WIDTH"), _side(page, "HEIGHT"), tuple(words))


def _alto_box(element: ET.Element) -> Box | None:
    """The box of a string, line or block; that around its polygon where it has no sides, None where it has neither."""
    sides = [element.attrib.get(side) for side in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if all(side not in (None, "") for side in sides):
        left, top, width, height = (float(side or 0) for side in sides)
        return Box(left, top, max(width, 1.0), max(height, 1.0))
    shapes = _children(element, "Shape")
    polygon = next((each for each in shapes[0] if _name(each) == "Polygon"), None) if shapes else None
    if polygon is None:
        return None
    # Parted by blanks, by commas, or both, as the versions have it.
    numbers = [float(number) for number in polygon.attrib.get("POINTS", "").replace(",", " ").split()]
    return _around(list(zip(numbers[::2], numbers[1::2], strict=True))) if numbers else None


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
    return max(1, round(float(page.attrib.get(name) or 1)))


def _share(text: str | None) -> float | None:
    """A confidence 0 to 1; None where there is none, or one of another scale."""
    value = float(text) if text else -1.0
    return value if 0 <= value <= 1 else None
