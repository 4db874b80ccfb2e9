"""Measures against labels: average precision and precision at k, the published detection test, scores of clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows

PRECISION_AT = (1, 5, 10)
"""Nearest pages of which precision is taken."""
DETECTION_SPLITS = 10
"""Random splits of the published test."""


@dataclass(frozen=True)
class QueryMeasures:
    """Measures of each query: a labelled page whose label another page carries.

    Parameters
    ----------
    rows : int array of shape (q,)
        The queries.
    average_precision : float array of shape (q,)
    precision_at : dict of int to float array of shape (q,)
        Of the k nearest pages, or as many as carry the label besides, the share that carry it.
    """

    rows: NDArray[np.intp]
    average_precision: NDArray[np.float64]
    precision_at: dict[int, NDArray[np.float64]]


def rank_pages(vectors: NDArray[np.floating], truth: Sequence[str]) -> QueryMeasures:
    """Rank all pages for each query by cosine; equals in their order. A page without digits is no answer and no query.

    Parameters
    ----------
    vectors : float array of shape (n, d)
    truth : sequence of n str
    """
    unit = unit_rows(vectors)
    names = np.unique(np.asarray(truth), return_inverse=True)[1]
    rows, averages = [], []
    precision_at: dict[int, list[float]] = {k: [] for k in PRECISION_AT}
    for row in range(len(unit)):
        same = names == names[row]
        same[row] = False
        if not same.any():
            continue
        cosine = np.round(unit @ unit[row], 9)
        cosine[row] = -2.0
        hits = same[np.argsort(-cosine, kind="stable")[:-1]]
        # A page without digits has no nearest page: equal cosines of 0 are not an answer.
        if not unit[row].any() or cosine.max() <= 0:
            hits = np.zeros_like(hits)
        ranks = np.flatnonzero(hits) + 1
        rows.append(row)
        averages.append(float((np.arange(1, len(ranks) + 1) / ranks).sum() / same.sum()))
        for k, values in precision_at.items():
            values.append(float(hits[:k].sum() / min(k, same.sum())))
    return QueryMeasures(
        np.array(rows, dtype=np.intp), np.array(averages), {k: np.array(values) for k, values in precision_at.items()}
    )


def detection_rates(vectors: NDArray[np.floating], truth: Sequence[str | None], seed: int = 0) -> NDArray[np.float64]:
    """The published test: is the nearest page in the other half of the same known type?

    All pages are split in random halves, ten times; a page of one half is called a type when its nearest page
    (Euclidean, on the vectors as they are) in the other half is of that type. Pages without a label are no type, but
    may be the nearest.

    Returns
    -------
    float array of shape (n,)
        Of each page how often it was called its own type (the true-positive rate), NaN where it was never asked: it
        has no label, or its type was never in the other half.
    """
    x = np.asarray(vectors, dtype=np.float64)
    names = np.array(["" if name is None else name for name in truth])
    rng = np.random.default_rng(seed)
    n_asked, n_right = np.zeros(len(x)), np.zeros(len(x))
    for _ in range(DETECTION_SPLITS):
        order = rng.permutation(len(x))
        known, others = order[: len(x) // 2], order[len(x) // 2 :]
        queries = others[(names[others] != "") & np.isin(names[others], names[known])]
        if not len(queries):
            continue
        square = (x[known] ** 2).sum(axis=1) - 2.0 * (x[queries] @ x[known].T)
        nearest = known[np.round(square, 9).argmin(axis=1)]
        n_asked[queries] += 1
        n_right[queries] += names[nearest] == names[queries]
    return np.asarray(np.divide(n_right, n_asked, out=np.full(len(x), np.nan), where=n_asked > 0))


def cluster_scores() -> dict[str, Callable[..., float]]:
    """The scores of clusters against labels by name; each takes labels and clusters."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return {
        "adjusted_rand": adjusted_rand_score,
        "mutual_information": normalized_mutual_info_score,
        "purity": purity,
    }


def purity(truth: Sequence[Any] | NDArray[Any], clusters: Sequence[Any] | NDArray[Any]) -> float:
    """Share of pages that carry the commonest label of their cluster."""
    label, cluster = np.unique(truth, return_inverse=True)[1], np.unique(clusters, return_inverse=True)[1]
    table = np.zeros((label.max() + 1, cluster.max() + 1))
    np.add.at(table, (label, cluster), 1)
    return float(table.max(axis=0).sum() / len(label))
