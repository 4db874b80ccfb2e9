"""Candidates for the nearest pages in corpora where a look at every page takes too long (extra ``faiss``).

The pages are sorted into cells, and each is kept as 22 bytes (H. Jegou, M. Douze and C. Schmid, Product quantization
for nearest neighbor search, TPAMI 2011). A query looks into the cells nearest to it; what it finds there is worked out
again from the whole histograms. So similarities are exact, and what is approximate is that a page in another cell is
missed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.search.index import SearchIndex
from tablesim.errors import MissingExtraError

ABOVE = 2_000_000
"""Pages up to which search is exact even where candidates would do: up to there it takes 0.3 s on one core."""

PROBES = 64
"""Cells that a query looks into."""

_FILE = "cells.faiss"
_PIECES, _BITS = 22, 8
_TRAINED_FOR_A_CELL = 64
_BLOCK = 65536


def candidates(index: SearchIndex, query: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """About the ``n`` rows of ``index`` nearest to a histogram of shape (110,), rising.

    Raises
    ------
    MissingExtraError
        faiss is not installed.
    """
    cells = _cells(index)
    cells.nprobe = min(PROBES, cells.nlist)
    unit = unit_rows(np.sqrt(np.asarray(query, dtype=np.float32))[None]).astype(np.float32)
    _, rows = cells.search(unit, min(n, len(index)))
    return np.sort(rows[0][rows[0] >= 0]).astype(np.int64)


def _cells(index: SearchIndex) -> Any:
    """The cells of an index: those on the disk beside it, or new ones."""
    if importlib.util.find_spec("faiss") is None:
        raise MissingExtraError("approximate search", "faiss")
    import faiss

    path = None if index.folder is None else index.folder / _FILE
    if path is not None and path.is_file():
        return faiss.read_index(str(path))
    cells = _made(index)
    if path is not None:
        aside = Path(f"{path}.part")
        faiss.write_index(cells, str(aside))
        aside.replace(path)
    return cells


def _made(index: SearchIndex) -> Any:
    import faiss

    n = len(index)
    # Four roots of the number of pages is the usual count; no cell is made for fewer pages than can tell it.
    n_cells = max(1, min(int(4 * np.sqrt(n)), n // _TRAINED_FOR_A_CELL))
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(n, min(n, max(_TRAINED_FOR_A_CELL * n_cells, 1 << 14)), replace=False))
    bits = min(_BITS, max(1, int(np.log2(max(2, len(sample) // 39)))))
    cells = faiss.index_factory(index.unit.shape[1], f"IVF{n_cells},PQ{_PIECES}x{bits}", faiss.METRIC_INNER_PRODUCT)
    cells.train(np.array(index.unit[sample]))
    for begin in range(0, n, _BLOCK):
        cells.add(np.array(index.unit[begin : begin + _BLOCK]))
    return cells
