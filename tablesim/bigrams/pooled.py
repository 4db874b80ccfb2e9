"""The published baseline: bigrams pooled over the maps of the page by spatial summation, without reading numbers.

It is compared with ``BigramNetwork``, which counts accepted digits. Here every position of the page adds a little
(Eberle et al., IEEE TPAMI 44, 2022): b_jk(p) = max over tau of min(a_j(p), a_k(p + tau)), and a page is the sum over p
of what exceeds a floor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tablesim.records.bins import N_BINS, N_DIGITS

DISTANCES = (0.5, 0.6, 0.7, 0.8)
"""Distances from a digit to the next, in digit heights."""

FLOOR = 0.12
"""What a position must exceed to count, as published for peaks."""


def pooled_histogram(activations: Tensor, distances: Sequence[int]) -> NDArray[np.float64]:
    """The pooled bigram counts of a page.

    Parameters
    ----------
    activations : Tensor of shape (10, H, W)
        0 to 1: the middle of a digit with this value lies in the cell.
    distances : sequence of int
        Possible positions of the next digit, in cells to the right; each at least 1.

    Returns
    -------
    float64 array of shape (110,)
        In the order of ``BIN_NAMES``. A digit counts as isolated by what it exceeds any neighbour on either side.
    """
    a = activations.to(torch.float32)
    beside = torch.zeros_like(a[0])
    pairs = torch.zeros((N_DIGITS, *a.shape))
    for shift in sorted({shift for shift in distances if 0 < shift < a.shape[2]}):
        following = torch.zeros_like(a)
        following[:, :, :-shift] = a[:, :, shift:]
        before = torch.zeros_like(a)
        before[:, :, shift:] = a[:, :, :-shift]
        beside = torch.maximum(beside, torch.maximum(following.amax(dim=0), before.amax(dim=0)))
        pairs = torch.maximum(pairs, torch.minimum(a[:, None], following[None]))
    h = np.zeros(N_BINS)
    h[:N_DIGITS] = (a - beside - FLOOR).clamp(min=0).sum(dim=(1, 2)).double().numpy()
    h[N_DIGITS:] = (pairs - FLOOR).clamp(min=0).sum(dim=(2, 3)).flatten().double().numpy()
    return h


def cells_between(digit_height: float, cell: int) -> tuple[int, ...]:
    """``DISTANCES`` in cells of ``cell`` pixels, for digits of ``digit_height`` pixels."""
    return tuple(sorted({max(1, round(share * digit_height / cell)) for share in DISTANCES}))
