"""The numbers of a run that a person should look at, in the order in which a look helps most, and their cut-outs.

A wrong number makes a wrong cell in the collation with each page that carries the same table: what is expected to be
wrong is the probability that the number is misread, times these pages, at least one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import holding, numbers_at
from tablesim.evidence.collation.cells import DOUBTFUL
from tablesim.language import say
from tablesim.records.address import PageAddresses
from tablesim.records.boxes import Box
from tablesim.records.reading import Number, Reading
from tablesim.report.addresses import page_href
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues

PER_ANSWER = 120
"""Numbers in one answer at most."""


@dataclass(frozen=True)
class MachineDoubts:
    """What the machine doubts in a run, whatever people said since: a line a number in falling order of weight.

    Parameters
    ----------
    keys : list of str
        Hashes of the scans.
    scan, number : int arrays
        Of each doubtful number its scan, an index into ``keys``, and its index in the machine's reading.
    wrong : float array
        The probability that it is misread.
    """

    keys: list[str]
    scan: NDArray[np.int32]
    number: NDArray[np.int32]
    wrong: NDArray[np.float32]

    @classmethod
    def of(cls, corpus: Corpus) -> MachineDoubts:
        """Those of every reading of a run, a shard at a time."""
        keys: list[str] = []
        parts: list[tuple[NDArray[Any], ...]] = []
        for table in corpus.reading_shards.tables(["sha256", "numbers", "doubts"]):
            numbers = table.column("numbers").combine_chunks()
            counts = np.diff(numbers.offsets.to_numpy())
            starts = np.repeat(np.cumsum(counts) - counts, counts)
            confidence = numbers.flatten().field("confidence").to_numpy(zero_copy_only=False)
            doubtful = confidence < 1 - DOUBTFUL
            doubtful[_with_doubts(table.column("doubts"), counts)] = True
            at = np.flatnonzero(doubtful)
            scan = np.repeat(np.arange(len(counts)) + len(keys), counts)
            parts.append((scan[at], (np.arange(len(confidence)) - starts)[at], 1 - confidence[at]))
            keys += table.column("sha256").to_pylist()
        scan, number, wrong = (np.concatenate([part[n] for part in parts] or [np.empty(0)]) for n in range(3))
        return cls(keys, scan.astype(np.int32), number.astype(np.int32), wrong.astype(np.float32))


def _with_doubts(column: pa.ChunkedArray, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of all numbers have a doubt in words; readings of earlier versions have none."""
    rows = column.combine_chunks()
    lengths = rows.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    words = rows.flatten().value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    # The place of a number among those of its page, behind the numbers of the pages before.
    ahead = np.cumsum(counts) - counts - (np.cumsum(lengths) - lengths)
    found: NDArray[np.int64] = np.flatnonzero(words > 0) + np.repeat(ahead, lengths)[words > 0]
    return found


@dataclass(frozen=True)
class DoubtOrder:
    """The doubtful numbers of a run in the order of what is expected to be wrong by them; of each its page."""

    doubts: MachineDoubts
    pages: list[str]
    lines: NDArray[np.int64]
    weight: NDArray[np.float32]

    @classmethod
    def of(cls, corpus: Corpus, doubts: MachineDoubts) -> DoubtOrder:
        """The order for the groups of a run as they are now."""
        table, groups = corpus.page_table, corpus.groups
        page_of = dict(zip(table.column("sha256").to_pylist(), table.column("page").to_pylist(), strict=True))
        partners = {page: len(group.pages) - 1 for group in groups.tables for page in group.pages}
        pages = [page_of.get(key, "") for key in doubts.keys]
        others = np.array([max(1, partners.get(page, 1)) if page else 0 for page in pages], dtype=np.float32)
        weight = doubts.wrong * (others[doubts.scan] if len(doubts.scan) else 1)
        order = np.lexsort((doubts.number, doubts.scan, -weight))
        return cls(doubts, pages, order[weight[order] > 0], weight)


