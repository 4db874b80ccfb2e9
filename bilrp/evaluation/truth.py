"""A truth that an explanation should find: agreement with a known table, and the pointing game over pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.joint import JointRelevance

Explanation = JointRelevance | Tensor


def table_of(explanation: Explanation) -> Tensor:
    """The relevance of every pair, in float64.

    Raises
    ------
    InputError
        When it is no explanation of pairs.
    """
    if not isinstance(explanation, (JointRelevance, Tensor)):
        raise InputError(
            f"got an explanation of type {type(explanation).__name__}, expected a JointRelevance, as explain(x, y) "
            f"gives it, or a tensor of the relevance of every pair"
        )
    return (explanation.matrix() if isinstance(explanation, JointRelevance) else explanation).double()


def agreement(explanation: Explanation, truth: Explanation) -> float:
    """The cosine of two tables of joint relevance, such as an explanation and a known truth.

    Parameters
    ----------
    explanation, truth : JointRelevance, or Tensor of shape (H, W, H', W')
        Of equal shapes: pool the finer one.

    Returns
    -------
    float
        1 where they agree up to a factor above zero; 0 where one of them is zero everywhere.
    """
    first, second = table_of(explanation), table_of(truth)
    if first.shape != second.shape:
        raise InputError(f"agreement: got shapes {tuple(first.shape)} and {tuple(second.shape)}, expected equal ones")
    norms = first.norm() * second.norm()
    return float((first * second).sum() / norms) if norms > 0 else 0.0


@dataclass(frozen=True)
class Pointing:
    """Where the strongest pairs point.

    Parameters
    ----------
    hits : int
        Pairs at a true place.
    n : int
        Pairs that were looked at: k, or fewer where fewer have relevance above zero.
    chance : float
        The share of all pairs that are true: what pairs drawn at random would reach.
    """

    hits: int
    n: int
    chance: float

    @property
    def share(self) -> float:
        """Hits among the pairs that were looked at; 0 where there are none."""
        return self.hits / self.n if self.n else 0.0


def pointing_game(explanation: Explanation, truth: Tensor, k: int = 50) -> Pointing:
    """How many of the k strongest pairs stand where the truth is: the pointing game [Zhang2018]_ of second order.

    Parameters
    ----------
    explanation : JointRelevance, or Tensor of shape (*shape, *shape')
        Of pairs of tiles, tokens, entries.
    truth : bool Tensor of the same shape
        The pairs that belong together, such as `place_pairs` makes of a known shift.
    k : int
        Pairs of positive relevance in falling order.

    Returns
    -------
    Pointing

    References
    ----------
    .. [Zhang2018] Zhang et al. Top-down neural attention by excitation backprop. IJCV 126, 2018. For pairs: Baniecki
       et al. Explaining similarity in vision-language encoders with weighted Banzhaf interactions. NeurIPS 2025.
    """
    if k < 1:
        raise InputError(f"pointing_game: k is {k}, expected one or more")
    table = table_of(explanation)
    if truth.shape != table.shape or truth.dtype != torch.bool:
        raise InputError(
            f"pointing_game: truth is {truth.dtype} of {tuple(truth.shape)}, expected bool of {tuple(table.shape)}"
        )
    values, order = table.flatten().sort(descending=True, stable=True)
    strongest = order[:k][values[:k] > 0]
    true = truth.to(table.device).flatten()
    return Pointing(int(true[strongest].sum()), len(strongest), float(true.double().mean()))


def place_pairs(
    shape: Sequence[int],
    other_shape: Sequence[int],
    where: Callable[[Tensor], Tensor],
    *,
    tolerance: float = 1.5,
) -> Tensor:
    """The pairs of places that belong together when it is known where each place of one input is in the other.

    Parameters
    ----------
    shape, other_shape : sequence of int
        Of the two maps, such as (rows, columns) of tiles, or (tokens,).
    where : callable
        Maps places (n, d) of the first input to those of the second, in entries, 0 the middle of the first entry:
        ``lambda p: p + torch.tensor([0, 2])`` for a picture that was shifted two tiles to the right. NaN: nowhere.
    tolerance : float
        Greatest Euclidean distance from the true place, in entries.

    Returns
    -------
    bool Tensor of shape (*shape, *other_shape)
    """
    places, others = (
        torch.cartesian_prod(*[torch.arange(n, dtype=torch.float64) for n in sizes]).reshape(-1, len(sizes))
        for sizes in (shape, other_shape)
    )
    true = where(places)
    if true.shape != (len(places), len(other_shape)):
        raise InputError(
            f"place_pairs: where gave shape {tuple(true.shape)}, expected {(len(places), len(other_shape))}"
        )
    near: Tensor = (true.double()[:, None] - others).norm(dim=-1) <= tolerance
    return near.reshape(*shape, *other_shape)
