"""LSTM, GRU and RNN: the same values as PyTorch's own, and relevance as Arras et al. write it, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bilrp import explain_outputs
from bilrp.composites import Composite, OfKind
from bilrp.rules import LRP0, Gate, SumShare

D, H, T = 4, 3, 5
EXACT = Composite([(OfKind("linear"), LRP0(eps=0)), (OfKind("sum"), SumShare(eps=0))])


class Reading(nn.Module):
    """A recurrent network, and what is read off from it."""

    def __init__(self, network: nn.Module, read: Callable[[Any, Tensor], Tensor] | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            for parameter in network.parameters():
                nn.init.uniform_(parameter, -1, 1)
        self.network = network.double()
        self.read = read or (lambda network, x: network(x)[0][:, -1])

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.network, x)


def sequence() -> Tensor:
    return torch.randn(1, T, D, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def weights_of(network: nn.Module) -> list[np.ndarray]:
    return [
        getattr(network, f"{name}_l0").detach().numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def slow_lstm(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """LRP of h_T: all of f*c to c, of i*g to g, of o*tanh(c) to c; c and g share in proportion (Arras et al. 2017)."""
    w, u, b, d = weights
    states = [(np.zeros(H), np.zeros(H))]
    steps = []
    for t in range(T):
        h, c = states[-1]
        z = w @ x[t] + u @ h + b + d
        i, f, g, o = sigmoid(z[:H]), sigmoid(z[H : 2 * H]), np.tanh(z[2 * H : 3 * H]), sigmoid(z[3 * H :])
        steps.append((h, c, z[2 * H : 3 * H], i * g, f * c))
        states.append((o * np.tanh(f * c + i * g), f * c + i * g))
    out = np.zeros((H, T, D))
    for k in range(H):
        of_h = np.eye(H)[k] * states[-1][0]
        of_c = np.zeros(H)
        for t in reversed(range(T)):
            h, _, signal, admitted, kept = steps[t]
            of_c = of_c + of_h
            of_g = of_c * admitted / (admitted + kept)
            of_c = of_c * kept / (admitted + kept)
            rows = slice(2 * H, 3 * H)
            out[k, t] = x[t] * ((of_g / signal) @ w[rows])
            of_h = h * ((of_g / signal) @ u[rows])
    return out


def slow_gru(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The same for h = (1 - z) n + z h and n = tanh(W x + b + r * (U h) + r * d), r and z held fixed."""
    w, u, b, d = weights
    h = np.zeros(H)
    steps = []
    for t in range(T):
        a = w @ x[t] + b
        r, z = (sigmoid(a[s] + u[s] @ h + d[s]) for s in (slice(0, H), slice(H, 2 * H)))
        of_input, of_state = a[2 * H :], u[2 * H :] @ h
        signal = of_input + r * of_state + r * d[2 * H :]
        n = np.tanh(signal)
        steps.append((h, signal, of_input, r * of_state, of_state, (1 - z) * n, z * h))
        h = (1 - z) * n + z * h
    out = np.zeros((H, T, D))
    for k in range(H):
        of_h = np.eye(H)[k] * h
        for t in reversed(range(T)):
            before, signal, of_input, gated, of_state, new, old = steps[t]
            of_n = of_h * new / (new + old)
            of_h = of_h * old / (new + old)
            out[k, t] = x[t] * ((of_n * of_input / signal / of_input) @ w[2 * H :])
            share = np.divide(of_n * gated / signal, of_state, out=np.zeros(H), where=of_state != 0)
            of_h = of_h + before * (share @ u[2 * H :])
    return out


def slow_rnn(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """LRP-0 of tanh(W x + U h + b), layer by layer in time."""
    w, u, b, d = weights
    states, sums = [np.zeros(H)], []
    for t in range(T):
        sums.append(w @ x[t] + u @ states[-1] + b + d)
        states.append(np.tanh(sums[-1]))
    out = np.zeros((H, T, D))
    for k in range(H):
        of_h = np.eye(H)[k] * states[-1]
        for t in reversed(range(T)):
            out[k, t] = x[t] * ((of_h / sums[t]) @ w)
            of_h = states[t] * ((of_h / sums[t]) @ u)
    return out


@pytest.mark.parametrize(("kind", "slow"), [(nn.LSTM, slow_lstm), (nn.GRU, slow_gru), (nn.RNN, slow_rnn)])
def test_step_by_step(kind: type[nn.RNNBase], slow: Callable[..., np.ndarray]) -> None:
    model = Reading(kind(D, H, batch_first=True))
    result = explain_outputs(model, sequence(), EXACT)
    np.testing.assert_allclose(result.values, slow(sequence()[0].numpy(), weights_of(model.network)), atol=1e-12)


def by_cells(cell: Any, x: Tensor) -> Tensor:
    state = None
    for t in range(x.shape[1]):
        state = cell(x[:, t], state)
    return state[0] if isinstance(state, tuple) else state  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_cells_are_steps(name: str) -> None:
    network = Reading(getattr(nn, name)(D, H, batch_first=True))
    cells = Reading(getattr(nn, f"{name}Cell")(D, H), by_cells)
    for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cells.network, key).data = getattr(network.network, f"{key}_l0").data
    got, expected = (explain_outputs(model, sequence(), EXACT).values for model in (cells, network))
    torch.testing.assert_close(got, expected)


