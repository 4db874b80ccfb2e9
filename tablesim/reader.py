"""The page reader: the digit network and the bigram network together; ``load_network()`` gives it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tablesim.bigrams.embedding import embed, histogram
from tablesim.digits.calibration import calibration_in
from tablesim.digits.certainty import certainty_in
from tablesim.digits.network import load_weights
from tablesim.digits.numbers import Thresholds
from tablesim.digits.page import read_page
from tablesim.digits.passes import DigitReader, has_bfloat16
from tablesim.errors import WeightsError
from tablesim.records.reading import Reading
from tablesim.scans.images import MAX_PIXELS, load_scan
from tablesim.scans.locator import Locator

BUNDLED_WEIGHTS = Path(__file__).parent / "digits" / "weights" / "digits.safetensors"

READING_VERSION = 3
"""Raised when the same weights would give another reading."""


@dataclass(frozen=True)
class PageReader:
    """Reads pages and embeds them.

    Attributes
    ----------
    digit_reader : DigitReader
        Digit network, calibration, thresholds.
    weights : Path
        File of the digit network: what a worker process loads.
    fingerprint : str
        Hash of weights and settings: two readings of one file with equal fingerprints are equal.
    record : dict
        Training settings and measures as the weights file gives them.
    """

    digit_reader: DigitReader
    weights: Path
    fingerprint: str
    record: dict[str, object]

    def read(self, path: str | Path | Locator, max_pixels: int = MAX_PIXELS) -> Reading:
        """The digits and numbers of a scan, in source pixels; ScanError where it cannot be used."""
        reading = read_page(self.digit_reader, load_scan(path, max_pixels))
        return reading.with_histogram(histogram(reading))

    def embed(self, path: str | Path | Locator) -> NDArray[np.float32]:
        """The embedding phi of a scan, float32 of shape (110,): the root of its bigram histogram."""
        counts = self.read(path).histogram
        assert counts is not None
        return np.asarray(embed(counts), dtype=np.float32)


def load_network(path: str | Path | None = None, *, device: str = "cpu", bfloat16: bool | None = None) -> PageReader:
    """The page reader with the bundled weights, or with those in a safetensors file.

    Parameters
    ----------
    path : str or Path, optional
        The weights; the bundled ones when not given.
    device : str
        Where the network computes: ``"cpu"``, ``"cuda"``.
    bfloat16 : bool, optional
        Whether its convolutions compute in bfloat16, which halves their time; when not given, where the processor has
        instructions for it.

    Raises
    ------
    WeightsError
        The file is missing, damaged or made for another network.
    """
    path = BUNDLED_WEIGHTS if path is None else Path(path)
    network, record = load_weights(path)
    network.to(device)
    digit_reader = DigitReader(
        network,
        calibration=calibration_in(record, "calibration", path),
        thresholds=Thresholds(),
        of_digits=calibration_in(record, "digit_calibration", path),
        of_numbers=calibration_in(record, "number_calibration", path),
        certainty=certainty_in(record, path),
        device=device,
        bfloat16=has_bfloat16(device) if bfloat16 is None else bfloat16,
    )
    return PageReader(digit_reader, path, fingerprint(path), record)


def fingerprint(path: str | Path | None = None) -> str:
    """Hash (SHA-256, hex) of a weights file and the settings of reading, without loading the network.

    Raises
    ------
    WeightsError
        The file cannot be read.
    """
    path = BUNDLED_WEIGHTS if path is None else Path(path)
    settings = json.dumps({"reading": READING_VERSION, **asdict(Thresholds())}, sort_keys=True)
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); give the path of a .safetensors file"
        ) from error
    return hashlib.sha256(weights + settings.encode()).hexdigest()
