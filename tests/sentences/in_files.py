"""Compares files for programs with the readings: every number of CSV, grids, JSON, PAGE and ALTO, and a bundle."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree, html

from sentences.facts import RunFacts
from sentences.texts import tidy


def file_faults(run: RunFacts, page: str, form: str, path: Path) -> Iterator[str]:
    """What a file of a page has that its reading has not, or leaves out."""
    printed = Counter(tidy(n.printed) for n in run.reading(page).numbers)
    found = Counter(tidy(text) for text in TEXTS[form](path.read_bytes()))
    if form == "csv-grid":
        # A number with a value stands there as one: 6.2 for a printed 6·2.
        printed = Counter(
            tidy(n.printed if n.value is None else re.sub(r"(?<=\d)·(?=\d)", ".", n.printed))
            for n in (*run.reading(page).numbers, *run.reading(page).repeated)
            if None not in (n.table, n.row)
        )
    if found != printed:
        yield f"FALSE {form} of {page}: {list((found - printed).items())[:5]}, not {list((printed - found).items())[:5]}"


def csv_texts(data: bytes) -> Iterator[str]:
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"))):
        if not row.get("repeats"):
            yield row["text"].lstrip("'")


def grid_texts(data: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
        yield from (cell.lstrip("'") for cell in row if cell)


def json_texts(data: bytes) -> Iterator[str]:
    yield from (number["text"] for number in json.loads(data)["numbers"])


def page_texts(data: bytes) -> Iterator[str]:
    for line in etree.fromstring(data).iterfind(".//{*}TextLine/{*}TextEquiv/{*}Unicode"):
        yield line.text or ""


def alto_texts(data: bytes) -> Iterator[str]:
    yield from (string.get("CONTENT") for string in etree.fromstring(data).iterfind(".//{*}String"))


TEXTS = {
    "csv": csv_texts,
    "csv-grid": grid_texts,
    "json": json_texts,
    "page-xml": page_texts,
    "alto": alto_texts,
}


def bundle_faults(run: RunFacts, path: Path) -> Iterator[str]:
    """Links of a bundle that lead nowhere, folders of this machine, and lists that do not have the run's pages."""
    with zipfile.ZipFile(path) as packed:
        names = set(packed.namelist())
        for name in sorted(names):
            if name.endswith(".html"):
                page = html.document_fromstring(packed.read(name))
                for link in page.xpath("//a/@href | //img/@src | //script/@src | //link/@href"):
                    target = link.partition("#")[0].partition("?")[0]
                    if target and ":" not in target and _resolved(name, target) not in names:
                        yield f"FALSE link {link} in {name}"
            if name.endswith((".html", ".csv", ".json", ".xml")) and str(run.corpus.folder).encode() in packed.read(
                name
            ):
                yield f"the folder of this machine in {name}"
        (listed,) = [name for name in names if name.endswith("/pages.csv") or name == "pages.csv"]
        pages = [row["page"] for row in csv.DictReader(io.StringIO(packed.read(listed).decode("utf-8-sig")))]
        if sorted(pages) != sorted(run.rows):
            yield f"FALSE list of pages: {len(pages)}, not {len(run.rows)}"


def _resolved(name: str, target: str) -> str:
    parts: list[str] = name.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
