"""The bigram network: from the activations of the accepted digits of a page to its histogram, by pair minima.

Each step is a module with a name (``pairs``, ``minimum``, ``bins``), so that relevance can be sent back through it and
each step can be given its own rule. There is nothing to learn here. The steps keep the dtype of the activations:
float32 to read, float64 to prove that relevance adds up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tablesim.records.bins import BIN_NAMES, N_BINS, N_DIGITS
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading

ISOLATED = -1
"""In ``Occurrences.second``: the digit has no neighbour."""


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Every bigram and every isolated digit of a page, by reference to the page's digits.

    A digit and its next in the same number make a bigram; a digit without a neighbour on either side is isolated. An
    illegible digit (value None) carries no bigram and breaks its number into parts: ``1?4`` holds an isolated 1 and an
    isolated 4.

    Parameters
    ----------
    digits : tuple of Digit
        The G digits of the page in reading order, illegible ones included.
    number : int64 array of shape (G,)
        Which number of the page each digit belongs to.
    first, second : int64 arrays of shape (N,)
        The digits of each occurrence, as indices into ``digits``; ``second`` is -1 for an isolated digit.
    bin : int64 array of shape (N,)
        The bin of each occurrence, 0 to 109.
    """

    digits: tuple[Digit, ...]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bin: NDArray[np.int64]

    @classmethod
    def of(cls, reading: Reading | Iterable[Number]) -> Occurrences:
        """The occurrences of a reading, or of any numbers, in reading order."""
        numbers = reading.numbers if isinstance(reading, Reading) else tuple(reading)
        digits = tuple(digit for number in numbers for digit in number.digits)
        lengths = np.array([len(number.digits) for number in numbers], dtype=np.int64)
        owner = np.repeat(np.arange(len(numbers), dtype=np.int64), lengths)
        value = np.array([ISOLATED if digit.value is None else digit.value for digit in digits], dtype=np.int64)

        legible = value >= 0
        joined = legible[:-1] & legible[1:] & (owner[:-1] == owner[1:])  # digit i stands before digit i + 1
        has_next = np.append(joined, False) if len(digits) else joined
        has_previous = np.insert(joined, 0, False) if len(digits) else joined
        first = np.flatnonzero(has_next | (legible & ~has_previous))
        second = np.where(has_next[first], first + 1, ISOLATED)
        # value[second] is looked up for isolated digits too, and thrown away: -1 is a valid index.
        paired = N_DIGITS + N_DIGITS * value[first] + value[second] if len(first) else first
        return cls(digits, owner, first, second, np.where(second == ISOLATED, value[first], paired))

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def activations(self) -> NDArray[np.float64]:
        """Activation of each digit: its confidence. Shape (G,)."""
        return np.array([digit.confidence for digit in self.digits], dtype=np.float64)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Contribution of each occurrence to its bin: the smaller of its two activations. Shape (N,)."""
        return np.minimum(self.activations[self.first], self.activations[self.partner])

    @property
    def partner(self) -> NDArray[np.int64]:
        """The second digit of each occurrence; an isolated digit is its own partner. Shape (N,)."""
        return np.where(self.second == ISOLATED, self.first, self.second)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """Box of each occurrence as (x, y, width, height) in source pixels. Shape (N, 4)."""
        corners = np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in self.digits]).reshape(-1, 4)
        first, partner = corners[self.first], corners[self.partner]
        low, high = np.minimum(first[:, :2], partner[:, :2]), np.maximum(first[:, 2:], partner[:, 2:])
        return np.hstack([low, high - low])

    def box(self, index: int) -> Box:
        """The smallest box around the digits of one occurrence, in source pixels."""
        return Box(*(float(value) for value in self.boxes[index]))

    def text(self, index: int) -> str:
        """The digits of one occurrence: "45", or "4" for an isolated digit."""
        return BIN_NAMES[int(self.bin[index])]


class PickPairs(nn.Module):
    """Looks up the two activations of each occurrence; an isolated digit is paired with itself."""

    def forward(self, activations: Tensor, first: Tensor, partner: Tensor) -> Tensor:
        """Activations of shape (..., G) and indices of shape (N,) give pairs of shape (..., N, 2)."""
        return torch.stack([activations[..., first], activations[..., partner]], dim=-1)


class PairMinimum(nn.Module):
    """The AND of a bigram: min(a, b) of the activations of a digit and its next.

    An isolated digit is its own partner, min(a, a) = a, so it brings its activation. Where both are equal the gradient
    goes half to each, which for an isolated digit adds up to the whole.
    """

    def forward(self, pairs: Tensor) -> Tensor:
        """Pairs of shape (..., N, 2) give the minima, shape (..., N)."""
        return torch.amin(pairs, dim=-1)


class BinSum(nn.Module):
    """Sums the contributions of the occurrences of each bin."""

    def __init__(self, n_bins: int = N_BINS) -> None:
        super().__init__()
        self.n_bins = n_bins

    def forward(self, values: Tensor, bins: Tensor) -> Tensor:
        """Values of shape (..., N) and bins of shape (N,) give sums of shape (..., n_bins), in the same dtype."""
        sums = torch.zeros(*values.shape[:-1], self.n_bins, dtype=values.dtype, device=values.device)
        return sums.index_add(-1, bins, values)


class BigramNetwork(nn.Module):
    """From activations of the accepted digits to the histogram h of a page.

    h[jk] sums, over each digit j with its next k in the same number, the smaller of the two activations; h[j] sums the
    activations of isolated digits j. For fixed occurrences it is differentiable and homogeneous of degree one in the
    activations (section "historical tables" of Eberle et al., TPAMI 2022, on accepted digits instead of whole maps).
    """

    def __init__(self) -> None:
        super().__init__()
        self.pairs = PickPairs()
        self.minimum = PairMinimum()
        self.bins = BinSum()

    def forward(self, activations: Tensor, occurrences: Occurrences) -> Tensor:
        """The histogram of a page.

        Parameters
        ----------
        activations : Tensor of shape (G,) or (..., G)
            Activation of each digit of the page, 0 to 1, in a floating dtype.
        occurrences : Occurrences
            Which digits stand beside which.

        Returns
        -------
        Tensor of shape (110,) or (..., 110)
            Soft counts in the order of ``BIN_NAMES``, in the dtype of the activations.

        Raises
        ------
        ValueError
            When there is not one activation for each digit.
        """
        expected = len(occurrences.digits)
        if activations.ndim == 0 or activations.shape[-1] != expected:
            shape = tuple(activations.shape)
            raise ValueError(
                f"BigramNetwork: got activations of shape {shape}, expected (..., {expected}), one a digit"
            )
        device = activations.device
        first = torch.as_tensor(occurrences.first, device=device)
        partner = torch.as_tensor(occurrences.partner, device=device)
        values = self.minimum(self.pairs(activations, first, partner))
        sums: Tensor = self.bins(values, torch.as_tensor(occurrences.bin, device=device))
        return sums
