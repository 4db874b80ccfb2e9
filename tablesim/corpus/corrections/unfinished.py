"""Pages whose embeddings are being renewed, noted in the run until that is done: who is killed leaves the note.

The note is written before a decision, so that whatever was decided and not worked in is named by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tablesim.corpus.storage.files import is_written, read_json, write_json
from tablesim.errors import RunError

NOTE = "unfinished.json"
"""The note in the folder of a run: an object with the list ``pages``."""


@contextmanager
def noted(folder: Path, pages: Iterable[str]) -> Iterator[None]:
    """Have these pages noted, beside those that somebody left, until the block has ended well."""
    write_json(folder / NOTE, {"pages": sorted({*pages, *left_unfinished(folder)})})
    yield
    (folder / NOTE).unlink(missing_ok=True)


def left_unfinished(folder: Path) -> tuple[str, ...]:
    """The pages of a note that was left; none without one, or where it cannot be read."""
    path = folder / NOTE
    if not is_written(path):
        return ()
    try:
        pages = read_json(path).get("pages")
    except RunError:
        return ()
    return tuple(page for page in pages if isinstance(page, str)) if isinstance(pages, list) else ()
