"""Examines a run folder by checksums, counts and values; removes, when asked, what can be made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from tablesim.corpus.clustering.folder import CLUSTERING_REMEDY
from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.lock import owner
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.storage.shards import Shards, is_named_after, vectors
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError, TablesimError
from tablesim.files import FOLDER_IN_PLACE
from tablesim.review.constraints import verdicts_status
from tablesim.review.lost_decisions import FILES as DECISIONS
from tablesim.review.lost_decisions import lost_decisions
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import Locator
from tablesim.workflow.alignments import NAME as ALIGNMENTS
from tablesim.workflow.alignments import SCHEMA as ALIGNMENT_SCHEMA
from tablesim.workflow.long_tables import NAME as TABLES
from tablesim.workflow.long_tables import stored_tables_over_pages

RUN_AGAIN = "give the same `tablesim run` again"
_FILES = (
    *("pages.parquet", "neighbours.parquet", ALIGNMENTS, "problems.csv", TABLES, "events.jsonl"),
    *("clusters/last.json", *DECISIONS),
)
_FOLDERS = ("readings", "embeddings", "clusters", "report", ".search")
_NEARLY = 1e-6
"""float32 roots of histograms of some hundred bigrams agree with those stored to this, relatively."""


@dataclass(frozen=True)
class RunFinding:
    """Something that is wrong in a run folder.

    Parameters
    ----------
    where : str
        The file, as a path in the run folder, or the page.
    what, remedy : str
    file : Path or None
        The file that can be removed, since ``tablesim run`` makes anew what it held.
    repaired : bool
        Whether it was removed.
    """

    where: str
    what: str
    remedy: str
    file: Path | None = None
    repaired: bool = False

    def to_dict(self) -> dict[str, str | bool]:
        """As ``tablesim doctor --json`` gives it."""
        return {
            "where": self.where,
            "what": self.what,
            "remedy": self.remedy,
            "repairable": self.file is not None,
            "repaired": self.repaired,
        }


def examine_run(folder: str | Path, *, repair: bool = False) -> list[RunFinding]:
    """What is wrong in a run folder, and what to do about it; an empty list where all is well.

    Parameters
    ----------
    folder : path
        The run.
    repair : bool
        Remove the files that ``tablesim run`` makes anew, and no other.

    Raises
    ------
    InUseError
        A process is writing the run.
    RunError
        There is no run in the folder, or its ``run.json`` is damaged.
    """
    corpus = Corpus.open(folder)
    holder = owner(corpus.folder)
    if holder is not None and holder.alive:
        raise InUseError(f"{folder}: in use by another process ({holder}): wait until it is done")
    with corpus.lock() if repair else nullcontext():
        findings = list(_Examination(corpus).findings())
        if repair:
            for finding in findings:
                if finding.file is not None:
                    finding.file.unlink(missing_ok=True)
        return [replace(finding, repaired=repair and finding.file is not None) for finding in findings]


def said_by_people(folder: str | Path) -> list[str]:
    """Which pages of a run carry a table or none because people said so; nothing where that cannot be read."""
    try:
        return Corpus.open(folder).table_decisions.sentences()
    except (TablesimError, OSError):
        return []  # a finding of `examine_run`


class _Examination:
    """One look through a run; files that cannot be read are named and left out of what follows."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.folder = corpus.folder

    def findings(self) -> Iterator[RunFinding]:
        for aside in sorted(self.folder.rglob(".*.part")):
            yield self._of(aside, "left half written by a job that was killed", "remove it", aside)
        for folder in filter(Path.is_dir, (self.folder / name for name in _FILES)):
            yield self._of(folder, FOLDER_IN_PLACE, f"move the folder away and {RUN_AGAIN}")
        for file in filter(Path.is_file, (self.folder / name for name in _FOLDERS)):
            yield self._of(file, "a file stands in the place of this folder", f"move the file away and {RUN_AGAIN}")
        pages_path = self.folder / "pages.parquet"
        if self.corpus.run.get("finished") and not pages_path.exists():
            yield self._of(pages_path, "missing in a run that is finished", RUN_AGAIN)
            return
        try:
            pages = self.corpus.page_table
            ids, keys = (pages.column(name).to_pylist() for name in ("page", "sha256"))
            pages.lines()
        except RunError as error:
            yield self._of(pages_path, _cause(error), f"remove this file and {RUN_AGAIN}", pages_path)
            return
        written = self.corpus.run.get("inputs") or {}
        if self.corpus.run.get("finished") and written.get("sha256") not in (None, pages.digest()):
            what = f"written for {written.get('pages')} other pages than the {len(pages)} in pages.parquet"
            yield self._of(
                self.folder / "run.json", what, f"restore the one of these two that is not of this run, or {RUN_AGAIN}"
            )
        if repeated := [page for page, n in Counter(ids).items() if n > 1]:
            yield self._of(pages.path, f"pages that stand there twice: {shortlist(repeated)}", RUN_AGAIN)
        read = {key for key, status in zip(keys, pages.column("status").to_pylist(), strict=True) if status == "read"}
        stored = {}
        for shards in (self.corpus.reading_shards, self.corpus.embedding_shards):
            damaged, stored[shards] = [], Counter[str]()
            for file in shards.files:
                try:
                    stored[shards].update(_checked_keys(shards, file))
                except RunError as error:
                    damaged.append((file, _cause(error)))
            lost = read - set(stored[shards])
            away = [page for page, key in zip(ids, keys, strict=True) if key in lost and not self._is_there(page)]
            for file, what in damaged:
                remedy = f"remove this file and {RUN_AGAIN}: its pages are read again"
                if away:
                    remedy += f", when the scans of {shortlist(away)} are back"
                yield self._of(file, what, remedy, None if away else file)
            if twice := [key for key, n in stored[shards].items() if n > 1]:
                yield self._of(shards.folder, f"{len(twice)} scans stand there twice", RUN_AGAIN)
            if lost and not damaged:
                pages_lost = [page for page, key in zip(ids, keys, strict=True) if key in lost]
                yield self._of(
                    shards.folder, f"{len(lost)} scans that were read are missing ({shortlist(pages_lost)})", RUN_AGAIN
                )
        known = set(ids)
        yield from self._neighbours(known)
        yield from self._clusters({page for page, key in zip(ids, keys, strict=True) if key in read})
        alignments = self.folder / ALIGNMENTS
        if alignments.is_file():
            yield from self._readable(ALIGNMENTS, lambda: read_parquet(alignments, ALIGNMENT_SCHEMA))
        yield from self._problems(ids, pages.column("status").to_pylist())
        yield from self._readable(TABLES, lambda: stored_tables_over_pages(self.corpus))
        for what, status in (
            ("corrections.csv", self.corpus.corrections.status),
            ("table_decisions.csv", self.corpus.table_decisions.status),
            ("notes.csv", self.corpus.notes.status),
            ("verdicts.sqlite", partial(verdicts_status, self.corpus)),
        ):
            try:
                if gone := lost_decisions(self.corpus, what):
                    yield RunFinding(what, gone, "restore the file from a copy: it holds decisions of people")
                for remark in status().remarks(of_holding=False):
                    text, _, remedy = remark.partition("; ")
                    yield RunFinding(what, text, remedy or "look at them with `tablesim status`")
            except (TablesimError, OSError) as error:
                if str(self.folder / what) not in str(error):
                    continue  # what it is checked against is damaged, and was named above
                yield RunFinding(what, _cause(error), "restore the file from a copy: it holds decisions of people")
                return
        yield from self._table_decisions()

    def _table_decisions(self) -> Iterator[RunFinding]:
        """A file that was put there by hand is not worked in yet."""
        log = self.corpus.table_decisions
        otherwise = [
            page
            for decision in log.status().holding
            for page in log.pages_of[decision.sha256]
            if self.corpus.page(page)["is_table"] not in (None, decision.is_table)
        ]
        if otherwise:
            what = f"pages that people say are tables or none, and that still count otherwise: {shortlist(otherwise)}"
            yield RunFinding("table_decisions.csv", what, RUN_AGAIN)

    def _problems(self, ids: list[str], statuses: list[str]) -> Iterator[RunFinding]:
        """Each page that could not be read has a line, and no line is of another run."""
        yield from (found := list(self._readable("problems.csv", self.corpus.problem_log.rows)))
        if found or (self.folder / "problems.csv").is_dir():
            return
        listed = {row["page"] for row in self.corpus.problems}
        failed = {page for page, status in zip(ids, statuses, strict=True) if status == "failed"}
        if untold := sorted(failed - listed):
            what = f"lacks the pages that could not be read: {shortlist(untold)}"
            yield self._of(self.folder / "problems.csv", what, RUN_AGAIN)
        if strangers := sorted(listed - set(ids)):
            what = f"names pages that the run does not have: {shortlist(strangers)}"
            yield self._of(self.folder / "problems.csv", what, RUN_AGAIN)

    def _neighbours(self, known: set[str]) -> Iterator[RunFinding]:
        path = self.folder / "neighbours.parquet"
        if not path.is_file():
            if not path.exists() and self.corpus.run.get("finished"):
                yield self._of(path, "missing in a run that is finished", RUN_AGAIN)
            return
        remedy = f"remove this file and {RUN_AGAIN}"
        try:
            table = read_parquet(path, NEIGHBOUR_SCHEMA)
        except RunError as error:
            yield self._of(path, _cause(error), remedy, path)
            return
        strangers = (set(table["page"].to_pylist()) | set(table["neighbour"].to_pylist())) - known
        if strangers:
            yield self._of(
                path, f"names pages that the run does not have: {shortlist(sorted(strangers))}", remedy, path
            )
        if not pc.all(pc.is_finite(table["similarity"])).as_py() and len(table):
            yield self._of(path, "a similarity that is no number", remedy, path)

    def _clusters(self, read: set[str]) -> Iterator[RunFinding]:
        clusterings = self.corpus.clusterings
        for name in clusterings.names:
            path = clusterings.folder / f"{name}.parquet"
            try:
                pages = set(clusterings[name].pages)
            except RunError as error:
                yield self._of(path, _cause(error), CLUSTERING_REMEDY)
                continue
            if pages != read:
                what = f"was made of other pages: {len(read - pages)} are new since, {len(pages - read)} are gone"
                yield self._of(path, what, f"{RUN_AGAIN}, or `tablesim cluster`")
        yield from self._readable("clusters/last.json", lambda: clusterings.last_name)
        last = clusterings.folder / "last.json"
        with suppress(RunError):
            shown = clusterings.last_name
            if shown and not (path := clusterings.folder / f"{shown}.parquet").exists():
                yield self._of(path, "missing, and it is the clustering that was made last", CLUSTERING_REMEDY)
        if self.corpus.run.get("finished") and not last.exists():
            yield self._of(last, "missing in a run that is finished: which clusters are shown is not known", RUN_AGAIN)

    def _readable(self, name: str, read: Callable[[], object]) -> Iterator[RunFinding]:
        path = self.folder / name
        try:
            read()
        except RunError as error:
            if path.is_file() and str(path) in str(error):
                yield self._of(path, _cause(error), f"remove this file and {RUN_AGAIN}", path)

    def _is_there(self, page: str) -> bool:
        try:
            row = self.corpus.page(page)
            return bool(Locator.of(row["scan"]).stat().st_size == row["size"])
        except OSError:
            return False

    def _of(self, path: Path, what: str, remedy: str, file: Path | None = None) -> RunFinding:
        """A finding; a folder, whatever may be in it, is never removed."""
        removable = None if file is None or file.is_dir() else file
        return RunFinding(str(path.relative_to(self.folder)), what, remedy, removable)


def _checked_keys(shards: Shards, file: Path) -> list[str]:
    """The hashes in a shard of which everything was read and looked at; RunError where something is wrong with it."""
    table = shards.read(file)
    keys: list[str] = table["sha256"].to_pylist()
    if not is_named_after(file, keys):
        raise RunError(f"{file}: damaged (it holds other scans than its name says); see the remedy")
    if "histogram" in table.schema.names:
        h, phi = vectors(table["histogram"]), vectors(table["embedding"])
        if (h < 0).any() or not np.allclose(np.sqrt(np.maximum(h, 0)), phi, rtol=_NEARLY, atol=_NEARLY):
            raise RunError(f"{file}: damaged (an embedding that is not the root of its histogram); see the remedy")
    else:
        confidences = pc.struct_field(pc.list_flatten(table["numbers"].combine_chunks()), "confidence")
        if len(confidences) and not pc.all(pc.is_finite(confidences)).as_py():
            raise RunError(f"{file}: damaged (a confidence that is no number); see the remedy")
    return keys


def _cause(error: Exception) -> str:
    """What an error says, without the file at its head and the remedy at its end."""
    text = " ".join(str(error).split())
    what = text.partition(": ")[2] or text
    return what.rpartition(";")[0] or what
