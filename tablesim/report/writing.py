"""Writes the report of a run into a folder, under the lock of the run; `report.site` has what stands in it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.status import PENDING
from tablesim.corpus.storage.lock import owner
from tablesim.corpus.storage.run_folder import EVENTS
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError, SettingsError, remedy_of
from tablesim.language import ENGLISH, LANGUAGES, speaking
from tablesim.report.folder import ReportFolder
from tablesim.report.workers import SharedSite
from tablesim.workflow.event_log import EventLog


def write_report(
    corpus: Corpus,
    folder: str | Path | None = None,
    *,
    force: bool = False,
    workers: int = 1,
    language: str = ENGLISH,
    on_event: Listener = ignore_event,
) -> Path:
    """Write the static report of a run.

    Into the run's own ``report/`` it is written under the lock of the run, and how far pages agree and which tables run
    over several pages is kept in the run folder. Into another folder nothing of the run is changed.

    Parameters
    ----------
    corpus : Corpus
        The run; the scans are looked up where it says they are, for their pictures. A scan that has gone leaves a
        blank page in the report, with the matched digits at their positions.
    folder : path, optional
        Where to write; ``report/`` in the run folder when left out. Files that an earlier report wrote there
        (``report_files.txt``) are replaced, and removed where this one does not need them; all others stay.
    force : bool
        Replace files that are in the way though no report wrote them.
    workers : int
        Processes that write the pages of a large report; any number writes the same.
    language : str
        What its text is in: one of ``tablesim.language.LANGUAGES``.
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept.

    Returns
    -------
    Path
        The page to open: ``index.html``. It needs no server and no network, and names no folder of this machine.

    Raises
    ------
    InUseError
        Another process is writing the run.
    SettingsError
        There is no catalogue of the language.
    RunError
        The run holds no pages yet, files of others are in the way, or the folder cannot be written to.
    """
    if language not in LANGUAGES:
        raise SettingsError(f"language: got {language!r}, expected one of {', '.join(LANGUAGES)}")
    path = corpus.folder / "report" if folder is None else Path(folder)
    own = path.resolve() == (corpus.folder / "report").resolve()
    if not own:
        holder = owner(corpus.folder)
        if holder is not None and holder.alive and (holder.host, holder.pid) != (platform.node(), os.getpid()):
            raise InUseError(f"{corpus.folder}: in use by another process ({holder}): wait until it is done")
    with corpus.lock() if own else nullcontext():
        corpus.refresh()
        if not len(corpus.page_table):
            raise RunError(f"{corpus.folder}: no page in this run yet; read some with `tablesim run SCANS --out RUN`")
        try:
            with speaking(language), _told(corpus, on_event, own=own) as tell:
                SharedSite(corpus, ReportFolder(path, own=own, force=force), tell, keep=own, workers=workers).write()
            return path / "index.html"
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"{path}: the report cannot be written ({reason}); {remedy_of(error)}") from error


@contextmanager
def _told(corpus: Corpus, on_event: Listener, *, own: bool) -> Iterator[Listener]:
    """The listener of the report; that of the run itself is logged in it, and the run is not finished before it is."""
    if not own:
        yield on_event
        return
    corpus.run[PENDING] = True
    corpus.save_run()
    with EventLog(corpus.folder / EVENTS, on_event) as tell:
        yield tell
    del corpus.run[PENDING]
    corpus.save_run()
