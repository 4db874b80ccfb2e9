"""Keeps what was fetched: a file for each address, whole and of a known size, so that what is cut off later is seen."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tablesim.errors import ScanError
from tablesim.files import give_name

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


class Cache:
    """Fetched files below a folder, by host and address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, url: str, name: str) -> Path:
        """Where the file at ``url`` is kept, under the name ``name``."""
        host = re.sub(r"[^\w.-]", "_", authority_of(url).rpartition("@")[2]) or "host"
        return self.folder / host / hashlib.sha256(url.encode()).hexdigest()[:16] / name

    def is_sound(self, path: Path, check: Callable[[Path], object] | None = None) -> bool:
        """Whether a file is as long as when it came; one without a note of that is checked, and noted."""
        if not path.is_file():
            return False
        mark = _size_mark(path)
        if mark.is_file():
            return mark.read_text() == f"{path.stat().st_size}"
        try:
            if check is not None:
                check(path)
        except ScanError:
            return False
        with suppress(OSError):  # a cache that others share may be closed to us
            self.note_size(path)
        return True

    def note_size(self, path: Path) -> None:
        """Note how long a file is that is whole."""
        _size_mark(path).write_text(f"{path.stat().st_size}")

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
