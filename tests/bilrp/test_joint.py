"""Joint relevance: every answer from the factors equals the one from the full table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bilrp import BiLRP, Coverage, InputError, JointRelevance, RelevanceFileError
from bilrp._engine import ranking
from bilrp.testing import toy_network, toy_pair


def joint_of(left: Tensor, right: Tensor) -> JointRelevance:
    ones = torch.ones(len(left), dtype=left.dtype)
    return JointRelevance(left, right, ones, ones, Coverage(()), Coverage(()))


def random_joint(
    seed: int, n: int = 3, left: tuple[int, ...] = (5, 7), right: tuple[int, ...] = (6, 4)
) -> JointRelevance:
    generator = torch.Generator().manual_seed(seed)
    return joint_of(
        torch.randn(n, *left, generator=generator, dtype=torch.float64),
        torch.randn(n, *right, generator=generator, dtype=torch.float64),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 6))
def test_factors_equal_the_table(seed: int, n: int, size: int) -> None:
    joint = random_joint(seed, n)
    table = joint.matrix()
    torch.testing.assert_close(table, torch.einsum("mij,mkl->ijkl", joint.left, joint.right))
    assert joint.total() == pytest.approx(float(table.sum()), abs=1e-9)
    torch.testing.assert_close(joint.left_marginal(), table.sum((2, 3)))
    torch.testing.assert_close(joint.right_marginal(), table.sum((0, 1)))
    assert joint.between((1, 2, 3, 2), (0, 1, 2, 4)) == pytest.approx(float(table[2:4, 1:4, 1:5, 0:2].sum()), abs=1e-9)
    torch.testing.assert_close(joint.given((1, 2, 3, 2)), table[2:4, 1:4].sum((0, 1)))
    pooled = joint.pool(size)
    assert pooled.total() == pytest.approx(joint.total(), abs=1e-9)
    assert pooled.left.shape[1:] == (-(-5 // size), -(-7 // size))
    torch.testing.assert_close(pooled.matrix()[0, 0, 0, 0], table[:size, :size, :size, :size].sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from(["relevance", "magnitude"]), st.booleans())
def test_top_pairs_are_exact(seed: int, k: int, by: str, ties: bool) -> None:
    joint = random_joint(seed)
    if ties:
        joint = joint_of(joint.left.round(), joint.right.round())
    table = joint.matrix().numpy()
    key = np.abs(table) if by == "magnitude" else table
    expected = np.sort(key[key > 0])[::-1][:k]  # pairs at or below zero are never listed by relevance
    pairs = joint.top_pairs(k, by=by)
    got = np.array([abs(pair[-1]) if by == "magnitude" else pair[-1] for pair in pairs])
    np.testing.assert_allclose(got, expected, atol=1e-12)
    for *place, value in pairs:
        assert table[tuple(place)] == pytest.approx(value)
    assert len({tuple(pair[:4]) for pair in pairs}) == len(pairs)


def test_what_speaks_against_is_found_by_magnitude() -> None:
    joint = joint_of(torch.tensor([[[1.0, -3.0]]]), torch.tensor([[[2.0]]]))
    assert joint.top_pairs(5) == [(0, 0, 0, 0, 2.0)]
    assert joint.top_pairs(5, by="magnitude") == [(0, 1, 0, 0, -6.0), (0, 0, 0, 0, 2.0)]


def test_top_pairs_stay_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    joint = random_joint(4, 6, (40, 40), (40, 40))
    whole = joint.top_pairs(30)
    monkeypatch.setattr(ranking, "BLOCK_ENTRIES", 1000)
    assert [pair[:4] for pair in joint.top_pairs(30)] == [pair[:4] for pair in whole]
    values, places = joint.matrix().flatten().topk(30)
    np.testing.assert_allclose([pair[-1] for pair in whole], values)
    assert [np.ravel_multi_index(pair[:4], (40,) * 4) for pair in whole] == places.tolist()


def test_regions_use_pixels_also_when_pooled() -> None:
    joint = random_joint(1, left=(8, 8), right=(8, 8))
    pooled = joint.pool(4)
    assert pooled.between((0, 0, 4, 8), (4, 4, 4, 4)) == pytest.approx(joint.between((0, 0, 4, 8), (4, 4, 4, 4)))
    assert pooled.pool(2).tile == 8

    class Box:
        x, y, width, height = 0.4, 0.0, 1.0, 1.0

    torch.testing.assert_close(joint.given(Box()), joint.given((0, 0, 1, 1)))  # the pixel whose middle is inside
    assert joint.between((20, 20, 5, 5), (0, 0, 8, 8)) == 0


def test_channels_are_kept_on_request() -> None:
    x, y = toy_pair()
    explainer = BiLRP(toy_network("bias"), "gamma")
    kept, summed = explainer.explain(x, y, keep_channels=True), explainer.explain(x, y)
    assert kept.left.shape == (5, 3, 8, 8)
    torch.testing.assert_close(kept.left.sum(1), summed.left)
    assert len(kept.top_pairs(3)[0]) == 7
    assert kept.pool(4).left.shape == (5, 3, 2, 2)
    assert kept.between((0, 0, 3, 3), (1, 1, 2, 2)) == pytest.approx(summed.between((0, 0, 3, 3), (1, 1, 2, 2)))


def test_saving_and_loading_gives_the_same(tmp_path: Path) -> None:
    x, y = toy_pair()
    joint = BiLRP(toy_network("residual"), "gamma").explain(x, y).pool(2)
    path = joint.save(tmp_path / "pair.npz")
    again = JointRelevance.load(path)
    for name in ("left", "right", "left_embedding", "right_embedding"):
        assert torch.equal(getattr(joint, name), getattr(again, name))
    assert (again.left_coverage, again.settings, again.tile) == (joint.left_coverage, joint.settings, 2)
    with pytest.raises(FileExistsError, match="exists already"):
        joint.save(path)
    joint.save(path, overwrite=True)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RelevanceFileError, match="no such file"):
        JointRelevance.load(tmp_path / "none.npz")
    path = random_joint(0).save(tmp_path / "whole.npz")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:200])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", about=np.array({"format": 1}, dtype=object))
    with np.load(path) as file:
        parts = dict(file)
    np.savez(tmp_path / "uneven.npz", **{**parts, "left": parts["left"][:1]})
    np.savez(
        tmp_path / "flat.npz", **{**parts, "about": np.array(str(parts["about"]).replace('"tile": 1', '"tile": 0'))}
    )
    with pytest.raises(RelevanceFileError, match="tile is 0, expected one or more"):
        JointRelevance.load(tmp_path / "flat.npz")
    for name in ("cut.npz", "other.npz", "pickled.npz", "uneven.npz"):
        with pytest.raises(RelevanceFileError, match="cannot be read as joint relevance"):
            JointRelevance.load(tmp_path / name)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda joint: joint.pool(0), "size is 0, expected one or more"),
        (lambda joint: joint.top_pairs(0), "k is 0, expected one or more"),
        (lambda joint: joint.top_pairs(3, by="size"), "by is 'size', expected 'relevance' or 'magnitude'"),
        (lambda joint: joint.between((0, 0, 1), (0, 0, 1, 1)), "got 3 numbers"),
        (lambda joint: joint.given((0, 0, -1, 1)), "sizes of zero or more, got -1.0 x 1.0"),
    ],
)
def test_bad_questions_are_refused(ask: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(random_joint(0))  # type: ignore[operator]


def test_a_table_too_large_is_refused_with_the_way_out() -> None:
    joint = joint_of(torch.zeros(1, 200, 200), torch.zeros(1, 200, 200))
    with pytest.raises(InputError, match=r"has 1,600,000,000 entries.*Call pool\(8\)\.matrix\(\)"):
        joint.matrix()
    with pytest.raises(InputError, match=r"have \[1, 2\] dimensions, expected one M"):
        joint_of(torch.zeros(1, 2, 2), torch.zeros(2, 2, 2))


def test_similarity_zero_has_no_bias_share() -> None:
    zero = torch.zeros(2)
    joint = JointRelevance(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3), zero, zero, Coverage(()), Coverage(()))
    assert (joint.similarity, joint.total(), joint.bias_share, joint.top_pairs(5)) == (0.0, 0.0, 0.0, [])
