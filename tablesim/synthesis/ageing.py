"""Ages a clean sheet into a scan: ink, paper, time and camera.

Four steps: the ink spreads or leaves gaps; the sheet comes to lie on the scanner (turned, bent, reduced); paper, light
and the other side of the leaf show; the camera blurs, adds noise and compresses. The truth goes through the same
geometry. ``leaf`` puts the outcome on a photographer's table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.records.boxes import Box
from tablesim.records.truth import TrueMark, TrueNumber
from tablesim.synthesis.sheet import Sheet

LEGIBLE = 0.3
"""Share of its ink that a digit must keep for anyone to be asked what it is."""

Grey = NDArray[np.uint8]
Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ageing:
    """How a sheet becomes a scan; the defaults make a clean one. Lengths are in scan pixels.

    Parameters
    ----------
    scale : float
        Scan pixels per sheet pixel, at most 1.
    skew : float
        Clockwise degrees by which the page lies askew.
    bend : float
        Height in pixels of the bow that lines make towards the gutter.
    keystone : tuple of float
        Perspective of a camera that was not held level: share by which the far side is smaller, across and down.
    spread : float
        Ink beyond the type: above 0 heavy inking, below 0 thin, about -0.25 to 0.3.
    gaps : float
        0 to 1: how patchy the impression is.
    blotted : float
        0 to 1: how far patches of too much ink fill the counters of the letters.
    grain : float
        0 to 1: raggedness of the outlines.
    show_through : float
        0 to 0.4: darkness of the other side of the leaf.
    paper : float
        0 to 1: brightness of the paper.
    ink : float
        0 to 1: darkness of full ink.
    stains : float
        0 to 1: how far the paper's brightness wanders.
    fold : float
        0 to 0.8: loss of light at the edge that is bound into the book.
    light : float
        0 to 0.6: loss of light from one side of the page to the other.
    border : float
        Share of the scan's width that a dark border takes on each side.
    blur : float
        Standard deviation of the camera's blur.
    noise : float
        Standard deviation of the camera's noise in grey levels (0 to 255).
    denoised : bool
        Smoothed by a median, as cameras and digitization programs do.
    sharpened : float
        0 to 2: strength of an unsharp mask, which leaves bright seams around the ink.
    jpeg : int
        JPEG quality; 0 leaves the picture uncompressed.
    bitonal : bool
        Black and white only, as microfilm was digitized.
    """

    scale: float = 1.0
    skew: float = 0.0
    bend: float = 0.0
    keystone: tuple[float, float] = (0.0, 0.0)
    spread: float = 0.0
    gaps: float = 0.0
    blotted: float = 0.0
    grain: float = 0.2
    show_through: float = 0.0
    paper: float = 0.85
    ink: float = 0.9
    stains: float = 0.1
    fold: float = 0.0
    light: float = 0.1
    border: float = 0.0
    blur: float = 0.5
    noise: float = 3.0
    denoised: bool = False
    sharpened: float = 0.0
    jpeg: int = 85
    bitonal: bool = False


@dataclass(frozen=True)
class SimulatedScan:
    """A finished synthetic scan: grey picture of shape (height, width), and its truth in its own pixels."""

    grey: Grey
    numbers: tuple[TrueNumber, ...]
    unasked: tuple[Box, ...]
    marks: tuple[TrueMark, ...] = ()

    def moved(self, grey: Grey, move: Callable[[Box], Box]) -> SimulatedScan:
        """Another picture of the same, in which each box of the truth lies where ``move`` says."""
        numbers = [
            replace(number, digits=tuple(replace(digit, box=move(digit.box)) for digit in number.digits))
            for number in self.numbers
        ]
        marks = tuple(replace(mark, box=move(mark.box)) for mark in self.marks)
        return SimulatedScan(grey, tuple(numbers), tuple(move(box) for box in self.unasked), marks)

    def asking(self, fair: Callable[[TrueNumber | TrueMark], bool]) -> SimulatedScan:
        """The same without the numbers and marks that it is not fair to ask for: their places are unasked."""
        kept, lost = [], list(self.unasked)
        for number in self.numbers:
            if fair(number):
                kept.append(number)
            else:
                lost += [digit.box for digit in number.digits]
        lost += [mark.box for mark in self.marks if not fair(mark)]
        return SimulatedScan(self.grey, tuple(kept), tuple(lost), tuple(mark for mark in self.marks if fair(mark)))


def draw_ageing(rng: np.random.Generator, scale: float, wear: float = 1.0) -> Ageing:
    """Ageing at random: ``wear`` 0 gives clean scans, 1 the full range of early prints in libraries' scans."""

    def sometimes(probability: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) * wear if rng.random() < probability * wear else 0.0

    # What is lost in small gaps and blur of a coarse scan is lost for good: there the wear is milder.
    fine = min(1.0, scale / 0.6)
    drawn = Ageing(
        scale=scale,
        skew=float(rng.normal(0.0, 0.9)) * wear,
        bend=sometimes(0.3, -10.0, 10.0),
        keystone=(sometimes(0.15, -0.05, 0.05), sometimes(0.15, -0.05, 0.05)),
        spread=float(rng.uniform(-0.16, 0.26)) * wear,
        gaps=sometimes(0.45, 0.1, 0.55) * fine,
        grain=float(rng.uniform(0.05, 0.7)),
        show_through=sometimes(0.5, 0.03, 0.3),
        paper=float(rng.uniform(0.55, 0.97)),
        ink=float(rng.uniform(0.55, 0.97)),
        stains=float(rng.uniform(0.0, 0.5)) * wear,
        fold=sometimes(0.15, 0.2, 0.75),
        light=sometimes(0.5, 0.05, 0.5),
        border=sometimes(0.25, 0.01, 0.05),
        blur=float(rng.uniform(0.3, 0.4 + 0.5 * fine)),
        noise=float(rng.uniform(0.0, 4.0 + 4.0 * fine)),
        denoised=bool(rng.random() < 0.1 * wear * fine),
        sharpened=sometimes(0.3, 0.3, 1.5),
        jpeg=int(rng.integers(22, 96)) if rng.random() < 0.8 else 0,
        bitonal=False,
    )
    if rng.random() < 0.16 * wear:
        drawn = _as_a_broadside(drawn, rng, fine)
    if rng.random() < 0.1 * wear:
        # A film made of a faint page would be blank: what was filmed was black on white.
        spread = 0.04 + abs(drawn.spread) * float(rng.uniform(0.3, 1.0))
        return replace(drawn, bitonal=True, ink=0.95, gaps=0.0, spread=spread, stains=0.0, light=0.0, noise=2.0)
    return drawn


