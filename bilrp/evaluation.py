"""How good an explanation is: laws that it should keep, a truth that it should find, and what it should notice.

Every function takes joint relevance of any method. None of them alone makes an explanation right: conservation can be
had by dividing evenly, and an edge detector withstands randomised weights no better than a good explanation does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bilrp._trace.tape import frozen_eval
from bilrp.exceptions import InputError
from bilrp.joint import JointRelevance

Explanation = JointRelevance | Tensor


class Explainer(Protocol):
    """What explains a pair: `bilrp.BiLRP`, or a baseline."""

    def explain(self, x: Tensor, y: Tensor) -> JointRelevance: ...


def _table(explanation: Explanation) -> Tensor:
    return (explanation.matrix() if isinstance(explanation, JointRelevance) else explanation).double()


def conservation_error(joint: JointRelevance) -> float:
    """How far the relevance of all pairs is from the similarity, as a share of the latter: 0 is conserved.

    Equals the size of `JointRelevance.bias_share`. Of a similarity of zero: the size of the relevance itself.
    """
    similarity = joint.similarity
    return abs(joint.total() - similarity) / (abs(similarity) or 1.0)


def symmetry_error(explainer: Explainer, x: Tensor, y: Tensor) -> float:
    """How far the explanation of (y, x) is from the transpose of that of (x, y), in Frobenius norm: 0 is symmetric."""
    one, other = explainer.explain(x, y), explainer.explain(y, x).swapped()
    table, transposed = _table(one), _table(other)
    return float((table - transposed).norm() / (table.norm() or 1.0))


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
    first, second = _table(explanation), _table(truth)
    if first.shape != second.shape:
        raise InputError(f"agreement: got shapes {tuple(first.shape)} and {tuple(second.shape)}, expected equal ones")
    norms = first.norm() * second.norm()
    return float((first * second).sum() / norms) if norms > 0 else 0.0


@dataclass(frozen=True)
class Flipping:
    """Similarities while pairs of tiles are taken away.

    Parameters
    ----------
    top : float64 array of shape (n + 1,)
        After 0, 1, ..., n pairs in falling relevance.
    random : float64 array of shape (n + 1,)
        The same with random pairs, mean over the repeats.
    pairs : list of (row, column, row', column')
        The tiles that were taken away, in order.
    """

    top: npt.NDArray[np.float64]
    random: npt.NDArray[np.float64]
    pairs: list[tuple[int, int, int, int]]

    @property
    def gap(self) -> float:
        """Mean of random less top, as a share of the similarity at the start: above 0 is better than chance."""
        return float((self.random - self.top).mean() / (abs(self.top[0]) or 1.0))


def pair_flipping(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    explanation: Explanation,
    *,
    n_pairs: int = 10,
    fill: float | Tensor = 0.0,
    repeats: int = 10,
    seed: int = 0,
    similarity: str = "dot",
) -> Flipping:
    """Take away the tiles of the most relevant pairs and watch the similarity fall, against random pairs.

    A tile is in one pair at most, so that every order takes away as much after as many pairs.

    Parameters
    ----------
    model : nn.Module
    x, y : Tensor of shape (1, C, H, W) and (1, C, H', W')
    explanation : JointRelevance or Tensor of shape (rows, columns, rows', columns')
        Pooled, unless single pixels shall be flipped; the size of a tile follows from the shapes.
    n_pairs : int
        At most the number of tiles of the smaller input.
    fill : float or Tensor
        What a tile is replaced by; must broadcast against x and y.
    repeats : int
        Random orders.
    seed : int
    similarity : {"dot", "cosine"}

    Returns
    -------
    Flipping
    """
    table = _table(explanation)
    if table.dim() != 4 or x.dim() != 4 or y.dim() != 4:
        raise InputError(f"pair_flipping: needs images and a table (h, w, h', w'), got shape {tuple(table.shape)}")
    grids = (tuple(table.shape[:2]), tuple(table.shape[2:]))
    n_left, n_right = (grid[0] * grid[1] for grid in grids)
    if not 1 <= n_pairs <= min(n_left, n_right):
        raise InputError(f"pair_flipping: n_pairs is {n_pairs}, expected 1 to {min(n_left, n_right)}")
    flat = table.reshape(n_left, n_right).cpu().numpy()
    chosen = _one_to_one(flat, n_pairs)
    rng = np.random.default_rng(seed)
    runs = [chosen] + [
        np.stack([rng.permutation(n_left)[:n_pairs], rng.permutation(n_right)[:n_pairs]], axis=1)
        for _ in range(repeats)
    ]
    curves = np.empty((len(runs), n_pairs + 1))
    with frozen_eval(model, x.device):
        for row, order in enumerate(runs):
            left, right = x.detach().clone(), y.detach().clone()
            curves[row, 0] = _similarity(model, left, right, similarity)
            for step, (i, j) in enumerate(order):
                _fill(left, int(i), grids[0], fill)
                _fill(right, int(j), grids[1], fill)
                curves[row, step + 1] = _similarity(model, left, right, similarity)
    places = [(*divmod(int(i), grids[0][1]), *divmod(int(j), grids[1][1])) for i, j in chosen]
    return Flipping(curves[0], curves[1:].mean(0) if repeats else curves[0].copy(), places)


def _one_to_one(table: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.int64]:
    """The first n pairs in falling relevance whose tiles are not in an earlier one."""
    left, right = set(), set()
    pairs = []
    for place in np.argsort(-table, axis=None, kind="stable"):
        i, j = divmod(int(place), table.shape[1])
        if i in left or j in right:
            continue
        left.add(i)
        right.add(j)
        pairs.append((i, j))
        if len(pairs) == n:
            break
    return np.array(pairs, dtype=np.int64)


def _fill(image: Tensor, index: int, grid: tuple[int, ...], fill: float | Tensor) -> None:
    height, width = (-(-size // n) for size, n in zip(image.shape[-2:], grid, strict=True))
    row, column = divmod(index, grid[1])
    rows, columns = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
    value = torch.as_tensor(fill, dtype=image.dtype, device=image.device).expand_as(image)
    image[..., rows, columns] = value[..., rows, columns]


def _similarity(model: nn.Module, x: Tensor, y: Tensor, similarity: str) -> float:
    first, second = model(x.clone()).flatten().double(), model(y.clone()).flatten().double()
    if similarity == "cosine":
        return float(torch.cosine_similarity(first, second, dim=0))
    return float(first @ second)


def randomized_weights(
    make: Callable[[nn.Module], Explainer], model: nn.Module, x: Tensor, y: Tensor, *, tile: int = 1, seed: int = 0
) -> dict[str, float]:
    """How much of an explanation is left when the weights are shuffled, layer by layer from the top.

    An explanation of what a network has learned must change; one that stays near 1 shows the inputs, not the network.

    Parameters
    ----------
    make : callable
        Gives the explainer of a model, such as ``lambda model: BiLRP(model, "gamma")``.
    model : nn.Module
        Copied; the original is left as it was.
    x, y : Tensor
    tile : int
        Compares explanations pooled over tiles of this size.
    seed : int

    Returns
    -------
    dict of layer name to float
        Agreement (cosine) with the explanation of the trained model after the entries of the parameters of this layer,
        and of all above it, were permuted; from the top down.
    """

    def explain(network: nn.Module) -> Tensor:
        joint = make(network).explain(x, y)
        return _table(joint if tile == 1 else joint.pool(tile))

    truth = explain(model)
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    left: dict[str, float] = {}
    for name, layer in reversed(list(shuffled.named_modules())):
        parameters = [parameter for parameter in layer.parameters(recurse=False) if parameter.dim() > 1]
        if not parameters:
            continue
        with torch.no_grad():
            for parameter in parameters:
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
        left[name] = agreement(explain(shuffled), truth)
    return left
