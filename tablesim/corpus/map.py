"""The map: a place in the plane for each page, for the eye alone. Clusters never come from it.

t-SNE (L. van der Maaten and G. Hinton, JMLR 9, 2008) of landmarks, which are spread over the corpus; every other page
is put among the landmarks that it is most like. Pages that lie together are alike; how far islands lie from each other
says nothing. The places hang on the seed and on the versions of the libraries, so that they are stored, with both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.clustering.kmeans import LazyRows, blocks, unit_roots
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError

N_LANDMARKS = 5000
PERPLEXITY = 30.0
_NEAREST = 5
_MOST_TRUSTED = 2000


@dataclass(frozen=True)
class CorpusMap:
    """Places of the table pages of a run.

    Parameters
    ----------
    pages : tuple of str
    places : float32 array of shape (n, 2)
        Within -1 and 1.
    landmark : bool array of shape (n,)
        Whether t-SNE placed the page itself.
    settings : dict
        ``seed``, ``perplexity``, ``versions``, and ``trustworthiness``: how far pages that are near on the map are
        near in truth, 0 to 1 (of the landmarks, or of some of them; None for a handful).
    """

    pages: tuple[str, ...]
    places: NDArray[np.float32]
    landmark: NDArray[np.bool_]
    settings: dict[str, Any]

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [("page", pa.string()), ("x", pa.float32()), ("y", pa.float32()), ("landmark", pa.bool_())]
    )


def make_map(corpus: Corpus, *, seed: int = 0, landmarks: int = N_LANDMARKS) -> CorpusMap:
    """Place the table pages of a run, store the map as ``map.parquet``, and give it back.

    SettingsError for fewer than 10 landmarks.
    """
    if landmarks < 10:
        raise SettingsError(f"landmarks: got {landmarks}, expected 10 or more")
    ids, h = corpus.histograms
    tables = np.array([bool(corpus.page(page)["is_table"]) for page in ids], dtype=bool) & (h.sum(axis=1) > 0)
    rows = np.flatnonzero(tables)
    unit = LazyRows(h, rows, unit_roots)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:landmarks])
    marks = np.asarray(unit[chosen], dtype=np.float64)
    drawn, trust = _tsne(marks, seed)
    places = np.zeros((len(rows), 2))
    is_mark = np.zeros(len(rows), dtype=bool)
    is_mark[chosen] = True
    places[chosen] = drawn
    others = np.flatnonzero(~is_mark)
    for part in blocks(len(others), max(1, len(marks))):
        places[others[part]] = _among(np.asarray(unit[others[part]], dtype=np.float64), marks, drawn)
    settings = {
        "seed": seed,
        "perplexity": _perplexity(len(marks)),
        "trustworthiness": trust,
        "versions": {name: version(name) for name in ("tablesim", "scikit-learn", "numpy")},
    }
    found = CorpusMap(tuple(ids[row] for row in rows.tolist()), places.astype(np.float32), is_mark, settings)
    columns = [pa.array(found.pages, pa.string()), *(pa.array(found.places[:, axis]) for axis in (0, 1))]
    table = pa.Table.from_arrays([*columns, pa.array(is_mark)], schema=CorpusMap.SCHEMA)
    write_parquet(corpus.folder / "map.parquet", table.replace_schema_metadata({"map": json.dumps(settings)}))
    return found


def load_map(corpus: Corpus) -> CorpusMap:
    """The map of a run as it was stored; RunError when there is none or it is damaged."""
    path = corpus.folder / "map.parquet"
    if not path.is_file():
        raise RunError(f"{corpus.folder}: no map yet; make one with `tablesim cluster {corpus.folder} --map`")
    table = read_parquet(path, CorpusMap.SCHEMA)
    try:
        settings = json.loads((table.schema.metadata or {})[b"map"])
    except (KeyError, ValueError) as error:
        raise RunError(f"{path}: lacks its settings; make it again with `tablesim cluster RUN --map`") from error
    places = np.stack([table[axis].to_numpy() for axis in ("x", "y")], axis=1)
    return CorpusMap(tuple(table["page"].to_pylist()), places, table["landmark"].to_numpy(), settings)


def _perplexity(n: int) -> float:
    return float(min(PERPLEXITY, max(1.0, (n - 1) / 3)))


def _tsne(marks: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], float | None]:
    """Places within -1 and 1, and their trustworthiness; a handful of pages stands in a row."""
    n = len(marks)
    if n < 5:
        return np.stack([np.linspace(-1, 1, n) if n > 1 else np.zeros(n), np.zeros(n)], axis=1), None
    from sklearn.manifold import TSNE, trustworthiness

    how = {"perplexity": _perplexity(n), "init": "pca", "random_state": seed, "n_jobs": 1}
    placed = TSNE(**how).fit_transform(marks.astype(np.float32)).astype(np.float64)
    placed -= (placed.max(axis=0) + placed.min(axis=0)) / 2
    placed /= max(np.abs(placed).max(), 1e-12)
    some = slice(None, None, -(-n // _MOST_TRUSTED))
    n_some = len(placed[some])
    trust = float(trustworthiness(marks[some], placed[some], n_neighbors=min(5, (n_some - 1) // 2)))
    return placed, trust


def _among(unit: NDArray[np.float64], marks: NDArray[np.float64], placed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each page at the mean of the landmarks most like it, the nearer the heavier."""
    cosine = np.round(unit @ marks.T, 9)
    k = min(_NEAREST, len(marks))
    near = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    distance = np.maximum(1.0 - np.take_along_axis(cosine, near, 1), 1e-6)
    # Squared: a page that one landmark equals lies beside it, whatever else is near.
    weight = 1.0 / distance**2
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray((placed[near] * weight[:, :, None]).sum(axis=1))
