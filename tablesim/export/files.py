"""Files that are new: written whole or not at all, and never over another one unless that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

from tablesim.corpus.storage.files import write_aside
from tablesim.errors import ExportError

_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")


def write_new(path: Path, data: bytes, *, force: bool = False) -> Path:
    """Write ``data`` to ``path``.

    Raises
    ------
    ExportError
        There is such a file and ``force`` is False, or it cannot be written.
    """
    refuse_existing([path], force=force)
    try:
        write_aside(path, lambda aside: aside.write_bytes(data))
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror or error}); choose another folder") from error
    return path


def refuse_existing(paths: list[Path], *, force: bool = False) -> None:
    """ExportError when one of the files is there; so many files are refused before the first is written."""
    there = [path for path in paths if path.exists()]
    if there and not force:
        more = f" and {len(there) - 1} more files" if len(there) > 1 else ""
        raise ExportError(f"{there[0]}{more}: already there, nothing was written; give --force to replace it")


def file_name(text: str, suffix: str) -> str:
    """A name for a file about ``text`` that every system takes."""
    stem = _UNFIT.sub("_", text).strip(". ")[:150] or "export"
    return f"{stem}{suffix}"
