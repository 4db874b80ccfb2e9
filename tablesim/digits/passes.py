"""One pass of the digit network over a page, at one scale and orientation."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.digits.calibration import Calibration
from tablesim.digits.certainty import Certainty
from tablesim.digits.network import DIGIT_HEIGHT, CellMaps, DigitNetwork
from tablesim.digits.numbers import Thresholds
from tablesim.digits.peaks import DigitPeaks, MarkPeaks, find_digits, find_marks
from tablesim.digits.scale import working_image
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean

MARGIN = 2.0
"""Paper around the marks of a page that is read too, in digit heights."""

LEAST_MARK = 0.3
"""Least activation of a mark; chosen by eye."""

_CELL = 8
"""Working pixels to which a piece is widened: the coarsest cells of the network."""


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether the network computes in bfloat16 there: where there are instructions for it, it takes half the time.

    Never where the environment variable ``TABLESIM_FLOAT32`` is set.
    """
    if os.environ.get("TABLESIM_FLOAT32"):
        return False
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # New in PyTorch 2.10; with an older one float32 is used.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def precision_of(bfloat16: bool, device: str = "cpu") -> str:
    """In which numbers convolutions are computed, and where, when not on the processor: ``bfloat16 on cuda``."""
    return ("bfloat16" if bfloat16 else "float32") + ("" if device == "cpu" else f" on {device}")


@dataclass(frozen=True)
class Detection:
    """The digits that the network found on a page.

    Attributes
    ----------
    transform : Transform
        From source pixels to the working page.
    digits : DigitPeaks
        In working pixels.
    ink : float32 array of shape (H, W)
        The working page: 0 bare paper, 1 full ink.
    marks : MarkPeaks
        Points, commas, signs and other marks, in working pixels.
    refusal : str
        Why the page was not read; empty where it was.
    """

    transform: Transform
    digits: DigitPeaks
    ink: NDArray[np.float32]
    marks: MarkPeaks = field(default_factory=MarkPeaks.empty)
    refusal: str = ""

    @classmethod
    def refused(cls, transform: Transform, refusal: str) -> Detection:
        """No digits, and why."""
        return cls(transform, DigitPeaks.empty(), np.zeros((1, 1), dtype=np.float32), refusal=refusal)

    @property
    def total_confidence(self) -> float:
        """Sum of the confidences: greatest at the right scale and orientation."""
        return float(self.digits.confidence.sum())


@dataclass(frozen=True)
class DigitReader:
    """A digit network, the calibration of its activations, and the thresholds for digits and numbers.

    Attributes
    ----------
    network : DigitNetwork
        Folded, in evaluation mode, on ``device``.
    calibration : Calibration
        From activations anywhere on a page to the probabilities for which the thresholds are made.
    thresholds : Thresholds
    of_digits, of_numbers : Calibration
        From those to the probabilities that leave the reader: a digit accepted in a table is more often right than one
        of the same activation anywhere.
    certainty : Certainty, optional
        How sure whole numbers are, by all that speaks for and against them; without it ``of_numbers`` says so.
    device : str
        Where the network computes: ``"cpu"``, ``"cuda"``.
    bfloat16 : bool
        Whether convolutions compute in bfloat16.
    """

    network: DigitNetwork
    calibration: Calibration
    thresholds: Thresholds
    of_digits: Calibration = field(default_factory=Calibration)
    of_numbers: Calibration = field(default_factory=Calibration)
    certainty: Certainty | None = None
    device: str = "cpu"
    bfloat16: bool = False

    @property
    def precision(self) -> str:
        """In which numbers the network computes, and where: readings of another precision differ a little."""
        return precision_of(self.bfloat16, self.device)

    def detect(
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
            To the working page.
        threshold : float
            Least confidence of a digit.
        marks : array of shape (n, 4), optional
            Left, top, right, bottom in source pixels of the marks on the page: the bare paper around them is left out,
            on many pages a third of the work. The whole page when not given.
        """
        ink = clean(working_image(grey, transform))
        left, top, right, bottom = _piece(transform, marks)
        maps = self.maps(ink[top:bottom, left:right])
        digits = find_digits(maps, threshold, self.calibration).moved(left, top)
        return Detection(transform, digits, ink, find_marks(maps, LEAST_MARK).moved(left, top))

    def maps(self, ink: NDArray[np.float32]) -> CellMaps:
        """What the network says of N pieces of ink of shape (N, H, W), or of one of shape (H, W)."""
        pieces = torch.from_numpy(np.ascontiguousarray(ink)).reshape(-1, 1, *ink.shape[-2:]).to(self.device)
        pieces = pieces.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(pieces.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.network.cells(pieces).to("cpu")


def _piece(transform: Transform, marks: NDArray[np.floating] | None) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in working pixels of the piece that holds all marks."""
    width, height = transform.working_size
    if marks is None or not len(marks):
        return 0, 0, width, height
    corners = np.concatenate([marks[:, [0, 1]], marks[:, [2, 1]], marks[:, [0, 3]], marks[:, [2, 3]]])
    corners = corners @ transform.matrix[:, :2].T + transform.matrix[:, 2]
    margin = MARGIN * DIGIT_HEIGHT
    left, top = (int(v) for v in np.maximum((corners.min(axis=0) - margin) // _CELL * _CELL, 0))
    right, bottom = (int(v) for v in (corners.max(axis=0) + margin) // _CELL * _CELL + _CELL)
    return left, top, min(width, max(right, left + _CELL)), min(height, max(bottom, top + _CELL))
