"""Corrects digits by page-specific prototypes: a digit that looks like another value's prototype is given that value.

A page is set from one type case: its 3s are alike, whatever a 3 looked like in training. Each value that stands often
enough on the page gives a prototype, and a digit that clearly belongs to the prototype of another value is corrected
(Nagy and Shelton, "Self-corrective character recognition system", IEEE Trans. Inf. Theory 12, 1966). Nothing learned
outlives the page.

Distances are those of linear discriminant analysis: one covariance for all values, shrunk towards a sphere (Friedman,
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
"""Points at which a digit is sampled, over one and a third of its height and as much of its width."""

STEP = 2.0 / 21.0
"""Distance of two such points in digit heights."""

_DOWN, _ACROSS = ((np.arange(n) - (n - 1) / 2) * STEP for n in (ROWS, COLUMNS))
"""Where they lie about the middle of the digit, in digit heights."""

SMOOTH = 1.3 / 21.0
"""Standard deviation of the blur before sampling, in digit heights: thicker and slightly shifted strokes look alike."""

MOST_MOVED = 3.0 / 21.0
"""Most that a digit is moved to centre its ink, in digit heights."""

ENOUGH, FEW = 8, 30
"""Least digits of one value for a prototype, and least digits of a page on which anything is corrected."""

SPHERE = 0.3
"""Shrinkage of the covariance towards a sphere, 0 to 1: a page has fewer digits than sampled points squared."""

TYPICAL = 0.95
"""Quantile of the distances of a value's own digits up to which a digit is typical of the value."""

CLEAR = 0.4
"""Least gain for a correction, in median distances of the other value's own digits. Chosen on synthesized pages, where
no gain does harm: being typical of the other prototype is what decides. ``benchmarks/constants.py`` measures it."""

STRANGE = 3.0
"""How many times the distance of a typical digit one lies from its prototype to be like no digit of the page: on
synthesized pages such a digit is more often misread, or none at all, than right."""

CHANGED, LEANING = 0.9, 0.5
"""Confidence of a corrected digit, and most of one that is nearer to another prototype without being typical of it or
is like no digit of the page; on the scale of the thresholds."""

Floats = NDArray[np.float64]


def correct_by_page_prototypes(digits: DigitPeaks, accepted: NDArray[np.intp], ink: NDArray[np.floating]) -> DigitPeaks:
    """Correct digits that look like those of another value on the same page.

    Parameters
    ----------
    digits : DigitPeaks
        All that were found, in working pixels.
    accepted : int array of shape (n,)
        Which of them make up numbers: only these give prototypes and are corrected.
    ink : float array of shape (H, W)
        The working page, 0 bare paper to 1 full ink.

    Returns
    -------
    DigitPeaks
        A digit typical of another prototype has that value, with confidence `CHANGED`, and its former value as
        runner-up. One that is nearer to another prototype without being typical of it keeps its value, with at most
        the confidence `LEANING` and the other value as runner-up. One that is like no digit of the page keeps both,
        with at most that confidence.
    """
    if len(accepted) < FEW:
        return digits
    prototypes = Prototypes.of(glyph_features(ink, digits.boxes[accepted]), digits.values[accepted])
    if len(prototypes.values) < 2:
        return digits
    is_own = prototypes.values[:, None] == digits.values[accepted]
    known, own, column = is_own.any(axis=0), is_own.argmax(axis=0), np.arange(len(accepted))
    nearest, distance = prototypes.distances.argmin(axis=0), prototypes.distances[own, column]
    gain = (distance - prototypes.distances[nearest, column]) / prototypes.usual[nearest]
    other = known & (nearest != own) & (gain >= CLEAR)
    strange = accepted[known & (distance > STRANGE * prototypes.reach[own])]
    at = accepted[other]
    becomes = prototypes.values[nearest[other]]
    typical = prototypes.distances[nearest[other], column[other]] <= prototypes.reach[nearest[other]]
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
    """The prototypes of a page, and the distance of each of its n digits from each of them.

    Attributes
    ----------
    values : int64 array of shape (v,)
        The values that have a prototype.
    distances : float64 array of shape (v, n)
        Squared Mahalanobis distance of each digit from each prototype; from its own as if it were left out of it.
    usual, reach : float64 arrays of shape (v,)
        Median, and quantile `TYPICAL`, of the distances of a value's own digits.
    """

    values: NDArray[np.int64]
    distances: Floats
    usual: Floats
    reach: Floats

    @classmethod
    def of(cls, features: Floats, values: NDArray[np.int64]) -> Prototypes:
        """Prototypes from features of shape (n, ROWS * COLUMNS) and the values read, int64 of shape (n,).

        What has a value below 0 makes up no prototype and has its distances all the same.
        """
        counts = np.bincount(values[values >= 0], minlength=10)
        known = np.flatnonzero(counts >= ENOUGH)
        if not len(known):
            return cls(known, np.zeros((0, len(values))), np.zeros(0), np.zeros(0))
        means = np.stack([_mean(features[values == value]) for value in known])
        off = np.concatenate([features[values == value] - mean for value, mean in zip(known, means, strict=True)])
        spread = off.T @ off / len(off)
        size = len(spread)
        spread = (1 - SPHERE) * spread + SPHERE * max(float(np.trace(spread)) / size, 1e-9) * np.eye(size)
        whiten = np.linalg.cholesky(np.linalg.inv(spread))
        gaps = (features @ whiten)[None] - (means @ whiten)[:, None]
        distances = np.einsum("vnp,vnp->vn", gaps, gaps)
        for row, value in enumerate(known):
            distances[row, values == value] *= (counts[value] / (counts[value] - 1)) ** 2
        own = [distances[row, values == value] for row, value in enumerate(known)]
        usual = np.array([np.median(of_value) for of_value in own])
        return cls(known, distances, usual, np.array([np.quantile(of_value, TYPICAL) for of_value in own]))


