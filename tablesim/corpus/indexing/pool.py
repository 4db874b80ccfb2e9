"""Reads scans in this process or in a pool of processes, with the same result.

Kept apart from the store, so that a new process has little to load. Each process makes its own reader: networks travel
as the path of their weights, never pickled.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.costs import Done, measured
from tablesim.corpus.indexing.limits import limit_worker, one_thread
from tablesim.errors import RunError, TablesimError
from tablesim.records.reading import Reading

Read = Callable[[Path], Reading]
MakeReader = Callable[[], Read]
Task = tuple[str, Path]
"""Hash and path of a scan to read."""

Outcome = Reading | str | None
"""The reading of a scan; or in one line why there is none; or None where its worker died over it. ``Done`` has it."""

PAGES_IN_FLIGHT = 4
"""Pages handed to each worker ahead of time: enough that none waits, few enough that little is lost with it."""


def read_in_process(make_reader: MakeReader, tasks: Sequence[Task]) -> Iterator[tuple[Task, Done]]:
    """Read one scan after the other in this process, on one thread.

    The threads are as they were whenever a result is given: what the caller computes meanwhile is not slowed down, and
    nothing is left to restore when it stops asking.
    """
    read = make_reader()
    for task in tasks:
        with one_thread():
            done = measured(partial(attempt, read), task[1])
        yield task, done


def read_in_pool(make_reader: MakeReader, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, Done]]:
    """Read scans in ``workers`` processes, in the order in which they are done.

    When a worker dies, all pages in flight are given as those over which it died, and a new pool takes up the rest.
    """
    remaining = list(reversed(tasks))
    while remaining:
        in_flight: dict[Future[Done], Task] = {}
        pool = _pool(make_reader, min(workers, len(remaining)))
        try:
            while remaining or in_flight:
                while remaining and len(in_flight) < workers * PAGES_IN_FLIGHT:
                    # Removed after it was handed over: a pool that broke meanwhile takes nothing.
                    in_flight[pool.submit(_read_in_worker, remaining[-1][1])] = remaining[-1]
                    remaining.pop()
                for future in wait(in_flight, return_when=FIRST_COMPLETED).done:
                    done = _result(future)
                    yield in_flight.pop(future), done
        except BrokenProcessPool:
            for task in in_flight.values():
                yield task, Done(None)
        except BaseException:
            end_workers(pool)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_alone(make_reader: MakeReader, path: Path) -> Done:
    """Read a scan over which a worker died in a process of its own; where that dies too, say so."""
    with _pool(make_reader, 1) as pool:
        try:
            return _result(pool.submit(_read_in_worker, path))
        except BrokenProcessPool:
            pass
    return Done(f"{path}: the process that read it died, perhaps for want of memory; make a smaller copy of the scan")


def _result(future: Future[Done]) -> Done:
    """The outcome of a page; RunError where the worker could not make its reader."""
    try:
        return future.result()
    except (BrokenProcessPool, TablesimError):
        raise
    except Exception as error:
        raise RunError(f"a worker cannot read at all ({one_line(error)}); check the weights and the memory") from error


def _pool(make_reader: MakeReader, workers: int) -> ProcessPoolExecutor:
    # A forked process would inherit the threads of torch in an unknown state.
    context = multiprocessing.get_context("spawn")
    # Packed, so that a worker ignores Ctrl-C before it begins to import what it reads with.
    return ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(pickle.dumps(make_reader),))


def end_workers(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool at once: a page that is half read is read again by the next job."""
    for process in list((pool._processes or {}).values()):
        process.kill()


_packed_reader = b""


def _start_worker(packed_reader: bytes) -> None:
    global _packed_reader
    _packed_reader = packed_reader
    follow_parent()


def follow_parent() -> None:
    """Let a worker end when its parent ends it, or is gone, and at no other time."""
    # Ctrl-C goes to every process of the terminal; the parent stops its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A parent that was killed cannot stop its workers: they go when it is gone.
        threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@cache
def _reader_of_worker() -> Read:
    """The reader of this worker, made for its first page: there an error is that of a page and not a broken pool."""
    make_reader: MakeReader = pickle.loads(_packed_reader)  # noqa: S301 - of our own parent
    read = make_reader()
    limit_worker()
    return read


def _read_in_worker(path: Path) -> Done:
    return measured(partial(attempt, _reader_of_worker()), path)


class Unreachable(str):
    """Why a scan could not be read where that is about its disk: it may be there again in a moment."""


def is_of_the_disk(error: BaseException | None) -> bool:
    """Whether the system refused a file (OSError with a number), rather than a decoder what is in it."""
    return error is not None and ((isinstance(error, OSError) and bool(error.errno)) or is_of_the_disk(error.__cause__))


def attempt(read: Read, path: Path) -> Reading | str:
    """The reading of a scan, or in one line why there is none."""
    try:
        return read(path)
    except TablesimError as error:
        message = " ".join(str(error).split())
        return Unreachable(message) if is_of_the_disk(error) else message
    except MemoryError:
        return f"{path}: not enough memory to read it; make a smaller copy of the scan or use fewer workers"
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror or error}); check the file and the rights to it"
        return Unreachable(message) if is_of_the_disk(error) else message
    except Exception as error:
        # An error in the program that one odd page brings to light must not end a job of days: the page is named with
        # the line of the error, and the job goes on.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"{path}: an error in tablesim ({one_line(error)}, {Path(frame.filename).name} line {frame.lineno}); "
            "please report it"
        )


def one_line(error: Exception) -> str:
    """Type and message of an error, at most 300 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
