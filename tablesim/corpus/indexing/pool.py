"""Reading scans one after the other or in several processes, with the same result.

Kept apart from the store, so that a new process has little to load. Each process makes its own reader: networks travel
as the path of their weights, never pickled.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.limits import limit_threads, threads_limited
from tablesim.errors import TablesimError
from tablesim.records.reading import Reading

Read = Callable[[Path], Reading]
MakeReader = Callable[[], Read]
Task = tuple[str, Path]
"""Hash and place of a scan to read."""

Outcome = tuple[str, Reading | str]
"""Hash of a scan, and its reading or, in one line, why there is none."""

_IN_FLIGHT = 4


def read_in_process(make_reader: MakeReader, tasks: Sequence[Task]) -> Iterator[Outcome]:
    """The reading of each task, or why there is none, one after the other in this process."""
    read = make_reader()
    with threads_limited():
        for sha256, path in tasks:
            yield sha256, attempt(read, path)


def read_in_processes(make_reader: MakeReader, tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """The same in ``workers`` processes, in the order in which they are done."""
    left = list(reversed(tasks))
    while left:
        flying: dict[Future[Reading | str], Task] = {}
        pool = _pool(make_reader, min(workers, len(left)))
        try:
            while left or flying:
                while left and len(flying) < workers * _IN_FLIGHT:
                    # Taken from the list when it is on its way: a pool that broke meanwhile takes nothing.
                    flying[pool.submit(_in_worker, left[-1][1])] = left[-1]
                    left.pop()
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    yield flying.pop(future)[0], outcome
        except BrokenProcessPool:
            # One of the pages in flight took its process down. Each is tried in a process of its own, which finds it
            # out without a second victim; then the rest goes on.
            for task in flying.values():
                yield task[0], read_alone(make_reader, task[1])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_alone(make_reader: MakeReader, path: Path) -> Reading | str:
    """The reading of a page over which processes died, in a process of its own; or that it died too."""
    with _pool(make_reader, 1) as pool:
        try:
            return pool.submit(_in_worker, path).result()
        except BrokenProcessPool:
            return f"{path}: the process that read it died, perhaps for want of memory; make a smaller copy of the scan"


_read_in_worker: Read | None = None


def _pool(make_reader: MakeReader, workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(make_reader,))


def _start_worker(make_reader: MakeReader) -> None:
    global _read_in_worker
    # Ctrl-C goes to every process of the terminal; the parent stops its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A parent that was killed cannot stop its workers: they go when it is gone.
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    _read_in_worker = make_reader()
    limit_threads()


def _leave_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _in_worker(path: Path) -> Reading | str:
    assert _read_in_worker is not None
    return attempt(_read_in_worker, path)


def attempt(read: Read, path: Path) -> Reading | str:
    """The reading, or in one line why there is none."""
    try:
        return read(path)
    except TablesimError as error:
        return " ".join(str(error).split())
    except MemoryError:
        return f"{path}: not enough memory to read it; make a smaller copy of the scan or use fewer workers"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror or error}); check the file and the rights to it"
    except Exception as error:
        # A mistake of ours that one odd page brings to light must not end a job of days: the page is named with the
        # place of the mistake, and the job goes on.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return (
            f"{path}: a mistake in tablesim ({what}, {Path(frame.filename).name} line {frame.lineno}); please report it"
        )
