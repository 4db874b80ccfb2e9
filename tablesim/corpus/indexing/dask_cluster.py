"""Reads scans on the workers of a Dask scheduler (extra ``dask``): where one machine ends.

Readings come back to the process that keeps the run folder, which alone writes it. Workers see the scans and the
weights under the same paths, as they do on the shared disk of a cluster.
"""

from __future__ import annotations

import importlib.util
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from functools import lru_cache
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.limits import limit_worker
from tablesim.corpus.indexing.pool import PAGES_IN_FLIGHT, MakeReader, Outcome, Read, Task, attempt, one_line
from tablesim.errors import MissingExtraError, RunError

CONNECT_SECONDS = 30.0
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 600.0
"""How long a job waits for a worker where there is none: queues of clusters are slow."""

COUNT_SECONDS = 10.0
"""How often the workers are counted: they come and go."""

WAIT_SECONDS = 20.0
"""How long to wait for a page before looking whether there are workers at all."""


def read_with_dask(make_reader: MakeReader, tasks: Sequence[Task], scheduler: str) -> Iterator[tuple[Task, Outcome]]:
    """Read scans on the workers of a scheduler, in the order in which they are done.

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
        The scheduler does not answer, has no worker, goes away, or its workers cannot load the reader.
    """
    if importlib.util.find_spec("distributed") is None:
        raise MissingExtraError("reading on a Dask cluster", "dask")
    if not tasks:
        return
    client = _connect(scheduler)
    try:
        yield from _read(client, make_reader, tasks, scheduler)
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
    client: Any, make_reader: MakeReader, tasks: Sequence[Task], scheduler: str
) -> Iterator[tuple[Task, Outcome]]:
    pickled_reader = pickle.dumps(make_reader)
    remaining = list(reversed(tasks))
    in_flight: dict[Any, Task] = {}
    limit = _InFlightLimit(client)
    while remaining or in_flight:
        while remaining and len(in_flight) < limit.pages():
            task = remaining.pop()
            future = client.submit(_read_in_worker, pickled_reader, task[1], key=f"read-{task[0]}", pure=False)
            in_flight[future] = task
        for future in _finished(client, list(in_flight), scheduler):
            yield in_flight.pop(future), _outcome(future, scheduler)
            future.release()


def _finished(client: Any, futures: Sequence[Any], scheduler: str) -> Iterable[Any]:
    """Those of the futures that are done, one at least; RunError when no worker is left, or no scheduler."""
    from distributed import wait

    last_worker_seen = time.monotonic()
    while True:
        try:
            return list(wait(futures, timeout=WAIT_SECONDS, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            if client.nthreads():
                last_worker_seen = time.monotonic()
            elif time.monotonic() - last_worker_seen > WORKERS_SECONDS:
                raise RunError(_stopped(scheduler, "all workers went away and none came back")) from None
        except CancelledError as error:
            raise RunError(_stopped(scheduler, "the Dask scheduler went away")) from error


def _outcome(future: Any, scheduler: str) -> Outcome:
    from distributed import KilledWorker

    try:
        # A result that died with its worker before it came here is computed again meanwhile.
        outcome: Outcome = future.result()
    except KilledWorker:
        return None
    except CancelledError as error:
        raise RunError(_stopped(scheduler, "the Dask scheduler went away")) from error
    except Exception as error:
        raise RunError(
            f"{scheduler}: a worker cannot read at all ({one_line(error)}); workers need this version of tablesim, and "
            "the scans and weights under the same paths"
        ) from error
    return outcome


def _stopped(scheduler: str, cause: str) -> str:
    return f"{scheduler}: {cause}; give the same command again, it goes on where it stopped"


class _InFlightLimit:
    """How many pages may be on their way, by the threads that the cluster has now."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.next_count = 0.0
        self.threads = 1

    def pages(self) -> int:
        if time.monotonic() > self.next_count:
            self.threads = max(1, sum(self.client.nthreads().values()))
            self.next_count = time.monotonic() + COUNT_SECONDS
        return PAGES_IN_FLIGHT * self.threads


@lru_cache(maxsize=1)
def _reader_of(pickled: bytes) -> Read:
    make_reader: MakeReader = pickle.loads(pickled)  # noqa: S301 - from the scheduler that the user named; docs/cluster.md says so
    return make_reader()


def _read_in_worker(pickled: bytes, path: Path) -> Outcome:
    read = _reader_of(pickled)
    limit_worker()
    return attempt(read, path)
