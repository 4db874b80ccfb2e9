"""The greatest entries of a product of two thin matrices, without forming the product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

BLOCK_ENTRIES = 2**22  # products held at a time


def top_products(
    left: Tensor, right: Tensor, k: int, magnitude: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The k greatest entries of ``left.T @ right``.

    Parameters
    ----------
    left, right : Tensor of shape (M, I) and (M, J)
    k : int
    magnitude : bool
        Rank by absolute value; otherwise only entries above 0 count.

    Returns
    -------
    rows, columns : int64 arrays of shape (at most k,)
    values : float64 array
        Falling; entries of exactly 0 are left out. Equal values stand in the order of their indices.

    Notes
    -----
    By Cauchy and Schwarz an entry is at most the product of the norms of its column of ``left`` and of ``right``. Both
    are visited in falling norm, and what cannot reach the k-th best so far is never computed.
    """
    left_order, left_norms = _by_norm(left)
    right_order, right_norms = _by_norm(right)
    rows = columns = torch.empty(0, dtype=torch.int64, device=left.device)
    values = left.new_empty(0)
    start, floor = 0, 0.0
    while start < len(left_order) and len(right_order):
        bound = float(left_norms[start])
        # the tiny slack keeps ties that rounding in the norms would cut off
        reach = int((right_norms * (bound * (1 + 1e-6)) >= floor).sum()) if floor > 0 else len(right_order)
        if reach == 0:
            break
        n_rows = max(1, min(len(left_order) - start, BLOCK_ENTRIES // reach, 64 if floor == 0 else 4096))
        picked = left_order[start : start + n_rows]
        for c in range(0, reach, BLOCK_ENTRIES):
            partners = right_order[c : min(c + BLOCK_ENTRIES, reach)]
            block = (left[:, picked].T @ right[:, partners]).flatten()
            key = block.abs() if magnitude else block
            candidates = torch.nonzero((key >= floor) & (block != 0)).flatten()
            if len(candidates) > k:  # all that tie with the k-th stay, so that ties are cut by index
                kth = key[candidates].topk(k).values[-1]
                candidates = candidates[key[candidates] >= kth]
            rows = torch.cat([rows, picked[candidates // len(partners)]])
            columns = torch.cat([columns, partners[candidates % len(partners)]])
            values = torch.cat([values, block[candidates]])
            rows, columns, values = _best(rows, columns, values, k, magnitude)
            if len(values) == k:
                floor = max(float(values[-1].abs() if magnitude else values[-1]), 0.0)
        start += n_rows
    return rows.cpu().numpy(), columns.cpu().numpy(), values.double().cpu().numpy()


def _by_norm(factor: Tensor) -> tuple[Tensor, Tensor]:
    norms, order = factor.norm(dim=0).sort(descending=True, stable=True)
    n = int((norms > 0).sum())
    return order[:n], norms[:n]


def _best(rows: Tensor, columns: Tensor, values: Tensor, k: int, magnitude: bool) -> tuple[Tensor, Tensor, Tensor]:
    order = columns.argsort(stable=True)
    order = order[rows[order].argsort(stable=True)]
    key = (values.abs() if magnitude else values)[order]
    order = order[key.argsort(stable=True, descending=True)][:k]
    return rows[order], columns[order], values[order]
