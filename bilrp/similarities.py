r"""Other similarities than the dot product: distances, kernels and Siamese heads, split over pairs and single places.

Every similarity here is written, exactly and with some factors held fixed, as

.. math:: s(u, v) = \sum_m w_m u_m v_m + \sum_m p_m u_m + \sum_m q_m v_m + c

for the two embeddings u and v at hand. The first sum is a matter of pairs, :math:`\sum_m w_m L_{mi} R_{mj}`; the second
and the third of one input alone, :math:`\sum_m p_m L_{mi}` and :math:`\sum_m q_m R_{mj}`; the constant of neither. All
four are returned, and they add up to the similarity less what biases in the encoders keep.

=============== ========================================================= ==============================================
class           similarity                                                w, p, q, c
=============== ========================================================= ==============================================
`Dot`           :math:`u \cdot v`                                         1, 0, 0, 0
`Cosine`        :math:`u \cdot v / (|u| |v|)`                             :math:`1 / (|u| |v|)`, 0, 0, 0; norms fixed
`Euclidean`     :math:`-|u - v|^2`                                        2, :math:`-u`, :math:`-v`, 0: exact
`RBF`           :math:`e^{-\gamma |u - v|^2}`                             k times that of `Euclidean`, c = 1, with
                                                                          :math:`k = (1 - s) / |u - v|^2` fixed
`SiameseHead`   a head on u, v, :math:`|u - v|` and :math:`u v`           by LRP through the head, see there
=============== ========================================================= ==============================================

With LRP-0 in bias-free ReLU networks the joint part of `Dot`, `Euclidean` and a linear head on products is the mixed
second derivative times both inputs, and the joint part of a sum of absolute differences is zero, as it should be: where
no sign changes, these are a sum of a function of each input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bilrp.composites import Composite
from bilrp.exceptions import InputError
from bilrp.factors import Factor, checked_factors
from bilrp.joint import JointRelevance
from bilrp.outputs import explain_outputs
from bilrp.rules import Rule

FEATURES = ("left", "right", "difference", "product")
"""What a Siamese head can be given: u, v, abs(u - v), u v; in the order in which they are joined."""
DIFFERENCES = ("signs", "squares")


@dataclass(frozen=True)
class Coefficients:
    """A similarity as a sum of products and of single entries: the equation of this module.

    Parameters
    ----------
    pairs, left, right : Tensor of shape (M,)
        w, p and q.
    constant : float
    similarity : float
    """

    pairs: Tensor
    left: Tensor
    right: Tensor
    constant: float
    similarity: float


@dataclass(frozen=True)
class SimilarityExplanation:
    """What brings a similarity about: pairs, single places of either input, and a constant.

    Parameters
    ----------
    joint : JointRelevance
        The part that is a matter of pairs; its ``similarity`` is that part alone.
    left, right : Tensor of shape (H, W) and (H', W')
        What each place brings by itself, whatever the other input is like.
    constant : float
        What comes from neither input: the bias of a head, the 1 of a kernel.
    similarity : float
        All of it.
    """

    joint: JointRelevance
    left: Tensor
    right: Tensor
    constant: float
    similarity: float

    def total(self) -> float:
        """All parts together: the similarity, less what biases in the encoders keep."""
        singles = float(self.left.double().sum()) + float(self.right.double().sum())
        return self.joint.total() + singles + self.constant

    @property
    def shares(self) -> dict[str, float]:
        """The parts in the unit of the similarity, by name; ``"biases"`` is what the encoders' biases keep."""
        parts = {
            "pairs": self.joint.total(),
            "left": float(self.left.double().sum()),
            "right": float(self.right.double().sum()),
            "constant": self.constant,
        }
        return {**parts, "biases": self.similarity - sum(parts.values())}

    def left_marginal(self) -> Tensor:
        """The relevance of each place of the first input, in pairs and by itself."""
        return self.joint.left_marginal() + self.left

    def right_marginal(self) -> Tensor:
        """The relevance of each place of the second input, in pairs and by itself."""
        return self.joint.right_marginal() + self.right

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value:.4g}" for name, value in self.shares.items())
        return f"SimilarityExplanation(similarity={self.similarity:.6g}: {parts})"


