"""Which scans a run is made of: compares sources, adds some, recognises one that was moved, keeps what is away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tablesim.corpus.indexing.events import Event, Listener
from tablesim.corpus.indexing.ingest import HASHES, hash_scans
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, ScanError
from tablesim.scans.locator import Locator, normalized_name
from tablesim.scans.sources import LeftOut, ScanListing, Source, list_scans, split_sources
from tablesim.scans.web import as_address

MOVED_SHARE = 0.5
"""A source was moved if so much of its scans is found at the new place: some may have been sorted out on the way."""


def sources_in_writing(source: Source | Sequence[Source]) -> list[str]:
    """Sources as ``run.json`` keeps them: addresses as they are, paths from the root."""
    paths, libraries = split_sources(source)
    kept = [library if as_address(library) else str(Path(library).absolute()) for library in libraries]
    return sorted({*kept, *(str(Locator.of(path).on_disk().absolute()) for path in paths)})


def agreed_sources(corpus: Corpus, given: Sequence[str]) -> list[str]:
    """The sources to go on with: those of the run, as it spells them, and what was added.

    Raises
    ------
    RunError
        A source of the run is not among those given. One that was moved may be given by its new place; a run in which
        no page was read takes any source.
    """
    stored = corpus.run.get("source") or []
    before = [stored] if isinstance(stored, str) else list(stored)
    sources = [next((known for known in before if _real(known) == _real(source)), source) for source in given]
    left_out = [known for known in before if not any(_covers(source, known) for source in sources)]
    if not left_out:
        return sources
    if "read" not in corpus.page_table.column("status").to_pylist():
        corpus.write_pages([])
        return sources
    is_gone = not any(as_address(known) or Locator.of(known).file.exists() for known in left_out)
    if is_gone and _was_moved(corpus, left_out, [source for source in sources if source not in before]):
        return sources
    for source in sources:
        if source not in before and not as_address(source):
            list_scans(source)  # a name that was mistyped is told as that
    every = " ".join(dict.fromkeys([*before, *sources]))
    raise RunError(
        f"{corpus.folder}: made from {', '.join(before)}, now the source is {', '.join(sources)}; choose a new folder, "
        f"or name every source to add to this run (tablesim run {every} --out {corpus.folder}); nothing was changed"
    )


def list_sources(corpus: Corpus | None, sources: Iterable[str], tell: Listener) -> ScanListing:
    """The scans of folders and files. A source whose pages are in the run may be away: it holds nothing then."""
    scans: dict[Locator, None] = {}
    left_out: list[LeftOut] = []
    for source in sources:
        try:
            listing = list_scans(source)
        except ScanError as error:
            if corpus is None or not _lines_below(corpus, [source]).any():
                raise
            tell(Event("remark", "ingest", message=f"{error}; its pages are kept as they were"))
            continue
        scans.update(dict.fromkeys(listing.scans))
        left_out += listing.left_out
    return ScanListing(tuple(sorted(scans)), tuple(left_out))


def _real(source: str) -> str:
    """One spelling for all of a source: without links, with letters in one form."""
    return source if as_address(source) else normalized_name(os.path.realpath(source))


def _covers(source: str, known: str) -> bool:
    """Whether ``source`` is ``known`` or a folder above it."""
    return _real(source) == _real(known) or (not as_address(source) and _real(known).startswith(_real(source) + os.sep))


def _lines_below(corpus: Corpus, sources: Iterable[str]) -> np.ndarray:
    """Which pages of the run come from some sources."""
    sources = list(sources)
    below = tuple(source.rstrip(os.sep) + os.sep for source in sources) + tuple(f"{source}#" for source in sources)
    scans = corpus.page_table.column("scan").to_pylist()
    return np.array([scan in sources or scan.startswith(below) for scan in scans], dtype=bool)


def _was_moved(corpus: Corpus, known: Sequence[str], new: Sequence[str]) -> bool:
    """Whether the scans of sources that are gone are found in others."""
    paths, _ = split_sources(list(new))
    if not paths:
        return False
    keys = corpus.page_table.column("sha256").to_numpy(zero_copy_only=False)
    before = {key for key in keys[_lines_below(corpus, known)] if key}
    now = {state.sha256 for state in hash_scans(corpus, list_scans(paths).scans).states.values()}
    is_moved = len(before & now) >= MOVED_SHARE * len(before)
    if not is_moved:
        (corpus.folder / HASHES).unlink(missing_ok=True)
    return is_moved
