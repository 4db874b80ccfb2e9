r"""Joint relevance: how much each *pair* of places, one in each input, brings to a similarity.

:math:`R_{ij} = \sum_m L_{mi} R_{mj}` is kept as its two factors, the maps of each input for each of M embedding
dimensions. The full table of two images of 128 x 128 has 268 million entries and that of two pages 10\ :sup:`12`; every
question here is answered from the factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from numbers import Integral, Real
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bilrp._engine.ranking import top_products
from bilrp.archives import (
    MAX_BYTES,
    checked_settings,
    checked_tile,
    checked_tokens,
    read_archive,
    unreadable,
    write_archive,
)
from bilrp.certificate import Certificate, certify_pair
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError
from bilrp.regions import BoxLike as BoxLike
from bilrp.regions import Region as Region
from bilrp.regions import inside, is_span
from bilrp.regions import tile_sums as tile_sums
from bilrp.tokens import is_special, merged_spans, merged_words

FORMAT = "bilrp.JointRelevance/1"
MAX_MATRIX = 2**27  # entries; half a gigabyte in float32


@dataclass(frozen=True, eq=False)
class JointRelevance:
    """The explanation of one similarity.

    Parameters
    ----------
    left, right : Tensor of shape (M, H, W) and (M, H', W')
        Relevance of each place of the first and the second input for each embedding dimension, channels summed. With
        kept channels (M, C, H, W); for tokens (M, T); for other inputs (M, *their shape*). The two sides may be of
        different kinds. The sum over m of the products of an entry of each is the relevance of that pair, in the unit
        of the similarity.
    left_embedding, right_embedding : Tensor of shape (M,)
        What was multiplied: embeddings, after projection and normalisation.
    left_coverage, right_coverage : Coverage
        Every operation with its rule.
    tile : int
        Pixels of the input along one side of an entry: 1 unless pooled.
    settings : mapping, optional
        What the explainer was told: composite, bias, similarity. Read-only; the rules that were really applied stand
        in the coverage reports.
    right_tile : int, optional
        ``tile`` of the second input. Default: that of the first.
    left_tokens, right_tokens : sequence of str, optional
        The tokens of a text, one for each entry of its maps.
    """

    left: Tensor
    right: Tensor
    left_embedding: Tensor
    right_embedding: Tensor
    left_coverage: Coverage
    right_coverage: Coverage
    tile: int = 1
    settings: Mapping[str, Any] | None = None
    right_tile: int | None = None
    left_tokens: Sequence[str] | None = None
    right_tokens: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.right_tile is None:
            object.__setattr__(self, "right_tile", self.tile)
        for side in ("left", "right"):
            tokens, maps = getattr(self, f"{side}_tokens"), getattr(self, side)
            if tokens is not None:
                object.__setattr__(self, f"{side}_tokens", tuple(tokens))
                if maps.dim() < 2 or maps.shape[1] != len(tokens):
                    raise InputError(
                        f"JointRelevance: {len(tokens)} {side} tokens for maps of shape {tuple(maps.shape)}, expected "
                        f"one for each entry (M, T)"
                    )
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
        settings = self.settings or {}
        cosine = settings.get("similarity") == "cosine"
        certificate = certify_pair(self.left, self.right, self.embeddings, self.coverages, cosine=cosine)
        known = {name: settings[name] for name in ("randomization", "tried") if name in settings}
        return replace(certificate, **known)

    @property
    def embeddings(self) -> tuple[Tensor, Tensor]:
        """Of both sides."""
        return self.left_embedding, self.right_embedding

    @property
    def coverages(self) -> tuple[Coverage, Coverage]:
        """Of both sides."""
        return self.left_coverage, self.right_coverage

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
            tile=self.tiles[1],
            right_tile=self.tile,
            left_tokens=self.right_tokens,
            right_tokens=self.left_tokens,
        )

    @property
    def tiles(self) -> tuple[int, int]:
        """Pixels along one side of an entry of the first and of the second input."""
        return self.tile, self.tile if self.right_tile is None else self.right_tile

    def to(self, *args: Any, **kwargs: Any) -> JointRelevance:
        """On another device or in another type; arguments as for ``torch.Tensor.to``."""
        return replace(self, **{name: getattr(self, name).to(*args, **kwargs) for name in ARRAYS})

    def __add__(self, other: JointRelevance) -> JointRelevance:
        """The sum of two explanations, place by place: its similarity is the sum of both, its M as well.

        Both sides must have the same places, such as pages of one format or crops of one size; whether a place means
        the same in both is for the caller to know. `bilrp.mean_of_pairs` is the short way for many.
        """
        if not isinstance(other, JointRelevance):
            return NotImplemented
        pairs = [(getattr(self, side).shape[1:], getattr(other, side).shape[1:]) for side in ("left", "right")]
        if any(first != second for first, second in pairs) or self.tiles != other.tiles:
            first, second = (f"{tuple(j.left.shape[1:])} x {tuple(j.right.shape[1:])}" for j in (self, other))
            raise InputError(
                f"explanations of maps {first} and {second}, tiles of {self.tiles} and {other.tiles}: only equal ones "
                f"are added place by place. Pool them to as many tiles, or add up totals."
            )
        stacked: dict[str, Any] = {
            name: torch.cat([getattr(self, name), getattr(other, name).to(getattr(self, name))]) for name in ARRAYS
        }
        return replace(
            self,
            **stacked,
            left_coverage=self.left_coverage.with_note(SUMMED),
            right_coverage=self.right_coverage.with_note(SUMMED),
            left_tokens=self.left_tokens if self.left_tokens == other.left_tokens else None,
            right_tokens=self.right_tokens if self.right_tokens == other.right_tokens else None,
        )

    def __radd__(self, other: object) -> JointRelevance:
        """So that ``sum(explanations)`` works."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, weight: float) -> JointRelevance:
        """The explanation of a multiple of the similarity."""
        weight = checked_weight(weight)
        return replace(self, left=self.left * weight, left_embedding=self.left_embedding * weight)

    __rmul__ = __mul__

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
        if self.left.dim() < 3 and self.right.dim() < 3:
            raise InputError(
                f"pool: needs maps (M, H, W) on a side, got {tuple(self.left.shape)} and {tuple(self.right.shape)}. "
                f"Tokens are put together by words() or merge_spans()."
            )
        tiles, sums = list(self.tiles), []
        for i, maps in enumerate((self.left, self.right)):
            has_tiles = maps.dim() >= 3
            sums.append(tile_sums(maps, size) if has_tiles else maps)
            tiles[i] *= size if has_tiles else 1
        return replace(self, left=sums[0], right=sums[1], tile=tiles[0], right_tile=tiles[1])

    def words(self, *, special: str = "keep") -> JointRelevance:
        """Relevance of words: sub-words of both sides added up by the marks of their tokenizer (`bilrp.tokens`).

        Parameters
        ----------
        special : {"keep", "drop"}
            Tokens that stand for no text, such as ``[CLS]`` and padding, stay as words of their own; or they are left
            out, and with them their relevance: ``settings["dropped_special"]`` then says how much of `total` that was.
        """
        if special not in {"keep", "drop"}:
            raise InputError(f"words: special is {special!r}, expected 'keep' or 'drop'")
        if self.left_tokens is None and self.right_tokens is None:
            raise InputError("words: neither side has tokens. Give them to explain(..., tokens=(left, right)).")
        changed: dict[str, Any] = {}
        for side in ("left", "right"):
            tokens = getattr(self, f"{side}_tokens")
            if tokens is not None:
                maps, words = merged_words(getattr(self, side), tokens, special == "drop")
                changed |= {side: maps, f"{side}_tokens": words}
        merged = replace(self, **changed)
        if special == "keep":
            return merged
        whole = self.total()
        dropped = 1 - merged.total() / whole if whole else 0.0
        return replace(merged, settings={**(self.settings or {}), "dropped_special": dropped})

    def merge_spans(
        self, left: Sequence[tuple[int, int]] | None = None, right: Sequence[tuple[int, int]] | None = None
    ) -> JointRelevance:
        """Relevance added up over spans (start, stop) of the entries of one-dimensional maps; the others stay single.

        Parameters
        ----------
        left, right : sequence of (start, stop), optional
            Of the first and the second input, without overlap.
        """
        changed: dict[str, Any] = {}
        for side, spans in (("left", left), ("right", right)):
            if spans is not None:
                maps, tokens = merged_spans(getattr(self, side), spans, getattr(self, f"{side}_tokens"))
                changed |= {side: maps, f"{side}_tokens": tokens}
        return replace(self, **changed)

    @property
    def special_share(self) -> float:
        """The share of `total` that pairs with a special token hold, such as ``[CLS]`` or padding; 0 without tokens."""
        total = self.total()
        sums = []
        for maps, tokens in ((self.left, self.left_tokens), (self.right, self.right_tokens)):
            keep = slice(None) if tokens is None else [i for i, token in enumerate(tokens) if not is_special(token)]
            sums.append(maps[:, keep].flatten(1).double().sum(1))
        return 1 - float(sums[0] @ sums[1]) / total if total else 0.0

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

    def top_pairs(self, k: int = 50, *, by: str = "relevance", names: bool = False) -> list[tuple[Any, ...]]:
        """The k pairs with the greatest relevance, exactly, in bounded memory.

        Parameters
        ----------
        k : int
        by : {"relevance", "magnitude"}
            Falling relevance, of pairs above zero alone; or falling absolute relevance, which also finds what speaks
            against the similarity.
        names : bool
            Give (left, right, relevance), where a token is named and another place is the tuple of its indices.

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
        if not isinstance(k, Integral) or k < 1:
            raise InputError(f"top_pairs: k is {k!r}, expected one or more, a whole number")
        rows, columns, values = top_products(self.left.flatten(1), self.right.flatten(1), k, by == "magnitude")
        first = np.stack(np.unravel_index(rows, tuple(self.left.shape[1:])), axis=1)
        second = np.stack(np.unravel_index(columns, tuple(self.right.shape[1:])), axis=1)
        places = zip(first.tolist(), second.tolist(), values.tolist(), strict=True)
        if not names:
            return [(*a, *b, value) for a, b, value in places]
        return [(_name(a, self.left_tokens), _name(b, self.right_tokens), value) for a, b, value in places]

    def between(self, left: Region, right: Region) -> float:
        """The relevance of all pairs between a region of the first input and one of the second.

        Parameters
        ----------
        left, right : (x, y, width, height), or an object with these attributes; or a span
            A box in pixels of the inputs, also when pooled; an entry belongs to a region when its middle does. For
            tokens a span: a place, (start, stop), or the words themselves. Where one input is an image and the other a
            text the kind of region says which is meant, and the two may stand in either order.
        """
        if self._is_of_right(left) and not self._is_of_right(right):
            left, right = right, left
        first = inside(self.left, left, self.tile, self.left_tokens).double()
        return float(first @ inside(self.right, right, self.tiles[1], self.right_tokens).double())

    def given(self, left: Region) -> Tensor:
        """What in the second input answers to a region of the first: a map (H', W') that sums to its relevance.

        Parameters
        ----------
        left : (x, y, width, height), or a span
            As in `between`. For a region of the second input call ``swapped().given(region)``; between an image and a
            text its kind says so by itself: a box gives a map of tokens (T,), a span one of the image (H, W).
        """
        if self._is_of_right(left):
            return self.swapped().given(left)
        weights = inside(self.left, left, self.tile, self.left_tokens)
        return torch.einsum("m,m...->...", weights, self.right)

    def _is_of_right(self, region: Region) -> bool:
        """Whether a region can only be meant for the second input: a span for a text there, or a box for an image."""
        kinds = self.left.dim() == 2, self.right.dim() == 2
        return kinds[0] != kinds[1] and is_span(region) == kinds[1]

    def left_marginal(self) -> Tensor:
        """The relevance of each place of the first input, summed over all partners: a map (H, W)."""
        return torch.einsum("m,m...->...", self.right.flatten(1).sum(1), self.left)

    def right_marginal(self) -> Tensor:
        """The relevance of each place of the second input, summed over all partners: a map (H', W')."""
        return self.swapped().left_marginal()

    def plot(
        self, x: Any = None, y: Any = None, *, k: int = 100, path: str | Path | None = None, **options: Any
    ) -> Any:
        """The two images or texts joined by arcs, red for and blue against; see `bilrp.plotting.plot`."""
        from bilrp.plotting import plot

        return plot(self, x, y, k=k, path=path, **options)

    def _repr_html_(self) -> str:
        """What notebooks show: tiles or words to point at, without pictures, which are not kept with the result."""
        try:
            return str(self.interactive(max_pairs=2**16)._repr_html_())
        except InputError:  # kept channels, values that are no numbers, too many words
            return f"<pre>{escape(repr(self))}</pre>"

    def interactive(self, x: Any = None, y: Any = None, **options: Any) -> Any:
        """A page to point at: what answers to each tile or word; see `bilrp.plotting.interactive`."""
        from bilrp.plotting import interactive

        return interactive(self, x, y, **options)

    def plot_given(self, x: Any, y: Any, region: Region, *, path: str | Path | None = None, **options: Any) -> Any:
        """What in the second input answers to a region of the first; see `bilrp.plotting.plot_given`."""
        from bilrp.plotting import plot_given

        return plot_given(self, x, y, region, path=path, **options)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write everything into one ``.npz`` file; nothing in it is pickled.

        Raises
        ------
        FileExistsError
            When the file is there and ``overwrite`` is False.
        """
        about = {
            "format": FORMAT,
            "tile": self.tile,
            "right_tile": self.tiles[1],
            "left_tokens": self.left_tokens,
            "right_tokens": self.right_tokens,
            "settings": None if self.settings is None else dict(self.settings),
            "left_coverage": self.left_coverage.to_dict(),
            "right_coverage": self.right_coverage.to_dict(),
        }
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return write_archive(path, about, arrays, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, max_bytes: int = MAX_BYTES) -> JointRelevance:
        """Read what `save` wrote; sizes, shapes and types are checked before anything is decompressed.

        Parameters
        ----------
        path : str or Path
        max_bytes : int
            What the arrays may take in memory.

        Raises
        ------
        RelevanceFileError
            When the file is missing, damaged, larger than allowed or of another format.
        """
        about, arrays = read_archive(path, "joint relevance", FORMAT, ARRAYS, max_bytes=max_bytes)
        try:
            left, right = (Coverage.from_dict(about[key]) for key in ("left_coverage", "right_coverage"))
            tile = checked_tile(path, about["tile"])
            more: dict[str, Any] = {
                **arrays,
                "right_tile": checked_tile(path, about.get("right_tile", tile)),
                "left_tokens": checked_tokens(path, about.get("left_tokens")),
                "right_tokens": checked_tokens(path, about.get("right_tokens")),
                "settings": checked_settings(path, about["settings"]),
            }
            return cls(left_coverage=left, right_coverage=right, tile=tile, **more)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(path, "joint relevance", error) from error


SUMMED = "a sum of explanations: the report is that of the first"
ARRAYS = {"left": 2, "right": 2, "left_embedding": 1, "right_embedding": 1}
"""The tensors of a result, and how many axes each has at least."""


def checked_weight(weight: Any) -> float:
    """What an explanation is multiplied with.

    Raises
    ------
    InputError
        When it is no single finite number.
    """
    single = isinstance(weight, Real) or (isinstance(weight, (Tensor, np.ndarray)) and weight.ndim == 0)
    if not single or not math.isfinite(number := float(weight)):
        raise InputError(f"an explanation times {weight!r}: expected one finite number, such as 0.5")
    return number


def _name(place: list[int], tokens: Sequence[str] | None) -> str | tuple[int, ...]:
    return tuple(place) if tokens is None else tokens[place[0]]
