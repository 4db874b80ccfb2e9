"""A run that is shown while it changes: what is asked sees the newest state, whoever wrote it, server or command.

The state is told by the size and the time of the files that decide what is shown; looking at them takes no lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tablesim.corpus.store import Corpus
from tablesim.workflow.clustering import Reclustering

T = TypeVar("T")

WATCHED = (
    "run.json",
    "pages.parquet",
    "corrections.csv",
    "table_decisions.csv",
    "notes.csv",
    "verdicts.sqlite",
    "neighbours.parquet",
    "map.parquet",
    "clusters",
    "readings",
    "embeddings",
)
"""Files and folders of a run that decide what is shown."""

KEPT = 4
"""Collations and stemmata that are kept: those that a screen asks for, which comes in several parts."""

Stamp = tuple[tuple[int, int], ...]


class LiveRun:
    """The run in a folder, for many readers and, one after the other, writers of this process.

    Parameters
    ----------
    folder : Path
        A run.

    Raises
    ------
    RunError
        The folder is no run of this format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = 1
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._stamp = self._look()
        self._corpus = Corpus.open(folder)
        self._kept: dict[str, object] = {}
        self._one_of: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._kept_while: dict[str, tuple[Stamp, object]] = {}
        self.proposal: tuple[int, Reclustering] | None = None
        """A clustering that was looked at and is not kept, and the state that it was made of."""
        self.map_job: object = None
        """The last making of the map (`web.maps`)."""

    @property
    def corpus(self) -> Corpus:
        """The run as it is now. Who holds it longer goes on with the same files, whatever is written meanwhile."""
        with self._reading:
            stamp = self._look()
            if stamp != self._stamp:
                self._corpus, self._stamp, self._kept = Corpus.open(self.folder), stamp, {}
                self.version += 1
            return self._corpus

    def changed(self) -> int:
        """The number of the state, from 1: another one than before where anything changed."""
        _ = self.corpus
        return self.version

    def kept(self, name: str, make: Callable[[Corpus], T]) -> T:
        """What ``make`` makes of the run, made once for each of its states."""
        corpus = self.corpus
        with self._reading:
            kept = self._kept
        if name not in kept:
            kept[name] = make(corpus)
        return kept[name]  # type: ignore[return-value]

    def kept_while(self, name: str, parts: Sequence[str], make: Callable[[Corpus], T]) -> T:
        """What ``make`` makes of the run, made once as long as these files and folders of it stay as they are."""
        corpus = self.corpus
        stamp = tuple(_state(self.folder / part) for part in parts)
        with self.one(f"while {name}"):
            if self._kept_while.get(name, (None,))[0] != stamp:
                self._kept_while[name] = stamp, make(corpus)
            return self._kept_while[name][1]  # type: ignore[return-value]

    def kept_last(self, name: tuple[str, ...], make: Callable[[Corpus], T]) -> T:
        """As ``kept``, for what is asked for under many names: of one kind, the first word, the last ``KEPT`` stay."""
        with self.one(name[0]):
            # Who asks for the same meanwhile waits for it.
            kept: OrderedDict[tuple[str, ...], T] = self.kept(name[0], lambda _: OrderedDict())
            if name not in kept:
                kept[name] = make(self.corpus)
            kept.move_to_end(name)
            while len(kept) > KEPT:
                kept.popitem(last=False)
            return kept[name]

    def one(self, name: str) -> threading.Lock:
        """A lock for what is done once at a time."""
        return self._one_of[name]

    @contextmanager
    def writing(self) -> Iterator[Corpus]:
        """The run to be changed, by one thread at a time; InUseError where another process writes it."""
        with self._writing:
            yield self.corpus

    def _look(self) -> Stamp:
        return tuple(_state(self.folder / name) for name in WATCHED)


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1)
    return found.st_mtime_ns, found.st_size
