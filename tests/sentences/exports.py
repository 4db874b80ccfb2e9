"""Reads exports aloud: workbooks, TEI, annotations, citations, the page of a collation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from sentences import in_exports  # registers its sentences
from sentences.facts import RunFacts
from sentences.saying import Masks, Where, faults
from sentences.texts import blocks, tidy

TEI = "{http://www.tei-c.org/ns/1.0}"
SPOKEN = {f"{TEI}{name}" for name in ("p", "title", "bibl", "change", "publisher", "witness", "label", "note")}


def texts_of(path: Path) -> Iterator[tuple[str, Any]]:
    """What a person reads in a file that was written, but the numbers of tables; and where it stands."""
    if path.suffix == ".xlsx":
        from openpyxl import load_workbook

        for sheet in load_workbook(path, data_only=False):
            if sheet.title in ("differences", "about"):
                for row in sheet.iter_rows():
                    for cell in row:
                        if isinstance(cell.value, str):
                            yield tidy(cell.value), cell
    elif path.suffix == ".xml":
        for element in etree.parse(path).iter():
            if element.tag in SPOKEN and not any(child.tag in SPOKEN for child in element):
                yield tidy("".join(element.itertext())), element
    elif path.suffix == ".json":
        yield from ((text, None) for text in _strings(json.loads(path.read_text(encoding="utf-8"))))
    elif path.suffix == ".html":
        for element, text in blocks(path):
            yield text, element
    else:
        yield from ((tidy(line), None) for line in path.read_text(encoding="utf-8").splitlines())


def _strings(data: Any, name: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in (
                "id",
                "type",
                "target",
                "sha256",
                "service",
                "format",
                "source",
                "selector",
                "settings",
                "created",
            ):
                yield from _strings(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value, name)
    elif isinstance(data, str):
        yield tidy(data)


def export_faults(run: RunFacts, path: Path, kind: str, pages: tuple[str, ...] = (), **more: Any) -> Iterator[str]:
    """Every false sentence of a file, and every number that nobody recomputes."""
    at, masks = Where(run, kind, pages, more=more), Masks(run)
    for text, element in texts_of(path):
        at.element = element
        text = text.replace("\\_", "_")  # as LaTeX has it
        if kind == "collate" and path.suffix == ".html":
            yield from in_exports.collation_html_faults(element, text, at, masks)
        else:
            yield from faults(text, at, masks)
