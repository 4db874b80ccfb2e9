"""LRP rules of weighted layers: LRP-0, epsilon, gamma, z+, alpha-beta, zB, w-square, flat (notation: `bilrp.rules`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bilrp._trace.layers import LinearLayer, Parts
from bilrp._trace.operations import OperationContext
from bilrp.exceptions import RuleError
from bilrp.rules.base import LEAST, Backward, Rule, inverse_or_zero, is_amount, stabilize


@dataclass
class Group:
    """A sum of contributions with one denominator: z = sum over parts of forward(a, w), plus the bias.

    ``absolute`` lists parts that sum to sum_j |z_jk|; None says that all contributions have one sign.
    """

    parts: Parts
    bias: Tensor | None = None
    absolute: Parts | None = None
    coefficient: float = 1.0


@dataclass
class Term:
    """What one denominator passes on: R_j = sum over the parts (a, w) of a_j times transpose_w(factor R)_j."""

    parts: Parts
    factor: Tensor


class LinearRule(Rule):
    """Base of the rules for weighted layers; a subclass gives the groups of contributions."""

    kinds = frozenset({"linear"})

    def groups(self, layer: LinearLayer) -> list[Group]:
        """The contributions that the rule counts."""
        raise NotImplementedError

    def check(self, context: OperationContext) -> None:
        """Raise RuleError where the rule's assumptions do not hold."""

    def prepare(self, context: OperationContext, distribute: bool = False) -> Backward:
        self.check(context)
        layer = LinearLayer(context)
        pull = layer.pulling([(term.factor, term.parts) for term in self.terms(layer, distribute)])
        return lambda relevance: (pull(relevance),)

    def terms(self, layer: LinearLayer, distribute: bool = False) -> list[Term]:
        """The rule at these activations, ready to be applied to any relevance; raises nothing."""
        groups = self.groups(layer)
        magnitudes = [self._magnitude(layer, group, distribute) for group in groups]
        coefficients: list[Tensor | float] = [group.coefficient for group in groups]
        if distribute and len(groups) == 2:  # where one side is empty, the other takes all
            first, second = (magnitude > 0 for magnitude in magnitudes if magnitude is not None)
            coefficients = [torch.where(second, coefficients[0], 1.0), torch.where(first, coefficients[1], 1.0)]
        terms = [
            term
            for group, magnitude, coefficient in zip(groups, magnitudes, coefficients, strict=True)
            for term in self._terms_of(layer, group, magnitude, coefficient, distribute)
        ]
        if distribute and all(group.absolute is None for group in groups):
            terms += _of_the_other_sign(layer, magnitudes)
        return terms

    def _magnitude(self, layer: LinearLayer, group: Group, distribute: bool) -> Tensor | None:
        if not distribute and self.stabilizer != "relative":
            return None
        if group.absolute is None:
            return _forward(layer, group.parts).abs()
        return _forward(layer, group.absolute)

    def _relative(self, magnitude: Tensor | None) -> Tensor | None:
        return magnitude if self.stabilizer == "relative" else None

    def _terms_of(
        self,
        layer: LinearLayer,
        group: Group,
        magnitude: Tensor | None,
        coefficient: Tensor | float,
        distribute: bool,
    ) -> list[Term]:
        if distribute and group.absolute is None:
            # contributions of one sign: sharing the rest over |z_jk| is the same as leaving bias and eps out
            return [Term(group.parts, inverse_or_zero(_forward(layer, group.parts)) * coefficient)]
        own = _forward(layer, group.parts)
        z = own if group.bias is None else layer.biased(own, group.bias)
        inverse = inverse_or_zero(stabilize(z, self.eps, self.stabilizer, self._relative(magnitude)))
        terms = [Term(group.parts, inverse * coefficient)]
        if distribute and group.absolute is not None and magnitude is not None:
            kept = 1 - own * inverse
            terms.append(Term(group.absolute, kept * inverse_or_zero(magnitude)))
        return terms


