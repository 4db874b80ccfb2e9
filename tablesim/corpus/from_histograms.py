"""Makes a run from given histograms: of other programs, of transcriptions, of a model of tables. No scans are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tablesim.corpus.storage.shards import SHARD_ROWS, embedding_row
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.records.bins import N_BINS
from tablesim.scans.locator import normalized_name
from tablesim.scans.metadata import PageMetadata, read_metadata, without_ending


def corpus_of_histograms(
    folder: str | Path,
    histograms: Mapping[str, ArrayLike],
    metadata: str | Path | Mapping[str, Mapping[str, object]] | None = None,
) -> Corpus:
    """A new run without scans, for search, clusters, history and verdicts; a page without a count is no table.

    Parameters
    ----------
    folder : path
        New or empty.
    histograms : mapping of str to array of shape (110,)
        Bigram counts by page id, in the order of ``tablesim.bigrams.BIN_NAMES``.
    metadata : path or mapping, optional
        A CSV as ``tablesim run`` takes it, or by page id a mapping with some of ``book``, ``authors``, ``title``,
        ``printers``, ``publishers``, ``place``, ``year``, ``year_latest``, ``date`` (its words). A ``year`` without the
        two others is that year.

    Raises
    ------
    SettingsError
        No pages, a histogram of another length or with a negative or undefined count, or an unknown field.
    RunError
        The folder is in use. MetadataError for an unusable CSV.
    """
    counts = {normalized_name(page): np.asarray(h, dtype=np.float32) for page, h in sorted(histograms.items())}
    if not counts:
        raise SettingsError("histograms: got none, expected one for each page")
    for page, h in counts.items():
        if h.shape != (N_BINS,) or not (np.isfinite(h).all() and (h >= 0).all()):
            raise SettingsError(
                f"histograms: page {page} has shape {h.shape}, expected ({N_BINS},) counts of 0 or more"
            )
    metadata_by_page = _metadata_by_page(metadata)
    digest = hashlib.sha256(b"".join(page.encode() + h.tobytes() for page, h in counts.items())).hexdigest()
    corpus = Corpus.create(folder, {"network": f"given histograms {digest[:16]}"}, source=[], seed=0)
    rows, vectors = [], []
    for page, h in counts.items():
        # Two pages with equal counts are still two pages, so their ids are part of what replaces the hash of a scan.
        key = hashlib.sha256(page.encode() + b"\0" + h.tobytes()).hexdigest()
        vectors.append(embedding_row(key, h))
        row = {"page": page, "scan": "", "sha256": key, "status": "read", "is_table": bool(h.any()), "rotation": 0}
        row |= {"width": 0, "height": 0, "note": "", "n_digits": round(float(h.sum()))}
        rows.append(asdict(metadata_by_page.get(page, PageMetadata())) | row)
    for begin in range(0, len(vectors), SHARD_ROWS):
        corpus.embedding_shards.append(vectors[begin : begin + SHARD_ROWS])
    corpus.embedding_shards.compact(row["sha256"] for row in rows)
    corpus.write_pages(rows)
    corpus.build_neighbours()
    corpus.run["finished"] = True
    corpus.save_run()
    return corpus


def _metadata_by_page(metadata: str | Path | Mapping[str, Mapping[str, object]] | None) -> dict[str, PageMetadata]:
    if metadata is None:
        return {}
    if isinstance(metadata, str | Path):
        return {without_ending(key): line for key, line in read_metadata(metadata).rows.items()}
    known = set(PageMetadata.__dataclass_fields__)
    for page, line in metadata.items():
        if unknown := sorted(set(line) - known):
            raise SettingsError(f"metadata: page {page} has {', '.join(unknown)}, expected {', '.join(sorted(known))}")
    return {normalized_name(page): PageMetadata(**dict(line)) for page, line in metadata.items()}  # type: ignore[arg-type]
