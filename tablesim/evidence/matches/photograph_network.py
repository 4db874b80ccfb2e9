"""Another eye on the same pages: VGG-16, a network for photographs, and what it matches on them (by ``bilrp``).

It sees rules, columns and grey areas where the bigram network sees digits: section "historical tables" of Eberle et
al., TPAMI 2022, which explains one pair under both. What it looks at is counted by the same kinds of ink
(``relevance_by_region``) and proved by the same test (``faithfulness``) as the bigram network's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import bilrp
from bilrp.features import VGG, normalize, random_projection
from tablesim.bigrams.embedding import similarity
from tablesim.errors import WeightsError
from tablesim.evidence.matches.faithfulness import Faithfulness, gathered
from tablesim.evidence.matches.glyphs import Match
from tablesim.evidence.matches.relevance_by_region import RelevanceByRegion, page_kinds, relevance_by_region
from tablesim.language import to_say
from tablesim.records.boxes import Box
from tablesim.records.counting import cut
from tablesim.records.reading import Reading
from tablesim.records.transform import Transform
from tablesim.scans.images import Scan, load_scan, page_id

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


BLANKED = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7)
"""Shares of the tiles that are blanked to see the similarity fall; each takes the network a look."""

ORDERS = 3
"""Random orders of tiles: enough to tell from the most relevant ones, and one more costs seconds."""


@dataclass(frozen=True, eq=False)
class TileView:
    """What VGG-16 is given and what it makes of it.

    Parameters
    ----------
    network : VGG
    projection : Tensor of shape (``N_DIMENSIONS``, features)
    images : two Tensors of shape (1, 3, H, W)
        The two pages, normalised.
    """

    network: VGG
    projection: Tensor
    images: tuple[Tensor, Tensor]

    @cached_property
    def embeddings(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Those of the two pages."""
        return self.look(self.images[0]), self.look(self.images[1])

    def look(self, image: Tensor) -> NDArray[np.float64]:
        """The projected embedding of an image, shape (``N_DIMENSIONS``,)."""
        with torch.inference_mode():
            # A copy: the network's ReLUs overwrite what they get.
            return np.asarray((self.projection @ self.network(image.clone())[0]).double().numpy())


