r"""Joint relevance: how much each *pair* of places, one in each input, brings to a similarity.

:math:`R_{ij} = \sum_m L_{mi} R_{mj}` is kept as its two factors, the maps of each input for each of M embedding
dimensions. The full table of two images of 128 x 128 has 268 million entries and that of two pages 10\ :sup:`12`; every
question here is answered from the factors.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bilrp._engine.ranking import top_products
from bilrp.certificate import Certificate, certify_pair
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError, RelevanceFileError

FORMAT = "bilrp.JointRelevance/1"
MAX_MATRIX = 2**27  # entries; half a gigabyte in float32


@runtime_checkable
class BoxLike(Protocol):
    """Anything with a left, a top, a width and a height."""

    x: float
    y: float
    width: float
    height: float


Region = Sequence[float] | BoxLike


@dataclass(frozen=True, eq=False)
class JointRelevance:
    """The explanation of one similarity.

    Parameters
    ----------
    left, right : Tensor of shape (M, H, W) and (M, H', W')
        Relevance of each place of the first and the second input for each embedding dimension, channels summed. With
        kept channels (M, C, H, W); for other inputs (M, *their shape*). The sum over m of the products of an entry
        of each is the relevance of that pair, in the unit of the similarity.
    left_embedding, right_embedding : Tensor of shape (M,)
        What was multiplied: embeddings, after projection and normalisation.
    left_coverage, right_coverage : Coverage
        Every operation with its rule.
    tile : int
        Pixels of the input along one side of an entry: 1 unless pooled.
    settings : mapping, optional
        What the explainer was told: composite, bias, similarity. Read-only; the rules that were really applied stand
        in the coverage reports.
    """

    left: Tensor
    right: Tensor
    left_embedding: Tensor
    right_embedding: Tensor
    left_coverage: Coverage
    right_coverage: Coverage
    tile: int = 1
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        rows = {len(t) for t in (self.left, self.right, self.left_embedding, self.right_embedding)}
        if len(rows) != 1:
            raise InputError(f"JointRelevance: factors and embeddings have {sorted(rows)} dimensions, expected one M")
        if self.settings is not None:
            object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __repr__(self) -> str:
        return (
            f"JointRelevance(left={tuple(self.left.shape)}, right={tuple(self.right.shape)}, "
            f"similarity={self.similarity:.6g}, total={self.total():.6g}, bias_share={self.bias_share:.2%})"
        )

    @property
    def similarity(self) -> float:
        """The similarity that is explained: the dot product of the two embeddings."""
        return float(self.left_embedding.double() @ self.right_embedding.double())

    def total(self) -> float:
        """The relevance of all pairs together."""
        return float(self.left.flatten(1).double().sum(1) @ self.right.flatten(1).double().sum(1))

    @property
    def bias_share(self) -> float:
        """The share of the similarity that no pair received: 1 - total / similarity.

        Biases, stabilizers and neurons without active inputs keep it; the coverage reports say which. Zero where the
        similarity is zero.
        """
        similarity = self.similarity
        return 1 - self.total() / similarity if similarity else 0.0

    @cached_property
    def certificate(self) -> Certificate:
        """How far the result can be believed, and how it was made."""
        embeddings = self.left_embedding, self.right_embedding
        return certify_pair(self.left, self.right, embeddings, (self.left_coverage, self.right_coverage))

    def swapped(self) -> JointRelevance:
        """The explanation of (y, x): the transpose."""
        return replace(
            self,
            left=self.right,
            right=self.left,
            left_embedding=self.right_embedding,
            right_embedding=self.left_embedding,
            left_coverage=self.right_coverage,
            right_coverage=self.left_coverage,
        )

    def pool(self, size: int) -> JointRelevance:
        """Relevance summed over tiles of size x size entries; tiles at the far edges may be smaller.

        Parameters
        ----------
        size : int
            One or more. Sums are kept: ``pool(8).total()`` equals ``total()``. Where tiles are all that is wanted,
            ``BiLRP.explain(x, y, pool=8)`` gives the same without maps of full resolution.
        """
        if size < 1:
            raise InputError(f"pool: size is {size}, expected one or more")
        if self.left.dim() < 3 or self.right.dim() < 3:
            raise InputError(f"pool: needs maps (M, H, W), got {tuple(self.left.shape)} and {tuple(self.right.shape)}")
        left, right = tile_sums(self.left, size), tile_sums(self.right, size)
        return replace(self, left=left, right=right, tile=self.tile * size)

    def matrix(self) -> Tensor:
        """The relevance of every pair, of shape (*left shape, *right shape), such as (H, W, H', W').

        Raises
        ------
        InputError
            When it would have more than 2**27 entries; pool first, or ask for pairs and regions.
        """
        n_entries = self.left[0].numel() * self.right[0].numel()
        if n_entries > MAX_MATRIX:
            raise InputError(
                f"matrix: {tuple(self.left.shape[1:])} times {tuple(self.right.shape[1:])} has {n_entries:,} entries, "
                f"expected at most {MAX_MATRIX:,}. Call pool(8).matrix(), or use top_pairs, between and given."
            )
        table = self.left.flatten(1).T @ self.right.flatten(1)
        return table.reshape(*self.left.shape[1:], *self.right.shape[1:])

    def top_pairs(self, k: int = 50, *, by: str = "relevance") -> list[tuple[int | float, ...]]:
        """The k pairs with the greatest relevance, exactly, in bounded memory.

        Parameters
        ----------
        k : int
        by : {"relevance", "magnitude"}
            Falling relevance, of pairs above zero alone; or falling absolute relevance, which also finds what speaks
            against the similarity.

        Returns
        -------
        list of (y, x, y', x', relevance)
            Indices into `left` and `right` (of the tiles, when pooled); with kept channels (c, y, x, c', y', x', ...).
            Pairs of relevance 0 are left out, and by relevance those below 0, too: there may be fewer than k.

        Notes
        -----
        Places are visited in falling norm; as abs(R_ij) is at most the product of the two norms, most pairs are never
        computed, and those that are go block by block.
        """
        if by not in {"relevance", "magnitude"}:
            raise InputError(f"top_pairs: by is {by!r}, expected 'relevance' or 'magnitude'")
        if k < 1:
            raise InputError(f"top_pairs: k is {k}, expected one or more")
        rows, columns, values = top_products(self.left.flatten(1), self.right.flatten(1), k, by == "magnitude")
        first = np.stack(np.unravel_index(rows, tuple(self.left.shape[1:])), axis=1)
        second = np.stack(np.unravel_index(columns, tuple(self.right.shape[1:])), axis=1)
        return [(*map(int, a), *map(int, b), float(value)) for a, b, value in zip(first, second, values, strict=True)]

    def between(self, left: Region, right: Region) -> float:
        """The relevance of all pairs between a region of the first input and one of the second.

        Parameters
        ----------
        left, right : (x, y, width, height), or an object with these attributes
            In pixels of the inputs, also when pooled; an entry belongs to a region when its middle does.
        """
        first = _inside(self.left, left, self.tile).double()
        return float(first @ _inside(self.right, right, self.tile).double())

    def given(self, left: Region) -> Tensor:
        """What in the second input answers to a region of the first: a map (H', W') that sums to its relevance.

        Parameters
        ----------
        left : (x, y, width, height)
            As in `between`. For a region of the second input call ``swapped().given(region)``.
        """
        weights = _inside(self.left, left, self.tile)
        return torch.einsum("m,m...->...", weights, self.right)

    def left_marginal(self) -> Tensor:
        """The relevance of each place of the first input, summed over all partners: a map (H, W)."""
        return torch.einsum("m,m...->...", self.right.flatten(1).sum(1), self.left)

    def right_marginal(self) -> Tensor:
        """The relevance of each place of the second input, summed over all partners: a map (H', W')."""
        return self.swapped().left_marginal()

    def plot(self, x: Tensor, y: Tensor, *, k: int = 100, path: str | Path | None = None) -> Any:
        """The two images joined by arcs, red for and blue against; see `bilrp.plotting.plot`."""
        from bilrp.plotting import plot

        return plot(self, x, y, k=k, path=path)

    def plot_given(self, x: Tensor, y: Tensor, region: Region, *, path: str | Path | None = None) -> Any:
        """What in the second image answers to a region of the first; see `bilrp.plotting.plot_given`."""
        from bilrp.plotting import plot_given

        return plot_given(self, x, y, region, path=path)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write everything into one ``.npz`` file; nothing in it is pickled.

        Raises
        ------
        FileExistsError
            When the file is there and ``overwrite`` is False.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path}: exists already. Choose another name or pass overwrite=True.")
        about = {
            "format": FORMAT,
            "tile": self.tile,
            "settings": None if self.settings is None else dict(self.settings),
            "left_coverage": self.left_coverage.to_dict(),
            "right_coverage": self.right_coverage.to_dict(),
        }
        arrays = {name: getattr(self, name).detach().cpu().numpy() for name in ARRAYS}
        with path.open("wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)
        return path

    @classmethod
    def load(cls, path: str | Path) -> JointRelevance:
        """Read what `save` wrote.

        Raises
        ------
        RelevanceFileError
            When the file is missing, damaged or of another format.
        """
        path = Path(path)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                arrays = {name: torch.from_numpy(file[name]) for name in ARRAYS}
            if about["format"] != FORMAT:
                raise RelevanceFileError(f"{path}: format is {about['format']!r}, expected {FORMAT!r}")
            left, right = (Coverage.from_dict(about[key]) for key in ("left_coverage", "right_coverage"))
            tile = int(about["tile"])
            if tile < 1:
                raise RelevanceFileError(f"{path}: tile is {tile}, expected one or more")
            return cls(**arrays, left_coverage=left, right_coverage=right, tile=tile, settings=about["settings"])
        except FileNotFoundError as error:
            raise RelevanceFileError(f"{path}: no such file") from error
        except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            if isinstance(error, RelevanceFileError):
                raise
            raise RelevanceFileError(
                f"{path}: cannot be read as joint relevance ({error}). Expected a file written by JointRelevance.save."
            ) from error


ARRAYS = ("left", "right", "left_embedding", "right_embedding")


def tile_sums(maps: Tensor, size: int) -> Tensor:
    """(..., H, W) summed over tiles of size x size; tiles at the far edges may be smaller."""
    height, width = maps.shape[-2:]
    padded = F.pad(maps, (0, -width % size, 0, -height % size))
    *lead, rows, columns = padded.shape
    return padded.reshape(*lead, rows // size, size, columns // size, size).sum(dim=(-3, -1))


def _inside(maps: Tensor, region: Region, tile: int) -> Tensor:
    """The sum of each map over a region: shape (M,), or (M, C) summed to (M,)."""
    if maps.dim() < 3:
        raise InputError(f"regions need maps (M, H, W), got {tuple(maps.shape)}")
    if isinstance(region, BoxLike):
        x, y, width, height = (float(v) for v in (region.x, region.y, region.width, region.height))
    else:
        if len(region) != 4:
            raise InputError(f"a region is (x, y, width, height), got {len(region)} numbers")
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
