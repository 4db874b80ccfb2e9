"""The metadata of a run: the file that is given, the one given before, or what its pages had of one that is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from tablesim.corpus.indexing.events import Event, Listener
from tablesim.corpus.store import Corpus
from tablesim.scans.metadata import Metadata, PageMetadata, read_metadata

KEY = "metadata"


def metadata_again(corpus: Corpus, tell: Listener) -> Metadata | None:
    """The file that the run was given before; None where there was none or it is gone, which is said."""
    path = (corpus.run.get(KEY) or {}).get("path")
    if path is None:
        return None
    is_there = Path(path).is_file()
    what = "read again, as given before" if is_there else "not there now: the pages keep what it said of them"
    tell(Event("remark", "ingest", message=f"{path}: {what}; --metadata FILE gives another"))
    return read_metadata(path) if is_there else None


def metadata_record(table: Metadata) -> dict[str, Any]:
    """What ``run.json`` keeps of a file."""
    return {"path": str(table.path.absolute()), "sha256": hashlib.sha256(table.path.read_bytes()).hexdigest()}


def metadata_of_lines(corpus: Corpus) -> Iterator[tuple[str, PageMetadata]]:
    """What the run has of each of its pages."""
    names = [field.name for field in fields(PageMetadata)]
    for line in corpus.pages:
        values = {name: line[name] for name in names}
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        yield line["page"], PageMetadata(**values | lists | {"extra": dict(line["extra"] or {})})
