"""Factors: each input explained once, every pair and sum of pairs from them."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import bilrp
from bilrp import (
    BiLRP,
    Coverage,
    Factor,
    InputError,
    RelevanceFileError,
    all_pairs,
    contrast,
    load_factors,
    mean_of_pairs,
    pair_tables,
    save_factors,
    similarity_matrix,
)
from bilrp.testing import TOYS, toy_network, toy_pair


def images(n: int, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Tensor:
    return torch.rand(n, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def explainer(kind: str = "bias", **settings: object) -> BiLRP:
    return BiLRP(toy_network(kind), "gamma", **settings)  # type: ignore[arg-type]


def stream(n: int, seed: int = 0) -> list[Factor]:
    return list(explainer().factors(images(n, seed).split(1)))


def same(first: bilrp.JointRelevance, second: bilrp.JointRelevance) -> None:
    for name in ("left", "right", "left_embedding", "right_embedding"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=1e-12, atol=1e-14)
    assert (first.tiles, first.settings) == (second.tiles, second.settings)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("pool", [None, 4])
def test_two_factors_are_the_explanation(similarity: str, pool: int | None) -> None:
    made = explainer("residual", similarity=similarity)
    x, y = toy_pair()
    f, g = (made.factor(sample, pool=pool, bias="distribute") for sample in (x, y))
    expected = made.explain(x, y, pool=pool, bias="distribute")
    same(f @ g, expected)
    same(g @ f, expected.swapped())
    assert f.tile == (pool or 1)
    torch.testing.assert_close(f.total(), f.embedding, rtol=1e-6, atol=1e-9)


def test_all_pairs_come_from_as_many_passes_as_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    plain = bilrp.explain.explain_outputs
    monkeypatch.setattr(bilrp.explain, "explain_outputs", lambda *a, **k: passes.append(1) or plain(*a, **k))
    made, x = explainer(), images(5).split(1)
    factors = list(made.factors(x))
    joints = list(all_pairs(factors))
    assert len(passes) == 5
    assert [(i, j) for i, j, _ in joints] == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    table = similarity_matrix(factors)
    for i, j, joint in joints:
        same(joint, made.explain(x[i], x[j]))
        assert joint.similarity == pytest.approx(float(table[i, j]))
    across = [(i, j) for i, j, _ in all_pairs(factors[:2], factors[2:])]
    assert across == [(i, j) for i in range(2) for j in range(3)]


def test_blocks_of_pairs_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = stream(5)
    monkeypatch.setattr(bilrp.pairs, "HELD", 2)
    pairs = [(i, j) for i, j, _ in all_pairs(factors)]
    assert sorted(pairs) == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    for i, j, joint in all_pairs(factors):
        same(joint, factors[i] @ factors[j])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 50), st.floats(-3, 3))
def test_relevance_is_linear_in_a_factor(seed: int, weight: float) -> None:
    f, g, h = stream(3, seed)
    joint = f @ (g - weight * h)
    torch.testing.assert_close(joint.matrix(), (f @ g).matrix() - weight * (f @ h).matrix(), rtol=1e-9, atol=1e-9)
    assert joint.similarity == pytest.approx((f @ g).similarity - weight * (f @ h).similarity, abs=1e-9)


def test_what_does_not_fit_is_refused() -> None:
    f = explainer().factor(images(1))
    with pytest.raises(InputError, match="embeddings have 5 and 7 dimensions"):
        _ = f @ BiLRP(nn.Sequential(nn.Flatten(), nn.Linear(192, 7)).double()).factor(images(1))
    with pytest.raises(InputError, match="one factor is for the similarity 'dot'"):
        _ = f @ explainer(similarity="cosine").factor(images(1))
    with pytest.raises(InputError, match=r"maps \(8, 8\) and \(4, 4\).*only equal ones are added"):
        _ = f - f.pool(2)
    with pytest.raises(InputError, match="side is 'both'"):
        explainer().factor(images(1), side="both")
    with pytest.raises(InputError, match="4 maps for an embedding of 5"):
        Factor(f.values[:4], f.embedding, f.coverage)


def test_a_sum_of_explanations_is_added_place_by_place() -> None:
    f, g, h = stream(3)
    both = sum([f @ g, f @ h, g @ h])
    assert isinstance(both, bilrp.JointRelevance)
    torch.testing.assert_close(both.matrix(), (f @ g).matrix() + (f @ h).matrix() + (g @ h).matrix())
    assert (2.0 * both).total() == pytest.approx(2 * both.total())
    assert "a sum of explanations" in both.left_coverage.notes[-1]
    with pytest.raises(InputError, match="only equal ones are added place by place"):
        _ = f @ g + f.pool(2) @ g
    assert (f @ g).to(torch.float32).left.dtype == torch.float32


def test_a_new_device_or_type_changes_both_parts() -> None:
    f = explainer().factor(images(1)).to(torch.float32)
    assert f.values.dtype == f.embedding.dtype == torch.float32
    assert repr(f) == "Factor(5 dimensions of maps (8, 8), tile=1)"


def test_factors_go_to_disk_and_back(tmp_path: Path) -> None:
    factors = stream(3)
    factors[1] = replace(factors[1].pool(4), settings={"bias": "leave", "similarity": "dot"})
    path = factors[1].save(tmp_path / "one.npz")
    back = Factor.load(path)
    assert torch.equal(back.values, factors[1].values) and torch.equal(back.embedding, factors[1].embedding)
    assert (back.tile, back.settings, back.coverage) == (4, factors[1].settings, factors[1].coverage)
    with pytest.raises(FileExistsError, match="exists already"):
        factors[1].save(path)
    text = Factor(torch.rand(2, 3), torch.ones(2), Coverage(()), tokens=("a", "b", "c"))
    assert Factor.load(text.save(tmp_path / "text.npz")).tokens == ("a", "b", "c")

    folder = save_factors(explainer().factors(images(3).split(1)), tmp_path / "corpus")
    assert repr(folder).endswith("corpus', 3 factors)")
    for (i, j, joint), (k, m, expected) in zip(
        all_pairs(load_factors(folder.directory)), all_pairs(stream(3)), strict=True
    ):
        assert (i, j) == (k, m)
        same(joint, expected)
    assert [factor.shape for factor in folder[1:]] == [(8, 8), (8, 8)]
    with pytest.raises(FileExistsError, match="has factors already"):
        save_factors(stream(1), folder.directory)
    with pytest.raises(RelevanceFileError, match="no such folder"):
        load_factors(tmp_path / "none")


def test_a_stream_is_not_held() -> None:
    asked_for = []

    def inputs() -> Iterator[Tensor]:
        for x in images(4).split(1):
            asked_for.append(x)
            yield x

    factors = explainer().factors(inputs())
    next(factors)
    assert len(asked_for) == 1


def test_files_are_checked_before_they_are_read(tmp_path: Path) -> None:
    path = stream(1)[0].save(tmp_path / "whole.npz")
    with np.load(path) as file:
        parts = dict(file)

    def refused(message: str, raw: dict[str, bytes] | None = None, **changed: np.ndarray) -> None:
        broken = tmp_path / "broken.npz"
        np.savez_compressed(broken, **{**parts, **changed})  # type: ignore[arg-type]
        if raw:
            with zipfile.ZipFile(broken) as archive:
                held = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in {**held, **raw}.items():
                    archive.writestr(name, content)
        with pytest.raises(RelevanceFileError, match=message):
            Factor.load(broken)

    values = parts["values"]
    refused("values has type complex128", values=values.astype(complex))
    refused("values has type int64", values=values.astype(int))
    refused("infinite or no numbers", values=np.where(values == values.max(), np.nan, values))
    refused("expected as many rows of each", values=values[:3])
    refused(r"embedding has shape \(5, 1\), expected 1 axes", embedding=parts["embedding"][:, None])
    refused(r"values has shape \(5,\), expected 2 axes", values=values[:, 0, 0])
    about = str(parts["about"])
    refused("format is 'other/1'", about=np.array(about.replace("bilrp.Factor/1", "other/1")))
    refused("tile is True, expected one or more", about=np.array(about.replace('"tile": 1', '"tile": true')))
    refused("its tokens are no list of texts", about=np.array(about.replace('"tokens": null', '"tokens": [1]')))
    refused("values of other types", about=np.array(about.replace('"function": "conv2d"', '"function": 7')))
    refused("no JSON object", about=np.array("[1]"))
    refused("its description has type", about=np.array(3.0))
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<f8", "fortran_order": False, "shape": (5, 10**7, 10**6)})
    refused(r"values has .* bytes, expected 400,000,000,000,\d+", raw={"values.npy": huge.getvalue()})
    refused("format", raw={"values.npy": b"\x93NUMPY\x09\x00" + huge.getvalue()[8:]})
    with pytest.raises(RelevanceFileError, match=r"holds 2,\d+ bytes, expected at most 1,000: pass max_bytes=2\d+"):
        Factor.load(path, max_bytes=1000)


def test_a_file_that_grows_when_read_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factor = Factor(torch.zeros(5, 300, 300, dtype=torch.float64), torch.zeros(5), Coverage(()))
    joint = factor @ factor
    path = joint.save(tmp_path / "zeros.npz")
    assert path.stat().st_size < 30_000
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(RelevanceFileError, match="expected at most 1,000,000"):
        bilrp.JointRelevance.load(path, max_bytes=10**6)


def test_an_explanation_of_an_image_and_a_text_is_saved_whole(tmp_path: Path) -> None:
    left = Factor(torch.rand(2, 4, 4), torch.ones(2), Coverage(()), tile=8)
    right = Factor(torch.rand(2, 3), torch.ones(2), Coverage(()), tokens=("a", "b", "c"))
    joint = left @ right
    back = bilrp.JointRelevance.load(joint.save(tmp_path / "both.npz"))
    assert (back.tiles, back.left_tokens, back.right_tokens) == ((8, 1), None, ("a", "b", "c"))
    same(back, joint)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=9))
def test_the_mean_of_pairs_is_that_of_their_tables(seed: int, chosen: list[tuple[int, int]]) -> None:
    generator = torch.Generator().manual_seed(seed)

    def drawn() -> Factor:
        maps, phi = torch.randn(2, 3, 2, generator=generator), torch.randn(2, generator=generator)
        return Factor(maps, phi, Coverage(()))

    sides = [drawn() for _ in range(3)], [drawn() for _ in range(4)]
    mean = mean_of_pairs(*sides, chosen)
    joints = [sides[0][i] @ sides[1][j] for i, j in chosen]
    torch.testing.assert_close(mean.matrix(), torch.stack([j.matrix() for j in joints]).mean(0), rtol=1e-5, atol=1e-5)
    assert mean.similarity == pytest.approx(float(np.mean([joint.similarity for joint in joints])), abs=1e-5)
    assert mean.settings is not None and mean.settings["pairs"] == len(chosen)


def test_the_mean_over_two_groups_has_as_many_rows_as_one_pair() -> None:
    factors = stream(6)
    mean = mean_of_pairs(factors[:2], factors[2:])
    assert mean.left.shape == (5, 8, 8)
    expected = sum([joint for *_, joint in all_pairs(factors[:2], factors[2:])]) * (1 / 8)
    torch.testing.assert_close(mean.matrix(), expected.matrix())
    within = mean_of_pairs(factors)
    assert within.similarity == pytest.approx(float(similarity_matrix(factors).triu(1).sum()) / 15)
    with pytest.raises(InputError, match="got no pairs"):
        mean_of_pairs(factors[:1])


def test_tables_of_all_pairs_at_once() -> None:
    factors = [factor.pool(4) for factor in stream(4)]
    tables = pair_tables(factors)
    assert tables.shape == (4, 4, 2, 2, 2, 2)
    for i, j, joint in all_pairs(factors):
        torch.testing.assert_close(tables[i, j], joint.matrix())
    with pytest.raises(InputError, match=r"maps of shapes \[\(1, 1\), \(2, 2\)\], expected one"):
        pair_tables([factors[0], factors[1].pool(2)])
    wide = [Factor(torch.zeros(1, 200, 200), torch.zeros(1), Coverage(()))] * 2
    with pytest.raises(InputError, match=r"6,400,000,000 entries.*Pool the factors"):
        pair_tables(wide)


def test_contrast_says_why_one_is_nearer() -> None:
    f, g, h = stream(3)
    h = h.pool(2)  # of other places than g
    answer = contrast(f, g, h)
    assert answer.similarity == pytest.approx((f @ g).similarity - (f @ h).similarity)
    assert answer.total() == pytest.approx(float(answer.left_marginal().sum()))
    better, worse = answer.given((0, 0, 4, 4))
    assert better.shape == (8, 8) and worse.shape == (4, 4)
    pairs = answer.top_pairs(500000)
    assert sum(float(pair[-1]) for _, pair in pairs) == pytest.approx(answer.total())  # type: ignore[arg-type]
    sizes = [abs(float(pair[-1])) for _, pair in pairs]  # type: ignore[arg-type]
    assert sizes == sorted(sizes, reverse=True)
    assert repr(answer).startswith("Contrast(difference=")


def batched(model: nn.Module, inputs: list[Tensor], n: int = 4, **settings: Any) -> list[Factor]:
    return list(BiLRP(model, **settings).factors(inputs, batch_size=n, bias="distribute"))


@pytest.mark.parametrize("composite", ["gamma", "epsilon", "auto"])
@pytest.mark.parametrize("kind", TOYS)
def test_a_batch_gives_what_each_gives_alone(kind: str, composite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = toy_network(kind), [*images(5).split(1)]
    expected = batched(model, inputs, 1, composite=composite, similarity="cosine")
    monkeypatch.setattr(bilrp.explain, "explain_outputs", lambda *_, **__: pytest.fail("went one by one"))
    got = batched(model, [x for x in inputs for _ in range(2)], 4, composite=composite, similarity="cosine")[::2]
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one.values, other.values, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(one.embedding, other.embedding, rtol=1e-9, atol=1e-12)
        assert one.settings == other.settings
        assert one.certificate.conservation_error < 1e-6
    assert "explained in one pass with" in got[0].coverage.notes[-1]


class Mixing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        return flat - flat.mean(0) / 2


class OneAtATime(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, -1)


@pytest.mark.parametrize("model", [Mixing(), OneAtATime()])
def test_models_that_mix_samples_are_explained_one_by_one(model: nn.Module) -> None:
    inputs = [*images(3).split(1)]
    expected = list(BiLRP(model).factors(inputs))
    for one, other in zip(BiLRP(model).factors(inputs, batch_size=3), expected, strict=True):
        torch.testing.assert_close(one.values, other.values)
        assert not any("in one pass" in note for note in one.coverage.notes)


def test_batches_are_of_one_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    sizes = [(8, 8), (8, 8), (8, 6), (8, 6), (8, 6), (8, 8)]
    inputs = [images(1, n, size) for n, size in enumerate(sizes)]
    seen = []
    plain = bilrp.explain.explain_batch
    monkeypatch.setattr(
        bilrp.explain, "explain_batch", lambda m, x, *a, **k: seen.append(len(x)) or plain(m, x, *a, **k)
    )
    factors = batched(model, inputs, 2)
    assert seen == [2, 2] and [factor.shape for factor in factors] == sizes
    for factor, x in zip(factors, inputs, strict=True):
        expected = BiLRP(model).factor(x, bias="distribute")
        torch.testing.assert_close(factor.values, expected.values, rtol=1e-9, atol=1e-12)


def test_the_benchmark_counts_and_compares() -> None:
    spec = importlib.util.spec_from_file_location(
        "bilrp_factors", Path(__file__).parents[2] / "benchmarks" / "bilrp_factors.py"
    )
    assert spec is not None and spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    found = benchmark.measure(images=5, size=16, dimensions=3, checked=3, batch=2)
    assert (found["pairs"], found["forward passes"], found["forward passes, single"]) == (10, 5, 20)
    assert found["largest difference, of the largest entry"] < 1e-6
    assert found["largest difference, batches of 2"] < 1e-5
