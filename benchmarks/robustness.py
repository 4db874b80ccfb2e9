"""How reading bears what happens to scans: turned, askew, enlarged, reduced, compressed, lighter and darker.

    python benchmarks/robustness.py SCAN ... --truth DIR [--weights FILE]

Each transcribed scan is distorted, read, and scored where its numbers come from. Printed for each distortion, over all
pages together: the Pearson correlation of the 110 bins, its fall against the scan as it is, F1 of whole numbers, and
the greatest fall on a single page.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tablesim.digits.evaluation.alignment import align
from tablesim.digits.evaluation.scores import ReadingScore, total
from tablesim.digits.evaluation.transcription import read_transcription
from tablesim.reader import PageReader, load_network
from tablesim.records.boxes import Box
from tablesim.records.reading import Number
from tablesim.records.truth import Transcription
from tablesim.scans.images import load_scan

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Distortion:
    """What is done to a scan.

    Attributes
    ----------
    name : str
    matrix : function of (width, height)
        Affine matrix of shape (2, 3) from pixels of the scan to those of the distorted one, and its size.
    tone : function of a grey picture
        What happens to its greys.
    quality : int
        JPEG quality it is written with; 0 without loss.
    """

    name: str
    matrix: Callable[[int, int], tuple[NDArray[np.float64], tuple[int, int]]]
    tone: Callable[[Grey], Grey] = lambda grey: grey
    quality: int = 0

    def write(self, grey: Grey, path: Path) -> NDArray[np.float64]:
        """Write the distorted scan; returns the matrix that leads back to the pixels of the scan."""
        height, width = grey.shape
        matrix, size = self.matrix(width, height)
        reduced = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
        if reduced < 1:
            grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.42 / reduced), dtype=np.uint8)
        paper = int(np.percentile(grey, 80))
        moved = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_CUBIC, borderValue=paper)
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality] if self.quality else []
        cv2.imwrite(str(path), self.tone(np.asarray(moved, dtype=np.uint8)), options)
        return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)


def _as_it_is(width: int, height: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
    return np.eye(2, 3), (width, height)


def _turned(degrees: float) -> Callable[[int, int], tuple[NDArray[np.float64], tuple[int, int]]]:
    """A clockwise turn on paper large enough for the whole page."""

    def matrix(width: int, height: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
        turn = np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0))
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        size = round(width * cos + height * sin), round(width * sin + height * cos)
        turn[:, 2] += (np.array(size) - (width, height)) / 2
        return turn, size

    return matrix


def _sized(factor: float) -> Callable[[int, int], tuple[NDArray[np.float64], tuple[int, int]]]:
    def matrix(width: int, height: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
        return np.eye(2, 3) * factor, (round(width * factor), round(height * factor))

    return matrix


def _gamma(value: float) -> Callable[[Grey], Grey]:
    table = np.round(255 * (np.arange(256) / 255) ** value).astype(np.uint8)
    return lambda grey: table[grey]


AS_IT_IS = Distortion("as it is", _as_it_is)
DISTORTIONS = (
    *(Distortion(f"turned by {degrees}", _turned(degrees)) for degrees in (90, 180, 270)),
    *(Distortion(f"askew by {degrees:+d}", _turned(degrees)) for degrees in (-4, -2, 2, 4)),
    *(Distortion(f"enlarged {factor:g} times", _sized(factor)) for factor in (1.5, 2.0, 3.0)),
    Distortion("JPEG quality 30", _as_it_is, quality=30),
    *(Distortion(f"gamma {value:g}", _as_it_is, _gamma(value)) for value in (0.5, 2.0)),
)
LEAST_HEIGHT = 9.0
"""Pages are also reduced until their figures have this many pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=Path, help="scans or folders of scans")
    parser.add_argument("--truth", type=Path, required=True, help="folder of transcriptions, named as the scans")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    network = load_network(options.weights)
    pages = list(_pages(options.scans, options.truth))
    plain = [_score(network, AS_IT_IS, grey, truth)[0] for grey, truth in pages]
    print(
        f"{'distortion':22s} {'Pearson':>8s} {'fall':>7s} {'worst page':>11s} {'F1 numbers':>11s} {'legibility':>11s}"
    )
    for distortion in (AS_IT_IS, *DISTORTIONS):
        read = [_score(network, distortion, grey, truth) for grey, truth in pages]
        _print(distortion.name, plain, read)
    heights = [_height(network, grey) for grey, _ in pages]
    large = [k for k, height in enumerate(heights) if height > 1.15 * LEAST_HEIGHT]
    for least in (LEAST_HEIGHT, 6.0) if large else ():
        read = [_score(network, Distortion("", _sized(least / heights[k])), *pages[k]) for k in large]
        _print(f"figures of {least:g} pixels", [plain[k] for k in large], read)
    print(f"figures of {LEAST_HEIGHT:g} and fewer pixels: the {len(large)} pages whose figures are larger")


def _print(name: str, plain: list[ReadingScore], read: list[tuple[ReadingScore, float]]) -> None:
    scores = [score for score, _ in read]
    before, after = total(plain), total(scores)
    worst = max(a.pearson - b.pearson for a, b in zip(plain, scores, strict=True))
    legibility = min(value for _, value in read)
    print(
        f"{name:22s} {after.pearson:8.4f} {before.pearson - after.pearson:7.4f} {worst:11.4f} "
        f"{after.f1_numbers:11.4f} {legibility:11.2f}"
    )


def _pages(sources: list[Path], folder: Path) -> Iterator[tuple[Grey, Transcription]]:
    for source in sources:
        for scan in sorted(source.iterdir()) if source.is_dir() else [source]:
            truth = folder / f"{scan.stem}.txt"
            if truth.exists():
                yield load_scan(scan).grey, read_transcription(truth)


def _score(network: PageReader, distortion: Distortion, grey: Grey, truth: Transcription) -> tuple[ReadingScore, float]:
    """Score and legibility of the distorted page; what was read is moved back to where it stands in the scan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("page.jpg" if distortion.quality else "page.png")
        back = distortion.write(grey, path)
        reading = network.read(path)
    moved = replace(reading, numbers=tuple(_moved(number, back) for number in reading.numbers))
    return align(moved, truth).score(), reading.legibility


def _moved(number: Number, matrix: NDArray[np.float64]) -> Number:
    digits = []
    for digit in number.digits:
        x, y = matrix @ np.array([*digit.box.centre, 1.0])
        box = Box(float(x) - digit.box.width / 2, float(y) - digit.box.height / 2, digit.box.width, digit.box.height)
        digits.append(replace(digit, box=box))
    return replace(number, digits=tuple(digits))


def _height(network: PageReader, grey: Grey) -> float:
    """Usual height of the page's figures in its own pixels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        cv2.imwrite(str(path), grey)
        reading = network.read(path)
    return float(np.median([digit.box.height for number in reading.numbers for digit in number.digits]))


if __name__ == "__main__":
    main()
