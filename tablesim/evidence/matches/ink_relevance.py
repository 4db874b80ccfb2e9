"""Level 2 of the evidence: which pixels of the two working pages make them alike.

Level 1 (`tablesim.evidence.matches`) shares the score over pairs of glyphs. Here the share of each glyph goes on, from
the activations of its digits down through the digit network to the ink: by what ink brought at the first layer
(`InkShare`), gamma above, sums by what each brought; biases are distributed over |z_jk| and denominators stabilised
relative to sum |z_jk|, so that nothing is lost on the way (rules and sources: `bilrp.rules`). Sigmoid and square root
pass relevance on unchanged.

With the activations fixed all of it is linear: R_m(pixel) of bin m is the sum of the maps of the glyphs of the bin, and
the joint relevance of two pixels is the sum over the bins of R_m(pixel) R'_m(pixel'). A glyph reaches no farther than
the network's receptive field, and a bin touches few glyphs: each page is kept as windows around the glyphs of each bin
(`bilrp.explain_places`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import bilrp
from bilrp.composites import FIRST, OfKind
from bilrp.joint import tile_sums
from bilrp.rules import Gamma, Group, LinearLayer, LinearRule, SumShare, Term
from tablesim.bigrams.embedding import embed, exact_histogram
from tablesim.bigrams.occurrences import Occurrences
from tablesim.digits.network import DigitNetwork
from tablesim.digits.passes import DigitReader
from tablesim.digits.scale import working_image
from tablesim.evidence.matches.relevance_by_region import KINDS, RelevanceByRegion, kinds_of_ink, relevance_by_region
from tablesim.records.bins import BIN_NAMES, N_BINS
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAMMA = 0.1
"""How much more positive weights count above the first layer: it keeps maps quiet. More of it carries relevance farther
from the digits, along whatever the network sees beside them."""

STABILIZER = 0.1
"""Share of sum |z_jk| added to each denominator. Sums that cancel (residual additions, faint activations) would blow up
relevance of both signs without it: sum |R| was 2.7 times the activation at 0.001, 1.3 at 0.01, 1.1 at 0.1. At 0.3 it
spreads relevance."""

PAPER = 1e-3
"""Ink that bare paper counts as, where a bias has to be shared: a filter that looks at nothing else has no other input
to give its relevance to."""


class InkShare(LinearRule):
    r"""First layer over ink: by what ink brings, :math:`z_{jk} = a_j w_{jk}`, so that bare paper (0) gets nothing.

    LRP-0, but that biases and stabilizers are shared over :math:`(a_j + PAPER) |w_{jk}|`: nothing is lost where a
    filter sees paper only. The box rule zB, usual for pixels, also counts paper where a filter wants paper. That is
    true of the filter, but puts a fifth of the relevance beside the digits, on nothing that one could see or remove.
    """

    def groups(self, layer: LinearLayer) -> list[Group]:
        a, w = layer.input, layer.weight
        return [Group([(a, w)], layer.bias, [(a + PAPER, w.abs())])]


class FirstGamma(Gamma):
    """Gamma in its first form, positive weights counting more whatever the sign of the output.

    `STABILIZER` keeps its denominators clear of zero where residual additions make negative outputs.
    """

    def terms(self, layer: LinearLayer, distribute: bool = False) -> list[Term]:
        return LinearRule.terms(self, layer, distribute)


COMPOSITE = bilrp.Composite(
    [
        (FIRST, InkShare(eps=STABILIZER, stabilizer="relative")),
        (OfKind("linear"), FirstGamma(GAMMA, eps=STABILIZER, stabilizer="relative")),
        (OfKind("sum"), SumShare(eps=STABILIZER, stabilizer="relative")),
    ],
    "digit network",
)
"""Which rule goes where in the digit network; everything else passes relevance on (`bilrp.composites.DEFAULTS`)."""


class DigitLogits(nn.Module):
    """The part of the digit network that says which digit stands where: ink (1, 1, H, W) to logits (1, 10, h, w)."""

    def __init__(self, network: DigitNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ink: Tensor) -> Tensor:
        logits: Tensor = self.network(ink).digits
        return logits


@dataclass(frozen=True, eq=False)
class PageRelevance:
    """Relevance of the ink of one page, bin by bin.

    Parameters
    ----------
    occurrences : Occurrences
        The N bigrams and isolated digits of the page.
    transform : Transform
        From source to working pixels.
    ink : Tensor of shape (H, W)
        The working page that the network saw: at the right and the bottom there may be a few rows of bare paper more
        than on the page, since the network sees whole cells only.
    phi : float64 array of shape (110,)
        The embedding.
    windows : bilrp.LocalRelevance
        R_m of each bin as windows of working pixels around its glyphs; those of bin m sum to phi_m.
    """

    occurrences: Occurrences
    transform: Transform
    ink: Tensor
    phi: NDArray[np.float64]
    windows: bilrp.LocalRelevance

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """What arrived at the pixels of each bin, shape (110,): phi, but for what was lost on the way."""
        return np.asarray(self.windows.sums.numpy())

    def of_bin(self, m: int) -> Tensor:
        """R_m of every working pixel, shape (H, W)."""
        return self.weighted(np.eye(N_BINS)[m])

    def weighted(self, weights: NDArray[np.float64]) -> Tensor:
        """The sum over the bins of weight times R_m, shape (H, W); ``weights`` of shape (110,)."""
        return self.windows.combine(np.zeros(N_BINS, dtype=np.int64), 1, torch.from_numpy(weights))[0]

    def inside(self, box: Box) -> NDArray[np.float64]:
        """What each bin has in a box of the source, shape (110,); a pixel belongs to it when its middle does."""
        rows, columns = self.working(box)
        sums = np.zeros(N_BINS)
        for m, (left, top, *_), part in self._windows():
            sums[m] += float(part[_moved(rows, top), _moved(columns, left)].double().sum())
        return sums

    def by_region(self, relevance: Tensor) -> RelevanceByRegion:
        """How relevance of the working page, shape (H, W), divides into digits, rules, words and blank paper."""
        boxes = np.array([(d.box.x, d.box.y, d.box.right, d.box.bottom) for d in self.occurrences.digits])
        kinds = kinds_of_ink(self.ink.numpy(), boxes.reshape(-1, 4), self.transform)
        return relevance_by_region(relevance.numpy(), np.stack([kinds == kind for kind in range(len(KINDS))]))

    def _windows(self) -> Iterator[tuple[int, list[int], Tensor]]:
        """Bin, box and map of each window."""
        return zip(self.windows.explanation.tolist(), self.windows.boxes.tolist(), self.windows.maps, strict=True)

    def working(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of the working page whose middles lie in a box of the source."""
        left, top, right, bottom = working_boxes([box], self.transform)[0]
        height, width = self.ink.shape
        rows, columns = (
            slice(*np.clip(np.ceil(np.array(ends) - 0.5), 0, n).astype(int).tolist())
            for ends, n in (((top, bottom), height), ((left, right), width))
        )
        return rows, columns

    def tiles(self, size: int) -> Tensor:
        """R_m summed over tiles of size x size working pixels: shape (110, rows, columns)."""
        height, width = self.ink.shape
        rows, columns = -(-height // size), -(-width // size)
        out = self.ink.new_zeros(N_BINS, rows, columns)
        for m, (left, top, *_), part in self._windows():
            shifted = nn.functional.pad(part, (left % size, 0, top % size, 0))
            pooled = tile_sums(shifted, size)
            y, x = top // size, left // size
            out[m, y : y + pooled.shape[0], x : x + pooled.shape[1]] += pooled
        return out

    @cached_property
    def share_in_digits(self) -> float:
        """The share of all relevance, without sign, that lies in the boxes of the page's digits."""
        strength = self.weighted(np.ones(N_BINS)).abs().double()
        mask = torch.zeros_like(strength)
        for digit in self.occurrences.digits:
            mask[self.working(digit.box)] = 1.0
        whole = float(strength.sum())
        return float((strength * mask).sum()) / whole if whole > 0 else 0.0


def _moved(span: slice, start: int) -> slice:
    return slice(max(span.start - start, 0), max(span.stop - start, 0))


def working_boxes(boxes: Sequence[Box], transform: Transform) -> NDArray[np.float64]:
    """Boxes of the source as left, top, right, bottom in working pixels, shape (n, 4)."""
    corners = np.array([[[box.x, box.y], [box.right, box.bottom]] for box in boxes]).reshape(-1, 2)
    ends = transform.to_working(corners).reshape(-1, 2, 2)
    return np.hstack([ends.min(axis=1), ends.max(axis=1)])


def page_relevance(reader: DigitReader, reading: Reading, *, dtype: torch.dtype = torch.float32) -> PageRelevance:
    """Send the embedding of a page down to its ink.

    Parameters
    ----------
    reader : DigitReader
        With the network that read the page.
    reading : Reading
        Its digits say where relevance starts; the scan must still be where it was.
    dtype : torch.dtype
        float32; float64 to prove that relevance adds up.

    Raises
    ------
    ScanError
        The scan cannot be opened.
    """
    grey = load_scan(reading.scan).grey
    ink = torch.from_numpy(clean(working_image(grey, reading.transform))).to(dtype)
    return ink_relevance(reader.network, ink, reading.transform, Occurrences.of(reading))


def ink_relevance(network: DigitNetwork, ink: Tensor, transform: Transform, occurrences: Occurrences) -> PageRelevance:
    """`page_relevance` for a working page (H, W) that is already there; computed in its dtype."""
    cell = int(np.prod([module.stride[0] for module in network.modules() if isinstance(module, nn.Conv2d)]))
    ink = nn.functional.pad(ink, (0, -ink.shape[1] % cell, 0, -ink.shape[0] % cell))
    phi = embed(exact_histogram(occurrences)).astype(np.float64)
    share = _shares(occurrences, phi)
    boxes = working_boxes([digit.box for digit in occurrences.digits], transform)

    def seeds(logits: Tensor) -> bilrp.OutputPositions:
        rows, columns = find_cells(logits[0].numpy(), occurrences, boxes, ink.shape[0])
        values = np.array([-1 if digit.value is None else digit.value for digit in occurrences.digits], dtype=np.int64)
        # Half of what an occurrence brings goes to each of its digits; an isolated digit is its own partner.
        digits = np.concatenate([occurrences.first, occurrences.partner])
        bins, given = np.tile(occurrences.bin, 2), np.tile(share / 2, 2)
        return bilrp.OutputPositions(bins, values[digits], rows[digits], columns[digits], given, count=N_BINS)

    model = DigitLogits(_in_dtype(network, ink.dtype))
    windows = bilrp.explain_places(model, ink[None, None], seeds, COMPOSITE, bias="distribute")
    return PageRelevance(occurrences, transform, ink, phi, windows)


def _in_dtype(network: DigitNetwork, dtype: torch.dtype) -> DigitNetwork:
    if next(network.parameters()).dtype == dtype:
        return network
    other = DigitNetwork(network.shape)
    other.load_state_dict(network.state_dict())
    return other.to(dtype).eval()


def _shares(occurrences: Occurrences, phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each occurrence has of its bin's phi: phi_m b / h_m, shape (N,)."""
    h = np.bincount(occurrences.bin, occurrences.values, N_BINS)[occurrences.bin]
    return np.divide(phi[occurrences.bin] * occurrences.values, h, out=np.zeros(len(occurrences)), where=h > 0)


def find_cells(
    logits: NDArray[np.floating], occurrences: Occurrences, boxes: NDArray[np.float64], page_height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cell of the digit maps at which each digit was found: where its value is strongest in the middle of its box.

    Parameters
    ----------
    logits : float array of shape (10, h, w)
    occurrences : Occurrences
    boxes : float64 array of shape (G, 4)
        Left, top, right, bottom of the digits in working pixels.
    page_height : int
        In working pixels.

    Returns
    -------
    rows, columns : int64 arrays of shape (G,)
    """
    _, height, width = logits.shape
    stride = round(page_height / height)
    rows, columns = np.zeros((2, len(boxes)), dtype=np.int64)
    middles, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 4
    low = np.floor((middles - halves) / stride).astype(int)
    high = np.ceil((middles + halves) / stride).astype(int)
    for k, digit in enumerate(occurrences.digits):
        left, top = np.clip(low[k], 0, (width - 1, height - 1))
        right, bottom = np.clip(high[k], (left + 1, top + 1), (width, height))
        around = logits[digit.value or 0, top:bottom, left:right]
        row, column = np.unravel_index(int(around.argmax()), around.shape)
        rows[k], columns[k] = top + row, left + column
    return rows, columns


@dataclass(frozen=True, eq=False)
class PixelRelevance:
    """The score of two pages shared over pairs of their working pixels, kept bin by bin.

    Regions are boxes in source pixels, as everywhere; maps are in pixels of the working pages, since only these were
    explained: the way back to the source (`PageRelevance.transform`) maps positions and claims no relevance.

    Parameters
    ----------
    left, right : PageRelevance
        Page A and page B.
    """

    left: PageRelevance
    right: PageRelevance

    @property
    def score(self) -> float:
        """What is explained: phi . phi'."""
        return float(self.left.phi @ self.right.phi)

    def total(self) -> float:
        """The relevance of all pairs of pixels."""
        return float(self.left.sums @ self.right.sums)

    @property
    def bias_share(self) -> float:
        """The share of the score that reached no pixel: rounding, and neurons to which nothing contributed."""
        return 1 - self.total() / self.score if self.score else 0.0

    @property
    def share_in_digits(self) -> tuple[float, float]:
        """How much of the relevance of each page, without sign, lies in the boxes of its digits."""
        return self.left.share_in_digits, self.right.share_in_digits

    @cached_property
    def by_region(self) -> tuple[RelevanceByRegion, RelevanceByRegion]:
        """How much of the relevance of each page, without sign, lies on digits, rules, words and blank paper."""
        return self.left.by_region(self.left_marginal()), self.right.by_region(self.right_marginal())

    def left_marginal(self) -> Tensor:
        """The relevance of each working pixel of A, summed over all of B: (H, W)."""
        return self.left.weighted(self.right.sums)

    def right_marginal(self) -> Tensor:
        """The relevance of each working pixel of B, summed over all of A: (H', W')."""
        return self.right.weighted(self.left.sums)

    def between(self, a: Box, b: Box) -> float:
        """The relevance of all pairs between a box of A and a box of B, in source pixels."""
        return float(self.left.inside(a) @ self.right.inside(b))

    def given(self, a: Box) -> Tensor:
        """What on B answers to a box of A: a map of working pixels (H', W') that sums to its relevance."""
        return self.right.weighted(self.left.inside(a))

    def joint(self, tile: int = 8) -> bilrp.JointRelevance:
        """The same over tiles of ``tile`` working pixels: pairs of tiles, tables, pictures, files.

        With tile 1 all is there at full resolution: 440 bytes for each working pixel of the two pages.
        """
        if tile < 1:
            raise ValueError(f"joint: tile is {tile}, expected 1 or more")
        phis = [torch.from_numpy(page.phi).to(page.ink) for page in (self.left, self.right)]
        return bilrp.JointRelevance(
            left=self.left.tiles(tile),
            right=self.right.tiles(tile),
            left_embedding=phis[0],
            right_embedding=phis[1],
            left_coverage=self.left.windows.coverage,
            right_coverage=self.right.windows.coverage,
            tile=tile,
            settings={"composite": COMPOSITE.name, "bias": "distribute", "similarity": "dot", "rows": list(BIN_NAMES)},
        )

    def plot(self, path: str | Path | None = None) -> Figure:
        """Both working pages, their ink coloured by its relevance: red for the score, blue against it."""
        from tablesim.evidence.figures.ink_figure import draw_ink

        marginals = [page.numpy() for page in (self.left_marginal(), self.right_marginal())]
        inks = [page.ink.numpy() for page in (self.left, self.right)]
        words = (
            f"Score {self.score:.2f}, shared over the ink of both pages",
            f"{self.total():.4f} reaches the pixels. Red: for the score, blue: against it. What the relevance lies on, "
            f"and how much of the page that is. Left: {self.by_region[0].words}. Right: {self.by_region[1].words}.",
        )
        return draw_ink(inks, marginals, words, path)


def explain_pixels(
    reader: DigitReader, a: Reading, b: Reading, *, dtype: torch.dtype = torch.float32
) -> PixelRelevance:
    """The score of two readings down to the pixels of their pages; arguments as for `page_relevance`."""
    return PixelRelevance(page_relevance(reader, a, dtype=dtype), page_relevance(reader, b, dtype=dtype))
