"""The transposed maps of convolutions, however they are computed, are PyTorch's own."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bilrp._trace.layers import LinearLayer, stacked
from bilrp._trace.operations import OperationContexts
from bilrp._trace.recorder import frozen_eval, record
from bilrp.rules import LRP0, AlphaBeta, Gamma, LinearRule, ZPlus

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60, deadline=None)
@given(PAIRS, PAIRS, PAIRS, PAIRS, st.sampled_from([(1, 3, 4), (2, 4, 6), (4, 4, 4), (4, 4, 8)]), st.integers(7, 11))
def test_transposed_convolution(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    channels: tuple[int, int, int],
    size: int,
) -> None:
    groups, below, above = channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Conv2d(below, above, kernel, stride, padding, dilation, groups, bias=False).double()
        x = torch.randn(1, below, size, size + 1, dtype=torch.float64)
    with frozen_eval(layer, x.device):
        tape = record(layer, x)
        ready = LinearLayer(OperationContexts(tape).of(tape.operations[0]))
    s = torch.randn(3, *tape.values[-1].shape, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    expected = [torch.autograd.grad(layer(leaf), leaf, one)[0] for one in s]
    torch.testing.assert_close(ready.transpose(s, ready.weight), torch.stack(expected))


def test_terms_share_a_convolution() -> None:
    """Alpha and beta, and what biases keep, pass one transposed map where all inputs are of one sign."""
    for rule, distribute, signed, n_maps in (
        (ZPlus(), False, False, 1),
        (ZPlus(), False, True, 1),
        (AlphaBeta(), False, False, 1),
        (AlphaBeta(), False, True, 1),
        (LRP0(), True, False, 1),
        (LRP0(), True, True, 2),
        (Gamma(0.2), True, False, 1),
    ):
        assert _n_transposed(rule, distribute, signed) == n_maps, (rule, distribute, signed)


def _n_transposed(rule: LinearRule, distribute: bool, signed: bool) -> int:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Conv2d(2, 3, 3)
        x = torch.rand(1, 2, 6, 6) - 0.5 * signed
    with frozen_eval(layer, x.device):
        tape = record(layer, x)
        terms = rule.terms(LinearLayer(OperationContexts(tape).of(tape.operations[0])), distribute)
        return len(stacked([(term.factor, term.parts) for term in terms]))
