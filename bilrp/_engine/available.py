"""Whether a result fits into the memory that is available, asked before anything of it is made."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import torch

from bilrp.exceptions import LargeResultWarning, ResultTooLargeError

LARGE = 8 * 2**30  # bytes that a result may take without a word: half of what a common machine has
COPIES = 2  # parts, and the whole that they are put together to
CGROUP = Path("/sys/fs/cgroup")


def available_memory(device: torch.device) -> int | None:
    """Bytes that can be allocated on a device; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [_from_meminfo(), _from_cgroup(), _from_limit()]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def _from_meminfo() -> int | None:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024
    return None


def _from_cgroup() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        return max(0, int((CGROUP / "memory.max").read_text(encoding="ascii")) - used + _reclaimable())
    return None


def _reclaimable() -> int:
    """Bytes of files that were read and that the system lets go when memory is wanted, counted as used until then."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("inactive_file")).split()[1])
    return 0


def _from_limit() -> int | None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            return max(0, limit - pages * resource.getpagesize())
    return None


def require_room(n_rows: int, n_entries: int, element_size: int, device: torch.device) -> None:
    """Refuse a result (n_rows, n_entries) that does not fit into memory; warn of one that takes much of it.

    Raises
    ------
    ResultTooLargeError
    """
    needed = n_rows * n_entries * element_size
    remedy = (
        "Sum over tiles (pool=8), explain fewer outputs (projection=bilrp.features.random_projection(...), 100 rows), "
        "or reduce as it comes (reduce=)"
    )
    what = f"{n_rows:,} explanations of {n_entries:,} entries take {_gib(needed)}"
    room = available_memory(device)
    if room is not None and COPIES * needed > room:
        raise ResultTooLargeError(
            f"{what}, twice that while they are put together, and {_gib(room)} are free. {remedy}."
        )
    if needed > LARGE:
        warnings.warn(f"{what} a side. {remedy}.", LargeResultWarning, stacklevel=4)


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.3g} GiB"
