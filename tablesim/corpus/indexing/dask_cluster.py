"""Reads scans on the workers of a Dask scheduler (extra ``dask``): where one machine ends.

Readings come back to the process that keeps the run folder, which alone writes it. Workers see the scans and the
weights under the same paths, as they do on the shared disk of a cluster.
"""

from __future__ import annotations

import importlib.util
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.costs import Done, measured
from tablesim.corpus.indexing.limits import limit_worker
from tablesim.corpus.indexing.pool import PAGES_IN_FLIGHT, MakeReader, Read, Task, attempt, one_line
from tablesim.errors import MissingExtraError, RunError

CONNECT_SECONDS = 30.0
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 600.0
"""How long a job waits for a worker where there is none: queues of clusters are slow."""

COUNT_SECONDS = 10.0
"""How often the workers are counted: they come and go."""

WAIT_SECONDS = 20.0
"""How long to wait for a page before looking whether there are workers at all."""


SAME_VERSIONS = ("tablesim", "torch", "numpy", "scipy", "opencv-python-headless", "pillow")
"""What a worker must have in the version of the job: with others the same scan is read otherwise."""


def read_with_dask(
    make_reader: MakeReader, tasks: Sequence[Task], scheduler: str, remark: Callable[[str], None] = print
) -> Iterator[tuple[Task, Done]]:
    """Read scans on the workers of a scheduler, in the order in which they are done.

    A worker that has other versions of what reads than this process gets no page; ``remark`` hears why.

    Parameters
    ----------
    make_reader : callable
        Picklable; called once in each worker.
    tasks : sequence of (hash, path)
    scheduler : str
        Its address (``tcp://node7:8786``) or its scheduler file.

    Raises
    ------
    MissingExtraError
        Dask is not installed.
    RunError
        The scheduler does not answer, has no worker, none with the versions of this process, goes away, or its workers
        cannot load the reader.
    """
    if importlib.util.find_spec("distributed") is None:
        raise MissingExtraError("reading on a Dask cluster", "dask")
    if not tasks:
        return
    client = _connect(scheduler)
    try:
        yield from _read(client, make_reader, tasks, scheduler, _Workers(client, remark))
    finally:
        client.close()


