"""Maps the pages of a run into the plane by t-SNE, for the eye alone. Clusters never come from it.

t-SNE (L. van der Maaten and G. Hinton, JMLR 9, 2008) of landmarks, which are spread over the corpus; every other page
is put among the landmarks that it is most like. Pages that are near each other are alike; how far islands are from each
other says nothing. Positions depend on the seed and on the versions of the libraries, so they are stored, with both.
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
from tablesim.version import __version__

N_LANDMARKS = 5000
"""Pages that t-SNE itself positions: a minute on one core."""
PERPLEXITY = 30.0
"""The number of neighbours that t-SNE keeps together: its usual value."""
N_NEAREST = 5
"""Landmarks that position another page; chosen by eye."""
MAX_TRUST_PAGES = 2000
"""Landmarks of which trustworthiness is computed: it takes all distances between them."""


@dataclass(frozen=True)
class CorpusMap:
    """Positions of the table pages of a run in the plane.

    Parameters
    ----------
    pages : tuple of str
    positions : float32 array of shape (n, 2)
        Within -1 and 1.
    landmark : bool array of shape (n,)
        Whether t-SNE itself positioned the page.
    settings : dict
        ``seed``, ``perplexity``, ``versions``, and ``trustworthiness``: how far pages that are near on the map are
        near in truth, 0 to 1 (of the landmarks, or of some of them; None for a handful).
    """

    pages: tuple[str, ...]
    positions: NDArray[np.float32]
    landmark: NDArray[np.bool_]
    settings: dict[str, Any]

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [("page", pa.string()), ("x", pa.float32()), ("y", pa.float32()), ("landmark", pa.bool_())]
    )


def make_map(corpus: Corpus, *, seed: int = 0, landmarks: int = N_LANDMARKS) -> CorpusMap:
    """Map the table pages of a run, store the map as ``map.parquet``, and give it back.

    Parameters
    ----------
    corpus : Corpus
    seed : int
        Decides which pages are landmarks and where the map begins; the same seed gives the same map.
    landmarks : int
        How many pages t-SNE places itself, at least 10.

    Raises
    ------
    SettingsError
        Fewer than 10 landmarks.
    RunError
        Another process is writing the run.
    """
    if landmarks < 10:
        raise SettingsError(f"landmarks: got {landmarks}, expected 10 or more")
    with corpus.lock():
        pass  # Who writes the run is told of before a minute is spent.
    found = _map(corpus, seed, landmarks)
    columns = [pa.array(found.pages, pa.string()), *(pa.array(found.positions[:, axis]) for axis in (0, 1))]
    table = pa.Table.from_arrays([*columns, pa.array(found.landmark)], schema=CorpusMap.SCHEMA)
    table = table.replace_schema_metadata({"map": json.dumps(found.settings)})
    # Others can write the run while the map is made.
    with corpus.lock():
        write_parquet(corpus.folder / "map.parquet", table)
    return found


def _map(corpus: Corpus, seed: int, n_landmarks: int) -> CorpusMap:
    pages, h = corpus.histograms
    rows = np.flatnonzero(corpus.is_table & (h.sum(axis=1) > 0))
    unit = LazyRows(h, rows, unit_roots)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:n_landmarks])
    landmarks = np.asarray(unit[chosen], dtype=np.float64)
    landmark_positions, trust = _tsne(landmarks, seed)
    positions = np.zeros((len(rows), 2))
    is_landmark = np.zeros(len(rows), dtype=bool)
    is_landmark[chosen] = True
    positions[chosen] = landmark_positions
    others = np.flatnonzero(~is_landmark)
    for part in blocks(len(others), max(1, len(landmarks))):
        vectors = np.asarray(unit[others[part]], dtype=np.float64)
        positions[others[part]] = _among(vectors, landmarks, landmark_positions)
    settings = {
        "seed": seed,
        "perplexity": _perplexity(len(landmarks)),
        "trustworthiness": trust,
        "versions": {"tablesim": __version__, **{name: version(name) for name in ("scikit-learn", "numpy")}},
    }
    return CorpusMap(tuple(pages[row] for row in rows.tolist()), positions.astype(np.float32), is_landmark, settings)


def load_map(corpus: Corpus) -> CorpusMap:
    """The map of a run as it was stored; RunError when there is none or it is damaged."""
    path = corpus.folder / "map.parquet"
    if not path.is_file():
        raise RunError(f"{corpus.folder}: no map yet; make one with `tablesim cluster {corpus.folder} --map`")
    table = read_parquet(path, CorpusMap.SCHEMA)
    try:
        settings = json.loads((table.schema.metadata or {})[b"map"])
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunError(f"{path}: lacks its settings; make it again with `tablesim cluster RUN --map`") from error
    positions = np.stack([table[axis].to_numpy() for axis in ("x", "y")], axis=1)
    return CorpusMap(tuple(table["page"].to_pylist()), positions, table["landmark"].to_numpy(), settings)


def _perplexity(n: int) -> float:
    return float(min(PERPLEXITY, max(1.0, (n - 1) / 3)))


def _tsne(landmarks: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], float | None]:
    """Positions within -1 and 1, and their trustworthiness; a handful of pages is put in a row."""
    n = len(landmarks)
    if n < 5:
        return np.stack([np.linspace(-1, 1, n) if n > 1 else np.zeros(n), np.zeros(n)], axis=1), None
    from sklearn.manifold import TSNE, trustworthiness

    model = TSNE(perplexity=_perplexity(n), init="pca", random_state=seed, n_jobs=1)
    positions = model.fit_transform(landmarks.astype(np.float32)).astype(np.float64)
    positions -= (positions.max(axis=0) + positions.min(axis=0)) / 2
    positions /= max(np.abs(positions).max(), 1e-12)
    sample = slice(None, None, -(-n // MAX_TRUST_PAGES))
    n_neighbors = min(5, (len(positions[sample]) - 1) // 2)
    return positions, float(trustworthiness(landmarks[sample], positions[sample], n_neighbors=n_neighbors))


def _among(
    unit: NDArray[np.float64], landmarks: NDArray[np.float64], landmark_positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The mean position of the landmarks that are most like each page, the nearer the heavier."""
    cosine = np.round(unit @ landmarks.T, 9)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, : min(N_NEAREST, len(landmarks))]
    distance = np.maximum(1.0 - np.take_along_axis(cosine, nearest, 1), 1e-6)
    # Squared: a page that equals a landmark is put beside it, whatever else is near.
    weight = 1.0 / distance**2
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray((landmark_positions[nearest] * weight[:, :, None]).sum(axis=1))
