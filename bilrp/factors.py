r"""Factors: one input explained once, for all its pairs.

:math:`R_{ij} = \sum_m L_{mi} R_{mj}` [Eberle2022]_ has two factors that know nothing of each other. So N inputs need N
explanations for all their :math:`N (N - 1) / 2` pairs, and sums over pairs are products of sums: the mean explanation
of many pairs, the difference of two, tables for a whole corpus come without explaining anything again.

References
----------
.. [Eberle2022] Eberle et al. Building and interpreting deep similarity models. IEEE TPAMI 44(3), 2022.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from bilrp.archives import (
    MAX_BYTES,
    checked_settings,
    checked_tile,
    checked_tokens,
    read_archive,
    unreadable,
    write_archive,
)
from bilrp.coverage import Coverage
from bilrp.exceptions import InputError
from bilrp.joint import SUMMED, JointRelevance, checked_weight
from bilrp.outputs import Relevance
from bilrp.regions import tile_sums

SIMILARITIES = ("dot", "cosine")
FORMAT = "bilrp.Factor/1"
ARRAYS = {"values": 2, "embedding": 1}


def checked_factors(who: str, values: Iterable[object]) -> Iterator[Factor]:
    """The same values one by one, of which each is a factor.

    Raises
    ------
    InputError
    """
    for n, value in enumerate(values):
        if not isinstance(value, Factor):
            raise InputError(
                f"{who}: number {n} is of type {type(value).__name__}, expected factors, as explainer.factor(x) gives "
                f"them. Joint relevance has no factor any more; it is kept by its own save."
            )
        yield value


def inverse_norm(embedding: Tensor, similarity: str) -> Tensor:
    """What a similarity multiplies an embedding with, held fixed: 1, or 1 / norm and 0 where there is no direction.

    That is so of zeros, and below the smallest number that has all its digits: there, digits of the direction are lost.
    The squares of a norm go through float64, where they do not vanish.
    """
    norm = embedding.double().norm()
    if similarity == "dot":
        return torch.ones_like(norm).to(embedding)
    usable = norm > torch.finfo(embedding.dtype).tiny
    return torch.where(usable, 1 / norm, torch.zeros_like(norm)).to(embedding)


@dataclass(eq=False)
class Factor(Relevance):
    """One side of the explanation of a similarity: what `bilrp.BiLRP.factor` gives.

    Parameters
    ----------
    values : Tensor of shape (M, H, W)
        Relevance of each place for each embedding dimension, channels summed; (M, T) for tokens, and so on.
    embedding : Tensor of shape (M,)
        After projection; for the cosine divided by its norm.
    coverage : Coverage
        Every operation with its rule.
    tile : int
        Pixels of the input along one side of an entry: 1 unless pooled.
    settings : mapping, optional
        What the explainer was told: composite, bias, similarity.
    tokens : tuple of str, optional
        The tokens of a text, one for each entry of the map.
    """

    tile: int = 1
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if len(self.values) != len(self.embedding):
            raise InputError(f"Factor: {len(self.values)} maps for an embedding of {len(self.embedding)} dimensions")
        self.settings = None if self.settings is None else MappingProxyType(dict(self.settings))
        super().__post_init__()

    def __repr__(self) -> str:
        tokens = "" if self.tokens is None else f", {len(self.tokens)} tokens"
        return f"Factor({len(self)} dimensions of maps {self.shape}{tokens}, tile={self.tile})"

    def __len__(self) -> int:
        """How many embedding dimensions there are."""
        return len(self.embedding)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one map, such as (H, W) or (T,)."""
        return tuple(self.values.shape[1:])

    def __matmul__(self, other: Factor) -> JointRelevance:
        """The joint relevance of two inputs: the same as ``explain`` gives.

        Raises
        ------
        InputError
            When the embeddings differ in their dimensions, or one is normalised and the other is not.
        """
        if not isinstance(other, Factor):
            return NotImplemented
        if len(self) != len(other):
            raise InputError(
                f"the two embeddings have {len(self)} and {len(other)} dimensions, expected as many: both sides must "
                f"end in one space. Give each encoder its projection into it."
            )
        first, second = dict(self.settings or {}), dict(other.settings or {})
        kinds = {settings["similarity"] for settings in (first, second) if "similarity" in settings}
        if len(kinds) > 1:
            raise InputError(f"one factor is for the similarity {first['similarity']!r}, the other for {kinds}")
        own = {f"right_{key}": value for key, value in second.items() if first.get(key) != value}
        return JointRelevance(
            self.values,
            other.values,
            self.embedding,
            other.embedding,
            self.coverage,
            other.coverage,
            self.tile,
            {**first, **own} or None,
            right_tile=other.tile,
            left_tokens=self.tokens,
            right_tokens=other.tokens,
        )

    def __add__(self, other: Factor) -> Factor:
        """The factor of the sum of two embeddings, place by place: relevance and embedding are both linear in it."""
        return self._combined(other, 1.0)

    def __sub__(self, other: Factor) -> Factor:
        """The factor of the difference of two embeddings, place by place.

        ``f @ (g - h)`` says what speaks for g rather than for h where both have the same places, such as two versions
        of one image. For inputs of different places use `contrast`.
        """
        return self._combined(other, -1.0)

    def __mul__(self, weight: float) -> Factor:
        """The factor of a multiple of the embedding."""
        weight = checked_weight(weight)
        return replace(self, values=self.values * weight, embedding=self.embedding * weight)

    __rmul__ = __mul__

    def _combined(self, other: Factor, weight: float) -> Factor:
        if not isinstance(other, Factor):
            return NotImplemented
        if len(self) != len(other) or self.shape != other.shape or self.tile != other.tile:
            raise InputError(
                f"factors of maps {self.shape} and {other.shape}, {len(self)} and {len(other)} dimensions, tiles of "
                f"{self.tile} and {other.tile}: only equal ones are added place by place. For why one input is nearer "
                f"than another use bilrp.contrast(f, g, h), or pool both to as many tiles."
            )
        return replace(
            self,
            values=self.values + weight * other.values,
            embedding=self.embedding + weight * other.embedding,
            coverage=self.coverage.with_note(SUMMED),
            tokens=self.tokens if self.tokens == other.tokens else None,
        )

    def pool(self, size: int) -> Factor:
        """Relevance summed over tiles of size x size entries; see `bilrp.JointRelevance.pool`."""
        if size < 1:
            raise InputError(f"pool: size is {size}, expected one or more")
        if self.values.dim() < 3:
            raise InputError(f"pool: needs maps (M, H, W), got {tuple(self.values.shape)}. Tokens: see words().")
        return replace(self, values=tile_sums(self.values, size), tile=self.tile * size)

    def to(self, *args: Any, **kwargs: Any) -> Factor:
        """On another device or in another type; arguments as for ``torch.Tensor.to``."""
        return replace(self, values=self.values.to(*args, **kwargs), embedding=self.embedding.to(*args, **kwargs))

    def total(self) -> Tensor:
        """The relevance of all places for each dimension, of shape (M,): the embedding less what biases kept."""
        return self.values.flatten(1).sum(1)

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
            "tokens": self.tokens,
            "settings": None if self.settings is None else dict(self.settings),
            "coverage": self.coverage.to_dict(),
        }
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return write_archive(path, about, arrays, overwrite=overwrite, compress=False)

    @classmethod
    def load(cls, path: str | Path, *, max_bytes: int = MAX_BYTES) -> Factor:
        """Read what `save` wrote; sizes, shapes and types are checked before the arrays are read.

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
        about, arrays = read_archive(path, "a factor", FORMAT, ARRAYS, max_bytes=max_bytes)
        try:
            return cls(
                arrays["values"],
                arrays["embedding"],
                Coverage.from_dict(about["coverage"]),
                checked_tile(path, about["tile"]),
                checked_settings(path, about["settings"]),
                tokens=checked_tokens(path, about["tokens"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(path, "a factor", error) from error