def written_by_hand(lstm: nn.LSTM, x: Tensor) -> Tensor:
    h, c = x.new_zeros(1, H), x.new_zeros(1, H)
    weight = torch.cat([lstm.weight_ih_l0, lstm.weight_hh_l0], 1)
    bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
    for t in range(x.shape[1]):
        i, f, g, o = nn.functional.linear(torch.cat([x[:, t], h], 1), weight, bias).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


def test_written_by_hand_is_the_same() -> None:
    got = explain_outputs(Reading(nn.LSTM(D, H, batch_first=True), written_by_hand), sequence(), EXACT)
    expected = explain_outputs(Reading(nn.LSTM(D, H, batch_first=True)), sequence(), EXACT)
    torch.testing.assert_close(got.values, expected.values)


def packed(network: Any, x: Tensor) -> Tensor:
    sequences = pack_padded_sequence(x, torch.tensor([3]), batch_first=True)
    out, _ = pad_packed_sequence(network(sequences)[0], batch_first=True, total_length=T)
    return out.flatten(1)


def several_packed(network: Any, x: Tensor) -> Tensor:
    together = torch.cat([x, 2 * x, 1 - x])
    sequences = pack_padded_sequence(together, torch.tensor([3, T, 2]), batch_first=True, enforce_sorted=False)
    out, state = network(sequences)
    state = state[0] if isinstance(state, tuple) else state
    return torch.cat([pad_packed_sequence(out, batch_first=True)[0].flatten(), state.flatten()])[None]


def all_ends(network: Any, x: Tensor) -> Tensor:
    out, state = network(x)
    return torch.cat([out.flatten(), *(s.flatten() for s in (state if isinstance(state, tuple) else (state,)))])[None]


VARIANTS: dict[str, tuple[dict[str, Any], Callable[[Any, Tensor], Tensor]]] = {
    "two layers, both directions": ({"num_layers": 2, "bidirectional": True, "batch_first": True}, all_ends),
    "without biases": ({"bias": False, "batch_first": True}, all_ends),
    "time first": ({}, lambda network, x: network(x.transpose(0, 1))[0][-1]),
    "without a batch": ({}, lambda network, x: network(x[0])[0][-1][None]),
    "packed": ({"batch_first": True, "bidirectional": True}, packed),
    "several packed": ({"batch_first": True, "bidirectional": True, "num_layers": 2}, several_packed),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_variants_equal_pytorch_and_conserve(kind: type[nn.RNNBase], variant: str) -> None:
    settings, read = VARIANTS[variant]
    check(Reading(kind(D, H, **settings), read))


def check(model: nn.Module) -> None:
    with torch.no_grad():
        expected = model(sequence())[0]
    result = explain_outputs(model, sequence(), bias="distribute")
    torch.testing.assert_close(result.embedding, expected)
    kept = expected == 0  # padding
    torch.testing.assert_close(result.values.flatten(1).sum(1)[~kept], expected[~kept], rtol=1e-6, atol=1e-9)


def test_projections_and_relu() -> None:
    check(Reading(nn.LSTM(D, H, num_layers=2, proj_size=2, batch_first=True, bidirectional=True), all_ends))
    check(Reading(nn.RNN(D, H, nonlinearity="relu", batch_first=True)))


def test_the_report_says_what_is_held_fixed_and_another_rule_may_be_chosen() -> None:
    result = explain_outputs(Reading(nn.LSTM(D, H, batch_first=True)), sequence())
    entries = result.coverage.entries
    assert {entry.state for entry in entries if entry.function == "sigmoid"} == {"fixed"}
    assert {entry.rule for entry in result.coverage.approximate} == {"SignalTakesAll()"}
    chosen = explain_outputs(Reading(nn.LSTM(D, H, batch_first=True)), sequence(), {"network": Gate(None)})
    torch.testing.assert_close(chosen.values, result.values)


@pytest.mark.parametrize("network", [nn.LSTM(D, H, batch_first=True), nn.GRU(D, H, batch_first=True)])
def test_gates_of_a_layer_are_no_more_approximate_than_gates_by_hand(network: nn.Module) -> None:
    layer = explain_outputs(Reading(network), sequence(), bias="distribute", warn=False).certificate
    by_hand = Reading(nn.LSTM(D, H, batch_first=True), written_by_hand)
    hand = explain_outputs(by_hand, sequence(), bias="distribute", warn=False).certificate
    assert layer.approximate_share == hand.approximate_share == 0
    assert not any("approximates" in doubt for doubt in (*layer.doubts, *hand.doubts))
