"""Evaluates the neighbours and clusters of a run against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.evaluation.labels import Labels, read_labels
from tablesim.corpus.evaluation.measures import cluster_scores, detection_rates, rank_pages
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError
from tablesim.records.html import html_values
from tablesim.records.plain import plain
from tablesim.scans.csvfile import shortlist


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
    scores = {name: float(score(truth, clusters)) if clusters else None for name, score in cluster_scores().items()}
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
