"""The page's own type speaks: figures that were taken for one value but look like another of the same page.

A page is set from one case: its 3s are alike, whatever a 3 looked like in training. So each value that stands often
enough on the page gives a mean shape, and what surely belongs to another shape than its own is read again. That is how
a network corrects itself on a face that it knows badly (Nagy and Shelton, "Self-corrective character recognition
system", IEEE Trans. Inf. Theory 12, 1966), without learning anything that outlives the page.

Distances are those of linear discriminant analysis: one covariance for all values, drawn towards a sphere (Friedman,
"Regularized discriminant analysis", JASA 84, 1989).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.peaks import DigitPeaks

ROWS, COLUMNS = 14, 11
"""Points at which a figure is looked at, over one and a third of its height and as much of its width."""

STEP = 2.0 / 21.0
"""Distance of two such points in heights of the figure."""

SMOOTH = 1.3 / 21.0
"""Blur before it, in heights of a figure: strokes that are thicker or a point to the side are one shape."""

MOST_MOVED = 3.0 / 21.0
"""How far a figure is moved so that its ink lies in the middle, in its heights."""

ENOUGH, FEW = 8, 30
"""Figures of one value that give it a shape; figures on a page that give it a type."""

SPHERE = 0.3
"""How far the covariance is drawn towards a sphere: a page has fewer figures than points squared."""

TYPICAL = 0.95
"""Quantile of the distances of a value's own figures from its shape up to which a figure is of that shape."""

CLEAR = 0.4
"""Least gain for which a figure is read again, in median distances of the other value's own figures. Chosen on
synthesized pages, where no gain does harm: being typical of the other shape is what decides. What it does there and on
real scans ``benchmarks/constants.py`` says."""

STRANGE = 3.0
"""How many times the reach of its shape a figure lies from it to be of no shape of the page: on synthesized pages what
lies there is more often misread, or no figure at all, than right."""

CHANGED, LEANING = 0.9, 0.5
"""Confidence of a figure that was read again, and most of one that leans to another shape without belonging to it or
is strange to the page; on the scale on which digits are accepted."""

Floats = NDArray[np.float64]


def correct_by_page_prototypes(digits: DigitPeaks, accepted: NDArray[np.intp], ink: NDArray[np.floating]) -> DigitPeaks:
    """The digits, with those that the type of the page shows to be other figures.

    Parameters
    ----------
    digits : Digits
        All that was found, in working pixels.
    accepted : int array of shape (n,)
        Which of them make up numbers: they alone give shapes and are read again.
    ink : float array of shape (H, W)
        The working page.

    Returns
    -------
    Digits
        A figure that belongs to another shape has its value, with confidence `CHANGED`, and what it was taken for as
        runner-up. One that is nearer to another shape than to its own, but not of it, keeps its value, at most as
        sure as `LEANING`, with the other as runner-up. One that is like nothing on the page keeps both and is no surer.
    """
    if len(accepted) < FEW:
        return digits
    shapes = Prototypes.of(glyph_features(ink, digits.boxes[accepted]), digits.values[accepted])
    if len(shapes.values) < 2:
        return digits
    own = shapes.values[:, None] == digits.values[accepted]
    known, place, column = own.any(axis=0), own.argmax(axis=0), np.arange(len(accepted))
    nearest, away = shapes.distances.argmin(axis=0), shapes.distances[place, column]
    gain = (away - shapes.distances[nearest, column]) / shapes.usual[nearest]
    other = known & (nearest != place) & (gain >= CLEAR)
    strange = accepted[known & (away > STRANGE * shapes.reach[place])]
    at = accepted[other]
    becomes = shapes.values[nearest[other]]
    typical = shapes.distances[nearest[other], column[other]] <= shapes.reach[nearest[other]]
    values, confidence = digits.values.copy(), digits.confidence.copy()
    runner_up, runner_up_confidence = digits.runner_up.copy(), digits.runner_up_confidence.copy()
    confidence[strange] = np.minimum(confidence[strange], LEANING)
    runner_up_confidence[strange] = np.minimum(runner_up_confidence[strange], 1 - LEANING)
    values[at] = np.where(typical, becomes, digits.values[at])
    runner_up[at] = np.where(typical, digits.values[at], becomes)
    confidence[at] = np.where(typical, CHANGED, np.minimum(digits.confidence[at], LEANING))
    runner_up_confidence[at] = np.where(typical, 1 - CHANGED, np.minimum(digits.confidence[at], LEANING) / 2)
    return replace(
        digits,
        values=values,
        confidence=confidence,
        runner_up=runner_up,
        runner_up_confidence=runner_up_confidence,
    )