def _connect(scheduler: str) -> Any:
    from distributed import Client

    target = {"scheduler_file": scheduler} if Path(scheduler).is_file() else {"address": scheduler}
    try:
        client = Client(**target, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{scheduler}: no Dask scheduler answers there ({reason}); start one with `dask scheduler`, or give its "
            "address as it prints it, such as tcp://node7:8786"
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        client.close()
        raise RunError(
            f"{scheduler}: this scheduler has had no worker for {WORKERS_SECONDS:.0f} seconds; "
            "start some with `dask worker` and give the same command again"
        ) from error
    return client


def _read(
    client: Any, make_reader: MakeReader, tasks: Sequence[Task], scheduler: str, workers: _Workers
) -> Iterator[tuple[Task, Done]]:
    pickled_reader = pickle.dumps(make_reader)
    remaining = list(reversed(tasks))
    in_flight: dict[Any, Task] = {}
    workers.count()
    if not workers.accepted:
        raise RunError(f"{scheduler}: no worker can read for this job: {'; '.join(workers.refused.values())}")
    while remaining or in_flight:
        while remaining and len(in_flight) < workers.pages():
            task = remaining.pop()
            # Not tied to a worker where there is no other: pages of one that died go to any that comes.
            tied = list(workers.accepted) if workers.refused else None
            future = client.submit(
                _read_in_worker, pickled_reader, task[1], key=f"read-{task[0]}", pure=False, workers=tied
            )
            in_flight[future] = task
        for future in _finished(workers, list(in_flight), scheduler):
            yield in_flight.pop(future), _outcome(future, scheduler)
            future.release()


def _finished(workers: _Workers, futures: Sequence[Any], scheduler: str) -> Iterable[Any]:
    """Those of the futures that are done, one at least; RunError when no worker is left, or no scheduler."""
    from distributed import wait

    last_worker_seen = time.monotonic()
    while True:
        try:
            return list(wait(futures, timeout=WAIT_SECONDS, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            workers.count()
            if workers.accepted:
                last_worker_seen = time.monotonic()
            elif time.monotonic() - last_worker_seen > WORKERS_SECONDS:
                raise RunError(_stopped(scheduler, "all workers went away and none came back")) from None
        except CancelledError as error:
            raise RunError(_stopped(scheduler, "the Dask scheduler went away")) from error


def _outcome(future: Any, scheduler: str) -> Done:
    from distributed import KilledWorker

    try:
        # A result that died with its worker before it came here is computed again meanwhile.
        done: Done = future.result()
    except KilledWorker:
        return Done(None)
    except CancelledError as error:
        raise RunError(_stopped(scheduler, "the Dask scheduler went away")) from error
    except Exception as error:
        raise RunError(
            f"{scheduler}: a worker cannot read at all ({one_line(error)}); workers need this version of tablesim, and "
            "the scans and weights under the same paths"
        ) from error
    return done


def _stopped(scheduler: str, cause: str) -> str:
    return f"{scheduler}: {cause}; give the same command again, it goes on where it stopped"


class _Workers:
    """The workers that the cluster has now: those that read for this job, and those that are refused, with the reason.

    Parameters
    ----------
    client : distributed.Client
    remark : callable
        Hears of each worker that is refused.
    """

    def __init__(self, client: Any, remark: Callable[[str], None]) -> None:
        self.client = client
        self.remark = remark
        self.wanted = _versions_here()(SAME_VERSIONS)
        self.accepted: dict[str, int] = {}  # address: threads
        self.refused: dict[str, str] = {}
        self.next_count = 0.0

    def pages(self) -> int:
        """How many pages may be on their way, by the threads that there are."""
        if time.monotonic() > self.next_count:
            self.count()
        return PAGES_IN_FLIGHT * max(1, sum(self.accepted.values()))

    def count(self) -> None:
        """Look which workers there are, and ask new ones for their versions."""
        self.next_count = time.monotonic() + COUNT_SECONDS
        threads = self.client.nthreads()
        new = [address for address in threads if address not in self.accepted and address not in self.refused]
        if new:
            found = self.client.run(_versions_here(), SAME_VERSIONS, workers=new, on_error="return")
            for address, versions in found.items():
                if reason := self._why_not(address, versions):
                    self.refused[address] = reason
                    self.remark(f"{reason}; it gets no page")
        self.accepted = {address: n for address, n in threads.items() if address not in self.refused}

    def _why_not(self, address: str, versions: Any) -> str:
        """Why a worker cannot read for this job; empty where it can."""
        if isinstance(versions, Exception):
            return f"worker {address} does not say its versions ({one_line(versions)})"
        other = [
            f"{name} {versions.get(name)} instead of {number}"
            for name, number in self.wanted.items()
            if versions.get(name) != number
        ]
        return f"worker {address} has {', '.join(other)}" if other else ""


def _versions_here() -> Callable[[Sequence[str]], dict[str, str]]:
    """What tells the versions of a process; it travels as code, since tablesim may be another there, or missing."""

    def versions(names: Sequence[str]) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "missing"
        try:
            from tablesim.version import __version__

            found["tablesim"] = __version__
        except ImportError:
            found["tablesim"] = "missing"
        return found

    return versions


@lru_cache(maxsize=1)
def _reader_of(pickled: bytes) -> Read:
    make_reader: MakeReader = pickle.loads(pickled)  # noqa: S301 - from the scheduler that the user named; docs/cluster.md says so
    return make_reader()


def _read_in_worker(pickled: bytes, path: Path) -> Done:
    read = _reader_of(pickled)
    limit_worker()
    return measured(partial(attempt, read), path)
