"""Files that users ask for: names that every system takes, written whole or not at all, never over another file."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from tablesim.errors import ExportError
from tablesim.files import write_aside
from tablesim.records.counting import counted

MAX_STEM_BYTES = 150
"""Bytes of a name before its suffix. File systems take 255, and suffix and temporary names need the rest."""

_UNFIT = re.compile('[\x00-\x1f\x7f/\\\\:*?"<>|\ud800-\udc7f\udd00-\udfff]')
"""Signs that Windows or POSIX refuse in names, and halves of surrogates that are no undecodable byte of a name."""


def file_name(text: str, suffix: str) -> str:
    """A file name about ``text`` that every system takes; one that is cut ends in a hash, so that it stays its own."""
    stem = _UNFIT.sub("_", text).strip(". ") or "export"
    written = stem.encode("utf-8", "surrogateescape")
    if len(written) > MAX_STEM_BYTES:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        stem = f"{written[: MAX_STEM_BYTES - 9].decode('utf-8', 'ignore').rstrip('. ')}-{key}"
    name = f"{stem}{suffix}"
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        # A locale without these letters: in UTF-8, as the names of scans are.
        name = os.fsdecode(name.encode("utf-8", "surrogateescape"))
    return name


def file_names(texts: Iterable[str], suffix: str) -> dict[str, str]:
    """A file name for each of ``texts``; those that some system would take for one get a number each."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        name, copies = file_name(text, suffix), 1
        # Some file systems take names for one that differ in case or in the composition of accents alone.
        while (folded := unicodedata.normalize("NFC", name.casefold())) in taken:
            copies += 1
            name = file_name(f"{text}_{copies}", suffix)
        taken.add(folded)
        names[text] = name
    return names


def refuse_existing(paths: Iterable[Path], *, force: bool = False) -> None:
    """ExportError when one of the files is there, unless ``force``; for use before any work begins."""
    existing = [path for path in paths if path.exists() or path.is_symlink()]
    if folder := next((path for path in existing if path.is_dir()), None):
        raise ExportError(f"{folder}: this is a folder, expected the name of a file; nothing was written")
    if existing and not force:
        more = f" and {counted(len(existing) - 1, 'more file')}" if len(existing) > 1 else ""
        raise ExportError(f"{existing[0]}{more}: already there, nothing was written; give --force to replace it")


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
