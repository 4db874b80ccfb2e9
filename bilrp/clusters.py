r"""Clusters of explanations over a corpus: which reasons for similarity there are, by spectral analysis as in SpRAy.

Tables of pooled joint relevance are compared with each other; those that are alike show one strategy of the model, such
as "both have a caption in the corner" [Lapuschkin2019]_. Each table is joined to its nearest neighbours, the graph's
normalised Laplacian :math:`I - D^{-1/2} A D^{-1/2}` gives as many eigenvalues near zero as there are groups, and
k-means on its first eigenvectors [Ng2001]_ the groups.

References
----------
.. [Lapuschkin2019] Lapuschkin, Wäldchen, Binder, Montavon, Samek, Müller. Unmasking Clever Hans predictors and
   assessing what machines really learn. Nature Communications 10, 2019.
.. [Ng2001] Ng, Jordan, Weiss. On spectral clustering. NIPS 14, 2001.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.joint import MAX_MATRIX, JointRelevance

STARTS = 10  # k-means is begun anew so often, the tightest result is kept
STEPS = 100
MAX_GROUPS = 20  # where the number is found by the gap of the eigenvalues


@dataclass(frozen=True)
class ExplanationClusters:
    """Groups of explanations.

    Parameters
    ----------
    labels : int64 Tensor of shape (N,)
        The group of each explanation, the largest group being 0.
    means : Tensor of shape (K, *table)
        The mean table of each group.
    eigenvalues : Tensor
        The least ones of the Laplacian, rising: a gap after the k-th speaks for k groups. Empty for k-means.
    """

    labels: Tensor
    means: Tensor
    eigenvalues: Tensor

    @property
    def sizes(self) -> list[int]:
        """How many explanations each group has."""
        return torch.bincount(self.labels, minlength=len(self.means)).tolist()

    def __repr__(self) -> str:
        return f"ExplanationClusters({len(self.means)} groups of {', '.join(map(str, self.sizes))})"


def cluster_explanations(
    explanations: Iterable[JointRelevance] | Iterable[Tensor] | Tensor,
    n_clusters: int | None = None,
    *,
    method: str = "spectral",
    n_neighbors: int | None = None,
    normalize: bool = True,
    seed: int = 0,
) -> ExplanationClusters:
    """Group explanations by what they say.

    Parameters
    ----------
    explanations : iterable of JointRelevance or of Tensor, or Tensor of shape (N, *table)
        Of one shape: pool them to a few tiles first. Marginals (N, H, W) or maps of `JointRelevance.given` serve as
        well as whole tables.
    n_clusters : int, optional
        Default: where the gap between neighbouring eigenvalues is largest; needed for k-means.
    method : {"spectral", "kmeans"}
        On the graph of neighbours, or k-means on the tables themselves.
    n_neighbors : int, optional
        Of the graph. Default: log N, at least 3 [Lapuschkin2019]_.
    normalize : bool
        Divide each table by its norm, so that groups do not go by the size of the similarity.
    seed : int
        Of k-means.

    Returns
    -------
    ExplanationClusters
    """
    tables = _tables(explanations)
    n = len(tables)
    if method not in {"spectral", "kmeans"}:
        raise InputError(f"method is {method!r}, expected 'spectral' or 'kmeans'")
    if n_clusters is not None and not 1 <= n_clusters <= n:
        raise InputError(f"n_clusters is {n_clusters} for {n} explanations, expected 1 to {n}")
    if n_neighbors is not None and not 1 <= n_neighbors < n:
        raise InputError(f"n_neighbors is {n_neighbors} for {n} explanations, expected 1 to {n - 1}")
    rows = tables.flatten(1).double()
    if normalize:
        rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    eigenvalues = rows.new_empty(0)
    if method == "spectral":
        neighbours = n_neighbors or min(n - 1, max(3, round(math.log(n))))
        eigenvalues, vectors = _spectrum(rows, neighbours)
        if n_clusters is None:
            gaps = eigenvalues[1 : MAX_GROUPS + 1] - eigenvalues[: min(MAX_GROUPS, n - 1)]
            n_clusters = int(gaps.argmax()) + 1 if len(gaps) else 1
        eigenvalues = eigenvalues[: MAX_GROUPS + 1]
        rows = vectors[:, :n_clusters]
        rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    elif n_clusters is None:
        raise InputError("n_clusters is None, expected a number for method='kmeans'")
    labels = _by_size(_kmeans(rows, n_clusters, seed))
    means = torch.stack([tables[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
    return ExplanationClusters(labels, means, eigenvalues)


def _tables(explanations: Iterable[JointRelevance] | Iterable[Tensor] | Tensor) -> Tensor:
    if isinstance(explanations, Tensor):
        found = list(explanations)
    else:
        found = [e.matrix() if isinstance(e, JointRelevance) else e for e in explanations]
    for n, table in enumerate(found):
        if not isinstance(table, Tensor):
            raise InputError(
                f"cluster_explanations: number {n} is of type {type(table).__name__}, expected JointRelevance or tables"
            )
    shapes = {tuple(table.shape) for table in found}
    if len(shapes) != 1:
        raise InputError(f"got explanations of shapes {sorted(shapes)}, expected one. Pool to as many tiles.")
    if len(found) * found[0].numel() > MAX_MATRIX:
        raise InputError(
            f"{len(found)} tables of {found[0].numel():,} entries, expected at most {MAX_MATRIX:,} together. Pool them."
        )
    return torch.stack(found)


def _spectrum(rows: Tensor, n_neighbors: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the graph of neighbours, rising, and the eigenvectors in columns."""
    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(float("inf"))
    graph = torch.zeros_like(distances)
    if n_neighbors:
        graph.scatter_(1, distances.topk(n_neighbors, largest=False).indices, 1.0)
    graph = torch.maximum(graph, graph.T)
    inverse = graph.sum(1).clamp_min(1.0).rsqrt()
    laplacian = torch.eye(len(rows)).to(rows) - inverse[:, None] * graph * inverse
    eigenvalues, vectors = torch.linalg.eigh(laplacian)
    return eigenvalues, vectors


def _kmeans(rows: Tensor, k: int, seed: int) -> Tensor:
    """Labels by Lloyd's method from starts by k-means++ (Arthur and Vassilvitskii 2007)."""
    generator = torch.Generator().manual_seed(seed)
    best, labels = float("inf"), torch.zeros(len(rows), dtype=torch.int64)
    for _ in range(STARTS):
        centres = rows[torch.randint(len(rows), (1,), generator=generator)]
        while len(centres) < k:
            nearest = torch.cdist(rows, centres).amin(1).square().cpu()
            weights = nearest if float(nearest.sum()) > 0 else torch.ones_like(nearest)
            centres = torch.cat([centres, rows[torch.multinomial(weights, 1, generator=generator)]])
        for _ in range(STEPS):
            own = torch.cdist(rows, centres).argmin(1)
            moved = torch.stack([rows[own == i].mean(0) if bool((own == i).any()) else centres[i] for i in range(k)])
            if torch.equal(moved, centres):
                break
            centres = moved
        distances, own = torch.cdist(rows, centres).min(1)
        if float(distances.square().sum()) < best:
            best, labels = float(distances.square().sum()), own
    return labels


def _by_size(labels: Tensor) -> Tensor:
    """The same groups, numbered from the largest; empty ones have no number."""
    numbers, inverse, counts = labels.unique(return_inverse=True, return_counts=True)
    order = counts.argsort(descending=True, stable=True)
    rank = torch.empty_like(numbers)
    rank[order] = torch.arange(len(numbers), device=labels.device)
    return rank[inverse]
