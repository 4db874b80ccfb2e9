"""Reads pages in full, from their scans, that were refused at a first look and that a person says carry a table.

What was read takes the place of the empty reading in the run, so that the page has numbers, a histogram and neighbours
as any other. Where it cannot be read now, the remedy is said; the next ``tablesim run`` tries it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tablesim.corpus.storage.shards import reading_row
from tablesim.corpus.store import Corpus
from tablesim.digits.refusals import is_refusal
from tablesim.errors import TablesimError
from tablesim.records.reading import Reading
from tablesim.scans.images import MAX_PIXELS


@runtime_checkable
class ReadsInFull(Protocol):
    """What reads pages that a first look refuses: the network of ``tablesim.load_network``."""

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings, before a slash."""

    def read_in_full(self, path: Path, max_pixels: int = MAX_PIXELS) -> Reading:
        """The reading of a scan, with its histogram."""


@dataclass(frozen=True)
class FullReadings:
    """What became of refused pages that carry a table.

    Parameters
    ----------
    keys : tuple of str
        Hashes of the scans that were read.
    remarks : tuple of str
        On each page that was read, and on each that could not be.
    """

    keys: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_refused_in_full(corpus: Corpus, keys: Sequence[str], network: ReadsInFull | None = None) -> FullReadings:
    """Read those of some scans that were refused and that carry a table, as a person says.

    Parameters
    ----------
    corpus : Corpus
        The run; the caller renews what depends on its readings.
    keys : sequence of str
        Hashes of scans, whether they were refused or not.
    network : ReadsInFull, optional
        The bundled weights, where the run was read by them, when not given.
    """
    called_tables = [
        key for key in dict.fromkeys(keys) if (decision := corpus.table_decisions.of(key)) and decision.is_table
    ]
    rows, remarks = {}, []
    for key, (page, *_) in corpus.page_table.pages_of(called_tables).items():
        before = corpus.reading_shards.row(key)
        if before is None or not is_refusal(before["note"] or ""):
            continue
        try:
            network = network or _network_of(corpus)
            reading = _from_scan(corpus, page, key, network)
        except TablesimError as error:
            remarks.append(f"{page}: was refused ({before['note']}) and is not read in full yet: {error}")
            continue
        read_by = _name_of_reader(corpus, before["read_by"] or "")
        # What the machine says of the page stays; the person's word is kept beside it.
        rows[key] = reading_row(reading, read_by) | {"is_table": False}
        n_numbers = len(reading.numbers)
        remarks.append(f"{page}: read in full, {n_numbers} number{'' if n_numbers == 1 else 's'}")
    corpus.reading_shards.replace(rows)
    if rows:
        corpus.refresh()
    return FullReadings(tuple(rows), tuple(remarks))


def _from_scan(corpus: Corpus, page: str, key: str, network: ReadsInFull) -> Reading:
    """The full reading of the scan of a page."""
    scan = corpus.page(page)["scan"]
    try:
        reading = network.read_in_full(Path(scan), corpus.run.get("max_pixels", MAX_PIXELS))
    except (TablesimError, OSError) as error:
        raise TablesimError(f"{error}; when the scan is there again, give the command `tablesim run` again") from error
    if reading.sha256 != key:
        raise TablesimError(
            f"{scan}: the scan was replaced; give the command `tablesim run` again, which reads it anew"
        )
    return reading


def _network_of(corpus: Corpus) -> ReadsInFull:
    """The bundled network, if the run was read by it."""
    from tablesim.reader import fingerprint, load_network

    if fingerprint().partition("/")[0] != corpus.settings.get("network"):
        raise TablesimError(
            "the run was read by another network than the bundled one; give the command `tablesim run` again with its "
            "weights, which reads the page in full"
        )
    return load_network()


def _name_of_reader(corpus: Corpus, before: str) -> str:
    """The name under which ``run.json`` explains who read the page: the versions of before, in full."""
    readers: dict[str, dict[str, str]] = corpus.run.setdefault("readers", {})
    now = readers.get(before, {}) | {"pages": "in full"}
    name = hashlib.sha256(json.dumps(now, sort_keys=True).encode()).hexdigest()[:8]
    if name not in readers:
        readers[name] = now
        corpus.save_run()
    return name
