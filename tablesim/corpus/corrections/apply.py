"""Corrections come into a run: they are written down, and what follows from them is worked out again, nothing else.

Readings stay as the machine made them; ``Corpus.reading`` lays the corrections over them. Embeddings and the facts of
``pages.parquet`` are those of the corrected readings. Of the neighbours, the lists are renewed that a changed page is
in, leaves or enters, so that a correction takes seconds in a run of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import histogram
from tablesim.corpus.search.engine import N_NEIGHBOURS
from tablesim.corpus.search.index import SearchIndex
from tablesim.corpus.search.nearest import nearest
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.storage.shards import embedding_row
from tablesim.corpus.store import Corpus
from tablesim.digits.correcting import meant
from tablesim.digits.corrections import Correction, corrections_in_force
from tablesim.errors import MetadataError
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.scans.csvfile import listed

NEARLY = 1e-4
"""Similarities of float32 that are this near could be equal: such lists are worked out again to be sure."""


@dataclass(frozen=True)
class CorrectionResult:
    """What became of a file of corrections.

    Parameters
    ----------
    new : tuple of Correction
        Those that were added, with who, when and what the machine had read.
    known : int
        How many stood there already.
    pages : tuple of str
        The pages whose corrected reading is another one now.
    unlike : tuple of str
        Remarks on corrections that expect another reading than the machine's; they count all the same.
    """

    new: tuple[Correction, ...]
    known: int
    pages: tuple[str, ...]
    unlike: tuple[str, ...]


def correct(corpus: Corpus, corrections: Sequence[Correction], who: str = "") -> CorrectionResult:
    """Add corrections to a run and renew what depends on them.

    Parameters
    ----------
    corpus : Corpus
        The run. Its clusters and its report stay as they are until they are made again.
    corrections : sequence of Correction
        Without ``when`` they are of this moment, without ``who`` of ``who``.
    who : str
        Who made those that do not say it.

    Raises
    ------
    MetadataError
        A correction names a page that is not in the run; nothing is written then.
    RunError
        A page was not read, or another process writes the run.
    """
    strangers = {correction.page for correction in corrections if corpus.page_table.row_of(correction.page) is None}
    if strangers:
        raise MetadataError(
            f"corrections: {listed(sorted(strangers))}: no such page in {corpus.folder}; nothing was taken over. Use "
            "the page ids of the run, as `tablesim status RUN --json` lists them"
        )
    moment = datetime.now().astimezone().isoformat(timespec="seconds")
    with corpus.lock():
        corpus.refresh()
        every = {(_said(correction), correction.when) for correction in corpus.corrections.all}
        held = {_said(correction) for correction in corrections_in_force(corpus.corrections.all)}
        machine = {page: corpus.machine_reading(page) for page in {correction.page for correction in corrections}}
        new, unlike = [], []
        for correction in dict.fromkeys(corrections):
            there = _text(correction, machine[correction.page])
            full = replace(correction, box=_rounded(correction.box), read=there, who=correction.who or who)
            if correction.read not in ("", there):
                unlike.append(f"{correction.page}: read was {correction.read!r}, but the machine read {there!r}")
                full = replace(full, read=there or correction.read)
            # Said before word by word, or, where no moment is given, said and not taken back since.
            if (_said(full), full.when) in every or (not full.when and _said(full) in held):
                continue
            new.append(replace(full, when=full.when or moment))
        corpus.corrections.append(new)
        corpus.refresh()
        pages = renew(corpus, {correction.page for correction in new})
    return CorrectionResult(tuple(new), len(set(corrections)) - len(new), tuple(pages), tuple(unlike))


def renew(corpus: Corpus, pages: Iterable[str] | None = None, *, neighbours: bool = True) -> list[str]:
    """Work out again what depends on the corrected readings of some pages, or of all that were corrected.

    Gives the ids of the pages whose embedding is another one now. With ``neighbours`` False their lists are left to
    ``Corpus.build_neighbours``.
    """
    asked = corpus.corrections.pages if pages is None else sorted(pages)
    readings: dict[str, Reading] = {}
    for page in asked:
        if corpus.page_table.row_of(page) is not None and corpus.page(page)["status"] == "read":
            reading = corpus.reading(page)
            readings[reading.sha256] = reading
    _write_facts(corpus, readings)
    changed = _write_embeddings(corpus, readings)
    keys = corpus.page_table.column("sha256").to_pylist()
    touched = corpus.page_table.ids([row for row, key in enumerate(keys) if key in changed])
    if touched and neighbours:
        _renew_neighbours(corpus, touched)
    return touched


def _text(correction: Correction, machine: Reading) -> str:
    """What the machine read at the place of a correction."""
    return " ".join(machine.numbers[at].text for at in meant(correction, machine.numbers))


def _rounded(box: Box) -> Box:
    """The box as it is written, so that it is the same when it is read."""
    return Box(*(round(side, 2) for side in (box.x, box.y, box.width, box.height)))


def _said(correction: Correction) -> tuple[object, ...]:
    """What a correction says, whenever that was."""
    return correction.page, correction.box, correction.correct, correction.who, correction.reason


def _write_facts(corpus: Corpus, readings: dict[str, Reading]) -> None:
    """Whether a page is a table, and how many numbers and figures it has, as corrected."""
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


def _write_embeddings(corpus: Corpus, readings: dict[str, Reading]) -> set[str]:
    """Put the embeddings of the corrected readings into the shards; the hashes of the scans for which it is new."""
    shards = corpus.embedding_shards
    rows = {}
    for key, reading in readings.items():
        counts, stored = histogram(reading), shards.row(key)
        if stored is not None and not np.array_equal(counts, np.array(stored["histogram"], dtype=np.float32)):
            rows[key] = embedding_row(key, counts)
    by_file: dict[object, dict[int, str]] = {}
    for key, at in zip(rows, shards.places.rows(list(rows)).tolist(), strict=True):
        file, row = shards.places.place(at)
        by_file.setdefault(file, {})[row] = key
    for file in [file for file in shards.files if file in by_file]:
        old = read_parquet(file, shards.schema)
        order = np.arange(len(old))
        for index, row in enumerate(by_file[file]):
            order[row] = len(old) + index
        new = pa.Table.from_pylist([rows[key] for key in by_file[file].values()], schema=shards.schema)
        both = pa.concat_tables([old.cast(shards.schema), new]).take(pa.array(order))
        write_parquet(file, both.replace_schema_metadata(shards.schema.metadata))
    if rows:
        corpus.refresh()
    return set(rows)


def _renew_neighbours(corpus: Corpus, changed: Sequence[str]) -> None:
    path = corpus.folder / "neighbours.parquet"
    if not path.is_file():
        return
    old = read_parquet(path, NEIGHBOUR_SCHEMA)
    index, table = corpus.searching.index, corpus.page_table
    places = [place for page in changed if (place := index.at(table.find(page))) is not None]
    listing = old.filter(pc.is_in(old["neighbour"], pa.array(changed)))["page"].unique().to_pylist()
    listed_in = [place for page in listing if (place := index.at(table.find(page))) is not None]
    redo = np.union1d(np.array([*places, *listed_in], dtype=np.int64), _entered(corpus, index, old, places))
    pages = table.ids(index.rows[redo])
    kept = old.filter(pc.invert(pc.is_in(old["page"], pa.array([*pages, *changed], pa.string()))))
    parts = [kept, *(_list(corpus, index, place) for place in redo.tolist())]
    whole = pa.concat_tables([part.cast(NEIGHBOUR_SCHEMA) for part in parts])
    write_parquet(path, whole.sort_by([("page", "ascending"), ("rank", "ascending")]))
    corpus.refresh()


def _entered(corpus: Corpus, index: SearchIndex, old: pa.Table, places: Sequence[int]) -> NDArray[np.int64]:
    """The places of the index whose lists a changed page may enter: it is as near as the last one, or room is left."""
    least, room = np.zeros(len(index)), np.full(len(index), N_NEIGHBOURS)
    last = old.group_by("page").aggregate([("similarity", "min"), ("similarity", "count")])
    for page, value, n in zip(*(last[name].to_pylist() for name in last.column_names), strict=True):
        row = corpus.page_table.row_of(page)
        place = None if row is None else index.at(row)
        if place is not None:
            least[place], room[place] = value, N_NEIGHBOURS - n
    entered = np.zeros(len(index), dtype=bool)
    for place in places:
        cosines = np.asarray(index.unit @ index.unit[place])
        entered |= (cosines > 0) & ((room > 0) | (cosines >= least - NEARLY))
    return np.flatnonzero(entered)


def _list(corpus: Corpus, index: SearchIndex, place: int) -> pa.Table:
    """The rows of ``neighbours.parquet`` of one page."""
    asked = np.arange(len(index)) != place
    found = nearest(index, np.array(index.histograms[place]), N_NEIGHBOURS, asked)
    best = found.top(N_NEIGHBOURS)
    near, books = found.rows[best], corpus.page_table.codes("book")
    here, there = books[index.rows[place]], books[index.rows[near]]
    columns = [
        pa.array(corpus.page_table.ids([index.rows[place]]) * len(near), pa.string()),
        pa.array(np.arange(1, len(near) + 1), pa.int32()),
        pa.array(corpus.page_table.ids(index.rows[near]), pa.string()),
        pa.array(found.cosines[best], pa.float64()),
        pa.array(here == there, pa.bool_(), mask=(here < 0) | (there < 0)),
    ]
    return pa.Table.from_arrays(columns, schema=NEIGHBOUR_SCHEMA)
