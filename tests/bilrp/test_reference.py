"""Numbers made elsewhere: by slow code without this library, and by the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slow_reference
import torch
from torch import Tensor, nn

from bilrp import BiLRP
from bilrp._engine import tiled as pooled
from bilrp.rules import LRP0, Epsilon, Gamma, MaxWinner, Rule, ZBox

Numbers = dict[str, np.ndarray]


def numbers(path: Path) -> Numbers:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def convolution(weight: np.ndarray, bias: np.ndarray | None) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, bias=bias is not None).double()
    layer.weight.data = torch.tensor(weight).double()
    if bias is not None and layer.bias is not None:
        layer.bias.data = torch.tensor(bias).double()
    return layer


def linear(weight: np.ndarray) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False).double()
    layer.weight.data = torch.tensor(weight).double()
    return layer


def furthest(got: Tensor, expected: np.ndarray) -> float:
    assert got.shape == expected.shape
    return float(np.abs(got.numpy() - expected).max())


def agree_on_tiles(explainer: BiLRP, x: Tensor, y: Tensor, tile: int, bias: str, expected: np.ndarray) -> None:
    """Pooled joint relevance from full resolution, by the cheapest way, and by shares as far up as they go."""
    assert furthest(explainer.explain(x, y, bias=bias).pool(tile).matrix(), expected) < 1e-9
    assert furthest(explainer.explain(x, y, bias=bias, pool=tile).matrix(), expected) < 1e-9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "cheapest", lambda found, max_held: found[-1])
        assert furthest(explainer.explain(x, y, bias=bias, pool=tile).matrix(), expected) < 1e-9


@pytest.mark.parametrize("bias", ["leave", "distribute"])
def test_equals_slow_code(bias: str) -> None:
    data = numbers(slow_reference.PATH)
    model = nn.Sequential(
        *(convolution(data["w1"], data["b1"]), nn.ReLU(), nn.MaxPool2d(2)),
        *(convolution(data["w2"], data["b2"]), nn.ReLU(), nn.Flatten(), linear(data["top"])),
    )
    rules: dict[str, Rule] = {
        "0": ZBox(slow_reference.LOW, slow_reference.HIGH),
        "3": Gamma(slow_reference.GAMMA),
        "6": LRP0(eps=slow_reference.EPS),
    }
    x, y = torch.tensor(data["images"])[:, None]
    explainer = BiLRP(model, rules)
    full = explainer.explain(x, y, bias=bias, keep_channels=True)
    for side, (factor, embedding) in enumerate(((full.left, full.left_embedding), (full.right, full.right_embedding))):
        assert np.abs(data[f"maps_{bias}"][side]).max() > 0.1
        assert furthest(factor, data[f"maps_{bias}"][side]) < 1e-9
        assert furthest(embedding, data["embeddings"][side]) < 1e-12
    agree_on_tiles(explainer, x, y, slow_reference.TILE, bias, data[f"joint_{bias}"])


def test_slow_code_makes_the_same_file_again() -> None:
    data = numbers(slow_reference.PATH)
    again = slow_reference.reference({name: data[name] for name in ("w1", "b1", "w2", "b2", "top", "images")})
    assert again.keys() == data.keys()
    for name, values in again.items():
        np.testing.assert_allclose(values, data[name], rtol=0, atol=1e-12, err_msg=name)


def published_network(data: Numbers, net: str) -> tuple[nn.Sequential, dict[str, Rule]]:
    """A network of the reference file, with the rules of the published code: eps added without sign."""
    modules: list[nn.Module] = []
    rules: dict[str, Rule] = {}
    low, high = (torch.tensor(data[name]).double() for name in ("lbound", "hbound"))
    for j, (gamma, pool) in enumerate(zip(data[f"{net}_gammas"], data[f"{net}_pools"], strict=True)):
        rules[str(len(modules))] = (
            Gamma(float(gamma), eps=1e-9, stabilizer="plain") if j else ZBox(low, high, eps=1e-6, stabilizer="plain")
        )
        name = f"{net}_conv{j + 1}"
        modules += [convolution(data[f"{name}_w"], data.get(f"{name}_b")), nn.ReLU(inplace=True)]
        if pool:
            rules[str(len(modules))] = MaxWinner(eps=1e-9, stabilizer="plain")
            modules.append(nn.MaxPool2d(2))
    rules[str(len(modules) + 1)] = Epsilon(1e-9, stabilizer="plain")
    return nn.Sequential(*modules, nn.Flatten(), linear(data[f"{net}_proj_w"])), rules


@pytest.mark.parametrize("net", ["A", "B", "C"])
def test_equals_the_published_code(net: str, reference: Path) -> None:
    data = numbers(reference / "bilrp_reference.npz")
    model, rules = published_network(data, net)
    x = torch.tensor(data["x"]).double()
    explainer = BiLRP(model, rules)
    joint = explainer.explain(x[:1], x[1:], keep_channels=True)
    for side, factor in enumerate((joint.left, joint.right)):
        assert furthest(factor, data[f"{net}_r"][side]) < 1e-9
    assert joint.similarity == pytest.approx(float(data[f"{net}_dot"]), abs=1e-9)
    # what the published code loses without a word is stated: 6.7 % of the similarity of net C, which has biases
    lost = 1 - float(data[f"{net}_R_pooled_sum"].sum() / data[f"{net}_dot"])
    assert joint.bias_share == pytest.approx(lost, abs=1e-9)
    assert lost == pytest.approx(0.0673, abs=1e-4) if net == "C" else abs(lost) < 1e-6
    agree_on_tiles(explainer, x[:1], x[1:], 8, "leave", data[f"{net}_R_pooled_sum"])
    whole = explainer.explain(x[:1], x[1:], bias="distribute", pool=8)
    assert whole.total() == pytest.approx(whole.similarity, rel=1e-6)
