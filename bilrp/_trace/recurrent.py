"""LSTM, GRU and RNN written out step by step in time, so that each step gets its rule (Arras et al. 2017, 2019).

The products of gates and signals are such, so "signal takes it all" is their default; what feeds a signal is one linear
layer over input and state together, as in LRP for LSTMs. What computes gates is separate, and gets no relevance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp.exceptions import UnsupportedOperationError

State = tuple[Tensor, ...]


def held_fixed(x: Tensor) -> Tensor:
    """A tensor as a constant, for the recording: no relevance follows it."""
    if torch.overrides.has_torch_function_unary(x):
        fixed: Tensor = torch.overrides.handle_torch_function(held_fixed, (x,), x)
        return fixed
    return x.clone()


def gated(gate: Tensor, signal: Tensor) -> Tensor:
    """Their product; for the recording a constant where the signal is one, such as a state at the beginning."""
    if torch.overrides.has_torch_function((gate, signal)):
        product: Tensor = torch.overrides.handle_torch_function(gated, (gate, signal), gate, signal)
        return product
    return gate * signal


@dataclass(frozen=True)
class Weights:
    """The weights of a layer, and those for input and state side by side, made once for all steps."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    joined: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None) -> Weights:
        w_ih, w_hh = w_ih.detach(), w_hh.detach()
        if b_ih is None or b_hh is None:
            return cls(w_ih, w_hh, None, None, torch.cat([w_ih, w_hh], -1), None)
        b_ih, b_hh = b_ih.detach(), b_hh.detach()
        return cls(w_ih, w_hh, b_ih, b_hh, torch.cat([w_ih, w_hh], -1), b_ih + b_hh)

    def __call__(self, x: Tensor, h: Tensor, rows: slice) -> Tensor:
        """Some rows of ``w_ih x + w_hh h + b_ih + b_hh``, as one linear layer over both."""
        return F.linear(torch.cat([x, h], -1), self.joined[rows], None if self.bias is None else self.bias[rows])


def lstm_step(x: Tensor, state: State, weights: Weights, projection: Tensor | None = None) -> State:
    """The next (h, c)."""
    h, c = state
    size = c.shape[-1]
    signal = torch.tanh(weights(x, h, slice(2 * size, 3 * size)))
    admit, forget = torch.sigmoid(weights(x, h, slice(0, 2 * size))).chunk(2, -1)
    c = gated(forget, c) + gated(admit, signal)
    h = gated(torch.sigmoid(weights(x, h, slice(3 * size, 4 * size))), torch.tanh(c))
    return (h if projection is None else F.linear(h, projection.detach())), c


def gru_step(x: Tensor, state: State, weights: Weights, projection: Tensor | None = None) -> State:
    """The next (h,)."""
    (h,) = state
    size = h.shape[-1]
    reset, update = torch.sigmoid(weights(x, h, slice(0, 2 * size))).chunk(2, -1)
    of_input = F.linear(x, weights.w_ih[2 * size :], None if weights.b_ih is None else weights.b_ih[2 * size :])
    of_both = of_input + gated(reset, F.linear(h, weights.w_hh[2 * size :]))
    signal = torch.tanh(of_both if weights.b_hh is None else of_both + held_fixed(reset) * weights.b_hh[2 * size :])
    return (gated(1 - update, signal) + gated(update, h),)


def _rnn_step(activation: Callable[[Tensor], Tensor]) -> Callable[..., State]:
    def step(x: Tensor, state: State, weights: Weights, projection: Tensor | None = None) -> State:
        return (activation(weights(x, state[0], slice(None))),)

    return step


STEPS: dict[str, Callable[..., State]] = {
    "lstm": lstm_step,
    "gru": gru_step,
    "rnn_tanh": _rnn_step(torch.tanh),
    "rnn_relu": _rnn_step(torch.relu),
}


def _cell(name: str) -> Callable[..., Any]:
    step = STEPS[name]

    def call(
        x: Tensor, state: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
    ) -> Any:
        after = step(x, tuple(state) if name == "lstm" else (state,), Weights.of(w_ih, w_hh, b_ih, b_hh))
        return after if name == "lstm" else after[0]

    return call


def _grouped(flat: Sequence[Tensor], biases: bool, projected: bool) -> list[tuple[Weights, Tensor | None]]:
    """The flat weights, a group for each layer and direction."""
    n = 2 + 2 * biases + projected
    groups = [flat[i : i + n] for i in range(0, len(flat), n)]
    return [(Weights.of(*g[: 2 + 2 * biases]), g[-1] if projected else None) for g in groups]