def list_doubts(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """A stretch of the doubtful numbers of the run that nobody decided yet; of ``page`` every number, likewise."""
    corpus = live.corpus
    start, most = asked.whole("start", 0, 0, 10**9), asked.whole("limit", 60, 1, PER_ANSWER)
    page = asked.text("page", "")
    if page:
        found = _of_page(corpus, str(corpus.page(page)["page"]))
        return {"version": live.version, "total": len(found), "next": None, "numbers": found}
    doubts = live.kept_while("machine doubts", ("readings", "pages.parquet"), MachineDoubts.of)
    order = live.kept_while(
        "doubt order", ("readings", "pages.parquet", "clusters"), lambda run: DoubtOrder.of(run, doubts)
    )
    numbers: list[dict[str, Any]] = []
    at = start
    readings: dict[str, OnePage] = {}
    while at < len(order.lines) and len(numbers) < most:
        line = order.lines[at]
        name = order.pages[doubts.scan[line]]
        if name not in readings:
            readings[name] = OnePage.of(corpus, name)
        shown = readings[name].line(int(doubts.number[line]), float(order.weight[line]))
        numbers += [] if shown is None else [shown]
        at += 1
    return {
        "version": live.version,
        "total": len(order.lines),
        "next": at if at < len(order.lines) else None,
        "numbers": numbers,
    }


@dataclass(frozen=True)
class OnePage:
    """A page with what the machine read and what people said since."""

    machine: Reading
    now: Reading
    said: frozenset[int]

    @classmethod
    def of(cls, corpus: Corpus, page: str) -> OnePage:
        """The page of a run."""
        machine = corpus.machine_reading(page)
        in_force = holding(corpus.corrections.by_scan.get(machine.sha256, ()))
        decided = {index for correction in in_force for index in numbers_at(correction.box, machine.numbers)}
        return cls(machine, corpus.reading(page) if in_force else machine, frozenset(decided))

    def line(self, index: int, weight: float) -> dict[str, Any] | None:
        """A number of the machine's reading; None where a person decided it."""
        if index in self.said or index >= len(self.machine.numbers):
            return None
        return self.cells.plain(self.machine.numbers[index], weight)

    @cached_property
    def cells(self) -> CutoutCells:
        """The cells of the page as it is now."""
        return CutoutCells(self.now)


class CutoutCells:
    """The numbers of a page as the grid of cut-outs shows them, each with the cell where it stands now.

    Parameters
    ----------
    reading : Reading
        The page as it is now.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.addresses = PageAddresses(reading)
        self.at = {number.box: number for number in reversed(reading.numbers)}

    def plain(self, number: Number, weight: float) -> dict[str, Any]:
        """A number of the machine's reading, or of this one, with what is expected to be wrong by it."""
        there = self.at.get(number.box)
        address = None if there is None else self.addresses.of(there)
        runner_ups = [digit.runner_up[0] for digit in number.digits if digit.runner_up is not None]
        return {
            "page": self.reading.page,
            "href": page_href(self.reading.page).partition("/")[2],
            "sha256": self.reading.sha256,
            **_exact(number.box),
            "text": number.text,
            "emendation": number.emendation,
            "confidence": round(number.confidence, 4),
            "doubts": [say(doubt) for doubt in number.doubts],
            "runner_up": runner_ups[0] if len(runner_ups) == 1 else None,
            "address": None if address is None else {"words": address.words, "anchor": address.anchor},
            "weight": round(weight, 3),
        }


def _of_page(corpus: Corpus, page: str) -> list[dict[str, Any]]:
    """Every number of a page, what is least sure first; what a person said last."""
    reading = corpus.reading(page)
    cells = CutoutCells(reading)
    return [
        cells.plain(number, 1 - number.confidence)
        for number in sorted(reading.numbers, key=lambda number: number.confidence)
        if not number.repeats
    ]


def _exact(box: Box) -> dict[str, float]:
    """Sides as a correction of the number gives them back."""
    return {side: round(getattr(box, side), 2) for side in ("x", "y", "width", "height")}
