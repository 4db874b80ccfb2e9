"""The run folder: everything that was found out about a set of scans, in Parquet.

``run.json``            versions, settings, seeds, where the scans are and the hash of them all
``pages.parquet``       a line a page: id, scan, hash, size, what was read, metadata
``readings/``           digits and numbers, keyed by the hash of the scan (``shards``)
``embeddings/``         histograms and their roots, likewise; the order of the bins stands in the field's metadata
``neighbours.parquet``  the nearest pages of each page
``clusters/``           one clustering a file, and which was made last
``alignments.parquet``  which rows, columns and numbers of two pages meet (``workflow.alignments``)
``tables_over_pages.csv``  tables that run over several pages in two books (``workflow.long_tables``)
``problems.csv``        pages that could not be read, and why
``corrections.csv``     what people read otherwise than the machine (``corrections.log``)
``table_decisions.csv``  which pages carry a table, where people said it (``corrections.table_decisions``)
``notes.csv``          what people wrote beside pages (``corrections.notes``)
``events.jsonl``        what happened when
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.clustering.constraints import Constraints
from tablesim.corpus.clustering.folder import Clusterings
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.clustering.pipeline import PageClusterer
from tablesim.corpus.clustering.stability import DRAWN_AT_MOST
from tablesim.corpus.clustering.uncertainty import DoubtedReadings
from tablesim.corpus.corrections.log import CorrectionLog
from tablesim.corpus.corrections.notes import NoteLog
from tablesim.corpus.corrections.table_decisions import TableDecisionLog
from tablesim.corpus.search.engine import SearchEngine
from tablesim.corpus.search.hits import Hit
from tablesim.corpus.search.number_index import Corrected, NumberIndex
from tablesim.corpus.search.number_query import parse_numbers
from tablesim.corpus.search.number_search import ALIKE, STANDINGS, NumberAnswer, NumberHit, NumberSearch
from tablesim.corpus.status import read_with, run_status
from tablesim.corpus.storage.lock import locked
from tablesim.corpus.storage.page_table import PageTable, replace_page_table, write_page_table
from tablesim.corpus.storage.problems import LEFT_OUT, Problems
from tablesim.corpus.storage.run_folder import RunFolder, is_run
from tablesim.corpus.storage.shards import EMBEDDING_SCHEMA, READING_SCHEMA, Shards, row_reading, vectors
from tablesim.digits.corrections import corrected
from tablesim.errors import MissingExtraError, RunError, SettingsError
from tablesim.records.bins import N_BINS
from tablesim.records.corrections import Correction
from tablesim.records.html import html_values
from tablesim.records.reading import Reading
from tablesim.records.relations import Groups

T = TypeVar("T")

PAGES_REMEDY = "give the same `tablesim run` again: its pages are found again, and none is read twice"
DOCTOR = "`tablesim doctor RUN` says what to do"


class Corpus:
    """A run folder. ``Corpus.open(folder)`` for one that is there, ``Corpus.create(folder, settings)`` for a new one.

    What is asked for is read from the folder and kept; ``refresh`` forgets it.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self.run_folder = run_folder
        self.refresh()

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r}, {len(self)} pages)"

    def _repr_html_(self) -> str:
        """Where the run stands, for notebooks."""
        return html_values(repr(self), {name: value for name, value in self.status().items() if value is not None})

    def __len__(self) -> int:
        return len(self.page_table)

    def __iter__(self) -> Iterator[str]:
        """The ids of the pages, sorted."""
        return iter(self.page_table.column("page").to_pylist())

    def __contains__(self, page: object) -> bool:
        return isinstance(page, str) and self.page_table.row_of(page) is not None

    def to_frame(self) -> Any:
        """One row a page with its metadata, as a pandas DataFrame; the index is the page id.

        ``cluster`` is the number of its cluster, ``table``, ``relation`` and ``relation_to`` as in ``PageRelation``.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("Corpus.to_frame", "pandas") from error
        frame = pd.DataFrame(self.pages).set_index("page")
        groups = self.groups
        relations = [groups.relations.get(page) for page in frame.index]
        return frame.assign(
            cluster=pd.array([groups.cluster_of(page) for page in frame.index], dtype="Int64"),
            table=pd.array([each and each.table for each in relations], dtype="Int64"),
            relation=[each and each.relation for each in relations],
            relation_to=[each and each.to for each in relations],
        )

    @classmethod
    def create(cls, folder: str | Path, settings: dict[str, Any], **run: Any) -> Corpus:
        """A new run in ``folder``, which must be empty or not there yet; RunError otherwise.

        ``settings`` decides what a reading looks like (the network's fingerprint): a run is continued only with the
        same. ``run`` is further content of ``run.json``.
        """
        return cls(RunFolder.create(Path(folder), settings, **run))

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """The run in ``folder``; RunError when it is missing, damaged, or no run of this format."""
        return cls(RunFolder.open(Path(folder)))

    @classmethod
    def resume(cls, folder: str | Path, settings: dict[str, Any], **run: Any) -> Corpus:
        """The run in ``folder`` to go on with, or a new one; RunError when it was made with other ``settings``.

        What killed jobs left half written is removed, so no other process may write the run meanwhile.
        """
        folder = Path(folder)
        if not is_run(folder):
            return cls.create(folder, settings, **run)
        with locked(folder):
            corpus = cls.open(folder)
            corpus.run_folder.check_settings(settings)
            corpus.run_folder.prepare()
            corpus.run.update(run)
            corpus.reading_shards.repair()
            corpus.embedding_shards.repair()
        return corpus

    @property
    def folder(self) -> Path:
        return self.run_folder.folder

    @property
    def run(self) -> dict[str, Any]:
        """The content of ``run.json``; ``save_run`` writes what was changed in it."""
        return self.run_folder.record

    def save_run(self) -> None:
        self.run_folder.save()

    def lock(self) -> AbstractContextManager[tuple[str, ...]]:
        """Keep other processes from writing this run meanwhile; InUseError when one does. Held once more by its holder.

        Gives remarks on what the disk of the run cannot do.
        """
        return locked(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.run["settings"])

    @property
    def settings_hash(self) -> str:
        """SHA-256 of the settings that decide what is read: changes when the run's readings would."""
        text = json.dumps(self.settings, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def refresh(self) -> None:
        """Forget what was read from the folder, so that the next question reads it again."""
        self._contents = _Contents(self.folder)

    @property
    def reading_shards(self) -> Shards:
        return self._contents.reading_shards

    @property
    def embedding_shards(self) -> Shards:
        return self._contents.embedding_shards

    @property
    def page_table(self) -> PageTable:
        """``pages.parquet`` in columns; RunError where a run that is finished lacks it."""
        table = self._contents.page_table
        if table.is_missing and self.run.get("finished"):
            raise RunError(f"{table.path}: this file of the run is missing; {PAGES_REMEDY}")
        return table

    @property
    def pages(self) -> list[dict[str, Any]]:
        """One dict a page with the columns of ``PAGE_SCHEMA`` (``extra`` as a dict), sorted by page id."""
        return self._contents.pages

    def write_pages(self, rows: Sequence[dict[str, Any]]) -> None:
        """Replace ``pages.parquet``; ``rows`` as ``pages`` gives them, missing keys are blank."""
        self.refresh()
        write_page_table(self.folder / "pages.parquet", rows)
        self.refresh()

    def change_pages(self, columns: Mapping[str, pa.Array]) -> None:
        """Replace some columns of ``pages.parquet``, a value a page in the order of the ids."""
        table = self.page_table.changed(columns)
        self.refresh()
        replace_page_table(self.folder / "pages.parquet", table)
        self.refresh()

    def page(self, page_id: str) -> dict[str, Any]:
        """The line of one page; RunError, with the ids that look like it, when there is none."""
        return self.page_table.line(self.page_table.find(page_id))

    def reading(self, page_id: str) -> Reading:
        """What was read on a page, with its histogram; RunError when the page could not be read."""
        reading = self.machine_reading(page_id)
        counts = self.embedding_shards.row(reading.sha256)
        h = None if counts is None else np.array(counts["histogram"], dtype=np.float32)
        reading = replace(corrected(reading, self.corrections.by_scan.get(reading.sha256, ())), histogram=h)
        decision = self.table_decisions.of(reading.sha256)
        return reading if decision is None else replace(reading, is_table=bool(decision.is_table))

    def machine_reading(self, page_id: str) -> Reading:
        """What the machine read on a page, whatever was corrected since; without a histogram."""
        row = self.page(page_id)
        data = self.reading_shards.row(row["sha256"])
        if data is None and row["status"] == "read":
            raise RunError(f"{self.folder}: the reading of page {page_id} is missing in readings/; {DOCTOR}")
        if data is None:
            raise RunError(
                f"{self.folder}: page {page_id} has not been read (status {row['status']}); see problems.csv"
            )
        return row_reading(data, page_id, row["scan"], None)

    @property
    def corrections(self) -> CorrectionLog:
        """What people read otherwise than the machine; ``reading`` has it, ``machine_reading`` has not."""
        return self._contents.corrections

    @property
    def table_decisions(self) -> TableDecisionLog:
        """Which pages carry a table and which none, where people said it; ``reading`` has it likewise."""
        return self._contents.table_decisions

    @property
    def notes(self) -> NoteLog:
        """What people wrote beside its pages."""
        return self._contents.notes

    def corrections_of(self, page_id: str) -> tuple[Correction, ...]:
        """The corrections that hold on a page: of several about one number the latest."""
        return self.corrections.of(self.page(page_id)["sha256"])

    def readings(self) -> Iterator[Reading]:
        """Every reading, by page id, a shard at a time."""
        has_one = self.reading_shards.places.rows(self.page_table.column("sha256")) >= 0
        for page in self.page_table.ids(np.flatnonzero(has_one)):
            yield self.reading(page)

    @property
    def embeddings(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their embeddings phi = sqrt(h), float32 of shape (n, 110)."""
        ids, h = self.histograms
        return ids, np.sqrt(h)

    @property
    def histograms(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their histograms h, float32 of shape (n, 110)."""
        return self._contents.histograms

    @property
    def is_table(self) -> NDArray[np.bool_]:
        """Whether each page of ``histograms`` and ``embeddings`` holds a numerical table, shape (n,)."""
        return self.page_table.flags("is_table")[self._contents.lines]

    # The nearest pages

    @property
    def searching(self) -> SearchEngine:
        """Search among the pages as they are now."""
        return self._contents.searching

    def search(
        self,
        page_id: str | None = None,
        *,
        numbers: str | None = None,
        top: int = 10,
        across_books: bool = False,
        labels: Mapping[str, str] | None = None,
        approximate: bool = False,
    ) -> list[Hit]:
        """The pages most like a page or like typed numbers; exact, equals in the order of their ids.

        Only pages with a numerical table are found. Typed numbers are ranked by how much of what was typed stands on
        the page (containment), then by cosine: a whole page is never much like a few numbers. That is likeness alone;
        ``search_numbers`` finds the numbers themselves.

        Parameters
        ----------
        page_id : str
            The page to start from, which is itself not found; or
        numbers : str
            Figures such as ``"0 24 / 0 48"``.
        top : int
            How many pages at most.
        across_books : bool
            Leave out pages of the same book, where the book of both is known.
        labels : dict of str to str, optional
            Which table a page carries, by page id, as far as it is known: how surprising a hit is then goes by labels,
            else by books.
        approximate : bool
            Past two million pages (see ``docs/scaling.md``): look at candidates alone (extra ``faiss``). Similarities
            stay exact; a page may be missed, and how many pages of other tables are as near is not counted.

        Raises
        ------
        RunError
            No such page, or no digits were read on it.
        SettingsError
            Neither or both of page and numbers; numbers without a digit; ``top`` below 1.
        """
        if (page_id is None) == (numbers is None):
            raise SettingsError("search: expected either a page or numbers; give one of the two")
        if top < 1:
            raise SettingsError(f"top: got {top}, expected 1 or more")
        if page_id is None:
            return self.searching.like_numbers(str(numbers), top, labels)
        return self.searching.like_page(page_id, top, across_books=across_books, labels=labels, approximate=approximate)

    def search_numbers(
        self,
        numbers: str,
        *,
        top: int = 10,
        any_order: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> NumberAnswer:
        """The pages that hold typed numbers one after the other, with the cells; then those that are merely alike.

        Parameters
        ----------
        numbers : str
            A sequence that stands in a row or in a column, such as ``"0 24 48"``; rows below each other apart by a
            slash, ``"0 24 / 0 48"``; values in units and sixtieths, ``"39;1 39;20"``; fractions, ``"3/8"``; ``?`` for
            one figure, ``*`` for any figures, and alone for any number.
        top : int
            How many pages at most.
        any_order : bool
            The numbers may stand anywhere on a page, each as often as it was typed.
        labels : dict of str to str, optional
            As for ``search``.

        Returns
        -------
        NumberAnswer
            Pages that hold all numbers come first, those of which a reading is in doubt behind them, then those that
            hold all but one of four or more. What people corrected counts as they corrected it.

        Raises
        ------
        SettingsError
            There is no figure among the numbers, or something that is no number; ``top`` is below 1.
        """
        if top < 1:
            raise SettingsError(f"top: got {top}, expected 1 or more")
        query = parse_numbers(numbers)
        found, counts = self._contents.steady(
            lambda: NumberSearch(self.number_index, self._reading_of_line).search(query, top, any_order=any_order)
        )
        alike = self.searching.alike(numbers, [line for line, _ in found])
        hits = [replace(hit, hit=alike.get(line)) for line, hit in found]
        held = {self.page(hit.page)["sha256"] for hit in hits}
        # A copy of a scan that holds them holds them too: it is counted with it.
        others = self.searching.like_numbers(numbers, top + 2 * len(hits), labels) if len(hits) < top else []
        hits += [NumberHit(hit.page, 0, ALIKE, hit=hit) for hit in others if self.page(hit.page)["sha256"] not in held]
        ranked = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits[:top], 1))
        return NumberAnswer(
            query.sentence(any_order=any_order), ranked, {standing: counts[standing] for standing in STANDINGS[:-1]}
        )

    @property
    def number_index(self) -> NumberIndex:
        """Where each number of the run stands, as it is now; what was read or corrected since is taken in."""
        return self._contents.steady(lambda: self._contents.number_index)

    def _reading_of_line(self, line: int) -> Reading:
        return self.reading(self.page_table.ids([line])[0])

    def build_number_index(self) -> int:
        """Take what is new into the index of numbers, so that no search waits for it; how many scans it has then."""
        return len(self.number_index)

    def build_neighbours(self) -> None:
        """Find the nearest ``N_NEIGHBOURS`` pages of each table page and write ``neighbours.parquet``."""
        with self.lock():
            self.searching.write_neighbours()

    def neighbours(self, page_id: str, k: int = 10) -> list[Hit]:
        """The ``k`` nearest pages as found by the run (at most ``N_NEIGHBOURS``); none for a page without a table."""
        return self.searching.neighbours(page_id, k)

    def nearest_pages(self, page_id: str, k: int = 10) -> dict[str, float]:
        """The ids of these pages with their similarities, nearest first, in a fifth of the time."""
        return self.searching.nearest_pages(page_id, k)

    # Clusters

    def cluster(
        self,
        k: int | str = "auto",
        *,
        method: str = "tables",
        seed: int = 0,
        constraints: Constraints | None = None,
        keep: bool = True,
    ) -> Clustering:
        """Cluster the table pages, store the clustering in ``clusters/`` unless ``keep`` is False, and give it back.

        By histograms alone: ``tablesim.cluster`` also collates neighbouring pages and joins the clusters that agree.
        Pages without a table or without digits are in no cluster. Clusters that an earlier clustering of the same kind
        had keep their numbers. Parameters and errors are those of
        ``tablesim.corpus.clustering.pipeline.PageClusterer``.
        """
        with self.lock() if keep else nullcontext():
            clustering = self.clusterer(k, method=method, seed=seed).cluster(constraints)
            return self.clusterings.save(clustering) if keep else clustering

    def clusterer(self, k: int | str = "auto", *, method: str = "tables", seed: int = 0) -> PageClusterer:
        """What clusters the pages as they are now; its trees are made once for several sets of constraints."""
        (pages, h), lines = self.histograms, self._contents.lines
        has_reading = self.reading_shards.places.rows(self.page_table.column("sha256"))[lines] >= 0
        draw = None
        if len(pages) <= DRAWN_AT_MOST and has_reading.all():
            draw = DoubtedReadings(map(self.reading, pages))
        return PageClusterer(pages, h, self.is_table, k, method=method, seed=seed, draw=draw)

    @property
    def clusterings(self) -> Clusterings:
        """Every clustering of the run by its name."""
        return Clusterings(self.folder / "clusters")

    @property
    def clusters(self) -> Clustering | None:
        """The clustering that was made last; None when there is none."""
        return self.clusterings.last

    @property
    def groups(self) -> Groups:
        """Which pages carry the same table, which are of the same kind, by the clustering that was made last.

        Without a clustering nothing is related to anything, and ``Groups.known`` is False.
        """
        clusters = self.clusters
        return Groups({}, {}, (), known=False) if clusters is None else clusters.groups

    # Where it stands

    @property
    def problems(self) -> list[dict[str, str]]:
        """The pages that could not be read or whose scan is away, with the columns of ``storage.problems``."""
        return [row for row in self.problem_log.rows() if row["kind"] != LEFT_OUT]

    @property
    def problem_log(self) -> Problems:
        """``problems.csv``."""
        return Problems(self.folder / "problems.csv")

    def read_with(self) -> list[dict[str, Any]]:
        """Which versions read how many pages: ``pages`` and ``versions``, most pages first."""
        return self._contents.steady(lambda: read_with(self.run, self.page_table, self.reading_shards))

    def status(self) -> dict[str, Any]:
        """Where the job stands; see ``tablesim.corpus.status.run_status``. Also how many clusters and corrections."""
        status = run_status(self.folder, self.run, self.page_table, self.embedding_shards, self.problems)
        clusters, groups = self.clusters, self.groups
        counts = groups.counts
        return {
            **status,
            "clusters": None if clusters is None else clusters.k,
            "groups_of_the_same_table": counts.tables if groups.known else None,
            "groups_of_the_same_kind": counts.kinds if groups.known else None,
            "pages_alone": counts.alone if groups.known else None,
            **self.corrections.status().counts(),
            **self.table_decisions.status().counts(),
        }


class _Contents:
    """What was read from a run folder so far; a new one knows nothing yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reading_shards = Shards(folder / "readings", READING_SCHEMA)
        self.embedding_shards = Shards(folder / "embeddings", EMBEDDING_SCHEMA)
        self.page_table = PageTable(folder / "pages.parquet")

    @cached_property
    def pages(self) -> list[dict[str, Any]]:
        return self.page_table.lines()

    @cached_property
    def corrections(self) -> CorrectionLog:
        return CorrectionLog(self.folder, self.page_table, self.reading_shards)

    @cached_property
    def table_decisions(self) -> TableDecisionLog:
        return TableDecisionLog(self.folder, self.page_table)

    @cached_property
    def notes(self) -> NoteLog:
        return NoteLog(self.folder, self.page_table)

    @cached_property
    def searching(self) -> SearchEngine:
        return SearchEngine(self.folder, self.page_table, self.embedding_shards)

    @cached_property
    def number_index(self) -> NumberIndex:
        corrected_scans = {
            key: hashlib.sha256(repr(corrections).encode()).hexdigest()[:16]
            for key, corrections in self.corrections.by_scan.items()
        }
        return NumberIndex(
            self.folder, self.page_table, self.reading_shards, Corrected(corrected_scans, self.corrected_scan)
        )

    def corrected_scan(self, key: str) -> Reading:
        """What was read on a scan, as corrected; it must be there."""
        row = self.reading_shards.row(key)
        assert row is not None
        return corrected(row_reading(row, "", "", None), self.corrections.by_scan.get(key, ()))

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """The lines of ``pages.parquet`` whose pages were read."""
        stored = self.embedding_shards.places.rows(self.page_table.column("sha256"))
        status = self.page_table.column("status").to_numpy(zero_copy_only=False)
        return np.flatnonzero((status == "read") & (stored >= 0))

    def steady(self, read: Callable[[], T]) -> T:
        """What ``read`` gives; once more where a job under way joined shards meanwhile."""
        while True:
            files = [*self.reading_shards.files, *self.embedding_shards.files]
            try:
                return read()
            except RunError:
                if files == [*self.reading_shards.files, *self.embedding_shards.files]:
                    raise
                self.reading_shards.refresh()
                self.embedding_shards.refresh()

    @cached_property
    def histograms(self) -> tuple[list[str], NDArray[np.float32]]:
        return self.steady(self._histograms)

    def _histograms(self) -> tuple[list[str], NDArray[np.float32]]:
        stored = self.embedding_shards.places.rows(self.page_table.column("sha256").take(pa.array(self.lines)))
        parts = [vectors(table["histogram"]) for table in self.embedding_shards.tables(["histogram"])]
        h = np.concatenate(parts)[stored] if parts else np.zeros((0, N_BINS), np.float32)
        return self.page_table.ids(self.lines), h
