"""Evaluates neighbours and clusters against labels that a person gave: precision, adjusted Rand index, purity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.evaluation.embeddings import purity
from tablesim.corpus.evaluation.ranking import detection_rates, rank_pages
from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError
from tablesim.records.html import html_values
from tablesim.scans.csvfile import read_csv, shortlist
from tablesim.scans.metadata import KEY_COLUMNS, find_column, page_key, without_ending

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
        def plain(value: Any) -> Any:
            return round(value, 6) if isinstance(value, float) else list(value) if isinstance(value, tuple) else value

        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


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
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

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
    clusters = None if clustering is None else _labels_of(clustering, labelled)
    return Evaluation(
        n_pages=len(labelled),
        n_labels=len(set(truth)),
        n_queries=len(result.rows),
        precision_at_1=_mean(result.precision_at[1]),
        precision_at_5=_mean(result.precision_at[5]),
        precision_at_10=_mean(result.precision_at[10]),
        mean_average_precision=_mean(result.average_precision),
        detection=_mean(split[np.isfinite(split)]),
        adjusted_rand=None if clusters is None else float(adjusted_rand_score(truth, clusters)),
        mutual_information=None if clusters is None else float(normalized_mutual_info_score(truth, clusters)),
        purity=None if clusters is None else purity(truth, clusters),
        n_clusters=0 if clusters is None else len(set(clusters)),
        missing=tuple(sorted(set(labels.labels) - set(ids))),
        false_tables=tuple(page for page in ids if page in labels.not_tables and is_table[page]),
        missed_tables=tuple(page for page in labelled if not is_table[page]),
    )


def _labels_of(clustering: Clustering, pages: Sequence[str]) -> list[int]:
    label: Mapping[str, int] = dict(zip(clustering.pages, clustering.labels_.tolist(), strict=True))
    return [label[page] if label.get(page, -1) >= 0 else -1 - index for index, page in enumerate(pages)]


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
