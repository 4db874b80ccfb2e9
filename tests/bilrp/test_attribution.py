"""First-order LRP in one call: which outputs a target means, and that their relevance is that of the dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bilrp
from bilrp import InputError
from bilrp.rules import LRP0, Gamma, ZBox
from bilrp.testing import matrix_lrp, toy_network, toy_pair

RULES = {"0": ZBox(0.0, 1.0), "4": Gamma(0.25)}


@pytest.mark.parametrize("bias", ["leave", "distribute"])
@pytest.mark.parametrize(
    "target", [3, -2, [3], torch.tensor(3), torch.tensor([3]), np.int64(3), lambda out: out[0].shape[0] - 2]
)
def test_one_output_is_explained_as_the_dense_matrices_do(target: object, bias: str) -> None:
    x, _ = toy_pair()
    net = toy_network("bias")
    relevance = bilrp.attribute(net, x, target, composite=RULES, bias=bias)
    expected = matrix_lrp(net, x, RULES, distribute=bias == "distribute")[3].sum(0)
    torch.testing.assert_close(relevance.values, expected[None], rtol=1e-9, atol=1e-12)
    assert relevance.targets == ("output 3",)
    torch.testing.assert_close(relevance.embedding, net(x)[0, 3:4])


@pytest.mark.parametrize("target", [[4, 1], (torch.tensor([4, 1])), lambda out: [4, 1]])
def test_several_outputs_are_rows(target: object) -> None:
    x, _ = toy_pair()
    net = toy_network("bias")
    relevance = bilrp.attribute(net, x, target, composite=RULES, keep_channels=True)
    torch.testing.assert_close(relevance.values, matrix_lrp(net, x, RULES)[[4, 1]], rtol=1e-9, atol=1e-12)
    assert relevance.targets == ("output 4", "output 1")


@pytest.mark.parametrize("target", [None, "max"])
def test_the_greatest_output_of_each_input(target: str | None) -> None:
    pictures = torch.cat([*toy_pair(), *toy_pair(seed=3)])
    net = toy_network("bias", seed=5)
    best = net(pictures).argmax(1)
    assert len(set(best.tolist())) > 1
    together = bilrp.attribute(net, pictures, target, composite=RULES)
    for n, row in enumerate(together.values):
        torch.testing.assert_close(row, matrix_lrp(net, pictures[n : n + 1], RULES)[best[n]].sum(0))
    assert together.targets == tuple(f"input {n}, output {k}" for n, k in enumerate(best.tolist()))


def test_rows_of_several_inputs_come_input_by_input() -> None:
    pictures = torch.cat(toy_pair())
    net = toy_network("residual")
    together = bilrp.attribute(net, pictures, [0, 2])
    alone = [bilrp.attribute(net, picture[None], [0, 2]).values for picture in pictures]
    torch.testing.assert_close(together.values, torch.cat(alone))
    assert together.targets[1:3] == ("input 0, output 2", "input 1, output 0")
    kept = [bilrp.attribute(net, picture[None], [0, 2]).coverage for picture in pictures]
    for entry, first, second in zip(together.coverage.entries, *(each.entries for each in kept), strict=True):
        assert entry.kept <= max(first.kept, second.kept) + 1e-12  # a mean of both, as they went in one pass


def test_weights_explain_a_sum_of_outputs() -> None:
    x, _ = toy_pair()
    net = toy_network("bias")
    rows = matrix_lrp(net, x, RULES).sum(1)
    rival = torch.tensor([0.0, 1, 0, -1, 0])
    contrast = bilrp.attribute(net, x, rival, composite=RULES)
    torch.testing.assert_close(contrast.values[0], rows[1] - rows[3], rtol=1e-9, atol=1e-12)
    both = bilrp.attribute(net, x, torch.stack([rival.double(), 2 * rival]), composite=RULES)
    torch.testing.assert_close(both.values[1], 2 * (rows[1] - rows[3]), rtol=1e-9, atol=1e-12)
    ones = bilrp.attribute(net, x, lambda out: torch.eye(5).double()[2] / out, composite=RULES)
    torch.testing.assert_close(ones.embedding, torch.ones(1).double())
    torch.testing.assert_close(ones.values[0], rows[2] / net(x)[0, 2])


def test_maps_as_outputs_are_named_by_tuples() -> None:
    x, _ = toy_pair()
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).double()
    whole = bilrp.explain_outputs(net, x, "epsilon").values.sum(1).reshape(2, 4, 4, 8, 8)
    one = bilrp.attribute(net, x, [(1, 2, 3), (0, 0, -1)], composite="epsilon")
    torch.testing.assert_close(one.values, torch.stack([whole[1, 2, 3], whole[0, 0, 3]]))
    assert one.targets == ("output 1, 2, 3", "output 0, 0, 3")
    area = torch.zeros(2, 4, 4)
    area[1] = 1
    torch.testing.assert_close(
        bilrp.attribute(net, x, area, composite="epsilon").values[0], whole[1].sum((0, 1)), rtol=1e-6, atol=1e-9
    )
    best = np.unravel_index(int(net(x)[0].argmax()), (2, 4, 4))
    assert bilrp.attribute(net, x).targets == (f"output {', '.join(map(str, best))}",)


def test_bias_free_relu_networks_get_gradient_times_input() -> None:
    x, _ = toy_pair()
    net = toy_network("plain")
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[0, 1], leaf)
    relevance = bilrp.attribute(net, x, 1, composite={"0": LRP0(), "4": LRP0()}, keep_channels=True)
    torch.testing.assert_close(relevance.values[0], (gradient * x)[0], rtol=1e-6, atol=1e-9)


def test_tiles_are_sums_of_pixels() -> None:
    x, _ = toy_pair()
    net = toy_network("bias")
    fine, tiles = (bilrp.attribute(net, x, [0, 1], pool=pool).values for pool in (None, 4))
    torch.testing.assert_close(tiles, fine.reshape(2, 2, 4, 2, 4).sum((2, 4)))


def test_tokens_have_one_value_each() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(30, 3)).double()
    tokens = torch.randint(0, 20, (2, 5))
    relevance = bilrp.attribute(net, tokens, 1, composite="epsilon")
    assert relevance.values.shape == (2, 5)
    torch.testing.assert_close(relevance.values.sum(1), net(tokens)[:, 1] - net[2].bias[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (5, "target is 5 for outputs of shape \\(5,\\), expected numbers below these"),
        ((1, 2), "expected a class number for each output"),
        ("best", "target is 'best', expected a class"),
        ([], "target is an empty list"),
        ([1.5], "target is 1.5 for outputs"),
        (True, "target is True for outputs"),
        (torch.ones(4), "weights of shape \\(4,\\), expected \\(5,\\) or \\(K, 5,\\)"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(target: object, message: str) -> None:
    x, _ = toy_pair()
    with pytest.raises(InputError, match=message):
        bilrp.attribute(toy_network("plain"), x, target)


@pytest.mark.parametrize("x", [torch.rand(0, 3, 8, 8), torch.rand(8)])
def test_an_input_without_samples_is_refused(x: Tensor) -> None:
    with pytest.raises(InputError, match="expected one or more inputs with their batch axis"):
        bilrp.attribute(toy_network("plain"), x)


class Classifier(nn.Module):
    """Like those of Hugging Face: token numbers and a mask in, an object with logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(20, 6)
        self.head = nn.Linear(6, 3, bias=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> object:
        weights = attention_mask[..., None] / attention_mask.sum(1)[:, None, None]
        return type("Output", (), {"logits": self.head((self.vectors(input_ids) * weights).sum(1))})()


def test_inputs_of_several_tensors_and_outputs_with_logits() -> None:
    torch.manual_seed(0)
    net = Classifier().double()
    texts = {
        "input_ids": torch.randint(0, 20, (2, 5)),
        "attention_mask": torch.tensor([[1.0] * 5, [1.0] * 3 + [0.0] * 2]),
    }
    relevance = bilrp.attribute(net, texts, [0, 2], composite="epsilon")
    assert relevance.values.shape == (4, 5)
    vectors = net.vectors(texts["input_ids"]) @ net.head.weight.T / torch.tensor([5.0, 3.0])[:, None, None]
    vectors[1, 3:] = 0
    torch.testing.assert_close(
        relevance.values, vectors[:, :, [0, 2]].transpose(1, 2).flatten(0, 1), rtol=1e-4, atol=1e-5
    )
    by_place = bilrp.attribute(
        net, (texts["input_ids"], texts["attention_mask"]), [0, 2], composite="epsilon", relevance_of=0
    )
    torch.testing.assert_close(by_place.values, relevance.values)


def test_an_input_that_the_model_cannot_take_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="cannot be run on"):
        bilrp.attribute(toy_network("plain"), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(InputError, match="expected a tensor with its batch axis"):
        bilrp.attribute(toy_network("plain"), np.zeros((1, 3, 8, 8)))


def test_rules_are_chosen_by_themselves() -> None:
    x, _ = toy_pair()
    relevance = bilrp.attribute(toy_network("residual"), x)
    assert relevance.certificate.composite.startswith("auto")


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    plain = bilrp.attribution.explain_batch
    monkeypatch.setattr(
        bilrp.attribution, "explain_batch", lambda m, x, *a, **k: seen.append(len(x)) or plain(m, x, *a, **k)
    )
    return seen


@pytest.mark.parametrize("composite", ["auto", "gamma"])
@pytest.mark.parametrize("bias", ["leave", "distribute"])
def test_a_batch_goes_in_one_pass_as_if_each_were_alone(
    composite: str, bias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counting(monkeypatch)
    pictures = torch.cat([*toy_pair(), *toy_pair(seed=3)])
    net = toy_network("residual")
    together = bilrp.attribute(net, pictures, "max", composite=composite, bias=bias)
    assert seen == [4]
    alone = [bilrp.attribute(net, picture[None], "max", composite=composite, bias=bias) for picture in pictures]
    torch.testing.assert_close(together.values, torch.cat([each.values for each in alone]), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(together.embedding, torch.cat([each.embedding for each in alone]))


def test_auto_chooses_for_each_input_of_a_batch() -> None:
    torch.manual_seed(1)
    layers: list[nn.Module] = [nn.Linear(6, 30, bias=False), nn.ReLU()]
    for _ in range(3):
        layers += [nn.Linear(30, 30, bias=False), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(30, 40, bias=False))
    x = torch.randn(12, 6)
    alone = [bilrp.attribute(net, row[None], 3) for row in x]
    assert len({each.coverage.conditions.composite for each in alone if each.coverage.conditions}) > 1
    torch.testing.assert_close(
        bilrp.attribute(net, x, 3).values, torch.cat([each.values for each in alone]), rtol=1e-3, atol=1e-5
    )


def test_inputs_that_meet_or_choose_differently_are_explained_one_by_one() -> None:
    class Meets(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :4] * 2 + x.flatten(1)[:, :4].mean(0)

    pictures = torch.cat(toy_pair())
    rows = bilrp.attribute(Meets(), pictures, 0, composite="epsilon").values
    torch.testing.assert_close(rows[:1], bilrp.attribute(Meets(), pictures[:1], 0, composite="epsilon").values)
    net = toy_network("bias")
    bright = float(net(pictures)[:, 0].detach().mean())
    some = bilrp.attribute(net, pictures, lambda out: [0, 1] if float(out[0, 0]) > bright else [2])
    assert len(some.values) == 3


def test_tokens_stay_with_the_relevance_of_a_text() -> None:
    net = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    relevance = bilrp.attribute(net, torch.tensor([[1, 2, 3]]), 0, tokens=["un", "##kind", "."])
    assert relevance.tokens == ("un", "##kind", ".")
    words = relevance.words()
    assert words.tokens == ("unkind", ".")
    torch.testing.assert_close(words.values.sum(), relevance.values.sum())
    assert relevance.plot() is not None
    with pytest.raises(bilrp.InputError, match="2 tokens for values of shape"):
        bilrp.attribute(net, torch.tensor([[1, 2, 3]]), 0, tokens=["a", "b"])
