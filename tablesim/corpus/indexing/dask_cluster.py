"""Reading scans on a Dask cluster: processes of this machine, or the workers of a scheduler elsewhere (extra ``dask``).

Readings come back to the process that keeps the run folder, which alone writes it. Workers see the scans and the
weights under the same paths, as they do on the shared disk of a cluster.
"""

from __future__ import annotations

import importlib.util
import logging
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.limits import limit_threads
from tablesim.corpus.indexing.pool import MakeReader, Outcome, Read, Task, attempt, read_alone
from tablesim.errors import MissingExtraError, RunError
from tablesim.records.reading import Reading

CONNECT_SECONDS = 30.0
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 600.0
"""How long a job waits for a worker where there is none: queues of clusters are slow."""

_IN_FLIGHT = 4
_COUNT_SECONDS = 10.0
_LOOK_SECONDS = 20.0
_DEATHS = 1
"""So many workers may die over a page; then it is tried alone."""


def is_installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("distributed") is not None


def read_with_dask(make_reader: MakeReader, tasks: Sequence[Task], where: int | str) -> Iterator[Outcome]:
    """The reading of each task, or why there is none, in the order in which they are done.

    Parameters
    ----------
    make_reader : callable
        Picklable; called once in each worker.
    tasks : sequence of (hash, path)
    where : int or str
        How many processes of this machine; or the address of a scheduler (``tcp://node7:8786``) or its scheduler file.

    Raises
    ------
    MissingExtraError
        Dask is not installed.
    RunError
        The scheduler does not answer, has no worker, goes away, or its workers cannot load the reader.
    """
    if not is_installed():
        raise MissingExtraError("reading on a Dask cluster", "dask")
    if not tasks:
        return
    with _client(min(where, len(tasks)) if isinstance(where, int) else where) as client:
        yield from _read(client, make_reader, tasks, "the local cluster" if isinstance(where, int) else where)


@contextmanager
def _client(where: int | str) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    if isinstance(where, str):
        client = _connected(where)
        try:
            yield client
        finally:
            client.close()
        return
    options = {
        "distributed.scheduler.allowed-failures": _DEATHS,
        "distributed.comm.timeouts.connect": "60s",
        # Else a worker that takes longer than 15 seconds to come back is given up for good.
        "distributed.deploy.lost-worker-timeout": "1h",
        # Fifty looks a second at whether each process still answers took 2 % of every core.
        "distributed.admin.tick.interval": "500ms",
    }
    with (
        dask.config.set(options),
        LocalCluster(
            n_workers=where,
            threads_per_worker=1,
            processes=True,
            # Reading a large scan takes memory for a moment: no limit of Dask's decides over it.
            memory_limit=None,
            # Any free port of this machine alone: two runs may stand side by side.
            dashboard_address="127.0.0.1:0",
            # A worker that dies is dealt with here, page by page; its log would say it in twenty lines.
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _connected(where: str) -> Any:
    from distributed import Client

    given = {"scheduler_file": where} if Path(where).is_file() else {"address": where}
    try:
        client = Client(**given, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{where}: no Dask scheduler answers there ({reason}); start one with `dask scheduler`, or give its "
            "address as it prints it, such as tcp://node7:8786"
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        client.close()
        raise RunError(
            f"{where}: this scheduler has had no worker for {WORKERS_SECONDS:.0f} seconds; "
            "start some with `dask worker` and give the same command again"
        ) from error
    return client


def _read(client: Any, make_reader: MakeReader, tasks: Sequence[Task], where: str) -> Iterator[Outcome]:
    reader = pickle.dumps(make_reader)
    left = list(reversed(tasks))
    flying: dict[Any, Task] = {}
    room = _Room(client)
    while left or flying:
        while left and len(flying) < room.pages():
            task = left.pop()
            future = client.submit(_in_worker, reader, task[1], key=f"read-{task[0]}", pure=False)
            flying[future] = task
        for future in _finished(client, list(flying), where):
            sha256, path = flying.pop(future)
            yield sha256, _outcome(future, make_reader, path, where)
            future.release()


def _finished(client: Any, futures: Sequence[Any], where: str) -> Iterable[Any]:
    """Those of the futures that are done, one at least; RunError when no worker is left, or no scheduler."""
    from distributed import wait

    seen = time.monotonic()
    while True:
        try:
            return wait(futures, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            if client.nthreads():
                seen = time.monotonic()
            elif time.monotonic() - seen > WORKERS_SECONDS:
                raise RunError(_gone(where, "all workers went away and none came back")) from None
        except CancelledError as error:
            raise RunError(_gone(where, "the Dask scheduler went away")) from error


def _outcome(future: Any, make_reader: MakeReader, path: Path, where: str) -> Reading | str:
    from distributed import KilledWorker

    try:
        # A result that died with its worker before it came here is worked out again meanwhile.
        return future.result()
    except KilledWorker:
        # Workers died while they had this page, perhaps for another's sake: in a process of its own it shows.
        return read_alone(make_reader, path)
    except CancelledError as error:
        raise RunError(_gone(where, "the Dask scheduler went away")) from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise RunError(
            f"{where}: a worker cannot read at all ({reason}); workers need this version of tablesim, and the scans "
            "and weights under the same paths"
        ) from error


def _gone(where: str, what: str) -> str:
    return f"{where}: {what}; give the same command again, it goes on where it stopped"


class _Room:
    """How many pages may be on their way: enough that no worker waits, few enough that little is lost."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.until = 0.0
        self.threads = 1

    def pages(self) -> int:
        if time.monotonic() > self.until:
            # Workers come and go.
            self.threads = max(1, sum(self.client.nthreads().values()))
            self.until = time.monotonic() + _COUNT_SECONDS
        return _IN_FLIGHT * self.threads


@lru_cache(maxsize=1)
def _reader_of(pickled: bytes) -> Read:
    make_reader: MakeReader = pickle.loads(pickled)
    return make_reader()


def _in_worker(pickled: bytes, path: Path) -> Reading | str:
    read = _reader_of(pickled)
    limit_threads()
    return attempt(read, path)
