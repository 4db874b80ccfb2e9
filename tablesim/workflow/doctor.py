"""Examines a run folder by checksums, counts and values; removes, when asked, what can be made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from tablesim.corpus.clustering.folder import CLUSTERING_REMEDY
from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.lock import owner
from tablesim.corpus.storage.schemas import NEIGHBOUR_SCHEMA
from tablesim.corpus.storage.shards import Shards, vectors
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError, TablesimError
from tablesim.review.constraints import verdicts_status
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import Locator
from tablesim.workflow.alignments import NAME as ALIGNMENTS
from tablesim.workflow.alignments import SCHEMA as ALIGNMENT_SCHEMA

RUN_AGAIN = "give the same `tablesim run` again"
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
        if self.corpus.run.get("finished") and not (self.folder / "pages.parquet").is_file():
            yield self._of(self.folder / "pages.parquet", "missing in a run that is finished", RUN_AGAIN)
            return
        try:
            pages = self.corpus.page_table
            ids, keys = (pages.column(name).to_pylist() for name in ("page", "sha256"))
            pages.lines()
        except RunError as error:
            yield self._of(pages.path, _cause(error), f"remove this file and {RUN_AGAIN}", pages.path)
            return
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
        yield from self._readable("problems.csv", self.corpus.problem_log.rows)
        for what, status in (
            ("corrections.csv", self.corpus.corrections.status),
            ("table_decisions.csv", self.corpus.table_decisions.status),
            ("verdicts.sqlite", partial(verdicts_status, self.corpus)),
        ):
            try:
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

    def _neighbours(self, known: set[str]) -> Iterator[RunFinding]:
        path = self.folder / "neighbours.parquet"
        if not path.is_file():
            if self.corpus.run.get("finished"):
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
        yield from self._readable("clusters/last.json", lambda: clusterings.last)

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
        return RunFinding(str(path.relative_to(self.folder)), what, remedy, file)


def _checked_keys(shards: Shards, file: Path) -> list[str]:
    """The hashes in a shard of which everything was read and looked at; RunError where something is wrong with it."""
    table = shards.read(file)
    if "histogram" in table.schema.names:
        h, phi = vectors(table["histogram"]), vectors(table["embedding"])
        if (h < 0).any() or not np.allclose(np.sqrt(np.maximum(h, 0)), phi, rtol=_NEARLY, atol=_NEARLY):
            raise RunError(f"{file}: damaged (an embedding that is not the root of its histogram); see the remedy")
    else:
        confidences = pc.struct_field(pc.list_flatten(table["numbers"].combine_chunks()), "confidence")
        if len(confidences) and not pc.all(pc.is_finite(confidences)).as_py():
            raise RunError(f"{file}: damaged (a confidence that is no number); see the remedy")
    keys: list[str] = table["sha256"].to_pylist()
    return keys


def _cause(error: Exception) -> str:
    """What an error says, without the file at its head and the remedy at its end."""
    return " ".join(str(error).split()).partition(": ")[2].rpartition(";")[0] or str(error)
