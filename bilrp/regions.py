"""Regions of an input: boxes in pixels for maps with a height and a width, spans for tokens; sums of maps over them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Protocol, runtime_checkable

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.tokens import Span, token_slice


@runtime_checkable
class BoxLike(Protocol):
    """Anything with a left, a top, a width and a height."""

    x: float
    y: float
    width: float
    height: float


Region = Sequence[float] | BoxLike | Span
"""A box (x, y, width, height) in pixels of the input, or a span of tokens: a place, (start, stop), or the words."""


def is_span(region: Region) -> bool:
    """Whether a region is one of neighbouring tokens, not a box: a place, (start, stop), or words."""
    if isinstance(region, (str, int, Integral, slice, range)):
        return True
    return not isinstance(region, BoxLike) and len(region) == 2


def tile_sums(maps: Tensor, size: int) -> Tensor:
    """(..., H, W) summed over tiles of size x size; tiles at the far edges may be smaller."""
    height, width = maps.shape[-2:]
    padded = F.pad(maps, (0, -width % size, 0, -height % size))
    *lead, rows, columns = padded.shape
    return padded.reshape(*lead, rows // size, size, columns // size, size).sum(dim=(-3, -1))


def inside(maps: Tensor, region: Region, tile: int, tokens: Sequence[str] | None = None) -> Tensor:
    """The sum of each map over a region, of shape (M,).

    Parameters
    ----------
    maps : Tensor of shape (M, H, W) or (M, C, H, W), for boxes, or (M, T), for spans
    region : Region
    tile : int
        Pixels along one side of an entry.
    tokens : sequence of str, optional
        Of the T entries, for spans given by their words.

    Raises
    ------
    InputError
        When the region is of another kind than the maps.
    """
    if maps.dim() == 2:
        if isinstance(region, BoxLike) and not isinstance(region, (slice, range)):
            raise InputError("a span of tokens is a place, (start, stop) or its words, got a box")
        return maps[:, token_slice(region, tokens, maps.shape[1])].sum(1)  # type: ignore[arg-type]
    if maps.dim() < 2:
        raise InputError(f"regions need maps (M, H, W) or (M, T), got {tuple(maps.shape)}")
    if isinstance(region, BoxLike):
        x, y, width, height = (float(v) for v in (region.x, region.y, region.width, region.height))
    elif isinstance(region, (str, int, Integral, slice, range)) or len(region) != 4:
        if isinstance(region, (str, int, Integral, slice, range)):
            raise InputError(f"a region of an image is (x, y, width, height), got {region!r}")
        raise InputError(f"a region is (x, y, width, height), got {len(region)} numbers")
    else:
        x, y, width, height = (float(v) for v in region)
    if width < 0 or height < 0:
        raise InputError(f"a region is (x, y, width, height) with sizes of zero or more, got {width} x {height}")
    rows = _covered(maps.shape[-2], y, height, tile)
    columns = _covered(maps.shape[-1], x, width, tile)
    return maps[..., rows, columns].flatten(1).sum(1)


def _covered(n: int, start: float, extent: float, tile: int) -> slice:
    """The entries whose middle lies in [start, start + extent)."""
    first = int(np.ceil(start / tile - 0.5))
    last = int(np.ceil((start + extent) / tile - 0.5))
    return slice(min(max(first, 0), n), min(max(last, 0), n))