@dataclass(frozen=True)
class Prototypes:
    """The shapes of a page's figures, and how far each figure is from each of them.

    Attributes
    ----------
    values : int64 array of shape (v,)
        The values that have a shape.
    distances : float64 array of shape (v, n)
        Squared Mahalanobis distance of each figure from each shape; from its own as if it had not helped to make it.
    usual, reach : float64 arrays of shape (v,)
        Median, and quantile `TYPICAL`, of the distances of a value's own figures.
    """

    values: NDArray[np.int64]
    distances: Floats
    usual: Floats
    reach: Floats

    @classmethod
    def of(cls, glyph_features: Floats, values: NDArray[np.int64]) -> Prototypes:
        """Shapes from looks of shape (n, ROWS * COLUMNS) and the values that the figures were taken for."""
        counts = np.bincount(values, minlength=10)
        told = np.flatnonzero(counts >= ENOUGH)
        if not len(told):
            return cls(told, np.zeros((0, len(values))), np.zeros(0), np.zeros(0))
        means = np.stack([_mean(glyph_features[values == value]) for value in told])
        off = np.concatenate([glyph_features[values == value] - mean for value, mean in zip(told, means, strict=True)])
        spread = off.T @ off / len(off)
        size = len(spread)
        spread = (1 - SPHERE) * spread + SPHERE * max(float(np.trace(spread)) / size, 1e-9) * np.eye(size)
        whiten = np.linalg.cholesky(np.linalg.inv(spread))
        gaps = (glyph_features @ whiten)[None] - (means @ whiten)[:, None]
        distances = np.einsum("vnp,vnp->vn", gaps, gaps)
        for row, value in enumerate(told):
            distances[row, values == value] *= (counts[value] / (counts[value] - 1)) ** 2
        mine = [distances[row, values == value] for row, value in enumerate(told)]
        usual = np.array([np.median(one) for one in mine])
        return cls(told, distances, usual, np.array([np.quantile(one, TYPICAL) for one in mine]))


def _mean(glyph_features: Floats) -> Floats:
    """The mean look of a value without the tenth that is farthest from it: misread ones are among those."""
    mean = glyph_features.mean(axis=0)
    for _ in range(2):
        away = ((glyph_features - mean) ** 2).sum(axis=1)
        mean = glyph_features[away <= np.quantile(away, 0.9)].mean(axis=0)
    return np.asarray(mean, dtype=np.float64)


def glyph_features(ink: NDArray[np.floating], boxes: Floats) -> Floats:
    """What each figure looks like, whatever its size and the blackness of the page: shape (n, ROWS * COLUMNS).

    Parameters
    ----------
    ink : float array of shape (H, W)
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom in working pixels.
    """
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], DIGIT_HEIGHT / 4)
    usual = float(np.median(heights))
    # Figures of another size of type are blurred as much for their size.
    octaves = np.round(np.log2(heights / usual)).astype(int)
    found = np.zeros((len(boxes), ROWS * COLUMNS))
    for octave in np.unique(octaves):
        group = octaves == octave
        sigma = SMOOTH * usual * 2.0 ** float(octave)
        blurred = np.asarray(cv2.GaussianBlur(np.asarray(ink, np.float32), (0, 0), sigma), np.float64)
        found[group] = _centred(blurred, boxes[group], heights[group])
    found -= found.mean(axis=1, keepdims=True)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)


def _centred(picture: Floats, boxes: Floats, heights: Floats) -> Floats:
    """Each figure with its ink in the middle, shape (n, ROWS * COLUMNS)."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    seen = _sampled(picture, middles, heights)
    down = (np.arange(ROWS) - (ROWS - 1) / 2) * STEP
    across = (np.arange(COLUMNS) - (COLUMNS - 1) / 2) * STEP
    # Its neighbours show at the sides: they do not pull it away from the middle.
    inner = seen[:, :, 1:-1]
    weight = np.maximum(inner.sum(axis=(1, 2)), 1e-6)
    moved = np.stack([inner.sum(axis=1) @ across[1:-1], inner.sum(axis=2) @ down], axis=1) / weight[:, None]
    moved = np.clip(moved, -MOST_MOVED, MOST_MOVED) * heights[:, None]
    return _sampled(picture, middles + moved, heights).reshape(len(boxes), -1)


def _sampled(picture: Floats, middles: Floats, heights: Floats) -> Floats:
    """The picture at the points around each middle, shape (n, ROWS, COLUMNS), between pixels by their neighbours."""
    rows = (np.arange(ROWS) - (ROWS - 1) / 2) * STEP
    columns = (np.arange(COLUMNS) - (COLUMNS - 1) / 2) * STEP
    # A pixel's value stands for its middle, which lies at one half.
    y = np.clip(middles[:, 1, None] + rows * heights[:, None] - 0.5, 0, picture.shape[0] - 1)[:, :, None]
    x = np.clip(middles[:, 0, None] + columns * heights[:, None] - 0.5, 0, picture.shape[1] - 1)[:, None, :]
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    bottom, right = np.minimum(top + 1, picture.shape[0] - 1), np.minimum(left + 1, picture.shape[1] - 1)
    down, across = y - top, x - left
    upper = (1 - across) * picture[top, left] + across * picture[top, right]
    lower = (1 - across) * picture[bottom, left] + across * picture[bottom, right]
    return np.asarray((1 - down) * upper + down * lower, dtype=np.float64)
