"""XML and JSON as the exports write them: of characters that they allow, XML by ElementTree in one namespace."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Mapping, Sequence

from tablesim.errors import TablesimError
from tablesim.records.boxes import Box
from tablesim.records.reading import Number, Reading
from tablesim.scans.locator import PDF_SUFFIXES, Locator
from tablesim.scans.pdf import image_to_page

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"

Pixels = tuple[int, int, int, int]
"""Left, top, right and bottom edge in whole source pixels."""


def legal(text: str) -> str:
    """``text`` with U+FFFD for what no XML file may hold, such as control characters and halves of surrogates."""
    return _ILLEGAL.sub("\ufffd", text)


def add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: object) -> ET.Element:
    """A new element at the end of ``parent``; attributes that are None are left out.

    An attribute name may end in ``_`` where it is a keyword or a built-in name of Python (``type_``).
    """
    child = ET.SubElement(parent, tag, _written(attributes))
    if text is not None:
        child.text = legal(text)
    return child


def root(tag: str, namespace: str, schema: str | None = None, /, **attributes: object) -> ET.Element:
    """The outermost element, with its namespace and, where ``schema`` is given, where the namespace's schema is."""
    # ElementTree writes an attribute named xmlns as it stands, and all elements below belong to that namespace.
    head = {"xmlns": namespace}
    if schema is not None:
        head |= {"xmlns:xsi": XSI, "xsi:schemaLocation": f"{namespace} {schema}"}
    return ET.Element(tag, head | _written(attributes))


def to_bytes(element: ET.Element, inline: Collection[str] = ()) -> bytes:
    """The document in UTF-8, indented by two spaces; nothing is added within the elements named in ``inline``."""
    _indent(element, inline, "\n")
    written: bytes = ET.tostring(element, encoding="UTF-8", xml_declaration=True)
    return written + b"\n"


def json_bytes(data: Mapping[str, object] | Sequence[object]) -> bytes:
    """JSON in ASCII: names of files can hold halves of surrogates, which are legal JSON when they are escaped."""
    return (json.dumps(data, indent=1) + "\n").encode("ascii")


def _indent(element: ET.Element, inline: Collection[str], pad: str) -> None:
    if element.tag in inline or not len(element):
        return
    element.text = pad + "  "
    for child in element:
        _indent(child, inline, pad + "  ")
        child.tail = pad + "  "
    child.tail = pad


def pixels(box: Box, width: int, height: int) -> Pixels:
    """The box grown to whole pixels that lie on the page and enclose something."""
    left, top = min(max(0, int(box.x)), width - 1), min(max(0, int(box.y)), height - 1)
    right, bottom = -int(-box.right // 1), -int(-box.bottom // 1)
    return left, top, min(max(left + 1, right), width), min(max(top + 1, bottom), height)


def outline(reading: Reading, *numbers: Number) -> Pixels:
    """The rectangle around the digits of some numbers, in whole pixels of their page."""
    boxes = [pixels(digit.box, reading.width, reading.height) for number in numbers for digit in number.digits]
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def confidence(value: float) -> float:
    """A confidence within 0 and 1, as schemas ask for."""
    return float(min(max(value, 0.0), 1.0))


def by_table(numbers: Iterable[Number]) -> tuple[dict[int, dict[tuple[int, int], list[Number]]], list[Number]]:
    """The numbers of each table by (row, column), in that order, and those outside tables."""
    tables: dict[int, dict[tuple[int, int], list[Number]]] = {}
    loose = []
    for number in numbers:
        if number.table is None or number.row is None or number.column is None:
            loose.append(number)
        else:
            tables.setdefault(number.table, {}).setdefault((number.row, number.column), []).append(number)
    return {table: dict(sorted(cells.items())) for table, cells in sorted(tables.items())}, loose


def _written(attributes: dict[str, object]) -> dict[str, str]:
    kept = {name: value for name, value in attributes.items() if value is not None}
    return {name.removesuffix("_").replace("xml_id", XML_ID): legal(_text(value)) for name, value in kept.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def pdf_matrix(reading: Reading) -> str:
    """How pixels of a reading of a PDF page become places on that page, in words for a header; else nothing.

    The PDF must be there, as it was when it was read.
    """
    where = Locator.of(reading.scan)
    if where.file.suffix.lower() not in PDF_SUFFIXES:
        return ""
    try:
        if where.sha256() != reading.sha256:
            return ""
        matrix = image_to_page(where, (reading.width, reading.height))
    except (TablesimError, OSError):
        return ""
    return (
        f"{' '.join(f'{value:.6g}' for value in matrix)} (a b c d e f of x' = a x + c y + e, y' = b x + d y + f: from "
        f"pixels of the image, y downwards, to the user space of page {max(1, where.number)} of the PDF, y upwards, "
        "in units of 1/72 inch times the UserUnit of the page)"
    )
