"""Approximate search by an inverted file with product quantization, for more than two million pages (extra ``faiss``).

The pages are sorted into cells, and each is kept as 22 bytes (H. Jegou, M. Douze and C. Schmid, Product quantization
for nearest neighbor search, TPAMI 2011). A query looks into the cells nearest to it; the similarities of the candidates
found there are computed from the whole histograms. So similarities are exact, but a page in another cell is missed.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.search.index import SearchIndex
from tablesim.errors import MissingExtraError
from tablesim.files import write_aside

ABOVE = 2_000_000
"""Pages up to which search is exact even where candidates are asked for: there it takes 0.1 s (docs/scaling.md)."""

PROBES = 64
"""Cells that a query looks into: with them 95.5 % of the ten nearest among a million pages are found."""

PIECES, BITS = 22, 8
"""Subvectors of the 110 dimensions, and bits of each."""
TRAINED_PER_CELL = 64
"""Pages for each cell that its center is trained on: faiss asks for 39 or more."""
BLOCK_ROWS = 65536
"""Pages added at a time."""

_FILE = f"cells-{PIECES}x{BITS}.faiss"


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
    cells = _train(index)
    if path is not None:
        write_aside(path, lambda aside: faiss.write_index(cells, str(aside)), durable=False)
    return cells


def _train(index: SearchIndex) -> Any:
    import faiss

    n = len(index)
    # Four roots of the number of pages is the usual count; no cell is made of fewer pages than train it.
    n_cells = max(1, min(int(4 * np.sqrt(n)), n // TRAINED_PER_CELL))
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(n, min(n, max(TRAINED_PER_CELL * n_cells, 1 << 14)), replace=False))
    bits = min(BITS, max(1, int(np.log2(max(2, len(sample) // 39)))))
    cells = faiss.index_factory(index.unit.shape[1], f"IVF{n_cells},PQ{PIECES}x{bits}", faiss.METRIC_INNER_PRODUCT)
    cells.train(np.array(index.unit[sample]))
    for begin in range(0, n, BLOCK_ROWS):
        cells.add(np.array(index.unit[begin : begin + BLOCK_ROWS]))
    return cells