def _mean(features: Floats) -> Floats:
    """The mean features of a value without the farthest tenth, which holds the misread ones."""
    mean = features.mean(axis=0)
    for _ in range(2):
        distance = ((features - mean) ** 2).sum(axis=1)
        mean = features[distance <= np.quantile(distance, 0.9)].mean(axis=0)
    return np.asarray(mean, dtype=np.float64)


def glyph_features(ink: NDArray[np.floating], boxes: Floats) -> Floats:
    """Sampled and blurred ink of each digit, whatever its size and blackness.

    Parameters
    ----------
    ink : float array of shape (H, W)
    boxes : float64 array of shape (n, 4)
        Left, top, right, bottom in working pixels.

    Returns
    -------
    float64 array of shape (n, ROWS * COLUMNS)
        Each row with mean 0 and norm 1.
    """
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], DIGIT_HEIGHT / 4)
    usual = float(np.median(heights))
    # Digits of another size of type are blurred in proportion.
    octaves = np.round(np.log2(heights / usual)).astype(int)
    features = np.zeros((len(boxes), ROWS * COLUMNS))
    for octave in np.unique(octaves):
        group = octaves == octave
        sigma = SMOOTH * usual * 2.0 ** float(octave)
        blurred = np.asarray(cv2.GaussianBlur(np.asarray(ink, np.float32), (0, 0), sigma), np.float32)
        features[group] = _centred(blurred, boxes[group], heights[group])
    features -= features.mean(axis=1, keepdims=True)
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6))


def _centred(picture: NDArray[np.float32], boxes: Floats, heights: Floats) -> Floats:
    """Each digit sampled with its ink in the middle, shape (n, ROWS * COLUMNS)."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    sampled = _sampled(picture, middles, heights)
    # Neighbouring digits show at the sides: they are left out of the centre of the ink.
    inner = sampled[:, :, 1:-1]
    weight = np.maximum(inner.sum(axis=(1, 2)), 1e-6)
    moved = np.stack([inner.sum(axis=1) @ _ACROSS[1:-1], inner.sum(axis=2) @ _DOWN], axis=1) / weight[:, None]
    moved = np.clip(moved, -MOST_MOVED, MOST_MOVED) * heights[:, None]
    return _sampled(picture, middles + moved, heights).reshape(len(boxes), -1)


def _sampled(picture: NDArray[np.float32], middles: Floats, heights: Floats) -> Floats:
    """The picture at the points around each middle, shape (n, ROWS, COLUMNS); bilinear between pixels."""
    # A pixel's value stands for its middle, which lies at one half.
    y = np.clip(middles[:, 1, None] + _DOWN * heights[:, None] - 0.5, 0, picture.shape[0] - 1)[:, :, None]
    x = np.clip(middles[:, 0, None] + _ACROSS * heights[:, None] - 0.5, 0, picture.shape[1] - 1)[:, None, :]
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    bottom, right = np.minimum(top + 1, picture.shape[0] - 1), np.minimum(left + 1, picture.shape[1] - 1)
    down, across = y - top, x - left
    upper = (1 - across) * picture[top, left] + across * picture[top, right]
    lower = (1 - across) * picture[bottom, left] + across * picture[bottom, right]
    return np.asarray((1 - down) * upper + down * lower, dtype=np.float64)