def _as_a_broadside(drawn: Ageing, rng: np.random.Generator, fine: float) -> Ageing:
    """The same, worn as bills that passed from hand to hand: brown paper, blotched ink, the back showing through.

    Half of them were printed in haste with too much ink, the other half with too little.
    """
    worn = replace(
        drawn,
        paper=float(rng.uniform(0.4, 0.7)),
        ink=float(rng.uniform(0.6, 0.9)),
        stains=float(rng.uniform(0.3, 0.9)),
        show_through=float(rng.uniform(0.08, 0.35)),
        gaps=float(rng.uniform(0.2, 0.7)) * fine,
        grain=float(rng.uniform(0.4, 1.1)) * fine,
    )
    if rng.random() < 0.5:
        return worn
    blotted, spread, grain = (float(rng.uniform(*bounds)) for bounds in ((0.2, 1.0), (-0.05, 0.15), (0.4, 1.2)))
    return replace(worn, gaps=0.0, blotted=blotted, spread=spread, grain=grain)


def age(sheet: Sheet, ageing: Ageing, rng: np.random.Generator, behind: Sheet | None = None) -> SimulatedScan:
    """The scan of ``sheet``.

    Parameters
    ----------
    sheet : Sheet
        What was printed; it is not changed.
    ageing : Ageing
        How it aged and was scanned.
    rng : numpy.random.Generator
        Draws noise, stains and gaps: the same state gives the same bytes.
    behind : Sheet, optional
        What shows through from the other side; the sheet itself when left out.

    Returns
    -------
    SimulatedScan
        Grey picture of about (height, width) x scale pixels, and the numbers in its pixels.
    """
    ink = _press(sheet.ink, ageing, rng)
    width, height = max(8, round(sheet.width * ageing.scale)), max(8, round(sheet.height * ageing.scale))
    laid = _Laying(ageing, width, height)
    ink = laid.warp(_reduce_blur(ink, ageing.scale))
    reverse = None
    if ageing.show_through > 0:
        other = sheet if behind is None else behind
        mirrored = cv2.resize(other.ink[:, ::-1], (width, height), interpolation=cv2.INTER_AREA)
        reverse = np.asarray(cv2.GaussianBlur(mirrored.astype(np.float32) / 255, (0, 0), 1.2), dtype=np.float32)
    grey = _photograph(_paper(width, height, ageing, rng), ink, reverse, ageing, rng)
    scan = SimulatedScan(grey, tuple(sheet.numbers), tuple(sheet.unasked), tuple(sheet.marks)).moved(grey, laid.box)
    edge = ageing.border * width + 1
    seen = Box(edge, edge, width - 2 * edge, height - 2 * edge)
    clean = (sheet.ink / np.float32(255)).astype(np.float32)
    left_of_it = _Remains(laid.warp(_reduce_blur(clean, ageing.scale)), ink)

    def fair(asked: TrueNumber | TrueMark) -> bool:
        boxes = [asked.box] if isinstance(asked, TrueMark) else [digit.box for digit in asked.digits]
        legible = all(left_of_it.share(box) >= LEGIBLE for box in boxes)
        box = asked.box
        return legible and seen.contains(box.x, box.y) and seen.contains(box.right, box.bottom)

    return scan.asking(fair)


