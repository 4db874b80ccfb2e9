"""What happens to the similarity when places are taken away: deletion and insertion curves over pairs, infidelity."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bilrp._trace.recorder import frozen_eval
from bilrp.channels import summed_axis
from bilrp.evaluation.truth import Explanation, table_of
from bilrp.exceptions import InputError
from bilrp.inputs import ModelInput, Tower, bind, read
from bilrp.joint import JointRelevance


@dataclass(frozen=True)
class Flipping:
    """Similarities while pairs of places are taken away, or put in.

    Parameters
    ----------
    top : float64 array of shape (n + 1,)
        After 0, 1, ..., n pairs in falling relevance.
    random : float64 array of shape (n + 1,)
        The same with random pairs, mean over the repeats.
    pairs : list of tuple of int
        The places that were taken, in order: (row, column, row', column') of tiles, (t, t') of tokens.
    whole : float, optional
        The similarity of the inputs as they are; by default that at the start.
    inserted : bool
        Whether places were put in instead of taken away.
    """

    top: npt.NDArray[np.float64]
    random: npt.NDArray[np.float64]
    pairs: list[tuple[int, ...]]
    whole: float | None = None
    inserted: bool = False

    @property
    def gap(self) -> float:
        """How much better than random pairs, mean over the curve, as a share of the whole similarity: above 0 is good.

        Random less top where places are taken away (the similarity shall fall early), top less random where they are
        put in (it shall rise early).
        """
        better = self.top - self.random if self.inserted else self.random - self.top
        whole = self.top[0] if self.whole is None else self.whole
        return float(better.mean() / (abs(whole) or 1.0))

    @property
    def area(self) -> float:
        """Area under the curve of the strongest pairs, as a share of the whole similarity: mean over its points."""
        whole = self.top[0] if self.whole is None else self.whole
        return float(self.top.mean() / (whole or 1.0))


def pair_flipping(
    model: Tower | tuple[Tower, Tower],
    x: ModelInput,
    y: ModelInput,
    explanation: Explanation,
    *,
    n_pairs: int | None = 10,
    fill: float | Tensor = 0.0,
    repeats: int = 10,
    seed: int = 0,
    similarity: str = "dot",
    channel_axis: int | None = None,
    insert: bool = False,
) -> Flipping:
    """Take away the places of the most relevant pairs and watch the similarity fall, against random pairs.

    The deletion curve [Samek2017]_ over pairs; with ``insert=True`` the insertion curve [Petsiuk2018]_: from two empty
    inputs, the places of the most relevant pairs are put in. A place is in one pair at most, so that every order takes
    as much after as many pairs.

    Parameters
    ----------
    model : nn.Module, a method of one, or a pair of these for two towers
    x, y : Tensor of shape (1, C, H, W) and (1, C, H', W'), or any other that the model takes
        Images, sequences of vectors, token numbers (1, T), features (1, F); several tensors by place or name, as for
        `bilrp.BiLRP.explain`.
    explanation : JointRelevance or Tensor of shape (rows, columns, rows', columns')
        For other inputs of shape (*shape, *shape'). Pooled, unless single pixels shall be flipped; the size of a tile
        follows from the shapes.
    n_pairs : int or None
        At most the number of places of the smaller input; None for as many.
    fill : float or Tensor
        What a place is replaced by; must broadcast against x and y. For token numbers that of a padding or mask token.
    repeats : int
        Random orders.
    seed : int
    similarity : {"dot", "cosine"}
    channel_axis : int, optional
        As in `bilrp.BiLRP.explain`.
    insert : bool

    Returns
    -------
    Flipping

    References
    ----------
    .. [Samek2017] Samek et al. Evaluating the visualization of what a deep neural network has learned. IEEE TNNLS 28,
       2017.
    .. [Petsiuk2018] Petsiuk, Das, Saenko. RISE. BMVC 2018: insertion and deletion.
    """
    left, right, flat = _sides("pair_flipping", model, (x, y), explanation, fill, channel_axis)
    most = min(flat.shape)
    n_pairs = most if n_pairs is None else n_pairs
    if not 1 <= n_pairs <= most:
        raise InputError(f"pair_flipping: n_pairs is {n_pairs}, expected 1 to {most}")
    chosen = _one_to_one(flat, n_pairs)
    rng = np.random.default_rng(seed)
    runs = [chosen] + [
        np.stack([rng.permutation(side.n)[:n_pairs] for side in (left, right)], axis=1) for _ in range(repeats)
    ]
    curves = np.empty((len(runs), n_pairs + 1))
    with left.frozen(), right.frozen():
        whole = _similarity(left.embedding(), right.embedding(), similarity)
        for row, order in enumerate(runs):
            for step in range(n_pairs + 1):
                phi, psi = (
                    side.embedding(order[:step, column], keep_instead=insert)
                    for column, side in enumerate((left, right))
                )
                curves[row, step] = _similarity(phi, psi, similarity)
    pairs = [(*left.place(int(i)), *right.place(int(j))) for i, j in chosen]
    return Flipping(curves[0], curves[1:].mean(0) if repeats else curves[0].copy(), pairs, whole, insert)


def infidelity(
    model: Tower | tuple[Tower, Tower],
    x: ModelInput,
    y: ModelInput,
    explanation: Explanation,
    *,
    n_samples: int = 100,
    fill: float | Tensor = 0.0,
    seed: int = 0,
    similarity: str = "dot",
    channel_axis: int | None = None,
) -> float:
    r"""How far the relevance of sets of pairs is from what these really bring together: 0 is right, 1 is nothing.

    Random places S of x and T of y are filled. What their pairs brought is the mixed difference
    :math:`\Delta = y(x, x') - y(x_S, x') - y(x, x'_T) + y(x_S, x'_T)
    = (\phi(x) - \phi(x_S)) \cdot (\phi(x') - \phi(x'_T))`, and the explanation says
    :math:`\hat\Delta = \sum_{i \in S, j \in T} R_{ij}`. Over the samples,
    :math:`\sum (\hat\Delta - \Delta)^2 / \sum \Delta^2` is returned: infidelity [Yeh2019]_ of second order, in units
    of an explanation of zeros.

    Parameters
    ----------
    model, x, y, explanation, fill, channel_axis
        As in `pair_flipping`.
    n_samples : int
        Each with a share of the places that is drawn evenly between 0 and 1, for each input.
    seed : int
    similarity : {"dot", "cosine"}
        Norms of a cosine are held fixed, as in the explanations.

    References
    ----------
    .. [Yeh2019] Yeh et al. On the (in)fidelity and sensitivity of explanations. NeurIPS 2019: definition 2.1.
    """
    left, right, flat = _sides("infidelity", model, (x, y), explanation, fill, channel_axis)
    if n_samples < 1:
        raise InputError(f"infidelity: n_samples is {n_samples}, expected one or more")
    rng = np.random.default_rng(seed)
    errors, sizes = 0.0, 0.0
    with left.frozen(), right.frozen():
        phi, psi = left.embedding(), right.embedding()
        scale = float(phi.norm() * psi.norm()) if similarity == "cosine" else 1.0
        for _ in range(n_samples):
            taken = [np.flatnonzero(rng.random(side.n) < rng.random()) for side in (left, right)]
            brought = float((phi - left.embedding(taken[0])) @ (psi - right.embedding(taken[1]))) / (scale or 1.0)
            errors += float(flat[np.ix_(*taken)].sum() - brought) ** 2
            sizes += brought**2
    return errors / sizes if sizes else 0.0


class _Side:
    """The places of one input, and its embedding without some of them."""

    def __init__(
        self,
        model: nn.Module,
        sample: Tensor,
        axis: int | None,
        grid: Sequence[int],
        fill: float | Tensor,
        tile: int,
    ) -> None:
        self.model = model
        self.sample = sample.detach()
        self.grid = tuple(grid)
        self.n = int(np.prod(self.grid))
        self._axis = axis
        self._sizes = [n for i, n in enumerate(sample.shape) if i not in (0, axis)]
        self._tiles = [  # the tile of the explanation where it fits, as in images; else what cuts the axis into so many
            tile if -(-size // tile) == n else -(-size // n) for size, n in zip(self._sizes, self.grid, strict=True)
        ]
        self._fill = torch.as_tensor(fill, dtype=sample.dtype, device=sample.device).expand_as(sample)

    def place(self, index: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(index, self.grid))

    def frozen(self) -> AbstractContextManager[None]:
        return frozen_eval(self.model, self.sample.device)

    def embedding(self, indices: Sequence[int] | npt.NDArray[np.int64] = (), *, keep_instead: bool = False) -> Tensor:
        """Of the input with these places filled; or with all others filled."""
        phi: Tensor = self.model(self._without(indices, keep_instead)).flatten().double()
        return phi

    def _without(self, indices: Sequence[int] | npt.NDArray[np.int64], keep_instead: bool) -> Tensor:
        mask = torch.zeros(self.n, dtype=torch.bool)
        mask[torch.tensor([int(i) for i in indices], dtype=torch.int64)] = True
        mask = mask.reshape(self.grid)
        for axis, (size, tile) in enumerate(zip(self._sizes, self._tiles, strict=True)):
            mask = mask.repeat_interleave(tile, axis).narrow(axis, 0, size)
        mask = mask[None] if self._axis is None else mask[None].unsqueeze(self._axis)
        mask = mask.to(self.sample.device)
        return torch.where(~mask if keep_instead else mask, self._fill, self.sample)


def _sides(
    who: str,
    model: Tower | tuple[Tower, Tower],
    inputs: tuple[ModelInput, ModelInput],
    explanation: Explanation,
    fill: float | Tensor,
    channel_axis: int | None,
) -> tuple[_Side, _Side, npt.NDArray[np.float64]]:
    """Both inputs with their places, and the table (places, places')."""
    table = table_of(explanation)
    towers = model if isinstance(model, tuple) else (model, model)
    (first, x, x_name), (second, y, y_name) = (
        bind(tower, read(tower, sample)[0]) for tower, sample in zip(towers, inputs, strict=True)
    )
    kept = table.dim() == x.dim() + y.dim() - 2  # channels were kept
    axes = [
        summed_axis(sample, kept, channel_axis, tower, default=-1 if name == "inputs_embeds" else None)
        for tower, sample, name in ((first, x, x_name), (second, y, y_name))
    ]
    split = x.dim() - 1 - (axes[0] is not None)
    if table.dim() - split != y.dim() - 1 - (axes[1] is not None):
        raise InputError(
            f"{who}: needs images and a table (h, w, h', w'), or other inputs and a table (*shape, *shape'); got "
            f"inputs of shape {tuple(x.shape)} and {tuple(y.shape)} and a table of shape {tuple(table.shape)}"
        )
    tile = explanation.tile if isinstance(explanation, JointRelevance) else 1
    left = _Side(first, x, axes[0], table.shape[:split], fill, tile)
    right = _Side(second, y, axes[1], table.shape[split:], fill, tile)
    return left, right, table.reshape(left.n, right.n).cpu().numpy()


def _one_to_one(table: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.int64]:
    """The first n pairs in falling relevance whose places are not in an earlier one."""
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


def _similarity(first: Tensor, second: Tensor, similarity: str) -> float:
    return float(torch.cosine_similarity(first, second, dim=0) if similarity == "cosine" else first @ second)
