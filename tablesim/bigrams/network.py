"""The bigram network: from the activations of the accepted digits of a page to its histogram, by pair minima.

Each step is a module with a name (``pairs``, ``minimum``, ``bins``), so that relevance can be sent back through it and
each step can be given its own rule. There is nothing to learn here. The steps keep the dtype of the activations:
float32 to read, float64 to prove that relevance adds up.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tablesim.bigrams.occurrences import Occurrences
from tablesim.records.bins import N_BINS


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