class _Remains:
    """How much of the type's ink is left on the aged page, place by place."""

    def __init__(self, clean: Field, aged: Field) -> None:
        self.clean = cv2.integral(clean)
        self.aged = cv2.integral(np.minimum(clean, aged))

    def share(self, box: Box) -> float:
        height, width = self.clean.shape
        x0, x1 = np.clip([round(box.x), round(box.right)], 0, width - 1)
        y0, y1 = np.clip([round(box.y), round(box.bottom)], 0, height - 1)
        clean, aged = (float(t[y1, x1] - t[y0, x1] - t[y1, x0] + t[y0, x0]) for t in (self.clean, self.aged))
        return aged / clean if clean > 0 else 0.0


class _Laying:
    """Where each point of the sheet comes to lie in the scan: reduced, turned about the middle, tilted, bent."""

    def __init__(self, ageing: Ageing, width: int, height: int) -> None:
        self.size = (width, height)
        self.scale = ageing.scale
        self.bend = ageing.bend
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -ageing.skew, 1.0)
        reduced = np.diag([ageing.scale, ageing.scale, 1.0])
        self.matrix = _tilt(ageing.keystone, width, height) @ np.vstack([turn, [0, 0, 1]]) @ reduced

    def _bow(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """How far the paper is pushed down at x: a bow that grows towards the left edge."""
        return self.bend * (1 - x / self.size[0]) ** 3

    def warp(self, ink: Field) -> Field:
        # Pixel centres lie at half pixels in the truth and at whole ones for OpenCV.
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        matrix = np.linalg.inv(half) @ self.matrix @ half
        if matrix[2, :2].any():
            flat = cv2.warpPerspective(ink, matrix, self.size, flags=cv2.INTER_LINEAR)
        else:
            flat = cv2.warpAffine(ink, matrix[:2], self.size, flags=cv2.INTER_LINEAR)
        if not self.bend:
            return np.asarray(flat, dtype=np.float32)
        x, y = np.meshgrid(np.arange(self.size[0], dtype=np.float32), np.arange(self.size[1], dtype=np.float32))
        bent = cv2.remap(flat, x, y - self._bow(x).astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(bent, dtype=np.float32)

    def box(self, box: Box) -> Box:
        x, y, depth = self.matrix @ np.array([*box.centre, 1.0])
        x, y = x / depth, y / depth
        y = y + float(self._bow(np.array(x)))
        width, height = box.width * self.scale / depth, box.height * self.scale / depth
        return Box(float(x) - width / 2, float(y) - height / 2, width, height)


def _tilt(keystone: tuple[float, float], width: int, height: int) -> NDArray[np.float64]:
    """Perspective about the middle of a page of ``width`` x ``height``; the identity for a camera held level."""
    if not any(keystone):
        return np.eye(3)
    middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    tilt = np.eye(3)
    tilt[2, :2] = keystone[0] / width, keystone[1] / height
    return np.asarray(middle @ tilt @ np.linalg.inv(middle), dtype=np.float64)


def _noise(height: int, width: int, grain: float, rng: np.random.Generator) -> Field:
    """Smooth noise of shape (height, width), mean 0, standard deviation 1, features about ``grain`` pixels wide."""
    step = max(1.0, grain)
    rows, columns = max(2, round(height / step) + 1), max(2, round(width / step) + 1)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _press(ink: Grey, ageing: Ageing, rng: np.random.Generator) -> Field:
    """What the press put on the paper: outlines spread or thinned, ragged, with gaps. 0 to 1."""
    height, width = ink.shape
    if ageing.blotted > 0:
        width_of_ink = 2 * round(2 * ageing.blotted) + 1
        ink = np.asarray(cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width_of_ink, width_of_ink))))
    pressed = cv2.GaussianBlur(ink.astype(np.float32) / 255, (0, 0), 0.75 / max(ageing.scale, 0.4))
    level = np.full((height, width), 0.5 - ageing.spread, dtype=np.float32)
    if ageing.grain > 0:
        level = level + 0.22 * ageing.grain * _noise(height, width, 2.2, rng)
    if ageing.gaps > 0:
        # Uneven pressure: broad patches that print weakly, and small holes within them.
        level = level + ageing.gaps * (
            0.1 * _noise(height, width, 90, rng) + 0.16 * np.maximum(0, _noise(height, width, 5, rng) - 0.4)
        )
    if ageing.blotted > 0:
        blots = _noise(height, width, 2.2 / ageing.scale, rng) + 0.7 * _noise(height, width, 12, rng)
        # Not so low that paper without type takes ink.
        level = np.maximum(level - 0.2 * ageing.blotted * blots, 0.235)
    return np.asarray(np.clip((pressed - level) * 2.2 + 0.5, 0, 1), dtype=np.float32)


