"""How a process that reads pages computes: on one thread, and without giving its memory back after every page."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 1 << 28
_USUAL_TRIM, _USUAL_MMAP = 1 << 26, 1 << 25
"""Where glibc arrives by itself in a process that has used large arrays."""


def limit_threads() -> None:
    """Let this thread compute alone and its process keep its memory, for good: for a process that only reads.

    A page needs the same large arrays as the page before. A system that takes them back after each has to clear
    hundreds of thousands of pieces of memory a page: a third of the time under the settings that Dask gives its
    workers. Torch keeps its number of threads by thread, so this is called on the thread that reads.
    """
    _set_threads(1, 1)
    _keep_memory(_KEPT, _KEPT)


@contextmanager
def threads_limited() -> Iterator[None]:
    """The same for as long as the process reads, if it has other things to do after."""
    before = _set_threads(1, 1)
    _keep_memory(_KEPT, _KEPT)
    try:
        yield
    finally:
        _set_threads(*before)
        _keep_memory(_USUAL_TRIM, _USUAL_MMAP)
        _give_back()


def _set_threads(of_torch: int | None, of_cv2: int | None) -> tuple[int | None, int | None]:
    """Set how many threads torch and OpenCV compute on, where they are loaded; how many it was before."""
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before: list[int | None] = [None, None]
    if torch is not None and of_torch is not None:
        before[0] = int(torch.get_num_threads())
        torch.set_num_threads(of_torch)
    if cv2 is not None and of_cv2 is not None:
        before[1] = int(cv2.getNumThreads())
        cv2.setNumThreads(of_cv2)
    return before[0], before[1]


def _keep_memory(trim: int, mmap: int) -> None:
    """Free memory up to ``trim`` bytes stays in the process; blocks from ``mmap`` bytes on never stay."""
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_TRIM_THRESHOLD, trim)
        mallopt(_MMAP_THRESHOLD, mmap)


def _give_back() -> None:
    if (malloc_trim := _of_glibc("malloc_trim")) is not None:
        malloc_trim(0)


@cache
def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc; None on other systems, whose memory is left as it is."""
    if sys.platform != "linux":
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
