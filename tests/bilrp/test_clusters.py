"""Clusters of explanations: planted strategies are found, whatever the size of the similarity."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bilrp import Coverage, Factor, InputError, all_pairs, cluster_explanations


def planted(sizes: tuple[int, ...] = (12, 9, 6), noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Tables of a few strategies: each has its own strong pairs of tiles, at a strength of its own."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.cat([torch.full((n,), k) for k, n in enumerate(sizes)])
    patterns = torch.randn(len(sizes), 2, 2, 2, 2, generator=generator)
    strength = 0.1 + 10 * torch.rand(len(truth), 1, 1, 1, 1, generator=generator)
    tables = strength * (patterns[truth] + noise * torch.randn(len(truth), 2, 2, 2, 2, generator=generator))
    return tables, truth


@pytest.mark.parametrize("settings", [{}, {"n_clusters": 3}, {"n_clusters": 3, "method": "kmeans"}])
def test_planted_strategies_are_found(settings: dict[str, object]) -> None:
    tables, truth = planted()
    shuffled = torch.randperm(len(truth), generator=torch.Generator().manual_seed(1))
    found = cluster_explanations(tables[shuffled], **settings)  # type: ignore[arg-type]
    assert torch.equal(found.labels, truth[shuffled])
    assert found.sizes == [12, 9, 6] and repr(found) == "ExplanationClusters(3 groups of 12, 9, 6)"
    torch.testing.assert_close(found.means[2], tables[truth == 2].mean(0))
    if "method" not in settings:
        assert int((found.eigenvalues < 1e-9).sum()) == 3  # the graph falls into three


def test_without_normalising_groups_go_by_size() -> None:
    tables, truth = planted((10, 10), noise=0.0)
    found = cluster_explanations(tables, 2, method="kmeans", normalize=False)
    assert not torch.equal(found.labels, truth)


def test_explanations_of_pairs_are_clustered() -> None:
    generator = torch.Generator().manual_seed(2)
    maps = [torch.zeros(2, 2, 2) for _ in range(8)]
    for n, each in enumerate(maps):
        each[0 if n < 4 else 1, n // 4, 0] = 1 + torch.rand(1, generator=generator).item()
        each += 0.01 * torch.randn(2, 2, 2, generator=generator)
    factors = [Factor(each, each.sum((1, 2)), Coverage(())) for each in maps]
    pairs = [(i, j, joint) for i, j, joint in all_pairs(factors) if i // 4 == j // 4]
    found = cluster_explanations((joint for *_, joint in pairs), 2)
    first = {int(label) for label, (i, _, _) in zip(found.labels, pairs, strict=True) if i < 4}
    second = {int(label) for label, (i, _, _) in zip(found.labels, pairs, strict=True) if i >= 4}
    assert len(first) == len(second) == 1 and first != second


def test_few_and_equal_explanations() -> None:
    same = torch.ones(5, 3)
    assert cluster_explanations(same, 2, method="kmeans").labels.tolist() == [0] * 5
    assert cluster_explanations(torch.zeros(1, 3)).labels.tolist() == [0]
    assert cluster_explanations(torch.rand(2, 3), 2).labels.unique().tolist() == [0, 1]


def test_what_cannot_be_clustered_is_refused() -> None:
    tables, _ = planted()
    with pytest.raises(InputError, match=r"shapes \[\(2, 2\), \(3, 2\)\]"):
        cluster_explanations([torch.zeros(2, 2), torch.zeros(3, 2)])
    with pytest.raises(InputError, match="n_clusters is 40 for 27"):
        cluster_explanations(tables, 40)
    with pytest.raises(InputError, match="expected a number for method='kmeans'"):
        cluster_explanations(tables, method="kmeans")
    with pytest.raises(InputError, match="method is 'ward'"):
        cluster_explanations(tables, method="ward")
    with pytest.raises(InputError, match="n_neighbors is 27"):
        cluster_explanations(tables, n_neighbors=27)
