"""Products of activations: gates, halves, bilinear forms, softmax; each against its formula written out (float64)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import Relevance, explain_outputs
from bilrp._trace import operations
from bilrp.composites import DEFAULTS, Composite, OfKind
from bilrp.exceptions import RuleError
from bilrp.rules import LRP0, BilinearShare, Gate, ProductShare, Rule, SoftmaxTaylor, SumShare

T, C = 4, 6


class Parts(nn.Module):
    """Three bias-free projections of tokens (1, T, C), and a function of them."""

    def __init__(self, function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.a, self.b, self.c = (nn.Linear(C, C, bias=False) for _ in range(3))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.a(x), self.b(x), self.c(x)).flatten(1)


def tokens() -> Tensor:
    return torch.randn(1, T, C, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def explained(
    function: Callable[..., Tensor], rules: Mapping[str, Rule] | None = None, bias: str = "leave"
) -> Relevance:
    """Without stabilizers, so that formulas hold to rounding."""
    exact = [
        (OfKind("linear"), LRP0(eps=0)),
        (OfKind("sum"), SumShare(eps=0)),
        (OfKind("attention"), SumShare(eps=0)),
        (OfKind("bilinear"), BilinearShare(eps=0)),
    ]
    composite = Composite([*(rules or {}).items(), *exact])
    return explain_outputs(Parts(function).double(), tokens(), composite, bias=bias)


def through(which: str, above: np.ndarray, model: Parts | None = None) -> np.ndarray:
    """LRP-0 of one of the projections: relevance (K, T, C) of its output to that of its input."""
    model = model or Parts(lambda a, b, c: a).double()
    weight = getattr(model, which).weight.detach().numpy()
    x = tokens()[0].numpy()
    return x * ((above / (x @ weight.T)) @ weight)


def projected() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    model = Parts(lambda a, b, c: a).double()
    with torch.no_grad():
        return tuple(getattr(model, name)(tokens())[0].numpy() for name in "abc")  # type: ignore[return-value]


GATED: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "sigmoid": lambda a, b, c: torch.sigmoid(a) * b,
    "sigmoid behind": lambda a, b, c: b * torch.sigmoid(a),
    "squeeze and excite": lambda a, b, c: b * torch.sigmoid(a.mean(1, keepdim=True)),
    "reshaped, scaled, complemented": lambda a, b, c: b * (1 - 0.5 * torch.sigmoid(a).reshape(1, T, C)),
    "average of gates": lambda a, b, c: ((torch.sigmoid(a) + torch.sigmoid(c)) / 2).expand(1, T, C) * b,
    "SwiGLU": lambda a, b, c: F.silu(a) * b,
    "GEGLU": lambda a, b, c: b * F.gelu(a),
    "sigmoid over tanh": lambda a, b, c: torch.sigmoid(a) * torch.tanh(b),
    "softmax pooling": lambda a, b, c: torch.softmax(a, 1) * b,
    "softmax written out": lambda a, b, c: (lambda e: e / e.sum(1, keepdim=True))(a.exp()) * torch.tanh(b),
    "glu": lambda a, b, c: F.glu(torch.cat([b, a], -1), -1),
    "sigmoid written out": lambda a, b, c: (1 / (1 + torch.exp(-a))) * torch.tanh(b),
    "sigmoid by a power": lambda a, b, c: (1 + torch.exp(-a)) ** -1 * torch.tanh(b),
    "sigmoid by tanh": lambda a, b, c: 0.5 * (torch.tanh(a / 2) + 1) * torch.tanh(b),
    "GEGLU written out": lambda a, b, c: 0.5 * a * (1 + torch.tanh(0.8 * (a + 0.04 * a**3))) * b,
    "GEGLU by erf": lambda a, b, c: a * (0.5 * (1 + torch.erf(a / 2**0.5))) * b,
    "SwiGLU written out": lambda a, b, c: b * (a * torch.sigmoid(a)),
    "chosen gates": lambda a, b, c: (lambda top: top / top.sum(-1, keepdim=True))(a.softmax(-1).topk(C)[0]) * b,
}


@pytest.mark.parametrize("name", GATED)
def test_the_value_carries_and_the_gate_is_not_reached(name: str) -> None:
    result = explained(GATED[name])
    value = result.embedding.numpy().reshape(T, C)
    above = np.zeros((T * C, T, C))
    above.reshape(T * C, -1)[np.arange(T * C), np.arange(T * C)] = value.reshape(-1)
    np.testing.assert_allclose(result.values, through("b", above), rtol=1e-9, atol=1e-11)
    states = {entry.function: entry.state for entry in result.coverage.entries}
    assert [entry.kind for entry in result.coverage.entries if entry.state != "fixed"].count("gate") == 1
    assert states.get("sigmoid", states.get("softmax", states.get("silu", states.get("gelu", "fixed")))) == "fixed"


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c: (1 + torch.tanh(a) * c) * b,  # made of more than the gate
        lambda a, b, c: (1 + torch.exp(a)) * torch.tanh(b),  # not turned: two activations
        lambda a, b, c: a * torch.sigmoid(c) * b,  # no activation of one value
    ],
)
def test_what_only_looks_like_a_gate_is_none(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    last = [entry for entry in explained(function).coverage.entries if entry.function == "mul"][-1]
    assert last.kind == "product"


def test_a_gate_by_choice_leaves_the_other_side_without_need_of_rules() -> None:
    """Nothing has a rule for the inverse of a matrix; where it only gates, nothing has to."""

    def function(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return a[..., :T] * torch.linalg.inv(b[..., :T])

    result = explained(function, {":mul": Gate(0)})
    value = result.embedding.numpy().reshape(T, T)
    above = np.zeros((T * T, T, C))
    for k, (t, c) in enumerate(np.ndindex(T, T)):
        above[k, t, c] = value[t, c]
    np.testing.assert_allclose(result.values, through("a", above), rtol=1e-9, atol=1e-11)


def test_two_values_get_half_each() -> None:
    result = explained(lambda a, b, c: a * b)
    above = np.zeros((T * C, T, C))
    above.reshape(T * C, -1)[np.arange(T * C), np.arange(T * C)] = result.embedding.numpy() / 2
    np.testing.assert_allclose(result.values, through("a", above) + through("b", above), rtol=1e-9, atol=1e-11)
    assert [entry.name for entry in result.coverage.approximate] == [":mul"]
    gated = explained(lambda a, b, c: torch.sigmoid(a) * b, {":mul": ProductShare()})
    assert {entry.function: entry.state for entry in gated.coverage.entries}["sigmoid"] == "rule"


BILINEAR: dict[str, tuple[str, Callable[[Tensor, Tensor, Tensor], Tensor], str]] = {
    "matmul": ("matmul", lambda a, b, c: a @ b.transpose(1, 2), "ti,si->ts"),
    "A A^T": ("matmul", lambda a, b, c: a @ a.transpose(1, 2), "ti,si->ts"),
    "einsum": ("einsum", lambda a, b, c: torch.einsum("nti,nsi->nts", a, b), "ti,si->ts"),
    "bilinear pooling": ("matmul", lambda a, b, c: a.transpose(1, 2) @ b, "ti,tj->ij"),
    "outer": ("outer", lambda a, b, c: torch.outer(a[0, 0], b[0, 1])[None], ""),
    "dot": ("dot", lambda a, b, c: torch.dot(a[0, 0], b[0, 1]).reshape(1, 1), ""),
}


@pytest.mark.parametrize("name", BILINEAR)
def test_bilinear_forms_share_alike(name: str) -> None:
    """R_ti = sum_s a_ti b_si R_ts / (2 O_ts), and the same for the other factor."""
    function, operation, formula = BILINEAR[name]
    a, b, _ = projected()
    if name == "outer":
        of_a, of_b = np.zeros((C * C, T, C)), np.zeros((C * C, T, C))
        for k, (i, j) in enumerate(np.ndindex(C, C)):
            of_a[k, 0, i] = of_b[k, 1, j] = a[0, i] * b[1, j] / 2
    elif name == "dot":
        of_a, of_b = np.zeros((1, T, C)), np.zeros((1, T, C))
        of_a[0, 0] = of_b[0, 1] = a[0] * b[1] / 2
    else:
        of_a, of_b = _shares(formula, a, a if name == "A A^T" else b)
    result = explained(operation)
    expected = through("a", of_a) + through("a" if name == "A A^T" else "b", of_b)
    np.testing.assert_allclose(result.values, expected, rtol=1e-9, atol=1e-11)
    assert function in {entry.function for entry in result.coverage.approximate}


def _shares(formula: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half of every product a_.. b_.. to either factor, entry by entry of the result."""
    places, out = formula.split("->")
    left, right = places.split(",")
    sizes = {letter: (T if letter in "ts" else C) for letter in left + right}
    of_a, of_b = [], []
    for place in np.ndindex(*(sizes[letter] for letter in out)):
        at = dict(zip(out, place, strict=True))
        to_a, to_b = np.zeros_like(a), np.zeros_like(b)
        free = [letter for letter in dict.fromkeys(left + right) if letter not in at]
        for inner in np.ndindex(*(sizes[letter] for letter in free)):
            where = at | dict(zip(free, inner, strict=True))
            i, j = (tuple(where[letter] for letter in letters) for letters in (left, right))
            to_a[i] += a[i] * b[j] / 2
            to_b[j] += a[i] * b[j] / 2
        of_a.append(to_a)
        of_b.append(to_b)
    return np.stack(of_a), np.stack(of_b)


