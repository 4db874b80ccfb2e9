"""Takes corrections into a run, and renews what depends on them: embeddings, facts of pages, lists of neighbours.

So it does with what people say of whole pages: that they carry a table, or none.
Readings stay as the machine made them; ``Corpus.reading`` applies the corrections to them. Embeddings and the facts of
``pages.parquet`` are those of the corrected readings. Of the neighbours, the lists are renewed that a changed page is
in, leaves or enters, so that a correction takes seconds in a run of any size.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import histogram
from tablesim.corpus.corrections.decisions import unknown_decisions
from tablesim.corpus.corrections.full_readings import ReadsInFull, read_refused_in_full
from tablesim.corpus.corrections.table_decisions import table_decisions_in_force
from tablesim.corpus.corrections.unfinished import left_unfinished, noted
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.search.index import SearchIndex
from tablesim.corpus.search.nearest import nearest
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.storage.shards import embedding_row
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import corrections_in_force, finds_its_number, text_at
from tablesim.errors import MetadataError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction, DecisionOnScan, TableDecision
from tablesim.records.reading import Reading
from tablesim.scans.csvfile import shortlist

D = TypeVar("D", bound=DecisionOnScan)

SIMILARITY_TOLERANCE = 1e-4
"""Similarities of float32 that differ by less could be equal (110 roundings of 6e-8 stay far below it): such lists are
made again to be sure."""


@dataclass(frozen=True)
class CorrectionResult:
    """What became of a file of corrections.

    Parameters
    ----------
    new : tuple of Correction
        Those that were added, with who, when, the hash of the scan, and what the machine had read.
    known : int
        How many the run had already.
    pages : tuple of str
        The pages whose corrected reading is another one now.
    not_taken : tuple of Correction
        Those of scans that the run does not have, or that do not find their number.
    remarks : tuple of str
        On those that were not taken, and on those that expect another reading than the machine's but count all the
        same.
    """

    new: tuple[Correction, ...]
    known: int
    pages: tuple[str, ...]
    not_taken: tuple[Correction, ...]
    remarks: tuple[str, ...]


def correct(corpus: Corpus, corrections: Sequence[Correction], who: str = "") -> CorrectionResult:
    """Add corrections to a run and renew what depends on them. The same corrections again change nothing.

    Parameters
    ----------
    corpus : Corpus
        The run. Its clusters and its report stay as they are until they are made again.
    corrections : sequence of Correction
        Each belongs to the scan of its ``sha256``, whatever its page is called here, so those of another run are taken
        over where both have the scan. Without a hash it belongs to the scan that its page has now. Without ``when`` it
        is of this moment, without ``who`` of ``who``.
    who : str
        Who made those that do not say it.

    Raises
    ------
    MetadataError
        A correction without a hash names a page that is not in the run, or the run has none of the scans; nothing is
        written then.
    RunError
        A page was not read, or another process writes the run.
    """
    given = list(dict.fromkeys(corrections))
    with corpus.lock():
        corpus.refresh()
        keys = _scan_keys(corpus, given)
        pages_of = corpus.page_table.pages_of(keys.values())
        _check_some_are_here(corpus, given, keys, pages_of)
        numbers = {key: corpus.machine_reading(pages[0]).numbers for key, pages in pages_of.items()}
        stored = set(corpus.corrections.all)
        taken, not_taken, remarks = [], [], []
        for correction in given:
            key = keys[correction]
            text = "" if key not in numbers else text_at(correction.box, numbers[key])
            full = replace(
                correction,
                page=_name_now(correction, pages_of.get(key, ())),
                box=_rounded(correction.box),
                read=text or correction.read,
                who=correction.who or who,
                sha256=key,
            )
            if key not in numbers and full not in stored:
                not_taken.append(full)
            elif key not in numbers or correction.read in ("", text):
                taken.append(full)
            elif finds_its_number(correction, numbers[key]):
                remarks.append(f"{full.page}: read was {correction.read!r}, but the machine read {text!r}")
                taken.append(full)
            else:
                not_taken.append(correction)
                remarks.append(
                    f"{full.page}: not taken over: {correction.read!r} -> {correction.correct!r} is about a part of "
                    f"what the machine read, {text!r}; give it with the box of the whole number"
                )
        strangers = Counter(c.page for c in not_taken if c.sha256 and c.sha256 not in numbers)
        remarks += [f"{page}: {n} not taken over: no page has this scan" for page, n in sorted(strangers.items())]
        unknown = unknown_decisions(corpus.corrections.all, taken, _last_words)
        new = [replace(c, when=c.when or _now()) for c in unknown]
        touched = {page for c in new for page in pages_of[c.sha256]}
        left = left_unfinished(corpus.folder)
        with noted(corpus.folder, touched) if touched or left else nullcontext():
            corpus.corrections.append(new)
            corpus.refresh()
            pages = renew(corpus, touched, left=left)
    return CorrectionResult(tuple(new), len(taken) - len(new), tuple(pages), tuple(not_taken), tuple(remarks))


@dataclass(frozen=True)
class TableDecisionResult:
    """What became of what people said of pages.

    Parameters
    ----------
    new : tuple of TableDecision
        Those that were added, with who, when, and the hash of the scan.
    known : int
        How many the run had already.
    pages : tuple of str
        The pages that are a table now and were none, or the other way round.
    not_taken : tuple of TableDecision
        Those of scans that the run does not have.
    remarks : tuple of str
        On those that were not taken, and on tables on which no number was read.
    """

    new: tuple[TableDecision, ...]
    known: int
    pages: tuple[str, ...]
    not_taken: tuple[TableDecision, ...]
    remarks: tuple[str, ...]


def decide_tables(
    corpus: Corpus, decisions: Sequence[TableDecision], who: str = "", network: ReadsInFull | None = None
) -> TableDecisionResult:
    """Say of pages of a run that they carry a table, or none, whatever the machine takes them for.

    It holds for the scan, by its hash: when it is read again, under another name, and in another run that takes the
    file over. Pages with a table are searched, clustered and drawn on the map, others are not. A page that was refused
    at a first look is read in full, from its scan, when it is said to carry a table.

    Parameters
    ----------
    corpus : Corpus
        The run. Its clusters and its report stay as they are until they are made again.
    decisions : sequence of TableDecision
        Each belongs to the scan of its ``sha256``; without one to the scan that its page has now. One with ``is_table``
        None takes back what was said before. Without ``when`` it is of this moment, without ``who`` of ``who``.
    who : str
        Who says those that do not say it.
    network : ReadsInFull, optional
        What reads refused pages, as ``load_network`` gives it; the bundled weights, where the run was read by them,
        when not given.

    Raises
    ------
    MetadataError
        A decision without a hash names a page that is not in the run, or the run has none of the scans; nothing is
        written then.
    RunError
        A page was not read, or another process writes the run.
    """
    given = list(dict.fromkeys(decisions))
    with corpus.lock():
        corpus.refresh()
        keys = _scan_keys(corpus, given)
        pages_of = corpus.page_table.pages_of(keys.values())
        _check_some_are_here(corpus, given, keys, pages_of)
        for pages_with_scan in pages_of.values():
            corpus.machine_reading(pages_with_scan[0])  # says why there is none
        full = [
            replace(d, page=_name_now(d, pages_of.get(keys[d], ())), who=d.who or who, sha256=keys[d]) for d in given
        ]
        stored = corpus.table_decisions.all
        taken = [decision for decision in full if decision.sha256 in pages_of or decision in stored]
        not_taken = [decision for decision in full if decision not in taken]
        unknown = unknown_decisions(stored, taken, _last_said)
        new = [replace(decision, when=decision.when or _now()) for decision in unknown]
        left = left_unfinished(corpus.folder)
        with noted(corpus.folder, {page for d in taken for page in pages_of.get(d.sha256, ())}):
            corpus.table_decisions.append(new)
            corpus.refresh()
            in_full = read_refused_in_full(corpus, [d.sha256 for d in taken if d.sha256 in pages_of], network)
            touched = {*(decision.sha256 for decision in new), *in_full.keys}
            pages = renew(corpus, {page for key in touched for page in pages_of[key]}, left=left)
        remarks = [f"{decision.page}: not taken over: no page has this scan" for decision in not_taken]
        remarks += in_full.remarks
        remarks += [
            f"{page}: no number was read on it, so that it is in no cluster; give its numbers as corrections"
            for decision in new
            if decision.is_table
            for page in pages_of[decision.sha256]
            if not corpus.page(page)["n_numbers"]
        ]
    return TableDecisionResult(tuple(new), len(taken) - len(new), tuple(pages), tuple(not_taken), tuple(remarks))


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _name_now(decision: DecisionOnScan, pages: Sequence[str]) -> str:
    """What the page of a decision is called, by its own name where one of ``pages`` still has it."""
    return decision.page if decision.page in pages or not pages else pages[0]


def _check_some_are_here(
    corpus: Corpus, given: Sequence[D], keys: Mapping[D, str], pages_of: Mapping[str, tuple[str, ...]]
) -> None:
    if given and not pages_of:
        raise MetadataError(
            f"corrections: {corpus.folder} has none of the {len(set(keys.values()))} scans that they are about "
            f"(the first is that of {given[0].page}); nothing was taken over. Are they of another collection?"
        )


def _last_said(decisions: Iterable[TableDecision]) -> list[TableDecision]:
    """What each person said last of each scan."""
    by_person: dict[str, list[TableDecision]] = defaultdict(list)
    for decision in decisions:
        by_person[decision.who].append(decision)
    return [decision for some in by_person.values() for decision in table_decisions_in_force(some).values()]


def _scan_keys(corpus: Corpus, decisions: Iterable[D]) -> dict[D, str]:
    """The hash of the scan that each decision is about."""
    keys = {}
    strangers = set()
    for decision in decisions:
        key = decision.sha256 or corpus.page_table.sha256_of(decision.page)
        if key is None:
            strangers.add(decision.page)
        else:
            if not key:
                corpus.machine_reading(decision.page)  # says why there is none
            keys[decision] = key
    if strangers:
        raise MetadataError(
            f"corrections: {shortlist(sorted(strangers))}: no such page in {corpus.folder}; nothing was taken over. "
            "Use the page ids of the run, as `tablesim status RUN --json` lists them, or the hashes of the scans"
        )
    return keys


def _last_words(corrections: Iterable[Correction]) -> list[Correction]:
    """What each person said last of each number."""
    by_person: dict[str, list[Correction]] = defaultdict(list)
    for correction in corrections:
        by_person[correction.who].append(correction)
    return [correction for some in by_person.values() for correction in corrections_in_force(some)]


def renew(
    corpus: Corpus, pages: Iterable[str] | None = None, *, neighbours: bool = True, left: Collection[str] = ()
) -> list[str]:
    """Renew what depends on the corrected readings of some pages, or of all that people decided on.

    Gives the ids of the pages whose embedding is another one now, or that became a table or are none any more. With
    ``neighbours`` False their lists are left to ``Corpus.build_neighbours``. Of ``left``, pages that a killed process
    was at, the lists are renewed whatever their embeddings are: it may have got so far.
    """
    with corpus.lock():
        # What 0.1.0 worked into the embedding of a scan that a correction is not about goes again.
        unassigned = {c.page for c in corpus.corrections.all if not c.sha256}
        decided = {*corpus.corrections.pages, *unassigned, *corpus.table_decisions.pages}
        wanted = sorted({*(decided if pages is None else pages), *left})
        readings: dict[str, Reading] = {}
        for page in wanted:
            if corpus.page_table.row_of(page) is not None and corpus.page(page)["status"] == "read":
                reading = corpus.reading(page)
                readings[reading.sha256] = reading
        changed = _write_facts(corpus, readings) | _write_embeddings(corpus, readings)
        keys = corpus.page_table.column("sha256").to_pylist()
        touched = corpus.page_table.ids([row for row, key in enumerate(keys) if key in changed])
        listed = sorted({*touched, *(page for page in left if page in corpus)})
        if listed and neighbours:
            _renew_neighbours(corpus, listed)
        return touched


def finish(corpus: Corpus) -> list[str]:
    """Renew the pages that a killed process had decided on and not renewed; their ids, none where nothing was left.

    InUseError where another process writes the run: it may be at it.
    """
    if not left_unfinished(corpus.folder):
        return []
    with corpus.lock():
        corpus.refresh()
        left = left_unfinished(corpus.folder)
        with noted(corpus.folder, left):
            renew(corpus, (), left=left)
    return list(left)


def _rounded(box: Box) -> Box:
    """The box as it is written, so that it is the same when it is read."""
    return Box(*(round(side, 2) for side in (box.x, box.y, box.width, box.height)))


def _write_facts(corpus: Corpus, readings: dict[str, Reading]) -> set[str]:
    """Whether a page is a table, and how many numbers and digits it has, as corrected.

    Gives the hashes of the scans that became a table or are none any more.
    """
    table = corpus.page_table
    keys = table.column("sha256").to_pylist()
    columns = {name: table.column(name).to_pylist() for name in ("is_table", "n_numbers", "n_digits")}
    before = {name: list(values) for name, values in columns.items()}
    for row, key in enumerate(keys):
        if key in readings:
            numbers = readings[key].numbers
            columns["is_table"][row] = readings[key].is_table
            columns["n_numbers"][row] = len(numbers)
            columns["n_digits"][row] = sum(len(number.digits) for number in numbers)
    if columns != before:
        corpus.change_pages({name: pa.array(values, table.column(name).type) for name, values in columns.items()})
    pairs = zip(keys, before["is_table"], columns["is_table"], strict=True)
    return {key for key, was_table, is_table in pairs if was_table != is_table}


def _write_embeddings(corpus: Corpus, readings: dict[str, Reading]) -> set[str]:
    """Put the embeddings of the corrected readings into the shards; the hashes of the scans for which it is new."""
    shards = corpus.embedding_shards
    rows = {}
    for key, reading in readings.items():
        counts, stored = histogram(reading), shards.row(key)
        if stored is not None and not np.array_equal(counts, np.array(stored["histogram"], dtype=np.float32)):
            rows[key] = embedding_row(key, counts)
    shards.replace(rows)
    if rows:
        corpus.refresh()
    return set(rows)


def _renew_neighbours(corpus: Corpus, changed: Sequence[str]) -> None:
    path = corpus.folder / "neighbours.parquet"
    if not path.is_file():
        return
    old = read_parquet(path, NEIGHBOUR_SCHEMA)
    index, table = corpus.searching.index, corpus.page_table
    entries = [entry for page in changed if (entry := index.at(table.find(page))) is not None]
    listing_pages = old.filter(pc.is_in(old["neighbour"], pa.array(changed)))["page"].unique().to_pylist()
    listing_entries = [entry for page in listing_pages if (entry := index.at(table.find(page))) is not None]
    renewed = np.union1d(np.array([*entries, *listing_entries], dtype=np.int64), _entered(corpus, index, old, entries))
    renewed_pages = table.ids(index.rows[renewed])
    kept = old.filter(pc.invert(pc.is_in(old["page"], pa.array([*renewed_pages, *changed], pa.string()))))
    parts = [kept]
    if len(renewed):
        lists = [_nearest(index, entry) for entry in renewed.tolist()]
        parts.append(corpus.searching.neighbour_rows(renewed.tolist(), lists))
    whole = pa.concat_tables([part.cast(NEIGHBOUR_SCHEMA) for part in parts])
    write_parquet(path, whole.sort_by([("page", "ascending"), ("rank", "ascending")]))
    corpus.refresh()


def _entered(corpus: Corpus, index: SearchIndex, old: pa.Table, entries: Sequence[int]) -> NDArray[np.int64]:
    """The entries of the index whose lists a changed page may enter: it is as near as the last one, or room is left."""
    least, room = np.zeros(len(index)), np.full(len(index), N_NEIGHBOURS)
    last = old.group_by("page").aggregate([("similarity", "min"), ("similarity", "count")])
    for page, value, n in zip(*(last[name].to_pylist() for name in last.column_names), strict=True):
        row = corpus.page_table.row_of(page)
        entry = None if row is None else index.at(row)
        if entry is not None:
            least[entry], room[entry] = value, N_NEIGHBOURS - n
    entered = np.zeros(len(index), dtype=bool)
    for entry in entries:
        cosines = np.asarray(index.unit @ index.unit[entry])
        entered |= (cosines > 0) & ((room > 0) | (cosines >= least - SIMILARITY_TOLERANCE))
    return np.flatnonzero(entered)


def _nearest(index: SearchIndex, entry: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest entries of an entry, and their cosines."""
    others = np.arange(len(index)) != entry
    candidates = nearest(index, np.array(index.histograms[entry]), N_NEIGHBOURS, others)
    best = candidates.top(N_NEIGHBOURS)
    return candidates.rows[best], candidates.cosines[best]
