"""Compares embeddings of the same pages against labels, with 95 % intervals by drawing the tables anew.

The unit of resampling is the table: pages of one table are not
independent of each other, so that tables are drawn, each with all its pages. An interval says what other tables of the
kind would have given: by the bootstrap for measures that are means over pages, by random halves of the tables for
clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.kmeans import fit
from tablesim.corpus.evaluation.measures import cluster_scores, detection_rates, rank_pages
from tablesim.errors import SettingsError
from tablesim.records.plain import plain

N_BOOTSTRAP, N_HALVES = 2000, 100
"""Resamplings of the tables for each interval, and random halves of them: ends steady to a hundredth, chosen by eye."""


@dataclass(frozen=True)
class MeasuredValue:
    """A measure with its 95 % interval, and its difference from the first embedding with one; None for the first."""

    value: float
    low: float
    high: float
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


@dataclass(frozen=True)
class EmbeddingRow:
    """What one embedding does: its measures by name, and its number of dimensions."""

    name: str
    dimensions: int
    measures: dict[str, MeasuredValue]

    def to_dict(self) -> dict[str, Any]:
        measures = {name: plain(value, 4) for name, value in self.measures.items()}
        return {"embedding": self.name, "dimensions": self.dimensions, **measures}


def compare_embeddings(
    embeddings: Mapping[str, NDArray[np.floating]], truth: Sequence[str | None], seed: int = 0
) -> list[EmbeddingRow]:
    """Measure embeddings of the same pages against labels.

    ``mean_average_precision``, ``precision_at_1``, ``_5`` and ``_10`` by cosine among the labelled pages; ``detection``
    is the published test (``detection_rates``); ``adjusted_rand``, ``mutual_information`` and ``purity`` those of
    K-means on unit vectors with as many clusters as there are labels.

    Parameters
    ----------
    embeddings : mapping of str to float array of shape (n, d)
        The first is the one that the others are compared with.
    truth : sequence of n str or None
        None for a page without a label.
    seed : int
        Of splits, K-means and bootstrap.

    Raises
    ------
    SettingsError
        An embedding has another number of rows, or values that are no numbers; or no two pages share a label.
    """
    labelled = np.array([at for at, name in enumerate(truth) if name is not None], dtype=np.intp)
    names = [name for name in truth if name is not None]
    if len(set(names)) == len(names):
        raise SettingsError("embeddings: no two pages share a label; expected labels that some pages share")
    tables, table = np.unique(names, return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(tables), (N_BOOTSTRAP, len(tables)))
    measured: dict[str, dict[str, tuple[float, NDArray[np.float64]]]] = {}
    for name, rows in embeddings.items():
        vectors: NDArray[np.float64] = np.asarray(rows, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(truth) or not np.isfinite(vectors).all():
            raise SettingsError(
                f"embeddings: {name} has shape {vectors.shape}, expected finite numbers of shape ({len(truth)}, any)"
            )
        by_query = _by_query(vectors, truth, labelled, names, seed)
        resampled = {measure: _resampled(values, table, draws) for measure, values in by_query.items()}
        clusters = fit(unit_rows(vectors[labelled]), min(len(tables), _different(vectors[labelled])), seed)[1]
        for measure, score in cluster_scores().items():
            # The same halves for every embedding.
            halves = np.random.default_rng(seed + 1)
            resampled[measure] = _resampled_clusters(score, table, clusters, halves)
        measured[name] = resampled
    first = next(iter(measured.values()))
    return [
        EmbeddingRow(
            name,
            int(np.asarray(embeddings[name]).shape[1]),
            {
                measure: _with_interval(*values, first[measure], resampled is first)
                for measure, values in resampled.items()
            },
        )
        for name, resampled in measured.items()
    ]


def _different(vectors: NDArray[np.float64]) -> int:
    """How many of the vectors differ in direction."""
    return len(np.unique(np.round(unit_rows(vectors), 6), axis=0))


def _by_query(
    vectors: NDArray[np.float64], truth: Sequence[str | None], labelled: NDArray[np.intp], names: list[str], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Measures of each labelled page; NaN where it is no query."""
    result = rank_pages(vectors[labelled], names)

    def on_all(values: NDArray[np.float64]) -> NDArray[np.float64]:
        every = np.full(len(labelled), np.nan)
        every[result.rows] = values
        return every

    by_query = {"mean_average_precision": on_all(result.average_precision)}
    by_query |= {f"precision_at_{k}": on_all(values) for k, values in result.precision_at.items()}
    return by_query | {"detection": detection_rates(vectors, truth, seed)[labelled]}


def _resampled(
    values: NDArray[np.float64], table: NDArray[np.intp], draws: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """The mean over queries, and its values when tables are drawn anew."""
    is_query = np.isfinite(values)
    n_tables = int(table.max()) + 1
    count = np.bincount(table[is_query], minlength=n_tables).astype(float)
    total = np.bincount(table[is_query], weights=values[is_query], minlength=n_tables)
    counts = count[draws].sum(axis=1)
    again = np.divide(total[draws].sum(axis=1), counts, out=np.full(len(draws), np.nan), where=counts > 0)
    return (float(total.sum() / count.sum()) if count.sum() else float("nan")), again


def _resampled_clusters(
    score: Callable[..., float], table: NDArray[np.intp], clusters: NDArray[np.intp], rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """The score, and its spread over random halves of the tables about it.

    A table that is drawn twice would raise purity for no merit of the clusters, so that halves are drawn instead, whose
    spread is that of the whole (P. McCarthy, Rev. Int. Stat. Inst. 37, 1969).
    """
    value, n_tables = float(score(table, clusters)), int(table.max()) + 1
    again = []
    for _ in range(N_HALVES):
        chosen = np.isin(table, rng.permutation(n_tables)[: (n_tables + 1) // 2])
        again.append(score(table[chosen], clusters[chosen]))
    return value, np.clip(value + np.array(again) - np.mean(again), -1.0, 1.0)


def _with_interval(
    value: float,
    again: NDArray[np.float64],
    first: tuple[float, NDArray[np.float64]],
    is_first: bool,
) -> MeasuredValue:
    low, high = _interval(again)
    if is_first:
        return MeasuredValue(value, low, high)
    # The same tables were drawn for both: their ease or difficulty falls out.
    difference_low, difference_high = _interval(again - first[1])
    return MeasuredValue(value, low, high, value - first[0], difference_low, difference_high)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def histogram_embeddings(histograms: NDArray[np.floating], seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """The embeddings that follow from bigram counts (n, 110) alone, as the papers set them side by side.

    ``bigrams, root`` is that of this package; ``bigrams`` without the root; ``single digits, root``: ten counts of
    digits, of which each is first or last in a bigram half the time; ``random``: normal deviates.
    """
    h = np.asarray(histograms, dtype=np.float64)
    pairs = h[:, 10:].reshape(-1, 10, 10)
    single = h[:, :10] + (pairs.sum(axis=2) + pairs.sum(axis=1)) / 2
    random = np.random.default_rng(seed).normal(size=h.shape)
    return {"bigrams, root": np.sqrt(h), "bigrams": h, "single digits, root": np.sqrt(single), "random": random}
