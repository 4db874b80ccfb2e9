"""Keeps what was fetched: a file for each address, whole and of a known size, so that what is cut off later is seen.

Threads and processes share it: files get their names when they are whole, and a lock keeps those apart that put one
image together (flock by way of filelock).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from tablesim.errors import ScanError
from tablesim.files import give_name, write_aside

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


class Cache:
    """Fetched files below a folder, by host and address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def one_at_a_time(self, url: str) -> Iterator[None]:
        """Do what pages and jobs must not do together: those that show parts of one image share its tiles.

        On a disk without locks jobs are not kept apart: one may have to fetch again what another took away.
        """
        with self._guard:
            turn = self._turns[url]
        with turn, ExitStack() as release:
            path = self.path_of(url, ".lock")
            with suppress(OSError, NotImplementedError):
                path.parent.mkdir(parents=True, exist_ok=True)
                release.enter_context(FileLock(path, thread_local=False, fallback_to_soft=False))
            yield

    def path_of(self, url: str, name: str) -> Path:
        """Where the file at ``url`` is kept, under the name ``name``."""
        host = re.sub(r"[^\w.-]", "_", authority_of(url).rpartition("@")[2]) or "host"
        return self.folder / host / hashlib.sha256(url.encode()).hexdigest()[:16] / name

    def is_sound(self, path: Path, check: Callable[[Path], object] | None = None) -> bool:
        """Whether a file is as long as when it came; one without a note of that is checked, and noted."""
        try:
            size = path.stat().st_size
            with suppress(FileNotFoundError):
                return _size_mark(path).read_text() == f"{size}"
            if check is not None:
                check(path)
        except (OSError, ScanError):  # not there, or taken away meanwhile, or no such thing
            return False
        with suppress(OSError):  # a cache that others share may be closed to us
            self.note_size(path)
        return True

    def note_size(self, path: Path) -> None:
        """Note how long a file is that is whole."""
        size = f"{path.stat().st_size}"
        write_aside(_size_mark(path), lambda aside: aside.write_text(size), durable=False)

    def forget(self, path: Path) -> None:
        """Remove a file that was needed on the way to another."""
        with suppress(OSError):
            _size_mark(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            path.parent.rmdir()


def default_cache() -> Path:
    """Where fetched files are kept: ``$TABLESIM_CACHE``, or ``tablesim`` in the user's folder of caches."""
    if named := os.environ.get("TABLESIM_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tablesim"


def authority_of(url: str) -> str:
    """Host and port of an address, with the user's name if it is there; empty where there is none."""
    match = re.match(r"\w+://([^/?#]*)", url)
    return match[1] if match else ""


def unpack(path: Path, max_bytes: int) -> int | None:
    """Unpack a file that is compressed by gzip without having been said to be, as object stores give them.

    Returns
    -------
    int or None
        Its length in bytes then, more than ``max_bytes`` where it would be longer; None where it is no such file.

    Raises
    ------
    OSError, EOFError, zlib.error
        It is damaged or cut off.
    """
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            return None
    size, aside = 0, path.with_name(f"{path.name}.unpacked")
    try:
        with gzip.open(path) as packed, aside.open("xb") as plain:
            while size <= max_bytes and (chunk := packed.read(_CHUNK)):
                size += len(chunk)
                plain.write(chunk)
        give_name(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return size


DAMAGED = (OSError, EOFError, zlib.error)
"""What ``unpack`` raises."""


def _size_mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.size")
