"""Limits of a process that reads pages: one thread, and memory that glibc does not give back after every page."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of ``mallopt`` in glibc's malloc.h."""

KEPT_BYTES = 1 << 28
"""Memory that a worker keeps for the next page: more than all large arrays of a page together take."""


def limit_worker() -> None:
    """Limit a worker process for good: call it on the thread that reads, since torch counts threads by thread.

    A page needs the same large arrays as the page before. Given back to the system after each, they cost 260,000 page
    faults a page: a third of the time under the settings that Dask gives its workers.
    """
    _set_threads(1, 1)
    os.environ["OMP_NUM_THREADS"] = "1"  # PyTorch looks at it when it is loaded, which may be later
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, and after that on as many as before: for reading in the process of the caller."""
    before = _set_threads(1, 1)
    try:
        yield
    finally:
        _set_threads(*before)


def _set_threads(torch_threads: int | None, cv2_threads: int | None) -> tuple[int | None, int | None]:
    """Set the threads of torch and OpenCV where they are loaded, and give back how many there were (else None)."""
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = (None if torch is None else torch.get_num_threads(), None if cv2 is None else cv2.getNumThreads())
    if torch is not None and torch_threads is not None:
        torch.set_num_threads(torch_threads)
    if cv2 is not None and cv2_threads is not None:
        cv2.setNumThreads(cv2_threads)
    return before
