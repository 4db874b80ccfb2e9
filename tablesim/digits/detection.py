"""One pass of the network over a page: how the page was set, and the digits that were found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.digits.network import DIGIT_HEIGHT, DigitNetwork
from tablesim.digits.numbers import Thresholds
from tablesim.digits.peaks import Calibration, DigitPeaks, find_digits
from tablesim.digits.scale import working_image
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean

MARGIN = 2.0
"""Paper around the marks of a page that is looked at too, in heights of a figure."""

_CELL = 8
"""Pixels to which a piece is widened: the coarsest cells of the network."""


@dataclass(frozen=True)
class Detection:
    """One pass of the network over a page: how the page was set, the digits in working pixels, and the ink they are of.

    ``ink`` is the working page, float32 of shape (H, W): 0 bare paper, 1 full ink.
    """

    transform: Transform
    digits: DigitPeaks
    ink: NDArray[np.float32]

    @property
    def strength(self) -> float:
        """Sum of the confidences: greatest at the right scale and orientation."""
        return float(self.digits.confidence.sum())


@dataclass(frozen=True)
class DigitReader:
    """What reads: a digit network, what its activations are worth, and what counts as a digit.

    Attributes
    ----------
    network : DigitNetwork
        Folded, in evaluation mode, on the CPU.
    calibration : Calibration
        From activations anywhere on a page to the probabilities for which the thresholds are made.
    thresholds : Thresholds
    of_digits, of_numbers : Calibration
        From those to the probabilities that leave the reader: what is accepted in a table is likelier right than the
        same activation anywhere.
    """

    network: DigitNetwork
    calibration: Calibration
    thresholds: Thresholds
    of_digits: Calibration = field(default_factory=Calibration)
    of_numbers: Calibration = field(default_factory=Calibration)

    def look(
        self,
        grey: NDArray[np.uint8],
        transform: Transform,
        threshold: float,
        marks: NDArray[np.floating] | None = None,
    ) -> Detection:
        """One pass of the network over a page.

        Parameters
        ----------
        grey : uint8 array of shape (height, width)
            The scan.
        transform : Transform
            How the page is to be set.
        threshold : float
            Least confidence of a digit.
        marks : array of shape (n, 4), optional
            Left, top, right, bottom in source pixels of what stands on the page: the bare paper around it is left out,
            on many pages a third of the work. The whole page when left out.
        """
        ink = clean(working_image(grey, transform))
        left, top, right, bottom = _piece(transform, marks)
        seen = torch.from_numpy(np.ascontiguousarray(ink[top:bottom, left:right]))[None, None]
        with torch.inference_mode():
            maps = self.network(seen.contiguous(memory_format=torch.channels_last))
            return Detection(transform, find_digits(maps, threshold, self.calibration).moved(left, top), ink)


def _piece(transform: Transform, marks: NDArray[np.floating] | None) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in working pixels of the piece that holds all marks."""
    width, height = transform.working_size
    if marks is None or not len(marks):
        return 0, 0, width, height
    corners = np.concatenate([marks[:, [0, 1]], marks[:, [2, 1]], marks[:, [0, 3]], marks[:, [2, 3]]])
    places = corners @ transform.matrix[:, :2].T + transform.matrix[:, 2]
    margin = MARGIN * DIGIT_HEIGHT
    left, top = (int(v) for v in np.maximum((places.min(axis=0) - margin) // _CELL * _CELL, 0))
    right, bottom = (int(v) for v in (places.max(axis=0) + margin) // _CELL * _CELL + _CELL)
    return left, top, min(width, max(right, left + _CELL)), min(height, max(bottom, top + _CELL))
