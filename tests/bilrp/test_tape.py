"""What the recording sees, what it refuses, and what the coverage report says about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import Coverage, InputError, UnseenOperationError, UnsupportedOperationError, explain_outputs
from bilrp._trace.attention import scaled_dot_product_attention
from bilrp.rules import SlopeShare, SumShare
from bilrp.testing import TOYS, toy_network, toy_pair


class Model(nn.Module):
    """A module around a function, with two layers that it may use."""

    def __init__(self, function: object) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
            self.head = nn.Linear(4, 2, bias=False)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.function(self, x)  # type: ignore[operator]
        return out


def explained(function: object, composite: object = None) -> tuple[Tensor, Coverage]:
    x, _ = toy_pair()
    result = explain_outputs(Model(function).double(), x, composite)  # type: ignore[arg-type]
    return result.values, result.coverage


def in_modules(m: Model, x: Tensor) -> Tensor:
    return m.head(nn.AdaptiveAvgPool2d(1)(nn.ReLU()(m.conv(x))).flatten(1))


def in_functions(m: Model, x: Tensor) -> Tensor:
    y = F.conv2d(x, m.conv.weight, padding=1).clamp(min=0)
    return y.mean((2, 3)) @ m.head.weight.T


def in_place(m: Model, x: Tensor) -> Tensor:
    y = m.conv(x)
    y.relu_()
    return torch.einsum("nc,oc->no", y.mean(3).mean(2), m.head.weight)


def reshaped(m: Model, x: Tensor) -> Tensor:
    y = torch.relu(m.conv(x))
    parts = torch.stack([part.sum((2, 3)) for part in y.chunk(2, dim=1)]).permute(1, 0, 2)
    flat = torch.cat([parts[:, 0], parts[:, 1]], dim=-1).reshape(len(x), -1)
    return F.linear(flat / 64, m.head.weight)


@pytest.mark.parametrize("function", [in_functions, in_place, reshaped])
def test_however_a_model_is_written_its_explanation_is_the_same(function: object) -> None:
    expected, _ = explained(in_modules, "gamma")
    got, _ = explained(function, "gamma")
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)


def test_in_place_changes_do_not_reach_earlier_layers() -> None:
    """The convolution reads x before it is changed in place: its relevance must use the old values."""

    def careless(m: Model, x: Tensor) -> Tensor:
        y = m.conv(x).flatten(1)
        z = x * 1.0
        y = y + m.conv(z).flatten(1)
        z.mul_(0.0)
        return y

    def careful(m: Model, x: Tensor) -> Tensor:
        return m.conv(x).flatten(1) + m.conv(x * 1.0).flatten(1)

    torch.testing.assert_close(explained(careless)[0], explained(careful)[0])


def test_assignment_into_a_tensor_is_followed() -> None:
    def model(m: Model, x: Tensor) -> Tensor:
        out = torch.zeros(1, 4, dtype=x.dtype)
        out[:, :2] = x.mean((2, 3))[:, :2]
        return m.head(out)

    def plain(m: Model, x: Tensor) -> Tensor:
        means = x.mean((2, 3))[:, :2]
        return m.head(F.pad(means, (0, 2)))

    torch.testing.assert_close(explained(model)[0], explained(plain)[0])


def test_gathers_and_scatters_are_followed() -> None:
    """The way of a bigram layer: pick, compare, count into bins."""
    first, second, bins = torch.tensor([0, 5, 9]), torch.tensor([3, 5, 1]), torch.tensor([1, 0, 1])

    def model(m: Model, x: Tensor) -> Tensor:
        flat = x.flatten()
        pair = torch.minimum(flat[first], flat[second])
        return torch.zeros(2, dtype=x.dtype).index_add(0, bins, pair).sqrt()[None]

    values, coverage = explained(model)
    x, _ = toy_pair()
    with torch.no_grad():
        expected = Model(model).double()(x)[0]
    torch.testing.assert_close(values.flatten(1).sum(1), expected, rtol=1e-6, atol=1e-9)
    assert not coverage.approximate


def inverted(m: Model, x: Tensor) -> Tensor:
    y = m.conv(x)[0, :, :4, :4]
    return m.head(torch.linalg.inv(y).mean((1, 2))[None])


def test_unknown_operation_names_itself_its_place_and_the_remedy() -> None:
    message = r":inv \(.*inv in the model itself\): relevance reaches .* no rule .*':.*inv': SlopeShare\(\)"
    with pytest.raises(UnsupportedOperationError, match=message.replace(":inv", ":.*inv")) as error:
        explained(inverted)
    name = re.search(r"'(:\w+)': SlopeShare", str(error.value))
    assert name is not None
    values, coverage = explained(inverted, {name[1]: SlopeShare()})
    assert [entry.name for entry in coverage.approximate] == [name[1]]
    x, _ = toy_pair()
    with torch.no_grad():
        torch.testing.assert_close(values.flatten(1).sum(1), Model(inverted).double()(x)[0], rtol=1e-5, atol=1e-8)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * 2


def test_the_inside_of_custom_functions_is_followed() -> None:
    got, _ = explained(lambda m, x: m.head(Doubled.apply(m.conv(x)).mean((2, 3))))
    expected, _ = explained(lambda m, x: m.head((m.conv(x) * 2).mean((2, 3))))
    torch.testing.assert_close(got, expected)


def hidden(x: Tensor) -> Tensor:
    with torch._C.DisableTorchFunction():
        return x * 2


def test_hidden_computation_is_refused_rather_than_taken_for_a_constant() -> None:
    with pytest.raises(UnseenOperationError, match=r"computed from the input by code that bilrp cannot see"):
        explained(lambda m, x: m.head(hidden(m.conv(x)).mean((2, 3))))
    with pytest.raises(UnseenOperationError, match="the embedding was computed"):
        explained(lambda m, x: hidden(x))


def test_leaving_torch_is_refused() -> None:
    with pytest.raises(UnsupportedOperationError, match=r"leaves PyTorch by \.numpy"):
        explained(lambda m, x: torch.from_numpy(x.numpy() * 2))


def test_changes_of_another_type_in_shared_memory_are_refused() -> None:
    def model(m: Model, x: Tensor) -> Tensor:
        y = m.conv(x).flatten(1)
        view = y.view(torch.float32)
        y.relu_()
        return view * 1

    with pytest.raises(UnsupportedOperationError, match=r"shares\. Clone one of the two first"):
        explained(model)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda m, x: (x, x), "returned tuple, expected one floating-point tensor"),
        (lambda m, x: m.head.weight * 1, "does not depend on the input"),
        (lambda m, x: m.conv(x).mean((2, 3))[0], r"embedding of shape \(4,\), expected \(1, M\)"),
    ],
)
def test_bad_embeddings_are_refused(function: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explained(function)


@pytest.mark.parametrize("kind", TOYS)
def test_coverage_has_every_operation_and_no_gap(kind: str) -> None:
    x, _ = toy_pair()
    coverage = explain_outputs(toy_network(kind), x, "gamma").coverage
    assert sum(coverage.counts.values()) == len(coverage.entries)
    assert {entry.state for entry in coverage.entries} <= {"rule", "exact", "fixed"}
    assert len({entry.name for entry in coverage.entries}) == len(coverage.entries)
    assert (coverage.counts["fixed"] > 0) == (kind == "transformer")  # queries, keys and their softmax
    assert Coverage.from_dict(json.loads(json.dumps(coverage.to_dict()))) == coverage
    assert coverage.entries[0].name in str(coverage)


def test_coverage_says_what_was_kept() -> None:
    x, _ = toy_pair()
    kept = explain_outputs(toy_network("bias"), x, "lrp0").coverage.entries
    assert max(entry.kept for entry in kept if entry.kind == "linear") > 0.01
    plain = explain_outputs(toy_network("plain"), x, "lrp0").coverage.entries
    assert max(entry.kept for entry in plain) < 1e-6


def joined(m: Model, x: Tensor) -> Tensor:
    return m.conv(torch.cat([x, torch.ones(1, 3, 2, 8, dtype=x.dtype)], dim=2)).mean((2, 3))


def padded(m: Model, x: Tensor) -> Tensor:
    return m.conv(F.pad(x, (1, 1, 1, 1), value=1.0)).mean((2, 3))


def filled(m: Model, x: Tensor) -> Tensor:
    return m.conv(x.masked_fill(torch.arange(8) > 5, 1.0)).mean((2, 3))


@pytest.mark.parametrize(("function", "name"), [(joined, ":cat"), (padded, ":pad"), (filled, ":masked_fill")])
def test_coverage_says_what_constants_take(function: object, name: str) -> None:
    x, _ = toy_pair()
    result = explain_outputs(Model(function).double(), x, "lrp0")
    kept = {entry.name: entry.kept for entry in result.coverage.entries if entry.kept > 1e-6}
    assert list(kept) == [name]
    missing = float((result.values.flatten(1).sum(1) - result.embedding).abs().sum() / result.embedding.abs().sum())
    assert kept[name] == pytest.approx(missing, rel=1e-6)


def test_attention_in_pieces_equals_pytorchs_own() -> None:
    model = toy_network("transformer")
    x, _ = toy_pair()
    with torch.no_grad():
        expected = model(x)[0]
    torch.testing.assert_close(explain_outputs(model, x, "epsilon").embedding, expected)


def test_scaled_dot_product_attention_follows_the_values() -> None:
    def model(m: Model, x: Tensor) -> Tensor:
        tokens = m.conv(x).flatten(2).transpose(1, 2)
        return m.head(F.scaled_dot_product_attention(tokens, tokens, tokens).mean(1))

    values, coverage = explained(model, {":matmul#2": SumShare()})
    assert values.shape[0] == 2
    assert [(entry.name, entry.kind) for entry in coverage.entries if entry.function == "matmul"] == [
        (":matmul", "bilinear"),
        (":matmul#2", "attention"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": torch.ones(3, 3).tril() > 0},
        {"attn_mask": torch.linspace(-1, 1, 9).reshape(3, 3)},
    ],
    ids=["plain", "causal", "scale", "mask", "additive mask"],
)
def test_scaled_dot_product_attention_in_pieces_equals_pytorchs_own(options: dict[str, object]) -> None:
    query, key, value = torch.randn(3, 1, 4, 3, 2, generator=torch.Generator().manual_seed(1)).unbind()
    expected = F.scaled_dot_product_attention(query, key, value, **options)  # type: ignore[arg-type]
    got = scaled_dot_product_attention(query, key, value, **options)  # type: ignore[arg-type]
    torch.testing.assert_close(got, expected)
    grouped = F.scaled_dot_product_attention(query, key[:, :2], value[:, :2], enable_gqa=True)
    torch.testing.assert_close(scaled_dot_product_attention(query, key[:, :2], value[:, :2], enable_gqa=True), grouped)


def test_importing_bilrp_imports_no_matplotlib() -> None:
    code = "import sys, bilrp; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
