"""Another eye on the same pages: VGG-16, a network for photographs, and what it matches on them (by ``bilrp``).

It sees rules, columns and grey areas where the bigram network sees digits: section "historical tables" of Eberle et
al., TPAMI 2022, which explains one pair under both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

import bilrp
from bilrp.features import VGG, normalize, random_projection
from tablesim.errors import WeightsError
from tablesim.evidence.matches import Match
from tablesim.scans.boxes import Box
from tablesim.scans.images import Scan, load_scan, page_id
from tablesim.scans.transform import Transform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bilrp.joint import JointRelevance

MODEL = "vgg16"
SIDE = 160
"""Longer side in pixels of what the network is given; the pages of a pair are brought to the same size."""

TILE = 8
"""Side of the tiles that are matched, in those pixels; as published."""

N_LAYERS = 17
"""Layers of VGG-16 up to the third pooling."""

N_DIMENSIONS = 100
"""Dimensions after the random projection; as published."""


@dataclass(frozen=True)
class PixelComparison:
    """Two pages as VGG-16 sees them.

    Parameters
    ----------
    a, b : str
        Paths of the scans.
    joint : JointRelevance
        Relevance of pairs of tiles.
    sizes : two pairs of int
        Width and height of the scans in pixels.
    n_top : int
        How many matches ``matches`` lists.
    provenance : str
        Which weights.
    """

    a: str
    b: str
    joint: JointRelevance
    sizes: tuple[tuple[int, int], tuple[int, int]]
    n_top: int
    provenance: str
    model: str = MODEL

    @property
    def score(self) -> float:
        """The dot product of the two projected embeddings."""
        return self.joint.similarity

    @property
    def similarity(self) -> float:
        """Their cosine; 0 where one is empty."""
        norm = float(self.joint.left_embedding.norm() * self.joint.right_embedding.norm())
        return self.score / norm if norm > 0 else 0.0

    @cached_property
    def relevance_total(self) -> float:
        """The sum over all pairs of tiles; with the part that went to biases it is the score."""
        return self.joint.total()

    @property
    def bias_share(self) -> float:
        """Share of the score that the network's biases take: it goes to no pair of tiles."""
        return self.joint.bias_share

    @cached_property
    def matches(self) -> list[Match]:
        """The pairs of tiles of greatest relevance, greatest first, in pixels of the scans as they lie."""
        return self._top(self.n_top)

    def _top(self, k: int) -> list[Match]:
        found = self.joint.top_pairs(k) if k else []
        return [
            Match(None, float(relevance), self._box(0, int(y), int(x)), self._box(1, int(y2), int(x2)))
            for y, x, y2, x2, relevance in found
        ]

    def _box(self, side: int, row: int, column: int) -> Box:
        rows, columns = (self.joint.left, self.joint.right)[side].shape[1:]
        width, height = self.sizes[side][0] / columns, self.sizes[side][1] / rows
        return Box(column * width, row * height, width, height)

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """What ``tablesim compare --model vgg16 --json`` prints; ``containment`` has no meaning here and is None."""
        matches = self.matches if top is None or top == self.n_top else self._top(top)
        return {
            "a": self.a,
            "b": self.b,
            "model": self.model,
            "similarity": self.similarity,
            "score": self.score,
            "relevance_total": self.relevance_total,
            "relevance_listed": float(sum(match.relevance for match in matches)),
            "bias_share": self.bias_share,
            "containment": None,
            "matches": [match.to_dict() for match in matches],
        }

    def plot(self, path: str | Path | None = None, *, max_lines: int = 60) -> Figure:
        """The two pages side by side, the strongest pairs of tiles joined; ScanError when a scan has gone."""
        from tablesim.evidence.picture import SUPPORTED_COLOUR, Leaf, cut, draw_pair

        leaves = [
            Leaf(scan, page_id(scan), Transform(*size)) for scan, size in zip((self.a, self.b), self.sizes, strict=True)
        ]
        shown = self.matches[:max_lines]
        drawn = sum(match.relevance for match in shown)
        words = (
            f"Similarity {cut(self.similarity)} by VGG-16",
            f"score {self.score:.4g}, of which {self.relevance_total:.4g} goes to pairs of tiles "
            f"and {round(100 * self.bias_share)} % to biases",
            f"{self.provenance}. Lines join the {len(shown)} strongest pairs of tiles, which bring {drawn:.3g}; "
            "width is what a pair brings. This network sees rules and grey areas, not figures.",
        )
        return draw_pair(leaves, shown, SUPPORTED_COLOUR, words, path)


def compare_pixels(
    a: str | Path, b: str | Path, weights: str | Path | None = None, *, top: int = 200, side: int = SIDE
) -> PixelComparison:
    """Compare two scans, as they lie, by VGG-16 features.

    Parameters
    ----------
    a, b : path
        The scans.
    weights : path, optional
        State dict of VGG-16 in torchvision's format; random weights, which is said in ``provenance``, when left out.
    top : int
        How many matches to list.
    side : int
        Longer side in pixels of what the network sees.

    Raises
    ------
    ScanError
        A scan cannot be opened.
    WeightsError
        The weights are missing or of another network.
    """
    scans = [load_scan(path) for path in (a, b)]
    # One size for both: embeddings of different lengths have no dot product. The first page's proportions decide.
    shrink = side / max(scans[0].width, scans[0].height)
    width, height = (max(16, TILE * round(extent * shrink / TILE)) for extent in (scans[0].width, scans[0].height))
    try:
        network = VGG(16, N_LAYERS, weights)
    except bilrp.WeightsError as error:
        raise WeightsError(str(error)) from error
    projection = random_projection(network.n_features(height, width), N_DIMENSIONS)
    explainer = bilrp.BiLRP(network, "vgg", projection=projection)
    images = [_image(scan, width, height) for scan in scans]
    joint = explainer.explain(images[0], images[1]).pool(TILE)
    sizes = ((scans[0].width, scans[0].height), (scans[1].width, scans[1].height))
    return PixelComparison(str(a), str(b), joint, sizes, top, network.provenance)


def _image(scan: Scan, width: int, height: int) -> torch.Tensor:
    grey = cv2.resize(scan.grey, (width, height), interpolation=cv2.INTER_AREA)
    values = torch.from_numpy(np.asarray(grey, dtype=np.float32) / 255.0)
    return normalize(values.expand(1, 3, height, width))
