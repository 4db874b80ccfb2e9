"""The run folder: everything that was found out about a set of scans, in Parquet.

``run.json``            versions, settings, seeds, where the scans are and the hash of them all
``pages.parquet``       a line a page: id, scan, hash, size, what was read, metadata
``readings/``           digits and numbers, keyed by the hash of the scan (``shards``)
``embeddings/``         histograms and their roots, likewise; the order of the bins stands in the field's metadata
``neighbours.parquet``  the nearest pages of each page
``clusters/``           one clustering a file, and which was made last
``problems.csv``        pages that could not be read, and why
``events.jsonl``        what happened when
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.clustering import Clustering
from tablesim.corpus.clusterings import Clusterings
from tablesim.corpus.clusters import cluster_pages
from tablesim.corpus.constraints import Constraints
from tablesim.corpus.doubt import DoubtedReadings
from tablesim.corpus.files import locked, read_json, read_parquet, sweep, write_csv, write_json, write_parquet
from tablesim.corpus.schemas import NEIGHBOUR_SCHEMA, PAGE_SCHEMA
from tablesim.corpus.search import N_SHARED, Hit, containment, shared_bigrams, top_rows, typed_histogram, unit_rows
from tablesim.corpus.shards import EMBEDDING_SCHEMA, READING_SCHEMA, Shards, row_reading, vectors
from tablesim.corpus.stability import DRAWN_AT_MOST
from tablesim.digits.reading import Reading
from tablesim.errors import RunError, SettingsError
from tablesim.scans.csvfile import listed

FORMAT = "tablesim run"
FORMAT_VERSION = 1
N_NEIGHBOURS = 20
PROBLEM_COLUMNS = ("page", "scan", "problem")


class Corpus:
    """A run folder. ``Corpus.open(folder)`` for one that is there, ``Corpus.create(folder, settings)`` for a new one.

    What is asked for is read from the folder and kept; ``refresh`` forgets it.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self.run = run
        self.reading_shards = Shards(folder / "readings", READING_SCHEMA)
        self.embedding_shards = Shards(folder / "embeddings", EMBEDDING_SCHEMA)
        self._shard: tuple[Path, pa.Table] | None = None

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r}, {len(self.pages)} pages)"

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
            sweep(where)
        return corpus

    def save_run(self) -> None:
        write_json(self.folder / "run.json", self.run)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes from writing this run meanwhile; RunError when one does."""
        return locked(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.run["settings"])

    def refresh(self) -> None:
        """Forget what was read from the folder, so that the next question reads it again."""
        for name in ("pages", "_by_page", "_vectors", "_places", "_neighbours"):
            self.__dict__.pop(name, None)
        self._shard = None

    @cached_property
    def pages(self) -> list[dict[str, Any]]:
        """One dict a page with the columns of ``PAGE_SCHEMA`` (``extra`` as a dict), sorted by page id."""
        path = self.folder / "pages.parquet"
        if not path.is_file():
            return []
        rows = read_parquet(path, PAGE_SCHEMA).to_pylist()
        for row in rows:
            row["extra"] = json.loads(row["extra"]) if row["extra"] else {}
        return rows

    def write_pages(self, rows: Sequence[dict[str, Any]]) -> None:
        """Replace ``pages.parquet``; ``rows`` as ``pages`` gives them, missing keys are blank."""
        lines = [
            {**row, "extra": json.dumps(row.get("extra") or {}, ensure_ascii=False, sort_keys=True)}
            for row in sorted(rows, key=lambda row: row["page"])
        ]
        write_parquet(self.folder / "pages.parquet", pa.Table.from_pylist(lines, schema=PAGE_SCHEMA))
        self.refresh()

    @cached_property
    def _by_page(self) -> dict[str, dict[str, Any]]:
        return {row["page"]: row for row in self.pages}

    def page(self, page_id: str) -> dict[str, Any]:
        """The line of one page; RunError, with the ids that look like it, when there is none."""
        if page_id not in self._by_page:
            close = difflib.get_close_matches(page_id, self._by_page, n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else "`tablesim status RUN --json` lists the pages"
            raise RunError(f"{self.folder}: no page {page_id!r} in this run; {hint}")
        return self._by_page[page_id]

    @cached_property
    def _places(self) -> dict[str, tuple[Path, int]]:
        return self.reading_shards.where()

    def reading(self, page_id: str) -> Reading:
        """What was read on a page, with its histogram; RunError when the page could not be read."""
        row = self.page(page_id)
        if row["sha256"] not in self._places:
            raise RunError(
                f"{self.folder}: page {page_id} has not been read (status {row['status']}); see problems.csv"
            )
        file, at = self._places[row["sha256"]]
        if self._shard is None or self._shard[0] != file:
            self._shard = file, read_parquet(file, READING_SCHEMA)
        data = self._shard[1].slice(at, 1).to_pylist()[0]
        return row_reading(data, page_id, row["scan"], self._histogram(page_id))

    def readings(self) -> Iterator[Reading]:
        """Every reading, by page id, a shard at a time."""
        for row in self.pages:
            if row["sha256"] in self._places:
                yield self.reading(row["page"])

    @cached_property
    def _vectors(self) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32], dict[str, int]]:
        keys: dict[str, int] = {}
        histograms, embeddings, start = [], [], 0
        for table in self.embedding_shards.tables():
            for index, key in enumerate(table["sha256"].to_pylist(), start):
                keys.setdefault(key, index)
            start += len(table)
            histograms.append(vectors(table["histogram"]))
            embeddings.append(vectors(table["embedding"]))
        rows = [row for row in self.pages if row["status"] == "read" and row["sha256"] in keys]
        order = [keys[row["sha256"]] for row in rows]
        both = [
            np.concatenate(part)[order] if part else np.zeros((0, 110), np.float32) for part in (histograms, embeddings)
        ]
        ids = [row["page"] for row in rows]
        return ids, both[0], both[1], {page: index for index, page in enumerate(ids)}

    @property
    def embeddings(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their embeddings phi = sqrt(h), float32 of shape (n, 110)."""
        return self._vectors[0], self._vectors[2]

    @property
    def histograms(self) -> tuple[list[str], NDArray[np.float32]]:
        """Page ids, sorted, and their histograms h, float32 of shape (n, 110)."""
        return self._vectors[0], self._vectors[1]

    def _histogram(self, page_id: str) -> NDArray[np.float32] | None:
        index = self._vectors[3].get(page_id)
        return None if index is None else self._vectors[1][index]

    def _comparable(self) -> NDArray[np.bool_]:
        """For each page of ``embeddings`` whether it can be like another: a table, with figures read on it."""
        ids, h, _, _ = self._vectors
        return np.array([bool(self.page(page)["is_table"]) for page in ids], bool) & (h.sum(axis=1) > 0)

    def _books(self) -> list[str | None]:
        return [self.page(page)["book"] for page in self._vectors[0]]

    # The nearest pages

    def search(
        self, page_id: str | None = None, *, numbers: str | None = None, top: int = 10, across_books: bool = False
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
        ids, h, phi, row_of = self._vectors
        found = self._comparable()
        if page_id is not None:
            self.page(page_id)
            if page_id not in row_of or not h[row_of[page_id]].any():
                raise RunError(f"{self.folder}: no figures were read on page {page_id}; there is nothing to compare")
            query, at = h[row_of[page_id]], row_of[page_id]
            found[at] = False
            books = self._books()
            if across_books and books[at] is not None:
                found &= np.array([book != books[at] for book in books])
            order, cosines = self._ranked(phi[at], found, top)
            return self._hits(query, [ids[index] for index in order], cosines, books[at])
        assert numbers is not None
        query = typed_histogram(numbers).astype(np.float32)
        rows = np.flatnonzero(found)
        covered = np.round([containment(query, h[row]) for row in rows], 9)
        cosines = np.round(unit_rows(phi[rows]) @ unit_rows(np.sqrt(query)[None])[0], 9)
        best = [at for at in np.lexsort((rows, -cosines, -covered)).tolist() if cosines[at] > 0][:top]
        return self._hits(query, [ids[rows[at]] for at in best], cosines[best], None)

    def _ranked(
        self, phi: NDArray[np.float32], found: NDArray[np.bool_], top: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        rows = np.flatnonzero(found)
        order, cosines = next(top_rows(unit_rows(phi[None]), unit_rows(self._vectors[2][rows]), top))
        return rows[order], cosines

    def _hits(
        self, query: NDArray[np.float32], pages: Sequence[str], cosines: NDArray[np.float64], book: str | None
    ) -> list[Hit]:
        hits = []
        for rank, (page, cosine) in enumerate(zip(pages, cosines, strict=True), 1):
            h = self._histogram(page)
            assert h is not None
            other = self.page(page)["book"]
            same = None if book is None or other is None else book == other
            hits.append(Hit(page, rank, float(cosine), containment(query, h), same, shared_bigrams(query, h, N_SHARED)))
        return hits

    def build_neighbours(self) -> None:
        """Find the nearest ``N_NEIGHBOURS`` pages of each table page and write ``neighbours.parquet``."""
        ids, _, phi, _ = self._vectors
        rows = np.flatnonzero(self._comparable())
        unit, books = unit_rows(phi[rows]), self._books()
        columns: dict[str, list[Any]] = {name: [] for name in NEIGHBOUR_SCHEMA.names}
        itself = [np.array([at]) for at in range(len(rows))]
        for at, (order, cosines) in enumerate(top_rows(unit, unit, N_NEIGHBOURS, itself)):
            book = books[rows[at]]
            for rank, (other, cosine) in enumerate(zip(rows[order], cosines, strict=True), 1):
                columns["page"].append(ids[rows[at]])
                columns["rank"].append(rank)
                columns["neighbour"].append(ids[other])
                columns["similarity"].append(float(cosine))
                columns["same_book"].append(None if book is None or books[other] is None else book == books[other])
        write_parquet(self.folder / "neighbours.parquet", pa.Table.from_pydict(columns, schema=NEIGHBOUR_SCHEMA))
        self.refresh()

    @cached_property
    def _neighbours(self) -> dict[str, list[tuple[str, float]]]:
        near: dict[str, list[tuple[str, float]]] = {}
        for row in read_parquet(self.folder / "neighbours.parquet", NEIGHBOUR_SCHEMA).to_pylist():
            near.setdefault(row["page"], []).append((row["neighbour"], row["similarity"]))
        return near

    def neighbours(self, page_id: str, k: int = 10) -> list[Hit]:
        """The ``k`` nearest pages as found by the run (at most ``N_NEIGHBOURS``); none for a page without a table."""
        page = self.page(page_id)
        near = self._neighbours.get(page_id, [])[:k]
        query = self._histogram(page_id)
        if query is None or not near:
            return []
        return self._hits(query, [page for page, _ in near], np.array([cosine for _, cosine in near]), page["book"])

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

        See ``tablesim.corpus.clusters.cluster_pages``; pages without a table or without figures are in no cluster.
        Clusters that an earlier clustering of the same kind had keep their numbers.
        """
        ids, h, _, _ = self._vectors
        tables = [bool(self.page(page)["is_table"]) for page in ids]
        draw = None
        if len(ids) <= DRAWN_AT_MOST and all(self.page(page)["sha256"] in self._places for page in ids):
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
        """The pages that could not be read: ``page``, ``scan``, ``problem``."""
        path = self.folder / "problems.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write_problems(self, rows: Sequence[dict[str, str]]) -> None:
        write_csv(self.folder / "problems.csv", PROBLEM_COLUMNS, sorted(rows, key=lambda row: row["page"]))

    def status(self) -> dict[str, Any]:
        """Where the job stands: counts of pages, and which stages are done."""
        pages, clusters = self.pages, self.clusters
        count = {status: sum(row["status"] == status for row in pages) for status in ("read", "failed", "waiting")}
        if count["waiting"]:
            # A job under way, or one that was stopped: shards tell more than the table of pages.
            done = self.reading_shards.keys()
            finished = sum(row["status"] == "waiting" and row["sha256"] in done for row in pages)
            count["read"], count["waiting"] = count["read"] + finished, count["waiting"] - finished
        return {
            "run": str(self.folder),
            "source": self.run.get("source"),
            "pages": len(pages),
            **count,
            "tables": sum(bool(row["is_table"]) for row in pages),
            "neighbours": (self.folder / "neighbours.parquet").is_file(),
            "clusters": None if clusters is None else clusters.k,
            "report": (self.folder / "report" / "index.html").is_file(),
            "finished": bool(self.run.get("finished")),
        }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else text[:12] + "..."