@dataclass(frozen=True, eq=False)
class PixelComparison:
    """Two pages as VGG-16 sees them. What the similarity goes by is worked out when it is first asked for.

    Parameters
    ----------
    a, b : str
        Paths of the scans.
    sizes : two pairs of int
        Width and height of the scans in pixels.
    n_top : int
        How many matches ``matches`` lists.
    provenance : str
        Which weights.
    sight : Sight
        Network and images.
    readings : two Readings, or None
        What was read on the pages, where it is known; else the bundled network reads when ``relevance_by_region`` is
        asked for.
    """

    a: str
    b: str
    sizes: tuple[tuple[int, int], tuple[int, int]]
    n_top: int
    provenance: str
    sight: TileView
    readings: tuple[Reading, Reading] | None = None
    model: str = MODEL

    @property
    def score(self) -> float:
        """The dot product of the two projected embeddings."""
        left, right = self.sight.embeddings
        return float(left @ right)

    @property
    def similarity(self) -> float:
        """Their cosine; 0 where one is empty."""
        return similarity(*self.sight.embeddings)

    @property
    def joint(self) -> JointRelevance:
        """Relevance of pairs of tiles."""
        return self._explained[0]

    @property
    def marginals(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Relevance of each pixel that the network was given, all its partners together: two of shape (H, W)."""
        return self._explained[1]

    @cached_property
    def _explained(self) -> tuple[JointRelevance, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        sight = self.sight
        joint = bilrp.BiLRP(sight.network, "vgg", projection=sight.projection).explain(*sight.images)
        marginals = joint.left_marginal().double().numpy(), joint.right_marginal().double().numpy()
        return joint.pool(TILE), marginals

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

    @cached_property
    def by_region(self) -> tuple[RelevanceByRegion, RelevanceByRegion]:
        """How much of the relevance of each page lies on digits, rules, words and blank paper.

        By pixels of what the network was given, several of the scan's: where one holds several kinds its relevance is
        shared by area. The digits are those that the bigram network reads. ScanError when a scan has gone.
        """
        a, b = (page_kinds(reading, shape) for reading, shape in zip(self._read(), self._shapes, strict=True))
        return relevance_by_region(self.marginals[0], a), relevance_by_region(self.marginals[1], b)

    @property
    def _shapes(self) -> list[tuple[int, int]]:
        return [(part.shape[0], part.shape[1]) for part in self.marginals]

    def _read(self) -> tuple[Reading, Reading]:
        if self.readings is not None:
            return self.readings
        from tablesim.reader import load_network

        network = load_network()
        return network.read(self.a), network.read(self.b)

    @cached_property
    def faithfulness(self) -> Faithfulness:
        """The similarity while tiles are blanked with the colour of the paper, the most relevant or random ones.

        Tiles of one page in falling relevance, all their partners together, while the other page stays whole; mean of
        the two pages. The relevance is that of the whole pages.
        """
        share = np.array(BLANKED)
        whole = self.sight.embeddings
        tiles = [self.joint.left_marginal(), self.joint.right_marginal()]

        def curve(seed: int | None) -> NDArray[np.float64]:
            rng = None if seed is None else np.random.default_rng(seed)
            both = []
            for side, image in enumerate(self.sight.images):
                marginal = tiles[side].flatten().numpy()
                order = np.argsort(-marginal, kind="stable") if rng is None else rng.permutation(len(marginal))
                pages = (_blanked(image, order[: round(part * len(order))], tiles[side].shape[1]) for part in share)
                both.append([similarity(self.sight.look(page), whole[1 - side]) for page in pages])
            return np.asarray(np.mean(both, axis=0))

        return gathered(share, curve, ORDERS, sum(part.numel() for part in tiles), to_say("tiles"))

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """What ``tablesim compare --model vgg16 --json`` prints; what has no meaning for tiles is None."""
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
            "interval": None,
            "corpus_rank": None,
            "bigrams": None,
            "by_region": {side: part.to_dict() for side, part in zip("ab", self.by_region, strict=True)},
            "faithfulness": self.faithfulness.to_dict(),
            "transform": None,
            "weights": self.provenance,
            "matches": [match.to_dict() for match in matches],
        }

    def plot(self, path: str | Path | None = None, *, max_lines: int = 60, style: str = "arcs") -> Figure:
        """The two pages side by side, the strongest pairs of tiles joined; ScanError when a scan has gone.

        ``style`` as for ``Comparison.plot``.
        """
        from tablesim.evidence.figures import match_figure
        from tablesim.evidence.figures.match_figure import PageImage, check_style

        check_style(style)
        leaves = [
            PageImage(scan, page_id(scan), Transform(*size))
            for scan, size in zip((self.a, self.b), self.sizes, strict=True)
        ]
        shown = self.matches[:max_lines]
        drawn = sum(match.relevance for match in shown)
        if style == "print":
            head = f"Similarity {cut(self.similarity, 4)} by VGG-16"
            caption = f"{self.provenance}. Black: the tiles of the {len(shown)} strongest pairs."
            return match_figure.draw_for_print(leaves, shown, (head, caption, "in each row of tiles"), path)
        words = (
            f"Similarity {cut(self.similarity, 4)} by VGG-16",
            f"score {self.score:.4g}, of which {self.relevance_total:.4g} goes to pairs of tiles "
            f"and {round(100 * self.bias_share)} % to biases",
            f"{self.provenance}. Lines join the {len(shown)} strongest pairs of tiles, which bring {drawn:.3g}; "
            "width is what a pair brings. This network sees rules and grey areas, not digits.",
        )
        return match_figure.draw_pair(leaves, shown, match_figure.SUPPORTED_COLOUR, words, path)


def compare_pixels(
    a: str | Path | Reading,
    b: str | Path | Reading,
    weights: str | Path | None = None,
    *,
    top: int = 200,
    side: int = SIDE,
) -> PixelComparison:
    """Compare two scans, as they lie, by VGG-16 features.

    Parameters
    ----------
    a, b : path or Reading
        The scans, or what was read on them before: only their scans are compared, and the reading says where digits
        stand, for ``relevance_by_region``.
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
    paths = [page.scan if isinstance(page, Reading) else str(page) for page in (a, b)]
    scans = [load_scan(path) for path in paths]
    # One size for both: embeddings of different lengths have no dot product. The first page's proportions decide.
    shrink = side / max(scans[0].width, scans[0].height)
    width, height = (max(16, TILE * round(extent * shrink / TILE)) for extent in (scans[0].width, scans[0].height))
    try:
        vgg = VGG(16, N_LAYERS, weights)
    except bilrp.PretrainedWeightsError as error:
        raise WeightsError(str(error)) from error
    projection = random_projection(vgg.n_features(height, width), N_DIMENSIONS)
    sight = TileView(vgg, projection, (_image(scans[0], width, height), _image(scans[1], width, height)))
    sizes = ((scans[0].width, scans[0].height), (scans[1].width, scans[1].height))
    readings = None
    if isinstance(a, Reading) and isinstance(b, Reading):
        readings = a, b
    return PixelComparison(paths[0], paths[1], sizes, top, vgg.provenance, sight, readings)


def _image(scan: Scan, width: int, height: int) -> torch.Tensor:
    grey = cv2.resize(scan.grey, (width, height), interpolation=cv2.INTER_AREA)
    values = torch.from_numpy(np.asarray(grey, dtype=np.float32) / 255.0)
    return normalize(values.expand(1, 3, height, width))


def _blanked(image: Tensor, tiles: NDArray[np.integer], columns: int) -> Tensor:
    """The image with some tiles, counted along its rows, in the colour of the paper: the median of each channel."""
    out = image.clone()
    paper = image.flatten(2).median(dim=2).values[0]
    for row, column in zip(*divmod(tiles, columns), strict=True):
        y, x = TILE * int(row), TILE * int(column)
        out[0, :, y : y + TILE, x : x + TILE] = paper[:, None, None]
    return out
