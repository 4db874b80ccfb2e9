"""Evaluates neighbours, clusters and embeddings against labels: precision, detection, adjusted Rand index, purity.

Differences between embeddings have 95 % intervals. The unit of resampling is the table: pages of one table are not
independent of each other, so that tables are drawn, each with all its pages. An interval says what other tables of the
kind would have given: by the bootstrap for measures that are means over pages, by random halves of the tables for
clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import unit_rows
from tablesim.corpus.clustering.kmeans import fit
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError, SettingsError
from tablesim.records.html import html_values
from tablesim.records.plain import plain
from tablesim.scans.csvfile import read_csv, shortlist
from tablesim.scans.headings import KEY_COLUMNS
from tablesim.scans.metadata import find_column, page_key, without_ending

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
        for measure, score in _cluster_scores().items():
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


def _cluster_scores() -> dict[str, Callable[..., float]]:
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


LABEL_COLUMNS = ("label", "table", "class", "type", "layout_type", "category")
NOT_A_TABLE = frozenset({"", "-", "none", "no", "no table", "no_table", "not a table", "not_a_table"})
"""Labels, in any case, of pages that carry no table."""


@dataclass(frozen=True)
class Labels:
    """A label for each page; ``not_tables`` are the pages that were labelled as none."""

    labels: dict[str, str]
    not_tables: frozenset[str]


@dataclass(frozen=True)
class Evaluation:
    """How a run compares with labels.

    Parameters
    ----------
    n_pages, n_labels : int
        Labelled pages that the run has read, and how many labels they carry.
    precision_at_1 : float or None
        Of the labelled pages whose label another page shares, the share whose nearest labelled page carries it too.
    precision_at_5, precision_at_10 : float or None
        Of the nearest 5 (10) labelled pages, or as many as share the label, the share that carry it.
    mean_average_precision : float or None
        Over the same pages, of the whole ranking.
    detection : float or None
        The published test: how often the nearest page in the other half of a random split of all pages carries the
        label.
    n_queries : int
        How many such pages there are; the measures above are None when there are none.
    adjusted_rand, mutual_information, purity : float or None
        Of the clusters; None when the run has none. A labelled page in no cluster counts as a cluster of its own.
    n_clusters : int
        Clusters among the labelled pages.
    missing : tuple of str
        Labelled pages that the run lacks or could not read.
    false_tables : tuple of str
        Pages labelled as no table that the run took for one.
    missed_tables : tuple of str
        Labelled pages that the run took for no table.
    """

    n_pages: int
    n_labels: int
    n_queries: int
    precision_at_1: float | None
    precision_at_5: float | None
    precision_at_10: float | None
    mean_average_precision: float | None
    detection: float | None
    adjusted_rand: float | None
    mutual_information: float | None
    purity: float | None
    n_clusters: int
    missing: tuple[str, ...]
    false_tables: tuple[str, ...]
    missed_tables: tuple[str, ...]

    def _repr_html_(self) -> str:
        """A row a measure, for notebooks."""
        return html_values("Evaluation", self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        return plain(self, 6)


def read_labels(path: str | Path) -> Labels:
    """Labels from a CSV with a column for the page (as metadata has it) and one named ``label``.

    Raises
    ------
    MetadataError
        The file cannot be read, lacks one of the columns, or gives a page two labels.
    """
    file = read_csv(path, known=(*KEY_COLUMNS, *LABEL_COLUMNS))
    key_column, label_column = find_column(file, KEY_COLUMNS), find_column(file, LABEL_COLUMNS)
    if key_column is None or label_column is None:
        missing = "page" if key_column is None else "label"
        raise MetadataError(
            f"{file.path}: no column for the {missing}; found the columns {shortlist(file.columns)}; "
            "expected page,label. Rename or add that column"
        )
    labels: dict[str, str] = {}
    for row in file.rows:
        key, label = without_ending(page_key(row[key_column])), row[label_column]
        if key and labels.setdefault(key, label) != label:
            raise MetadataError(f"{file.path}: page {key} is labelled {labels[key]!r} and {label!r}; keep one of them")
    none = frozenset(page for page, label in labels.items() if label.casefold() in NOT_A_TABLE)
    return Labels({page: label for page, label in labels.items() if page not in none}, none)


def evaluate(corpus: Corpus, labels: Labels | str | Path, clustering: Clustering | None = None) -> Evaluation:
    """Measure how a run's neighbours and clusters agree with labels that people gave.

    Parameters
    ----------
    corpus : Corpus
    labels : Labels or path of a CSV
        Columns ``page`` and ``label``; pages without a table are labelled as ``NOT_A_TABLE`` has it.
    clustering : Clustering, optional
        The run's last one unless given.

    Raises
    ------
    MetadataError
        None of the labelled pages is in the run.
    """
    if not isinstance(labels, Labels):
        labels = read_labels(labels)
    clustering = corpus.clusters if clustering is None else clustering
    ids, phi = corpus.embeddings
    is_table = dict(zip(ids, corpus.is_table.tolist(), strict=True))
    labelled = [page for page in ids if page in labels.labels]
    if not labelled:
        raise MetadataError(
            f"labels: none of the {len(labels.labels)} labelled pages is in {corpus.folder} (it has "
            f"{shortlist(ids, 3)}, the labels {shortlist(labels.labels, 3)}); give labels for these pages"
        )
    row_of = {page: row for row, page in enumerate(ids)}
    vectors = phi[[row_of[page] for page in labelled]].astype(np.float64)
    vectors[[not is_table[page] for page in labelled]] = 0.0
    truth = [labels.labels[page] for page in labelled]
    result = rank_pages(vectors, truth)
    of_tables = np.where(corpus.is_table[:, None], phi, 0.0)
    split = detection_rates(of_tables, [labels.labels.get(page) for page in ids])
    clusters = [] if clustering is None else _labels_of(clustering, labelled)
    scores = {name: float(score(truth, clusters)) if clusters else None for name, score in _cluster_scores().items()}
    return Evaluation(
        n_pages=len(labelled),
        n_labels=len(set(truth)),
        n_queries=len(result.rows),
        precision_at_1=_mean(result.precision_at[1]),
        precision_at_5=_mean(result.precision_at[5]),
        precision_at_10=_mean(result.precision_at[10]),
        mean_average_precision=_mean(result.average_precision),
        detection=_mean(split[np.isfinite(split)]),
        **scores,
        n_clusters=len(set(clusters)),
        missing=tuple(sorted(set(labels.labels) - set(ids))),
        false_tables=tuple(page for page in ids if page in labels.not_tables and is_table[page]),
        missed_tables=tuple(page for page in labelled if not is_table[page]),
    )


def _labels_of(clustering: Clustering, pages: Sequence[str]) -> list[int]:
    labels = [clustering.label_of(page) for page in pages]
    return [-1 - index if label is None else label for index, label in enumerate(labels)]


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
