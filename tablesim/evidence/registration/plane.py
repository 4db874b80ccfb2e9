"""A plane map from page A to page B, affine or homography, by RANSAC and the criterion of Bayes.

Two scans of one printed sheet differ by the way the camera looked at it: an affine map (six numbers) where the sheet
lay parallel to the sensor, a homography (eight) where it was tilted. Both are found among wrong pairs by random samples
(RANSAC, Fischler and Bolles 1981, as OpenCV has it, with its fixed seed) and refined by least squares over the pairs
that hold. The simpler one is kept unless the other lowers the criterion of Bayes (Schwarz 1978): for n pairs that hold
and a map of k numbers, 2n log(s^2) + k log(2n), s the scatter left over. A scatter below that of reading itself counts
as that of reading, so no number of points buys a homography that nobody could see.

All of it in digit heights: points have been divided by the height of their page's digits beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.language import say, to_say

TOLERANCE = 0.5
"""How far, in digit heights, a point may lie from where the map sends its partner."""

MIN_PAIRS = 8
"""Pairs that must hold. Four points fix a homography, six more make it improbable by chance."""

READING_SCATTER = 0.05
"""Scatter, in digit heights, of the middle of one number read on two scans: boxes end at whole pixels."""

MIN_SPREAD = 1.0
"""Least standard deviation, in digit heights, across the line that runs nearest to all points."""

SCALES = (0.2, 5.0)
"""Scale that is believed, digit heights to digit heights."""

MAX_STRETCH = 2.5
"""How much more one direction may be stretched than another."""

MAX_TURN = 30.0
"""Degrees between the two pages once each stands upright."""

MAX_PERSPECTIVE = 2.0
"""How much nearer one end of the page may be than the other."""

MARGIN = 0.5
"""How far the page goes on around its numbers, in sizes of what they fill: the map must make sense there too."""

N_TRIALS = 2000
"""Samples at most; fewer where most pairs hold."""

Floats = NDArray[np.float64]

MODELS = (to_say("affine"), to_say("homography"))


@dataclass(frozen=True)
class NotRegistrable:
    """Why there is no map, in words that fit behind "the pages cannot be registered: "."""

    reason: str


@dataclass(frozen=True)
class Plane:
    """A map of the plane.

    Parameters
    ----------
    model : str
        "affine" or "homography".
    matrix : float64 array of shape (3, 3)
        (x', y', w) = matrix . (x, y, 1); the point is (x'/w, y'/w).
    """

    model: str
    matrix: Floats

    def apply(self, points: Floats) -> Floats:
        """Points of shape (n, 2), mapped."""
        return project(self.matrix, points)

    def invert(self, points: Floats) -> Floats:
        """Points of shape (n, 2), mapped back."""
        return project(np.linalg.inv(self.matrix), points)


def project(matrix: NDArray[np.floating], points: NDArray[np.floating]) -> Floats:
    """Points of shape (n, 2) through a (3, 3) matrix of homogeneous coordinates."""
    lifted = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(lifted[:, :2] / lifted[:, 2:], dtype=np.float64)


def residuals(matrix: Floats, points_a: Floats, points_b: Floats) -> Floats:
    """How far each pair misses, float64 of shape (n,): the mean of the gaps on the two pages."""
    forward = np.linalg.norm(project(matrix, points_a) - points_b, axis=1)
    backward = np.linalg.norm(project(np.linalg.inv(matrix), points_b) - points_a, axis=1)
    return np.asarray((forward + backward) / 2, dtype=np.float64)


def fit_plane(points_a: Floats, points_b: Floats, tolerance: float = TOLERANCE) -> Plane | NotRegistrable:
    """The plane map that most pairs support.

    Parameters
    ----------
    points_a, points_b : float64 arrays of shape (n, 2)
        Points of A and their partners on B, in digit heights of their pages; up to 60 % of the pairs may be wrong.
    tolerance : float
        How far a point may lie from where the map sends its partner, in digit heights.

    Returns
    -------
    Plane or NotRegistrable
        The same points give the same answer.
    """
    if len(points_a) < MIN_PAIRS:
        return NotRegistrable(
            say(
                "only {n} equal numbers are in matching cells; at least {least} are needed",
                n=len(points_a),
                least=MIN_PAIRS,
            )
        )
    if spread(points_a) < MIN_SPREAD or spread(points_b) < MIN_SPREAD:
        return NotRegistrable(say("the equal numbers stand on one line"))
    planes = [
        plane
        for model in (to_say("affine"), to_say("homography"))
        if (plane := _fit(model, points_a, points_b, tolerance)) is not None
    ]
    if not planes:
        return NotRegistrable(
            say("no plane map holds for {least} of {n} equal numbers", least=MIN_PAIRS, n=len(points_a))
        )
    misses = [residuals(plane.matrix, points_a, points_b) for plane in planes]
    # Both are judged on the pairs that either of them explains: a map must not win by giving up pairs.
    judged = np.min(misses, axis=0) <= tolerance
    costs = [_criterion(plane.model, miss[judged], tolerance) for plane, miss in zip(planes, misses, strict=True)]
    best = int(np.argmin(costs))
    held = misses[best] <= tolerance
    if spread(points_a[held]) < MIN_SPREAD or spread(points_b[held]) < MIN_SPREAD:
        return NotRegistrable(say("the equal numbers in matching cells stand on one line"))
    reason = implausible(planes[best].matrix, points_a[held])
    return planes[best] if reason is None else NotRegistrable(reason)


def spread(points: Floats) -> float:
    """Standard deviation of the points across the line that runs nearest to all of them."""
    return float(np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[-1] / np.sqrt(len(points)))


def implausible(matrix: Floats, points: Floats) -> str | None:
    """Why no scan of the page can look like that, or None; ``points`` of shape (n, 2) say where on A the page is."""
    low, high = points.min(axis=0), points.max(axis=0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    depth = corners @ matrix[2, :2] + matrix[2, 2]
    if (depth <= 0).any() or depth.max() > MAX_PERSPECTIVE * depth.min():
        return say("the map that fits best shows the page at a slant that no scan has")
    jacobian = _jacobian(matrix, points.mean(axis=0))
    if np.linalg.det(jacobian) <= 0:
        return say("the map that fits best shows the page as in a mirror")
    (large, small), turn = np.linalg.svd(jacobian, compute_uv=False), _turn(jacobian)
    if not SCALES[0] <= small <= large <= SCALES[1]:
        return say("the map that fits best makes digits {n} times as large", n=f"{np.sqrt(small * large):.2g}")
    if large > MAX_STRETCH * small:
        return say(
            "the map that fits best stretches the page {n} times more one way than the other", n=f"{large / small:.1f}"
        )
    if abs(turn) > MAX_TURN:
        return say("the map that fits best turns the upright page by {n} degrees", n=f"{turn:.0f}")
    return None


def _fit(model: str, points_a: Floats, points_b: Floats, tolerance: float) -> Plane | None:
    """The map of one kind: from samples, then least squares over what holds until that stays the same."""
    source, target = points_a.astype(np.float32), points_b.astype(np.float32)
    if model == "affine":
        rough, _ = cv2.estimateAffine2D(
            source, target, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=N_TRIALS, confidence=0.999
        )
        matrix = None if rough is None else np.vstack([rough, [0, 0, 1]])
    else:
        matrix, _ = cv2.findHomography(
            source, target, cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=N_TRIALS, confidence=0.999
        )
    if matrix is None or not usable(matrix):
        return None
    held = np.zeros(len(points_a), dtype=bool)
    for _ in range(10):
        now = residuals(matrix, points_a, points_b) <= tolerance
        if (now == held).all():
            break
        if now.sum() < MIN_PAIRS:
            return None
        refined = (
            affine(points_a[now], points_b[now]) if model == "affine" else _homography(points_a[now], points_b[now])
        )
        if refined is None or not usable(refined):
            return None
        matrix, held = refined, now
    return Plane(model, matrix) if (residuals(matrix, points_a, points_b) <= tolerance).sum() >= MIN_PAIRS else None


def affine(points_a: Floats, points_b: Floats, weight: Floats | None = None) -> Floats:
    """The affine map of least squares, (3, 3)."""
    root = np.ones((len(points_a), 1)) if weight is None else np.sqrt(weight)[:, None]
    design = np.column_stack([points_a, np.ones(len(points_a))])
    solution, *_ = np.linalg.lstsq(design * root, points_b * root, rcond=None)
    return np.vstack([solution.T, [0, 0, 1]])


def _homography(points_a: Floats, points_b: Floats) -> Floats | None:
    matrix, _ = cv2.findHomography(points_a, points_b, 0)
    return None if matrix is None else np.asarray(matrix, dtype=np.float64)


def usable(matrix: Floats) -> bool:
    """Whether the matrix can be inverted at all."""
    return bool(np.isfinite(matrix).all() and np.linalg.cond(matrix) < 1e9)


def _criterion(model: str, miss: Floats, tolerance: float) -> float:
    # A pair that the map does not explain costs what it would cost at the edge of the tolerance.
    square = float(np.mean(np.minimum(miss, tolerance) ** 2)) / 2
    numbers = {"affine": 6, "homography": 8}[model]
    return float(2 * len(miss) * np.log(max(square, READING_SCATTER**2)) + numbers * np.log(2 * max(len(miss), 1)))


def _jacobian(matrix: Floats, point: Floats) -> Floats:
    """Derivative of the map at a point, (2, 2)."""
    x, y, w = matrix @ (*point, 1.0)
    return np.asarray((matrix[:2, :2] - np.outer((x / w, y / w), matrix[2, :2])) / w, dtype=np.float64)


def _turn(jacobian: Floats) -> float:
    """Degrees by which the map turns, stretching aside (polar decomposition)."""
    left, _, right = np.linalg.svd(jacobian)
    turn = left @ right
    return float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