class Similarity:
    """A function of two embeddings that can be split over their entries."""

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """The coefficients for two embeddings (M,)."""
        raise NotImplementedError

    def explain(self, f: Factor, g: Factor) -> SimilarityExplanation:
        """The explanation of the similarity of two inputs from their factors.

        Parameters
        ----------
        f, g : Factor
            Of the embeddings that the similarity is of: with ``similarity="dot"`` in `bilrp.BiLRP`.

        Examples
        --------
        >>> import bilrp
        >>> _ = torch.manual_seed(0)
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5, bias=False))
        >>> f, g = bilrp.BiLRP(net).factors(torch.rand(2, 3, 8, 8).split(1))
        >>> explanation = Euclidean().explain(f, g)
        >>> abs(explanation.total() - explanation.similarity) < 1e-3
        True
        """
        f, g = checked_factors(f"{type(self).__name__}().explain", (f, g))
        split = self.split(f.embedding, g.embedding)
        weighted = replace(
            f,
            values=f.values * split.pairs.reshape(-1, *[1] * (f.values.dim() - 1)),
            embedding=f.embedding * split.pairs,
        )
        joint = weighted @ g
        joint = replace(joint, settings={**(joint.settings or {}), "similarity": repr(self)})
        return SimilarityExplanation(
            joint,
            torch.einsum("m,m...->...", split.left, f.values),
            torch.einsum("m,m...->...", split.right, g.values),
            split.constant,
            split.similarity,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Dot(Similarity):
    r""":math:`s = u \cdot v`: all of it is a matter of pairs."""

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """See the table of this module."""
        zero = torch.zeros_like(u)
        return Coefficients(torch.ones_like(u), zero, zero, 0.0, float(u.double() @ v.double()))


class Cosine(Similarity):
    r""":math:`s = u \cdot v / (|u| |v|)`, the norms held fixed; 0 where an embedding is zero."""

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """See the table of this module."""
        norms = float(u.double().norm() * v.double().norm())
        weight = 1 / norms if norms else 0.0
        zero = torch.zeros_like(u)
        return Coefficients(torch.full_like(u, weight), zero, zero, 0.0, float(u.double() @ v.double()) * weight)


class Euclidean(Similarity):
    r""":math:`s = -|u - v|^2 = 2 u \cdot v - |u|^2 - |v|^2`: what is alike, less what each has by itself. Exact.

    Of the squares one factor is what carries the relevance, :math:`-\sum_m u_m L_{mi}`.
    """

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """See the table of this module."""
        return Coefficients(torch.full_like(u, 2.0), -u, -v, 0.0, -float((u.double() - v.double()).square().sum()))


class RBF(Similarity):
    r""":math:`s = e^{-\gamma |u - v|^2}`: 1, less the fall, which is shared as the squared distance is.

    :math:`s = 1 + k (2 u \cdot v - |u|^2 - |v|^2)` with :math:`k = (1 - s) / |u - v|^2` held fixed; where both are
    equal k is its limit, :math:`\gamma`.

    Parameters
    ----------
    gamma : float
        Above zero.
    """

    def __init__(self, gamma: float = 1.0) -> None:
        if not gamma > 0:
            raise InputError(f"RBF: gamma is {gamma}, expected a number above zero")
        self.gamma = gamma

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """See the table of this module."""
        inner = Euclidean().split(u, v)
        fall = -float(torch.expm1(torch.tensor(self.gamma * inner.similarity, dtype=torch.float64)))
        k = fall / -inner.similarity if inner.similarity else self.gamma
        return Coefficients(k * inner.pairs, k * inner.left, k * inner.right, 1.0, 1.0 - fall)

    def __repr__(self) -> str:
        return f"RBF(gamma={self.gamma})"


class SiameseHead(Similarity):
    r"""A trained head on what two embeddings have in common: some of u, v, :math:`|u - v|` and :math:`u v`, joined.

    LRP through the head gives the relevance r of each feature; for a linear head :math:`r = a f`. A product shares its
    r over pairs, :math:`w_m = r_m / (u_m v_m)`; u and v go to their own side. A difference does so by

    - ``"signs"``: :math:`|u - v| = \sigma (u - v)` with the sign :math:`\sigma` held fixed, a part for each side and
      none for pairs, as its mixed second derivative says; or
    - ``"squares"``: :math:`|u - v| = (u^2 + v^2 - 2 u v) / |u - v|` with the denominator held fixed, as squared
      distances are split: what is alike speaks against a difference. Parts are large where differences are small.

    Parameters
    ----------
    head : nn.Module
        Maps (1, F) to (1, 1) or (1, K): `nn.Linear`, or a small network.
    features : sequence of str
        Of `FEATURES`, in the order in which the head gets them.
    output : int
        Which of K outputs is explained.
    differences : {"signs", "squares"}
    composite : str, Composite, dict or None
        Rules of the head; default: LRP-0.
    bias : {"leave", "distribute"}
        Whether biases of the head stand in ``constant`` or are shared over its inputs.
    """

    def __init__(
        self,
        head: nn.Module,
        features: Sequence[str] = ("left", "right", "difference", "product"),
        *,
        output: int = 0,
        differences: str = "signs",
        composite: str | Composite | Mapping[str, Rule] | None = None,
        bias: str = "leave",
    ) -> None:
        if not features or any(name not in FEATURES for name in features) or len(set(features)) != len(features):
            raise InputError(f"SiameseHead: features are {list(features)}, expected some of {', '.join(FEATURES)}")
        if differences not in DIFFERENCES:
            raise InputError(f"SiameseHead: differences is {differences!r}, expected 'signs' or 'squares'")
        self.head = head
        self.features = tuple(features)
        self.output = output
        self.differences = differences
        self.composite = composite
        self.bias = bias

    def split(self, u: Tensor, v: Tensor) -> Coefficients:
        """See the class; the constant is what the other parts do not bring."""
        values = {"left": u, "right": v, "difference": (u - v).abs(), "product": u * v}
        joined = torch.cat([values[name] for name in self.features])[None]
        explained = explain_outputs(self.head, joined, self.composite, bias=self.bias, warn=False)
        if not 0 <= self.output < len(explained.embedding):
            raise InputError(f"SiameseHead: output is {self.output}, the head has {len(explained.embedding)}")
        relevance = dict(zip(self.features, explained.values[self.output].split(len(u)), strict=True))
        slopes = {name: _ratio(r, values[name]) for name, r in relevance.items()}
        zero = torch.zeros_like(u)
        pairs = slopes.get("product", zero)
        left, right = slopes.get("left", zero), slopes.get("right", zero)
        by_difference = slopes.get("difference", zero)
        if self.differences == "signs":
            signs = (u - v).sign()
            left, right = left + by_difference * signs, right - by_difference * signs
        else:
            inverse = _ratio(by_difference, (u - v).abs())
            pairs, left, right = pairs - 2 * inverse, left + inverse * u, right + inverse * v
        similarity = float(explained.embedding[self.output])
        carried = float((pairs * u).double() @ v.double() + left.double() @ u.double() + right.double() @ v.double())
        return Coefficients(pairs, left, right, similarity - carried, similarity)

    def __repr__(self) -> str:
        return (
            f"SiameseHead({type(self.head).__name__} on {', '.join(self.features)}, differences={self.differences!r})"
        )


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Entry by entry; 0 where the whole is."""
    return torch.where(whole != 0, part / torch.where(whole != 0, whole, torch.ones_like(whole)), 0.0)
