"""Clusters that were looked into: what counting leaves apart is joined where the numbers stand at matching places.

Histograms of two editions may be no more alike than those of two tables of one kind: another type, another number of
columns, four centuries of reprints. Laid over each other, editions agree place by place and other tables do not. So the
nearest pages of different clusters are laid over each other, a few for each cluster, and clusters whose pages agree
become one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tablesim.corpus.clustering import Clustering
from tablesim.corpus.constraints import Constraints, consistent
from tablesim.corpus.files import write_csv
from tablesim.corpus.searching import N_NEIGHBOURS
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.comparison import compare
from tablesim.review.consequences import Known, Move, known, moves
from tablesim.review.exchange import log_of

LIKELY = 0.8
"""Pages less alike than this are not laid over each other."""

CANDIDATES = 3
"""So many other clusters are tried for each cluster, the nearest first: cost grows with clusters, not with pairs."""

AGREE, EQUAL_SHARE, EQUAL_NUMBERS = 0.5, 0.4, 12
"""Pages carry one table where figures at matching places bring this share of the score, and where this share of the
smaller page's numbers, and at least so many, stand equal at matching places.

Editions bring 0.8 of the score and more; other tables, which may share a column of arguments, below 0.15."""


def cluster(
    corpus: Corpus,
    k: int | str = "auto",
    *,
    method: str = "tables",
    seed: int = 0,
    constraints: Constraints | None = None,
) -> Clustering:
    """Cluster the table pages of a run, store the clustering in it, and give it back.

    Parameters
    ----------
    corpus : Corpus
        With its neighbours.
    k : "auto" or int
        Number of clusters. With "auto" clusters whose nearest pages agree place by place are joined; a number is kept.
    method : str
        As in ``Corpus.cluster``; only the clusters of "tables" are joined.
    seed : int
        Likewise.
    constraints : Constraints, optional
        What is known of pairs of pages; the verdicts of the run unless given. It comes before what laying pages over
        each other says.
    """
    if constraints is None:
        constraints = known(log_of(corpus).all()).constraints
    counted = corpus.cluster(k, method=method, seed=seed, constraints=constraints, keep=False)
    if counted.asked != "auto" or method != "tables":
        return corpus.clusterings.save(counted)
    looked_into = consistent(constraints, [pair for pair in candidates(corpus, counted) if agree(corpus, *pair)])
    if looked_into == constraints:
        return corpus.clusterings.save(counted)
    return corpus.cluster(k, method=method, seed=seed, constraints=looked_into)


@dataclass(frozen=True)
class Reclustering:
    """A clustering, what it changed, and what the verdicts say that it kept to."""

    clustering: Clustering
    moves: tuple[Move, ...]
    known: Known

    def write_moves(self, path: Path) -> None:
        """Write the before and after list as CSV, a line a page whose cluster has another number now."""
        lines = [
            {**asdict(move), "with_before": " ".join(move.with_before), "with_after": " ".join(move.with_after)}
            for move in self.moves
        ]
        write_csv(path, tuple(Move.__dataclass_fields__), lines)


def recluster(corpus: Corpus, k: int | str = "auto", *, method: str = "tables", seed: int = 0) -> Reclustering:
    """Cluster a run again by its verdicts, and say what is other than before; ``clusters/changes.csv`` says it too."""
    said = known(log_of(corpus).all())
    kept = {name: corpus.clusterings[name] for name in corpus.clusterings.names}
    now = cluster(corpus, k, method=method, seed=seed, constraints=said.constraints)
    found = Reclustering(now, tuple(moves(kept[now.name], now)) if now.name in kept else (), said)
    found.write_moves(corpus.folder / "clusters" / "changes.csv")
    return found


def candidates(corpus: Corpus, clustering: Clustering) -> list[tuple[str, str]]:
    """The nearest pages of each cluster and its nearest other clusters, each pair once, in the order of their ids."""
    pairs = set()
    for group in clustering.clusters:
        nearest: dict[int, tuple[float, str, str]] = {}
        for page in group.pages:
            for hit in corpus.neighbours(page, N_NEIGHBOURS):
                other = clustering.label_of(hit.page)
                if other is None or other == group.label or hit.similarity < LIKELY:
                    continue
                found = (-hit.similarity, min(page, hit.page), max(page, hit.page))
                nearest[other] = min(nearest.get(other, found), found)
        pairs |= {(a, b) for _, a, b in sorted(nearest.values())[:CANDIDATES]}
    return sorted(pairs)


def agree(corpus: Corpus, a: str, b: str) -> bool:
    """Whether the numbers of two pages stand at matching places; pages without a reading cannot be laid over."""
    try:
        first, second = corpus.reading(a), corpus.reading(b)
    except RunError:
        return False
    comparison = compare(first, second)
    assignment = comparison.assignment
    if not assignment.registered or comparison.score <= 0:
        return False
    smaller = min(len(first.numbers), len(second.numbers))
    equal = assignment.equal_numbers >= max(EQUAL_NUMBERS, EQUAL_SHARE * smaller)
    return equal and assignment.relevance_supported >= AGREE * comparison.score
