"""Any number of witnesses of a run served: their collation as a page and as files, and who copied whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from tablesim.errors import SettingsError
from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.genealogy.genealogy import genealogy
from tablesim.evidence.genealogy.links import Genealogy
from tablesim.export.formats import collation_files, genealogy_bytes
from tablesim.export.kinds import GENEALOGY_SUFFIXES, Format
from tablesim.records.collation import Collation
from tablesim.records.dates import YearRange
from tablesim.report.collation_page import collation_page
from tablesim.report.provenance import Provenance
from tablesim.web.asked import Asked
from tablesim.web.live import LiveRun
from tablesim.workflow.witnesses import collate_from_run, witness_pages

MOST_WITNESSES = 40

FILES = {
    "csv": (Format.collation_csv, "text/csv"),
    "json": (Format.collation_json, "application/json"),
    "xlsx": (Format.collation_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "tei": (Format.tei, "application/tei+xml"),
}
STEMMA = {".svg": "image/svg+xml", ".png": "image/png", ".csv": "text/csv", ".graphml": "application/xml"}

_ANCHOR = re.compile(r"t\d{1,4}r\d{1,5}c\d{1,4}")


def witnesses_of(live: LiveRun, asked: Asked) -> list[str]:
    """The witnesses that are asked for, each as ``A1+A2``; SettingsError for too few or too many."""
    witnesses = asked.texts("w")
    if not 2 <= len(witnesses) <= MOST_WITNESSES:
        raise SettingsError(f"w: got {len(witnesses)} witnesses, expected 2 to {MOST_WITNESSES}")
    for witness in witnesses:
        witness_pages(live.corpus, witness)
    return witnesses


def collated(live: LiveRun, witnesses: Sequence[str]) -> tuple[Collation, Provenance]:
    """The collation of witnesses; made once for each state of the run."""

    def make(corpus: Any) -> tuple[Collation, Provenance]:
        collation = collate_from_run(corpus, witnesses, keep=False)
        return collation, Provenance.of_run(corpus, (reading.page for reading in collation.readings))

    return live.kept_last(("collation", *witnesses), make)


def collation_document(live: LiveRun, asked: Asked) -> str:
    """The page of a collation."""
    witnesses = witnesses_of(live, asked)
    cell = asked.text("cell", "")
    if cell and not _ANCHOR.fullmatch(cell):
        raise SettingsError(f"cell: got {cell!r}, expected one such as t1r4c2")
    collation, provenance = collated(live, witnesses)
    query = urlencode([("w", witness) for witness in witnesses])
    return collation_page(collation, provenance, Cutter(), served=query, cell=cell)


def collation_file(live: LiveRun, asked: Asked, kind: str) -> tuple[bytes, str]:
    """A collation as a file, and its media type."""
    if kind not in FILES:
        raise SettingsError(f"collation: got {kind!r}, expected one of {', '.join(FILES)}")
    form, media = FILES[kind]
    collation, provenance = collated(live, witnesses_of(live, asked))
    return next(iter(collation_files(collation, form, provenance).values())), media


def stemma_of(live: LiveRun, asked: Asked) -> Genealogy:
    """Who copied whom among some witnesses, by their years."""
    witnesses = witnesses_of(live, asked)
    collation, _ = collated(live, witnesses)
    first = [live.corpus.page(witness_pages(live.corpus, witness)[0]) for witness in witnesses]
    return live.kept_last(
        ("stemma", *witnesses), lambda _: genealogy(collation, [YearRange.of_row(row) for row in first])
    )


def stemma(live: LiveRun, asked: Asked) -> dict[str, Any]:
    """The links in words and as data."""
    found = stemma_of(live, asked)
    return {"version": live.version, "names": list(found.names), "headline": found.headline, **found.to_dict()}


def stemma_file(live: LiveRun, asked: Asked, kind: str) -> tuple[bytes, str]:
    """The stemma as a picture, a table or a graph."""
    suffix = f".{kind}"
    if suffix not in STEMMA or suffix not in GENEALOGY_SUFFIXES:
        raise SettingsError(f"stemma: got {kind!r}, expected one of {', '.join(name[1:] for name in STEMMA)}")
    return genealogy_bytes(stemma_of(live, asked), suffix), STEMMA[suffix]