def _network(name: str) -> Callable[..., Any]:
    step = STEPS[name]

    def run(steps: Sequence[Tensor], hidden: Any, flat: Sequence[Tensor], settings: Sequence[Any]) -> Any:
        """Values of the last layer for each step in time, of shrinking batch, and the states at the end."""
        biases, n_layers, dropout, training, bidirectional = settings
        if training and dropout:
            raise UnsupportedOperationError(f"{name}: dropout that is live has no rule. Explain in evaluation mode.")
        starts = tuple(hidden) if name == "lstm" else (hidden,)
        projected = name == "lstm" and starts[0].shape[-1] != starts[1].shape[-1]
        groups = _grouped(flat, biases, projected)
        ends: list[list[Tensor]] = [[] for _ in starts]
        n_directions = 1 + bool(bidirectional)
        for layer in range(n_layers):
            sides = []
            for direction in range(n_directions):
                place = layer * n_directions + direction
                outs, end = _through(steps, tuple(s[place] for s in starts), groups[place], bool(direction))
                sides.append(outs)
                for states, state in zip(ends, end, strict=True):
                    states.append(state)
            steps = [torch.cat(parts, -1) for parts in zip(*sides, strict=True)] if n_directions > 1 else sides[0]
        return steps, tuple(torch.stack(states) for states in ends)

    def _through(
        steps: Sequence[Tensor], start: State, group: tuple[Weights, Tensor | None], backwards: bool
    ) -> tuple[list[Tensor], State]:
        times = list(range(len(steps)))
        state = tuple(s[: len(steps[-1 if backwards else 0])] for s in start)
        outs: dict[int, Tensor] = {}
        ended: list[State] = []
        for t in reversed(times) if backwards else times:
            n = len(steps[t])
            if n > len(state[0]):  # backwards: further sequences begin
                state = tuple(torch.cat([s, first[len(s) : n]]) for s, first in zip(state, start, strict=True))
            elif n < len(state[0]):  # forwards: the shortest have ended
                ended.append(tuple(s[n:] for s in state))
                state = tuple(s[:n] for s in state)
            state = step(steps[t], state, group[0], group[1])
            outs[t] = state[0]
        if ended:
            state = tuple(torch.cat([s, *(e[i] for e in reversed(ended))]) for i, s in enumerate(state))
        return [outs[t] for t in times], state

    def call(x: Tensor, second: Any, third: Any, fourth: Any, *settings: Any) -> Any:
        if isinstance(second, Tensor) and not second.is_floating_point():  # packed: (data, batch sizes, state, weights)
            steps, ends = run(x.split(second.tolist()), third, fourth, settings)
            return (torch.cat(list(steps)), *ends)
        *others, batch_first = (fourth, *settings)
        batched = x.dim() == 3
        steps, ends = run(x.unbind(1 if batch_first and batched else 0), second, third, others)
        return (torch.stack(list(steps), 1 if batch_first and batched else 0), *ends)

    return call


def pack_padded_sequence(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """The steps of sequences of falling length, one after the other, and how many sequences each step has."""
    steps = input.unbind(1 if batch_first else 0)
    sizes = [int((lengths > t).sum()) for t in range(int(lengths[0]))]
    return torch.cat([step[:n] for step, n in zip(steps, sizes, strict=False)]), torch.tensor(sizes)


def pad_packed_sequence(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: float, total_length: int
) -> tuple[Tensor, Tensor]:
    """The way back from `pack_padded_sequence`, and the lengths."""
    n = int(batch_sizes[0])
    parts = data.split(batch_sizes.tolist())
    steps = [F.pad(s, (0, 0) * (s.dim() - 1) + (0, n - len(s)), value=padding_value) for s in parts]
    steps += [torch.full_like(steps[0], padding_value)] * (total_length - len(steps))
    lengths = torch.tensor([int((batch_sizes > i).sum()) for i in range(n)])
    return torch.stack(steps, 1 if batch_first else 0), lengths


RECURRENT: dict[str, Callable[..., Any]] = {
    **{name: _network(name) for name in STEPS},
    **{f"{name}_cell": _cell(name) for name in STEPS},
    "_pack_padded_sequence": pack_padded_sequence,
    "_pad_packed_sequence": pad_packed_sequence,
}