def _of_the_other_sign(layer: LinearLayer, magnitudes: Sequence[Tensor | None]) -> list[Term]:
    """Where no contribution has the sign that a rule counts, relevance is shared over the magnitudes of the others."""
    without = torch.stack([magnitude == 0 for magnitude in magnitudes if magnitude is not None]).all(0)
    if not bool(without.any()):
        return []
    absolute = [(layer.input.abs(), layer.weight.abs())]
    return [Term(absolute, inverse_or_zero(_forward(layer, absolute)).masked_fill_(~without, 0.0))]


def _forward(layer: LinearLayer, parts: Parts) -> Tensor:
    z = layer.forward(*parts[0])
    for a, weight in parts[1:]:
        z = z + layer.forward(a, weight)
    return z


class LRP0(LinearRule):
    r"""LRP-0: in proportion to what each input brought, :math:`z_{jk} = a_j w_{jk}` [Bach2015]_.

    Equals gradient x input in bias-free ReLU networks when every layer has it. For top layers; noisy in deep ones.
    """

    def __init__(self, *, eps: float = LEAST, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)

    def groups(self, layer: LinearLayer) -> list[Group]:
        a, w = layer.input, layer.weight
        return [Group([(a, w)], layer.bias, [(a.abs(), w.abs())])]

    def terms(self, layer: LinearLayer, distribute: bool = False) -> list[Term]:
        if distribute or self.stabilizer == "relative" or type(self).groups is not LRP0.groups:
            return super().terms(layer, distribute)
        # the output as the model rounded it: relevance is in proportion to that, also in half precision
        inverse = inverse_or_zero(stabilize(layer.output, self.eps, self.stabilizer))
        return [Term([(layer.input, layer.weight)], inverse)]


class Epsilon(LRP0):
    r"""LRP-epsilon: as LRP-0, with a denominator that absorbs weak and contradictory parts [Bach2015]_.

    :math:`R_j = \sum_k a_j w_{jk} / (z_k + \epsilon\,\mathrm{sign} z_k) R_k`. For dense layers; what epsilon absorbs
    counts in the bias share. With epsilon to 0 it is LRP-0.

    Parameters
    ----------
    eps : float, default 1e-6
    stabilizer : {"signed", "plain", "relative"}
    """

    def __init__(self, eps: float = 1e-6, *, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)


