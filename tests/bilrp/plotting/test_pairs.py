"""Which pairs are drawn: the greedy assignment against a loop over all pairs, and bundles of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bilrp import Coverage, JointRelevance
from bilrp.certificate import Certificate
from bilrp.plotting import ArcStyle, one_to_one
from bilrp.plotting.pairs import Pair, bundles, strongest


def joint_of(*shapes: tuple[int, ...], seed: int = 0, **options: Any) -> JointRelevance:
    rng = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(3, *shape, generator=rng, dtype=torch.float64) for shape in shapes)
    sums = (side.flatten(1).sum(1) for side in (left, right))
    return JointRelevance(left, right, *sums, Coverage(()), Coverage(()), **options)


def slow_assignment(table: np.ndarray, k: int) -> list[tuple[int, int, float]]:
    """All pairs in falling strength, taken where both ends are free."""
    order = sorted(np.ndindex(*table.shape), key=lambda place: -abs(table[place]))
    rows: set[int] = set()
    columns: set[int] = set()
    found = []
    for row, column in order:
        if row not in rows and column not in columns and table[row, column] != 0 and len(found) < k:
            found.append((row, column, float(table[row, column])))
            rows.add(row)
            columns.add(column)
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9), st.integers(0, 1000))
def test_one_to_one_takes_the_strongest_pair_whose_ends_are_free(n: int, m: int, k: int, seed: int) -> None:
    joint = joint_of((n,), (m,), seed=seed)
    expected = slow_assignment(joint.matrix().numpy(), k)
    found = [(*pair.first, *pair.second, pair.relevance) for pair in one_to_one(joint, k)]
    np.testing.assert_allclose(found, expected)


def test_one_to_one_of_maps_names_rows_and_columns() -> None:
    joint = joint_of((2, 3), (4, 2))
    table = joint.matrix()
    pairs = one_to_one(joint, 100)
    assert len(pairs) == 6 == len({pair.first for pair in pairs}) == len({pair.second for pair in pairs})
    for pair in pairs:
        assert pair.relevance == pytest.approx(float(table[(*pair.first, *pair.second)]))
    assert strongest(joint, 1)[0][:2] == pairs[0][:2]
    blank = JointRelevance(*(torch.zeros(3, 2, 2) for _ in range(2)), torch.ones(3), torch.ones(3), *[Coverage(())] * 2)
    assert one_to_one(blank, 5) == []


def test_arcs_of_one_sign_with_both_ends_near_run_together() -> None:
    pairs = [
        Pair((0, 0), (10, 10), 4.0),
        Pair((1, 1), (11, 10), 2.0),
        Pair((0, 0), (30, 30), 1.0),
        Pair((1, 0), (10, 11), -1.0),
    ]
    first, second, third, fourth = bundles(pairs, ((40, 40), (40, 40)))
    assert first is second
    np.testing.assert_allclose(first[0], np.array([0, 0]) * 4 / 6 + np.array([1, 1]) * 2 / 6)
    np.testing.assert_allclose(first[1], np.array([10, 10]) * 4 / 6 + np.array([11, 10]) * 2 / 6)
    np.testing.assert_allclose(third[1], [30, 30])
    np.testing.assert_allclose(fourth[0], [1, 0])
    assert bundles([], ((4, 4), (4, 4))) == []


def test_captions_say_what_is_doubtful_and_colours_are_named_rightly() -> None:
    joint = joint_of((4, 5), (4, 5), tile=4)
    joint.__dict__["certificate"] = Certificate(2, joint.similarity, 1e6, "all pairs", 0.1, 0.2, 0.0, 0.0)
    image = torch.rand(1, 16, 20, generator=torch.Generator().manual_seed(1))
    text, doubt = (each.get_text().replace("\n", " ") for each in joint.plot(image, image, k=5).texts[:2])
    assert joint.certificate.caption.removesuffix(" · DOUBTFUL") in text and "(red for, blue against)" in text
    assert doubt.startswith("DOUBTFUL: the parts are 1e+06 times")
    joint.__dict__["certificate"] = Certificate(2, joint.similarity, 1.0, "all pairs", 0.1, 0.2, 0.0, 0.0)
    figure = joint.plot(image, image, k=5, style=ArcStyle(colours=("#1b7837", "#762a83")))
    assert len(figure.texts) == 1 and "red" not in figure.texts[0].get_text()
    with pytest.raises(ValueError, match="arcs is 'some', expected one of all, bundled, one-to-one"):
        joint.plot(image, image, arcs="some")
