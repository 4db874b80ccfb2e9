"""The run folder: everything that was found out about a set of scans, in Parquet.

``run.json``            versions, settings, seeds, where the scans are and the hash of them all
``pages.parquet``       a line a page: id, scan, hash, size, what was read, metadata
``readings/``           digits and numbers, keyed by the hash of the scan (``shards``)
``embeddings/``         histograms and their roots, likewise; the order of the bins stands in the field's metadata
``neighbours.parquet``  the nearest pages of each page
``clusters/``           one clustering a file, and which was made last
``verified.parquet``    what laying two pages over each other said, by the hashes of both (``workflow.verified``)
``tables_over_pages.csv``  tables that run over several pages in two books (``workflow.long_tables``)
``problems.csv``        pages that could not be read, and why
``corrections.csv``     what people read otherwise than the machine (``correctionlog``)
``events.jsonl``        what happened when
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.clustering.constraints import Constraints
from tablesim.corpus.clustering.folder import Clusterings
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.corpus.clustering.stability import DRAWN_AT_MOST
from tablesim.corpus.clustering.uncertainty import DoubtedReadings
from tablesim.corpus.corrections.log import CorrectionLog
from tablesim.corpus.indexing.events import Pace
from tablesim.corpus.search.engine import Searching
from tablesim.corpus.search.hits import Hit
from tablesim.corpus.storage.files import read_json, remove_partials, write_csv, write_json
from tablesim.corpus.storage.lock import locked, owner
from tablesim.corpus.storage.page_table import PageTable, replace_page_table, write_page_table
from tablesim.corpus.storage.shards import EMBEDDING_SCHEMA, READING_SCHEMA, Shards, row_reading, vectors
from tablesim.digits.corrections import corrected
from tablesim.errors import RunError, SettingsError
from tablesim.records.bins import N_BINS
from tablesim.records.corrections import Correction
from tablesim.records.reading import Reading
from tablesim.scans.csvfile import listed

FORMAT = "tablesim run"
FORMAT_VERSION = 1
PROBLEM_COLUMNS = ("page", "scan", "problem", "sha256")


class Corpus:
    """A run folder. ``Corpus.open(folder)`` for one that is there, ``Corpus.create(folder, settings)`` for a new one.

    What is asked for is read from the folder and kept; ``refresh`` forgets it.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self.run = run
        self.reading_shards = Shards(folder / "readings", READING_SCHEMA)
        self.embedding_shards = Shards(folder / "embeddings", EMBEDDING_SCHEMA)

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r}, {len(self.page_table)} pages)"

    @classmethod
    def create(cls, folder: str | Path, settings: dict[str, Any], **run: Any) -> Corpus:
        """A new run in ``folder``, which must be empty or not there yet; RunError otherwise.

        ``settings`` decides what a reading looks like (the network's fingerprint): a run is continued only with the
        same. ``run`` is further content of ``run.json``.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder}: this is a file; choose a folder for the run")
        if folder.is_dir() and (found := sorted(path.name for path in folder.iterdir())):
            raise RunError(
                f"{folder}: not empty and no run folder (found {listed(found, 4)} but no run.json); "
                "choose a new folder, nothing was changed"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{folder}: cannot be made ({error.strerror}); choose a folder you may write to") from error
        corpus = cls(folder, {"format": FORMAT, "format_version": FORMAT_VERSION, "settings": dict(settings), **run})
        corpus.save_run()
        return corpus

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """The run in ``folder``; RunError when it is missing, damaged, or no run of this format."""
        folder = Path(folder)
        path = folder / "run.json"
        if not folder.is_dir():
            raise RunError(f"{folder}: there is no such run folder; make one with `tablesim run SCANS --out {folder}`")
        if not path.is_file():
            raise RunError(f"{folder}: no run folder (no run.json in it); make one with `tablesim run SCANS --out RUN`")
        run = read_json(path)
        if run.get("format") != FORMAT or not isinstance(run.get("settings"), dict):
            raise RunError(f"{path}: not written by tablesim (format {run.get('format')!r}); choose another folder")
        if run.get("format_version") != FORMAT_VERSION:
            raise RunError(
                f"{path}: format version {run.get('format_version')!r}, expected {FORMAT_VERSION}; "
                "run the scans again into a new folder"
            )
        return cls(folder, run)

    @classmethod
    def resume(cls, folder: str | Path, settings: dict[str, Any], **run: Any) -> Corpus:
        """The run in ``folder`` to go on with, or a new one; RunError when it was made with other ``settings``."""
        folder = Path(folder)
        if not (folder / "run.json").is_file():
            return cls.create(folder, settings, **run)
        corpus = cls.open(folder)
        for name in sorted({*settings, *corpus.settings}):
            was, now = corpus.settings.get(name), settings.get(name)
            if was != now:
                raise RunError(
                    f"{folder}: made with {name} {_short(was)}, now {name} is {_short(now)}; "
                    "choose a new folder or the same settings, nothing was changed"
                )
        corpus.run.update(run)
        for where in (folder, folder / "clusters"):
            remove_partials(where)
        corpus.reading_shards.mend()
        corpus.embedding_shards.mend()
        return corpus

    def save_run(self) -> None:
        write_json(self.folder / "run.json", self.run)

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
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def refresh(self) -> None:
        """Forget what was read from the folder, so that the next question reads it again."""
        for name in ("page_table", "pages", "_vectors", "searching", "corrections"):
            self.__dict__.pop(name, None)
        self.reading_shards.refresh()
        self.embedding_shards.refresh()

    @cached_property
    def page_table(self) -> PageTable:
        """``pages.parquet`` in columns."""
        return PageTable(self.folder / "pages.parquet")

    @cached_property
    def pages(self) -> list[dict[str, Any]]:
        """One dict a page with the columns of ``PAGE_SCHEMA`` (``extra`` as a dict), sorted by page id."""
        return self.page_table.lines()

    def write_pages(self, rows: Sequence[dict[str, Any]]) -> None:
        """Replace ``pages.parquet``; ``rows`` as ``pages`` gives them, missing keys are blank."""
        write_page_table(self.folder / "pages.parquet", rows)
        self.refresh()

    def change_pages(self, columns: Mapping[str, pa.Array]) -> None:
        """Replace some columns of ``pages.parquet``, a value a page in the order of the ids."""
        replace_page_table(self.folder / "pages.parquet", self.page_table.changed(columns))
        self.refresh()

    def page(self, page_id: str) -> dict[str, Any]:
        """The line of one page; RunError, with the ids that look like it, when there is none."""
        return self.page_table.line(self.page_table.find(page_id))

    def reading(self, page_id: str) -> Reading:
        """What was read on a page, with its histogram; RunError when the page could not be read."""
        reading = self.machine_reading(page_id)
        counts = self.embedding_shards.row(reading.sha256)
        h = None if counts is None else np.array(counts["histogram"], dtype=np.float32)
        return replace(corrected(reading, self.corrections.by_scan.get(reading.sha256, ())), histogram=h)

    def machine_reading(self, page_id: str) -> Reading:
        """What the machine read on a page, whatever was corrected since; without a histogram."""
        row = self.page(page_id)
        data = self.reading_shards.row(row["sha256"])
        if data is None:
            raise RunError(
                f"{self.folder}: page {page_id} has not been read (status {row['status']}); see problems.csv"
            )
        return row_reading(data, page_id, row["scan"], None)

    @cached_property
    def corrections(self) -> CorrectionLog:
        """What people read otherwise than the machine; ``reading`` has it, ``machine_reading`` has not."""
        return CorrectionLog(self.folder, self.page_table, self.reading_shards)

    def corrections_of(self, page_id: str) -> tuple[Correction, ...]:
        """The corrections that hold on a page: of several about one number the latest."""
        return self.corrections.of(self.page(page_id)["sha256"])

    def readings(self) -> Iterator[Reading]:
        """Every reading, by page id, a shard at a time."""
        has_one = self.reading_shards.places.rows(self.page_table.column("sha256")) >= 0
        for page in self.page_table.ids(np.flatnonzero(has_one)):
            yield self.reading(page)

    @cached_property
    def _vectors(self) -> tuple[list[str], NDArray[np.float32]]:
        stored = self.embedding_shards.places.rows(self.page_table.column("sha256"))
        status = self.page_table.column("status").to_numpy(zero_copy_only=False)
        lines = np.flatnonzero((status == "read") & (stored >= 0))
        parts = [vectors(table["histogram"]) for table in self.embedding_shards.tables(["histogram"])]
        h = np.concatenate(parts)[stored[lines]] if parts else np.zeros((0, N_BINS), np.float32)
        return self.page_table.ids(lines), h

    @property
    def embeddings(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their embeddings phi = sqrt(h), float32 of shape (n, 110)."""
        return self._vectors[0], np.sqrt(self._vectors[1])

    @property
    def histograms(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their histograms h, float32 of shape (n, 110)."""
        return self._vectors

    # The nearest pages

    @cached_property
    def searching(self) -> Searching:
        """Search among the pages as they are now."""
        return Searching(self.folder, self.page_table, self.embedding_shards)

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
        the page (containment), then by cosine: a whole page is never much like a few numbers.

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
            Past two million pages, where an exact search takes more than 0.3 s: look at candidates alone (extra
            ``faiss``). Similarities stay exact; a page may be missed, and how surprising a hit is cannot be said.

        Raises
        ------
        RunError
            No such page, or no figures were read on it.
        SettingsError
            Neither or both of page and numbers; numbers without a figure; ``top`` below 1.
        """
        if (page_id is None) == (numbers is None):
            raise SettingsError("search: expected either a page or numbers; give one of the two")
        if top < 1:
            raise SettingsError(f"top: got {top}, expected 1 or more")
        if page_id is None:
            return self.searching.like_numbers(str(numbers), top, labels)
        return self.searching.like_page(page_id, top, across_books=across_books, labels=labels, approximate=approximate)

    def build_neighbours(self) -> None:
        """Find the nearest ``N_NEIGHBOURS`` pages of each table page and write ``neighbours.parquet``."""
        self.searching.write_neighbours()

    def neighbours(self, page_id: str, k: int = 10) -> list[Hit]:
        """The ``k`` nearest pages as found by the run (at most ``N_NEIGHBOURS``); none for a page without a table."""
        return self.searching.neighbours(page_id, k)

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

        See ``tablesim.corpus.clustering.pipeline.cluster_pages``; pages without a table or without figures are in no
        cluster.
        Clusters that an earlier clustering of the same kind had keep their numbers.
        """
        ids, h = self._vectors
        tables = [bool(self.page(page)["is_table"]) for page in ids]
        draw = None
        if len(ids) <= DRAWN_AT_MOST and all(self.page(page)["sha256"] in self.reading_shards.places for page in ids):
            draw = DoubtedReadings(self.reading(page) for page in ids)
        found = cluster_pages(ids, h, tables, k, method=method, seed=seed, constraints=constraints, draw=draw)
        return self.clusterings.save(found) if keep else found

    @property
    def clusterings(self) -> Clusterings:
        """Every clustering of the run by its name."""
        return Clusterings(self.folder / "clusters")

    @property
    def clusters(self) -> Clustering | None:
        """The clustering that was made last; None when there is none."""
        return self.clusterings.last

    # Problems

    @property
    def problems(self) -> list[dict[str, str]]:
        """The pages that could not be read: ``page``, ``scan``, ``problem``, ``sha256`` (blank for want of a file)."""
        path = self.folder / "problems.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write_problems(self, rows: Sequence[dict[str, str]]) -> None:
        write_csv(self.folder / "problems.csv", PROBLEM_COLUMNS, sorted(rows, key=lambda row: row["page"]))

    def status(self) -> dict[str, Any]:
        """Where the job stands: counts of pages, which stages are done, whether a job is at work and how fast.

        ``read``, ``failed`` and ``waiting`` add up to ``pages``; ``duplicates`` are pages with the bytes of another,
        read once. ``writing``: a process on this machine is writing the run; then ``stage``, ``pages_per_second`` and
        ``seconds_left`` say how it goes on, as far as that can be told.
        """
        table, clusters = self.page_table, self.clusters
        statuses = table.column("status").to_numpy(zero_copy_only=False)
        # A job under way, or one that was stopped: shards and problems tell more than the table of pages.
        waiting = statuses == "waiting"
        finished = waiting & (self.embedding_shards.places.rows(table.column("sha256")) >= 0)
        failed = sum(
            bool(waiting[row]) for row in map(table.row_of, {p["page"] for p in self.problems}) if row is not None
        )
        keys = table.column("sha256").to_numpy(zero_copy_only=False)
        keys = keys[keys != ""]
        holder = owner(self.folder)
        writing = holder is not None and holder.alive
        pace = Pace.of(self.folder / "events.jsonl") if writing else Pace()
        return {
            "run": str(self.folder),
            "source": self.run.get("source"),
            "pages": len(table),
            "read": int(np.count_nonzero(statuses == "read") + np.count_nonzero(finished)),
            "failed": int(np.count_nonzero(statuses == "failed")) + failed,
            "waiting": int(np.count_nonzero(waiting) - np.count_nonzero(finished)) - failed,
            "duplicates": len(keys) - len(set(keys)),
            **self.corrections.status().counts(),
            "tables": int(np.count_nonzero(table.flags("is_table"))),
            "neighbours": (self.folder / "neighbours.parquet").is_file(),
            "clusters": None if clusters is None else clusters.k,
            "report": (self.folder / "report" / "index.html").is_file(),
            "finished": bool(self.run.get("finished")),
            "writing": writing,
            "stage": pace.stage,
            "pages_per_second": pace.per_second,
            "seconds_left": pace.seconds_left,
        }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else text[:12] + "..."
