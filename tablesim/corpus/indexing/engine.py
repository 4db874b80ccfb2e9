"""The engine that reads scans: this process, a pool of processes (``workers``), or a Dask cluster (``scheduler``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tablesim.corpus.indexing.costs import Done
from tablesim.corpus.indexing.dask_cluster import read_with_dask
from tablesim.corpus.indexing.pool import MakeReader, Task, read_alone, read_in_pool, read_in_process


def read_scans(
    make_reader: MakeReader,
    tasks: Sequence[Task],
    workers: int = 1,
    scheduler: str | None = None,
    remark: Callable[[str], None] = print,
) -> Iterator[tuple[str, Done]]:
    """Read scans; the readings are the same with every engine.

    Parameters
    ----------
    make_reader : callable
        Gives the function that reads a scan. Called once in each process that reads; must be picklable unless there is
        one worker and no scheduler.
    tasks : sequence of (hash, path)
    workers : int
        Processes of this machine; 1 for this process itself.
    scheduler : str, optional
        Address or scheduler file of a Dask scheduler whose workers read instead (extra ``dask``).
    remark : callable
        Gets a sentence on workers that are refused.

    Yields
    ------
    (str, Done)
        The hash of a scan; its reading, or in one line why there is none, and what it took; as they are done. A
        page whose worker died, perhaps for another page's sake, is read once more in a process of its own: one that
        dies again is the page's fault, and no other page suffers for it.

    Raises
    ------
    TablesimError
        No process can read at all: the weights cannot be loaded, or the scheduler is not there.
    """
    if scheduler is not None:
        outcomes = read_with_dask(make_reader, tasks, scheduler, remark)
    elif workers > 1:
        outcomes = read_in_pool(make_reader, tasks, workers)
    else:
        outcomes = read_in_process(make_reader, tasks)
    for (sha256, path), done in outcomes:
        yield sha256, read_alone(make_reader, path) if done.outcome is None else done
