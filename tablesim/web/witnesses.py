"""Any number of witnesses of a run served: their collation as a page and as files, and who copied whom."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from PIL import Image

from tablesim.corpus.store import Corpus
from tablesim.errors import ScanError, SettingsError
from tablesim.evidence.collation.cutouts import Cutter, cutout_of
from tablesim.evidence.genealogy.genealogy import genealogy
from tablesim.evidence.genealogy.links import Genealogy
from tablesim.export.formats import collation_files, genealogy_bytes
from tablesim.export.kinds import GENEALOGY_SUFFIXES, Format
from tablesim.language import ENGLISH, language, speaking
from tablesim.records.collation import Cell, Collation
from tablesim.records.dates import YearRange
from tablesim.report.collation_page import Served, collation_page
from tablesim.report.provenance import Provenance
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.locator import Locator
from tablesim.web.front_files import FRONT, FrontFiles
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues
from tablesim.web.tiles import encoded
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


def witnesses_of(live: LiveRun, asked: RequestValues) -> list[str]:
    """The witnesses that are asked for, each as ``A1+A2``; SettingsError for too few or too many."""
    witnesses = asked.texts("w")
    if not 2 <= len(witnesses) <= MOST_WITNESSES:
        raise SettingsError(f"w: got {len(witnesses)} witnesses, expected 2 to {MOST_WITNESSES}")
    for witness in witnesses:
        witness_pages(live.corpus, witness)
    return witnesses


@dataclass(frozen=True)
class Collated:
    """A collation of witnesses of a run."""

    collation: Collation

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Each cell by what addresses that lead to it end in."""
        return {self.collation.address(cell).anchor: cell for cell in self.collation.cells}


def collated(live: LiveRun, witnesses: Sequence[str]) -> Collated:
    """The collation of witnesses; made once for each state of the run."""

    def make(corpus: Corpus) -> Collated:
        return Collated(collate_from_run(corpus, witnesses, keep=False))

    return live.kept_last(("collation", *witnesses), make)


def _provenance(live: LiveRun, collation: Collation) -> Provenance:
    """What made a collation; in the language that is spoken, so it is not kept."""
    return Provenance.of_run(live.corpus, (reading.page for reading in collation.readings))


def collation_document(live: LiveRun, asked: RequestValues, *, may_write: bool = False) -> str:
    """The page of a collation; what is printed above columns and before rows when ``words`` are asked for.

    The last ones are kept, for each state of the run: whoever opens one again, or takes it anew, waits for no scan.
    """
    witnesses, cell, words = witnesses_of(live, asked), _anchor(asked), bool(asked.text("words", ""))

    def make(_: Corpus) -> str:
        made = collated(live, witnesses)
        served = Served(
            urlencode([("w", witness) for witness in witnesses]),
            f"{FRONT}/{FrontFiles.all().version}",
            "write" if may_write else "read",
            words,
            frozenset(r.page for r in made.collation.readings if not Locator.of(r.scan).file.is_file()),
        )
        provenance = _provenance(live, made.collation)
        # Without words nothing is cut out of a scan: who wants to see the figures does not wait for who does.
        with _CUTTING if words else nullcontext():
            return collation_page(made.collation, provenance, _cutter(live), served=served, cell=cell)

    kind = "page of a collation with words" if words else "page of a collation"
    return live.kept_last((kind, *witnesses, cell, language()), make)


def cell_picture(live: LiveRun, asked: RequestValues) -> bytes:
    """What one witness has in a cell, cut out of its scan, as WebP; ScanError where there is nothing to see."""
    witnesses, anchor = witnesses_of(live, asked), _anchor(asked)
    at = asked.whole("at", 0, 0, len(witnesses) - 1)
    made = collated(live, witnesses)
    if anchor not in made.cells:
        raise SettingsError(f"cell: got {anchor!r}, which is no cell of this collation")
    with _CUTTING:
        picture = cutout_of(made.collation, at, made.cells[anchor], _cutter(live))
    if picture is None:
        raise ScanError(f"{anchor}: nothing to see of {witnesses[at]} there; its scan may have gone")
    return encoded(Image.fromarray(picture))


_CUTTING = threading.Lock()
"""Scans stay open for the next cut-out; one is made at a time, a few milliseconds."""


def _cutter(live: LiveRun) -> Cutter:
    return live.kept("cutter", lambda corpus: Cutter(int(corpus.run.get("max_pixels", MAX_PIXELS))))


def _anchor(asked: RequestValues) -> str:
    cell = asked.text("cell", "")
    if cell and not _ANCHOR.fullmatch(cell):
        raise SettingsError(f"cell: got {cell!r}, expected one such as t1r4c2")
    return cell


def collation_file(live: LiveRun, asked: RequestValues, kind: str) -> tuple[bytes, str]:
    """A collation as a file, and its media type."""
    if kind not in FILES:
        raise SettingsError(f"collation: got {kind!r}, expected one of {', '.join(FILES)}")
    form, media = FILES[kind]
    collation = collated(live, witnesses_of(live, asked)).collation
    with speaking(ENGLISH):
        return next(iter(collation_files(collation, form, _provenance(live, collation)).values())), media


def stemma_of(live: LiveRun, asked: RequestValues) -> Genealogy:
    """Who copied whom among some witnesses, by their years."""
    witnesses = witnesses_of(live, asked)
    collation = collated(live, witnesses).collation
    first = [live.corpus.page(witness_pages(live.corpus, witness)[0]) for witness in witnesses]
    return live.kept_last(
        ("stemma", *witnesses), lambda _: genealogy(collation, [YearRange.of_row(row) for row in first])
    )


def stemma(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """The links in words and as data."""
    found = stemma_of(live, asked)
    return {"version": live.version, "names": list(found.names), "headline": found.headline, **found.to_dict()}


def stemma_file(live: LiveRun, asked: RequestValues, kind: str) -> tuple[bytes, str]:
    """The stemma as a picture, a table or a graph."""
    suffix = f".{kind}"
    if suffix not in STEMMA or suffix not in GENEALOGY_SUFFIXES:
        raise SettingsError(f"stemma: got {kind!r}, expected one of {', '.join(name[1:] for name in STEMMA)}")
    # The drawing stands on a screen; a file of data is the same for everybody.
    with speaking(language() if STEMMA[suffix].startswith("image/") else ENGLISH):
        return genealogy_bytes(stemma_of(live, asked), suffix), STEMMA[suffix]