class Gamma(LinearRule):
    r"""LRP-gamma: what agrees with the output's sign counts more [Montavon2019]_, [Andeol2021]_.

    :math:`z_{jk} = a_j w_{jk} + \gamma\,(a_j w_{jk})^{+}` where :math:`z_k = \sum_j a_j w_{jk} + b_k \ge 0`, and
    :math:`a_j w_{jk} + \gamma\,(a_j w_{jk})^{-}` where it is negative; the bias alike. So the denominator keeps
    clear of zero for inputs and outputs of any sign. For inputs of zero or more and a positive output it is the first
    form of the rule, :math:`a_j (w_{jk} + \gamma w_{jk}^+)`.

    For convolutions; gamma falls with depth [Eberle2022]_. Gamma 0 is LRP-0; gamma to infinity is z+ for positive
    outputs. Relevance given to a neuron that a ReLU silences is kept, unless biases are distributed.

    Parameters
    ----------
    gamma : float, default 0.25
        Zero or more. More makes explanations smoother and more positive.
    """

    def __init__(self, gamma: float = 0.25, *, eps: float = 1e-9, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)
        if not is_amount(gamma):
            raise RuleError(f"Gamma: gamma is {gamma!r}, expected zero or more, and finite (the limit is ZPlus)")
        self.gamma = gamma

    def groups(self, layer: LinearLayer) -> list[Group]:
        """The contributions to positive outputs from inputs of zero or more."""
        a, w = layer.input, layer.weight + self.gamma * layer.weight.clamp(min=0)
        b = None if layer.bias is None else layer.bias + self.gamma * layer.bias.clamp(min=0)
        return [Group([(a, w)], b, [(a.abs(), w.abs())])]

    def terms(self, layer: LinearLayer, distribute: bool = False) -> list[Term]:
        if self.gamma == 0:
            return LRP0(eps=self.eps, stabilizer=self.stabilizer).terms(layer, distribute)
        negative, is_positive = layer.output < 0, bool((layer.input >= 0).all())
        if type(self).groups is not Gamma.groups or (is_positive and not bool(negative.any())):
            return super().terms(layer, distribute)
        if is_positive and layer.is_silenced and not distribute:
            (term,) = super().terms(layer)
            return [Term(term.parts, term.factor.masked_fill(negative, 0.0))]
        # z_jk = (1 + half) a w + half |a w|, or minus where the output is negative: two products, whatever the signs
        half = self.gamma / 2
        towards = half * torch.where(negative, -1.0, 1.0).to(layer.output)
        plain, absolute = [(layer.input, layer.weight)], [(layer.input.abs(), layer.weight.abs())]
        size = _forward(layer, absolute)
        with_bias = size if layer.bias is None else layer.biased(size, layer.bias.abs())
        z = (1 + half) * layer.output + towards * with_bias
        own, magnitude = z, size
        if distribute or self.stabilizer == "relative":
            net = _forward(layer, plain)
            own, magnitude = (1 + half) * net + towards * size, (1 + half) * size + towards * net
        inverse = inverse_or_zero(stabilize(z, self.eps, self.stabilizer, self._relative(magnitude)))
        on_net, on_size = (1 + half) * inverse, towards * inverse
        if distribute:
            kept = (1 - own * inverse) * inverse_or_zero(magnitude)
            on_net, on_size = on_net + towards * kept, on_size + (1 + half) * kept
        return [Term(plain, on_net), Term(absolute, on_size)]


GeneralizedGamma = Gamma
"""`Gamma`, by the name that [Andeol2021]_ and zennit's users know the rule for signed inputs under."""


def _signed_parts(layer: LinearLayer) -> tuple[Parts, Parts]:
    """Parts with positive and with negative contributions, whatever the sign of the input."""
    a, w = layer.input, layer.weight
    plus, minus = w.clamp(min=0), w.clamp(max=0)
    if bool((a >= 0).all()):
        return [(a, plus)], [(a, minus)]
    above, below = a.clamp(min=0), a.clamp(max=0)
    return [(above, plus), (below, minus)], [(above, minus), (below, plus)]


def _clamped(bias: Tensor | None, positive: bool) -> Tensor | None:
    return None if bias is None else bias.clamp(min=0) if positive else bias.clamp(max=0)


class ZPlus(LinearRule):
    r"""z+: only positive contributions count, :math:`z_{jk} = (a_j w_{jk})^+` [Montavon2017]_.

    For convolutions; explanations are never negative. A positive bias counts in the denominator. Equals alpha-beta
    with alpha 1, beta 0, and gamma to infinity for inputs of zero or more.
    """

    def groups(self, layer: LinearLayer) -> list[Group]:
        return [Group(_signed_parts(layer)[0], _clamped(layer.bias, True))]