def _reduce_blur(ink: Field, scale: float) -> Field:
    """Blur before reducing, so that thin strokes fade instead of breaking into steps."""
    if scale >= 0.95:
        return ink
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.42 / scale), dtype=np.float32)


def _paper(width: int, height: int, ageing: Ageing, rng: np.random.Generator) -> Field:
    """Brightness of the bare paper, 0 to 1."""
    paper = np.full((height, width), ageing.paper, dtype=np.float32)
    paper += 0.012 * _noise(height, width, 2.5, rng)
    if ageing.stains > 0:
        paper *= 1 - 0.14 * ageing.stains * np.abs(_noise(height, width, 160, rng))
        paper *= 1 - 0.05 * ageing.stains * np.abs(_noise(height, width, 25, rng))
    if ageing.fold > 0:
        depth = np.arange(width) / width if rng.random() < 0.5 else np.arange(width)[::-1] / width
        paper *= (1 - ageing.fold * np.exp(-depth / float(rng.uniform(0.02, 0.08)))).astype(np.float32)
    if ageing.light > 0:
        angle = rng.uniform(0, 2 * np.pi)
        x, y = np.linspace(-0.5, 0.5, width)[None, :], np.linspace(-0.5, 0.5, height)[:, None]
        paper *= (1 - ageing.light * (0.5 + np.cos(angle) * x + np.sin(angle) * y)).astype(np.float32)
    return paper


def _photograph(paper: Field, ink: Field, reverse: Field | None, ageing: Ageing, rng: np.random.Generator) -> Grey:
    """Put ink on paper and take the picture: uint8 of the paper's shape."""
    height, width = paper.shape
    if reverse is not None:
        paper = paper * (1 - ageing.show_through * reverse)
    light = paper * (1 - ageing.ink * ink)
    edge = round(ageing.border * width)
    if edge > 0:
        dark = 0.08 + 0.04 * rng.random()
        light[:, :edge] = dark
        light[:edge] = dark
        if rng.random() < 0.5:
            light[:, width - edge :] = dark
            light[height - edge :] = dark
    if ageing.blur > 0:
        light = cv2.GaussianBlur(light, (0, 0), ageing.blur)
    grey = light * 255
    if ageing.noise > 0:
        grey = grey + rng.standard_normal((height, width), dtype=np.float32) * ageing.noise
    if ageing.sharpened > 0:
        grey = grey + ageing.sharpened * (grey - cv2.GaussianBlur(grey, (0, 0), 1.2))
    picture = np.clip(grey, 0, 255).astype(np.uint8)
    if ageing.denoised:
        picture = np.asarray(cv2.medianBlur(picture, 3), dtype=np.uint8)
    if ageing.bitonal:
        threshold = int(255 * ageing.paper * (1 - 0.5 * ageing.ink))
        picture = np.where(picture > threshold, np.uint8(255), np.uint8(0))
    if ageing.jpeg:
        written, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, ageing.jpeg])
        if written:
            picture = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return np.asarray(picture, dtype=np.uint8)