def test_one_factor_of_a_bilinear_form_can_carry_all() -> None:
    result = explained(lambda a, b, c: a @ b.transpose(1, 2), {":matmul": BilinearShare(0, eps=0)})
    a, b, _ = projected()
    np.testing.assert_allclose(result.values, through("a", 2 * _shares("ti,si->ts", a, b)[0]), rtol=1e-9, atol=1e-11)
    with pytest.raises(RuleError, match="got value 2, expected one of the 2 factors"):
        explained(lambda a, b, c: a @ b.transpose(1, 2), {":matmul": BilinearShare(2)})


def attention(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.softmax(a @ b.transpose(1, 2), -1) @ c


def slow_attention(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AttnLRP of attention(q, k, v) for each entry of its result (Achtibat et al. 2024, equations 13 to 15)."""
    scores = a @ b.T
    s = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    of_q, of_k, of_v = [], [], []
    for t, p in np.ndindex(T, C):
        weights, values = np.zeros((T, T)), np.zeros((T, C))
        for i in range(T):
            weights[t, i] = values[i, p] = s[t, i] * c[i, p] / 2  # R = O, so O cancels
        above = np.zeros((T, T))
        for i in range(T):
            above[t, i] = scores[t, i] * (weights[t, i] - s[t, i] * weights[t].sum())
        q, k = np.zeros((T, C)), np.zeros((T, C))
        for i in range(T):
            for d in range(C):
                part = a[t, d] * b[i, d] * above[t, i] / (2 * scores[t, i])
                q[t, d] += part
                k[i, d] += part
        of_q.append(q), of_k.append(k), of_v.append(values)
    return np.stack(of_q), np.stack(of_k), np.stack(of_v)


ATTNLRP = {":matmul": BilinearShare(eps=0), ":softmax": SoftmaxTaylor(), ":matmul#2": BilinearShare(eps=0)}


def test_attention_with_weights_held_fixed() -> None:
    """CP-LRP: no relevance beyond the values."""
    result = explained(attention)
    _, _, of_v = slow_attention(*projected())
    np.testing.assert_allclose(result.values, through("c", 2 * of_v), rtol=1e-9, atol=1e-11)
    assert not result.coverage.approximate


def test_attention_by_attnlrp() -> None:
    result = explained(attention, ATTNLRP)
    of_q, of_k, of_v = slow_attention(*projected())
    expected = through("a", of_q) + through("b", of_k) + through("c", of_v)
    np.testing.assert_allclose(result.values, expected, rtol=1e-9, atol=1e-11)
    assert [entry.kind for entry in result.coverage.approximate] == ["bilinear", "softmax", "attention"]


@pytest.mark.parametrize("name", ["cp-lrp", "attnlrp"])
def test_both_ways_by_name(name: str) -> None:
    """CP-LRP stops at the values; AttnLRP goes on to queries, keys and gates."""
    result = explain_outputs(Parts(attention).double(), tokens(), name)
    of_q, of_k, of_v = slow_attention(*projected())
    if name == "cp-lrp":
        expected = through("c", 2 * of_v)
    else:
        expected = through("a", of_q) + through("b", of_k) + through("c", of_v)
    values = result.values.numpy()  # presets have stabilizers: alike but for small denominators
    assert (values * expected).sum() / np.linalg.norm(values) / np.linalg.norm(expected) > 1 - 1e-6
    gated = explain_outputs(Parts(lambda a, b, c: torch.sigmoid(a) * b).double(), tokens(), name)
    assert {entry.function: entry.state for entry in gated.coverage.entries}["sigmoid"] == (
        "fixed" if name == "cp-lrp" else "rule"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # no token without an active unit, whose bias alone would speak
        layer = nn.TransformerEncoderLayer(C, 2, 8, batch_first=True).double().eval()
    whole = explain_outputs(layer, tokens(), name, bias="distribute")
    torch.testing.assert_close(whole.values.flatten(1).sum(1), whole.embedding, rtol=1e-6, atol=1e-8)


def test_softmax_by_taylor_with_its_rest_shared_out() -> None:
    """z_jk = x_j (d_jk - s_j) R_k; what is missing to R_k goes to |z_jk|."""
    result = explained(lambda a, b, c: torch.softmax(a, -1), {":softmax": SoftmaxTaylor()}, bias="distribute")
    a, _, _ = projected()
    above = np.zeros((T * C, T, C))
    for row, (t, k) in enumerate(np.ndindex(T, C)):
        s = np.exp(a[t]) / np.exp(a[t]).sum()
        z = a[t] * ((np.arange(C) == k) - s) * s[k]
        above[row, t] = z + np.abs(z) * (s[k] - z.sum()) / np.abs(z).sum()
    total = result.values.flatten(1).sum(1)
    torch.testing.assert_close(total, result.embedding, rtol=1e-8, atol=1e-10)
    kept = explained(lambda a, b, c: torch.softmax(a, -1), {":softmax": SoftmaxTaylor()})
    np.testing.assert_allclose(
        kept.values,
        through("a", np.stack([_taylor(a, t, k) for t, k in np.ndindex(T, C)])),
        rtol=1e-9,
        atol=1e-11,
    )
    shared = explain_outputs(nn.Softmax(-1), torch.from_numpy(a[:1]), {"": SoftmaxTaylor()}, bias="distribute")
    np.testing.assert_allclose(shared.values, above[:C, 0], rtol=1e-9, atol=1e-12)


def _taylor(a: np.ndarray, t: int, k: int) -> np.ndarray:
    out = np.zeros_like(a)
    s = np.exp(a[t]) / np.exp(a[t]).sum()
    out[t] = a[t] * ((np.arange(C) == k) - s) * s[k]
    return out


@pytest.mark.parametrize("mask", ["none", "minus infinity"])
def test_attnlrp_with_masks_is_finite(mask: str) -> None:
    def masked(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        scores = a @ b.transpose(1, 2)
        if mask != "none":
            scores = scores.masked_fill(torch.ones(T, T).triu(1) > 0, float("-inf"))
        return torch.softmax(scores, -1) @ c

    assert torch.isfinite(explained(masked, ATTNLRP).values).all()
    shared = explained(masked, ATTNLRP, "distribute")  # the first row sees one token alone: its weight rests on itself
    torch.testing.assert_close(shared.values.flatten(1).sum(1), shared.embedding, rtol=1e-6, atol=1e-9)


MIXED: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "talking heads": lambda a, b, c: (
        F.linear(torch.softmax(a @ b.transpose(1, 2), -1), torch.eye(T).double() + 0.1) @ c
    ),
    "mixture with positions": lambda a, b, c: (
        (0.7 * torch.softmax(a @ b.transpose(1, 2), -1) + 0.3 * torch.eye(T).double()) @ c
    ),
    "normalised mixture": lambda a, b, c: (
        F.dropout((lambda w: w / w.sum(-1, keepdim=True))(torch.softmax(a @ b.transpose(1, 2), -1) + 0.01), 0.1, False)
        @ c
    ),
    "einsum": lambda a, b, c: torch.einsum("nts,nsc->ntc", torch.softmax(a @ b.transpose(1, 2), -1), c),
}


@pytest.mark.parametrize("name", MIXED)
def test_weights_that_are_mixed_by_fixed_numbers_stay_weights(name: str) -> None:
    result = explained(MIXED[name])
    assert [entry.kind for entry in result.coverage.entries if entry.state == "rule"][-1] == "attention"
    torch.testing.assert_close(result.values.flatten(1).sum(1), result.embedding, rtol=1e-6, atol=1e-9)


def test_softmax_as_the_end_passes_relevance_to_its_entries() -> None:
    """As when it is written out: the exponential passes, its sum is held fixed."""
    written = explained(lambda a, b, c: a.exp() / a.exp().sum(-1, keepdim=True))
    torch.testing.assert_close(explained(lambda a, b, c: torch.softmax(a, -1)).values, written.values)


def test_kernels_computed_from_the_input() -> None:
    """Half to the kernel, half to what it slides over; the bias beside it keeps its share."""
    bias = torch.full((2,), 0.3, dtype=torch.float64)

    def dynamic(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return F.conv1d(a, b.reshape(-1)[: 2 * T * 3].reshape(2, T, 3), bias)

    result = explained(dynamic)
    a, b, _ = projected()
    kernel = b.reshape(-1)[: 2 * T * 3].reshape(2, T, 3)
    of_a, of_b = [], []
    for o, p in np.ndindex(2, C - 2):
        to_a, to_k = np.zeros_like(a), np.zeros_like(kernel)
        for i, d in np.ndindex(T, 3):
            to_a[i, p + d] += a[i, p + d] * kernel[o, i, d] / 2
            to_k[o, i, d] += a[i, p + d] * kernel[o, i, d] / 2
        of_a.append(to_a)
        of_b.append(np.pad(to_k.reshape(-1), (0, b.size - to_k.size)).reshape(b.shape))
    np.testing.assert_allclose(
        result.values, through("a", np.stack(of_a)) + through("b", np.stack(of_b)), rtol=1e-9, atol=1e-11
    )


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(RuleError, match="expected 0, 1 or None"):
        Gate(2)
    assert not Gate(None).serves(explained_context())
    assert SumShare().kinds >= {"attention"}


def explained_context() -> object:
    from bilrp._trace.operations import OperationContexts
    from bilrp._trace.recorder import frozen_eval, record

    model = Parts(lambda a, b, c: a * b).double()
    with frozen_eval(model, torch.device("cpu")):
        tape = record(model, tokens())
    contexts = OperationContexts(tape)
    return next(contexts.of(operation) for operation in tape.operations if operation.function == "mul")


def test_the_table_of_kinds_names_the_defaults() -> None:
    told = re.findall(r"^(\w+) +.* `(\w+)`", operations.__doc__ or "", re.MULTILINE)
    assert dict(told) == {kind: type(rule).__name__ for kind, rule in DEFAULTS.items()}