class AlphaBeta(LinearRule):
    r"""LRP-alpha-beta: positive and negative contributions shared separately [Bach2015]_.

    :math:`R_j = \sum_k (\alpha z_{jk}^+ / z_k^+ - \beta z_{jk}^- / z_k^-) R_k` with :math:`\alpha - \beta = 1`. For
    convolutions. When biases are distributed, a neuron with contributions of one sign only shares all by these.

    Parameters
    ----------
    alpha : float, default 2.0
        One or more.
    beta : float, default 1.0
        Zero or more, alpha - 1.
    """

    def __init__(self, alpha: float = 2.0, beta: float = 1.0, *, eps: float = 1e-9, stabilizer: str = "signed") -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)
        if not (is_amount(alpha) and is_amount(beta) and abs(alpha - beta - 1) <= 1e-9):
            raise RuleError(f"AlphaBeta: got alpha {alpha} and beta {beta}, expected alpha - beta = 1 and beta >= 0")
        self.alpha = alpha
        self.beta = beta

    def groups(self, layer: LinearLayer) -> list[Group]:
        positive, negative = _signed_parts(layer)
        groups = [Group(positive, _clamped(layer.bias, True), coefficient=self.alpha)]
        if self.beta:
            groups.append(Group(negative, _clamped(layer.bias, False), coefficient=-self.beta))
        return groups


class ZBox(LinearRule):
    r"""zB: for pixels in a box, :math:`z_{jk} = x_j w_{jk} - l_j w_{jk}^+ - h_j w_{jk}^-` [Montavon2017]_.

    For the first layer on pixels, with l <= x <= h. The bias cancels, so nothing is kept but epsilon. Zero padding
    brings nothing.

    Parameters
    ----------
    low, high : float, or tensor of shape (C,) or (1, C, 1, 1)
        The least and greatest values that an input can have, after normalisation.
    eps : float, default 1e-9
    """

    def __init__(
        self,
        low: float | Tensor | Sequence[float],
        high: float | Tensor | Sequence[float],
        *,
        eps: float = 1e-9,
        stabilizer: str = "signed",
    ) -> None:
        super().__init__(eps=eps, stabilizer=stabilizer)
        self.low = low
        self.high = high

    def _bound(self, value: float | Tensor | Sequence[float], x: Tensor) -> Tensor:
        bound = torch.as_tensor(value, dtype=x.dtype, device=x.device)
        if bound.dim() == 1 and x.dim() > 1:
            bound = bound.reshape(1, -1, *[1] * (x.dim() - 2))
        try:
            return bound.expand_as(x)
        except RuntimeError as error:
            raise RuleError(
                f"ZBox: bounds have shape {tuple(bound.shape)}, expected a number, (C,) or (1, C, 1, 1) for an input "
                f"of shape {tuple(x.shape)}"
            ) from error

    def check(self, context: OperationContext) -> None:
        x = context.inputs[0]
        low, high = self._bound(self.low, x), self._bound(self.high, x)
        if bool((low > high).any()):
            raise RuleError(f"{context.name}: ZBox(low, high) got a low bound above the high one. Swap them.")
        slack = 1e-4 * (high - low).abs().max()
        if bool((x < low - slack).any()) or bool((x > high + slack).any()):
            raise RuleError(
                f"{context.name}: ZBox expects inputs between {float(low.min()):.4g} and {float(high.max()):.4g}, got "
                f"{float(x.min()):.4g} to {float(x.max()):.4g}. Give the bounds of the normalised pixels."
            )

    def groups(self, layer: LinearLayer) -> list[Group]:
        x, w = layer.input, layer.weight
        low, high = self._bound(self.low, x), self._bound(self.high, x)
        return [Group([(x, w), (-low, w.clamp(min=0)), (-high, w.clamp(max=0))])]


class WSquare(LinearRule):
    r"""w-square: by squared weights alone, :math:`z_{jk} = w_{jk}^2` [Montavon2017]_.

    For a first layer on unbounded inputs. The bias keeps nothing.
    """

    def groups(self, layer: LinearLayer) -> list[Group]:
        return [Group([(torch.ones_like(layer.input), layer.weight.square())])]


class Flat(LinearRule):
    r"""Flat: to all inputs alike, :math:`z_{jk} = 1` [Lapuschkin2019]_.

    For coarse maps: stops the relevance at the layer and spreads it over the receptive field.
    """

    def groups(self, layer: LinearLayer) -> list[Group]:
        return [Group([(torch.ones_like(layer.input), torch.ones_like(layer.weight))])]
