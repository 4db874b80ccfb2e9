"""Writes the pages of a report in several processes: each makes a site of its own of the run; the folder has one list.

What a page follows from is settled before any is written (``Site.write``), so that any number of processes writes the
same bytes.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.indexing.limits import limit_worker
from tablesim.corpus.indexing.pool import end_workers, follow_parent
from tablesim.corpus.store import Corpus
from tablesim.language import Catalogue, said_here, speaking
from tablesim.report.folder import ReportFolder, Written
from tablesim.report.site import Job, Site

LOT = 32
"""Pages that a process is given at a time: half a second."""

FEWEST = 400
"""Pages of a report from which on processes are started: each takes three seconds to begin."""


class SharedSite(Site):
    """A report that ``workers`` processes write."""

    def __init__(self, corpus: Corpus, folder: ReportFolder, on_event: Listener, *, keep: bool, workers: int) -> None:
        super().__init__(corpus, folder, on_event, keep=keep)
        self.workers = workers

    def do(self, jobs: Sequence[Job]) -> None:
        """Do jobs in lots, in their order."""
        if self.workers == 1 or len(jobs) < FEWEST:
            super().do(jobs)
            return
        self.folder.begin()
        settled = (
            self.corpus.folder,
            self.folder.path,
            self.folder.own,
            self.folder.force,
            said_here(),
            self.settled(),
        )
        context = multiprocessing.get_context("spawn")  # as in ``corpus.indexing.pool``
        pool = ProcessPoolExecutor(self.workers, context, initializer=_start, initargs=(pickle.dumps(settled),))
        lots = [jobs[at : at + LOT] for at in range(0, len(jobs), LOT)]
        try:
            for lot, (kept, written) in zip(lots, pool.map(_write, lots), strict=True):
                self.folder.join(written)
                for job, was_kept in zip(lot, kept, strict=True):
                    self.step(job.shown, kept=was_kept)
        except BaseException:
            end_workers(pool)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_settled = b""


def _start(settled: bytes) -> None:
    global _settled
    follow_parent()
    _settled = settled


@cache
def _site() -> Site:
    """The site of this process, made for its first lot: there an error is told and not a broken pool."""
    settled: tuple[Path, Path, bool, bool, Catalogue, dict[str, Any]] = pickle.loads(_settled)  # noqa: S301 - of our own parent
    run, path, own, force, _, values = settled
    limit_worker()
    site = Site(Corpus.open(run), ReportFolder(path, own=own, force=force, begun=True), ignore_event, keep=False)
    site.settle(values)
    return site


@cache
def _catalogue() -> Catalogue:
    return pickle.loads(_settled)[4]  # type: ignore[no-any-return]  # noqa: S301 - of our own parent


def _write(jobs: Sequence[Job]) -> tuple[list[bool], Written]:
    with speaking(_catalogue()):
        site = _site()
        return [site.done_now(job) for job in jobs], site.folder.take_written()
