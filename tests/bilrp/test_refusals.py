"""Every refusal names a remedy, and the remedy works: applied, it gives an explanation that is finite and conserves."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import BilrpError, Relevance, explain_outputs
from bilrp.exceptions import DoubtfulExplanationWarning, InputError, UnseenOperationError, UnsupportedOperationError
from bilrp.rules import RULES, Rule

Function = Callable[["Layers", Tensor], Tensor]


class Layers(nn.Module):
    """Two projections of six numbers, and a function that may use them."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(9)
            self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def explained(function: Function, rules: Mapping[str, Rule] | None = None) -> Relevance:
    x = torch.rand(1, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5
    return explain_outputs(Layers(function).double(), x, rules, bias="distribute")


def conserved(result: Relevance) -> None:
    assert torch.isfinite(result.values).all()
    torch.testing.assert_close(result.values.flatten(1).sum(1), result.embedding, rtol=1e-6, atol=1e-9)


def square(x: Tensor) -> Tensor:
    return torch.outer(x[0], x[0]) + 3 * torch.eye(6, dtype=x.dtype)


WITHOUT_RULES: dict[str, Function] = {
    "inverse": lambda m, x: torch.linalg.inv(square(m.a(x))).sum(0, keepdim=True),
    "solution": lambda m, x: torch.linalg.solve(square(m.a(x)), x[0])[None],
    "eigenvectors, the second result": lambda m, x: torch.linalg.eigh(square(m.a(x)))[1].reshape(1, -1),
    "singular values, the second result": lambda m, x: torch.linalg.svd(square(m.a(x)))[1][None],
    "logarithm of a determinant": lambda m, x: torch.logdet(square(m.a(x))).reshape(1, 1),
    "angle of two": lambda m, x: torch.atan2(m.a(x), m.b(x)),
    "power of two": lambda m, x: torch.pow(x, m.b(x)),
    "phase": lambda m, x: torch.fft.rfft(m.a(x)).angle(),
    "histogram": lambda m, x: torch.histc(m.a(x), 4)[None],
    "unique": lambda m, x: torch.unique(m.a(x))[None],
    "loss as a distance": lambda m, x: F.smooth_l1_loss(m.a(x), m.b(x)).reshape(1, 1),
    "two in a row": lambda m, x: torch.linalg.inv(torch.linalg.inv(square(m.a(x)))).sum(0, keepdim=True),
}


@pytest.mark.parametrize("name", WITHOUT_RULES)
def test_the_rule_that_is_recommended_works(name: str) -> None:
    function = WITHOUT_RULES[name]
    with pytest.raises(UnsupportedOperationError, match=r"relevance reaches this operation and no rule is") as error:
        explained(function)
    recommended = re.findall(r"'([^']+)': (\w+)\(\)", str(error.value))
    assert recommended
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = explained(function, {layer: RULES[rule]() for layer, rule in recommended})
    torch.testing.assert_close(result.embedding, Layers(function).double()(torch_input())[0].detach())
    conserved(result)
    assert {entry.name for entry in result.coverage.approximate} >= {layer for layer, _ in recommended}


def torch_input() -> Tensor:
    return torch.rand(1, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5


def hidden(x: Tensor) -> Tensor:
    with torch._C.DisableTorchFunction():
        return x * 2


def viewed_as_another_type(m: Layers, x: Tensor) -> Tensor:
    y = m.a(x)
    bits = y.view(torch.int64)
    y.relu_()
    return y * (bits != 0)


def cloned_first(m: Layers, x: Tensor) -> Tensor:
    y = m.a(x)
    bits = y.clone().view(torch.int64)
    y.relu_()
    return y * (bits != 0)


def into_another_shape(m: Layers, x: Tensor) -> Tensor:
    y = torch.empty(0, dtype=x.dtype)
    torch.mul(m.a(x), 2, out=y)
    return y


ADJACENCY = torch.eye(6, dtype=torch.float64).roll(1, 0)
REWRITTEN: dict[str, tuple[type[BilrpError], str, Function, Function]] = {
    "numpy": (
        UnsupportedOperationError,
        r"leaves PyTorch by \.numpy\(\).* Write this step with torch functions",
        lambda m, x: torch.from_numpy(m.a(x).detach().numpy() * 2),
        lambda m, x: m.a(x) * 2,
    ),
    "lists": (
        UnsupportedOperationError,
        r"leaves PyTorch by \.tolist\(\)",
        lambda m, x: torch.tensor(m.a(x).tolist(), dtype=x.dtype),
        lambda m, x: m.a(x),
    ),
    "vmap": (
        UnseenOperationError,
        r"torch\.func\.vmap \(call the function on the batch",
        lambda m, x: torch.func.vmap(lambda row: m.a(row))(x),
        lambda m, x: m.a(x),
    ),
    "vmap, stacked": (
        UnseenOperationError,
        r"or stack it over samples",
        lambda m, x: torch.func.vmap(lambda row: m.a(row))(x),
        lambda m, x: torch.stack([m.a(row) for row in x]),
    ),
    "switched-off overrides": (
        UnseenOperationError,
        "write that step with torch functions",
        lambda m, x: hidden(m.a(x)) + 0,
        lambda m, x: m.a(x) * 2,
    ),
    "nested tensors": (
        UnsupportedOperationError,
        "nested tensors have no rules. Pad the sequences",
        lambda m, x: m.a(torch.nested.as_nested_tensor([x]).to_padded_tensor(0.0))[0],
        lambda m, x: m.a(F.pad(x, (0, 0, 0, 1)))[:1],
    ),
    "memory of another type": (
        UnsupportedOperationError,
        "Clone one of the two first",
        viewed_as_another_type,
        cloned_first,
    ),
    "out= of another shape": (
        UnsupportedOperationError,
        "Leave out= away",
        into_another_shape,
        lambda m, x: torch.mul(m.a(x), 2),
    ),
    "sparse products that take the largest": (
        UnsupportedOperationError,
        "Use reduce='sum', or scatter_reduce on dense tensors",
        lambda m, x: torch.sparse.mm(ADJACENCY.to_sparse_csr(), m.a(x).T, "amax").T,
        lambda m, x: torch.sparse.mm(ADJACENCY.to_sparse_csr(), m.a(x).T, "sum").T,
    ),
    "several results": (
        InputError,
        "Wrap it in a module that picks the embedding",
        lambda m, x: (m.a(x), m.b(x)),  # type: ignore[return-value, dict-item]
        lambda m, x: (m.a(x), m.b(x))[0],
    ),
    "choices alone": (
        InputError,
        "Explain what they choose by",
        lambda m, x: F.one_hot(m.a(x).argmax(-1), 6).double(),
        lambda m, x: m.a(x),
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", REWRITTEN)
def test_the_way_of_writing_that_is_recommended_works(name: str) -> None:
    kind, message, refused, rewritten = REWRITTEN[name]
    with pytest.raises(kind, match=message):
        explained(refused)
    conserved(explained(rewritten))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize.*")
def test_quantised_layers_are_referred_to_the_model_before() -> None:
    whole = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    x = torch.rand(1, 6)
    try:
        quantised = torch.ao.quantization.quantize_dynamic(whole, {nn.Linear})
        quantised(x)
    except RuntimeError:
        pytest.skip("no engine for quantised layers here")
    with pytest.raises(UnsupportedOperationError, match="Explain the model as it was before it was quantised"):
        explain_outputs(quantised, x)
    result = explain_outputs(whole, x, bias="distribute")
    torch.testing.assert_close(result.values.sum(1), result.embedding, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", [torch.jit.script, lambda model: torch.jit.trace(model, torch.rand(1, 3, 8, 8))])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_scripted_and_traced_models_are_explained_as_their_originals(way: Callable[[nn.Module], nn.Module]) -> None:
    model = nn.Sequential(
        *(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 3, groups=2),
            nn.GroupNorm(2, 4),
        ),
        *(nn.MaxPool2d(2), nn.ConvTranspose2d(4, 4, 2, 2), nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 3)),
    ).eval()
    x = torch.rand(1, 3, 8, 8)
    got, expected = (explain_outputs(each, x, "epsilon") for each in (way(model), model))
    torch.testing.assert_close(got.values, expected.values, rtol=1e-4, atol=1e-6)


def test_the_page_on_operations_runs_and_names_what_there_is() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "bilrp" / "operations.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "operations.md", "exec"), {})
    assert set(re.findall(r"`([A-Z]\w+)(?:\(|`)", page)) <= set(RULES)


@pytest.mark.parametrize("function", [lambda m, x: m.a(x) + x.sum().item(), lambda m, x: m.a(x) * float(x.norm())])
def test_a_number_that_is_read_out_is_said_to_be_held_fixed(function: Function) -> None:
    with pytest.warns(DoubtfulExplanationWarning, match=r"read out by .* held fixed.*Keep it as a tensor"):
        explained(function)


def test_a_choice_by_a_number_is_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explained(lambda m, x: m.a(x) if x.sum() > 0 and int((x > 0).sum()) < 9 else m.b(x))
