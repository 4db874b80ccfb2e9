"""The page reader: the digit network and the bigram network together; ``load_network()`` gives it."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tablesim.bigrams.embedding import embed, histogram
from tablesim.digits.calibration import calibration_in
from tablesim.digits.certainty import certainty_in
from tablesim.digits.network import load_weights
from tablesim.digits.numbers import Thresholds
from tablesim.digits.page import read_page
from tablesim.digits.passes import DigitReader, has_bfloat16, precision_of
from tablesim.errors import SettingsError, TablesimError, WeightsError
from tablesim.records.reading import Reading
from tablesim.scans.images import MAX_PIXELS, load_scan
from tablesim.scans.locator import Locator

BUNDLED_WEIGHTS = Path(__file__).parent / "digits" / "weights" / "digits.safetensors"

_THREADS_A_GPU = 8
"""Pages decoded and read at a time on a GPU: a page takes milliseconds of it, and a tenth of a second of a core."""

READING_VERSION = 11
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
        Hash of weights and settings, a slash, and the precision (`DigitReader.precision`): ``3fa9.../bfloat16``. Two
        readings of one file with equal fingerprints are equal; where the precision alone differs, a few numbers and
        confidences do.
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

    def read_in_full(self, path: str | Path | Locator, max_pixels: int = MAX_PIXELS) -> Reading:
        """As ``read``, a page too that a first look refuses: where a person says that it carries a table."""
        reading = read_page(self.digit_reader, load_scan(path, max_pixels), in_full=True)
        return reading.with_histogram(histogram(reading))

    def read_many(
        self, paths: Iterable[str | Path | Locator], *, threads: int | None = None, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Reading | TablesimError]:
        """The readings of many scans, in their order; in place of a reading the error of a scan that cannot be used.

        Parameters
        ----------
        paths : iterable
            The scans; taken one after the other, a few ahead of the reading that is given.
        threads : int, optional
            Pages that are decoded and read at a time. One on the CPU when not given, where processes do better
            (``tablesim run --workers``); on a GPU as many as keep it at work.
        max_pixels : int
            As for ``read``.
        """
        if threads is None:
            threads = 1 if self.digit_reader.device == "cpu" else min(_THREADS_A_GPU, os.cpu_count() or 1)

        def attempt(path: str | Path | Locator) -> Reading | TablesimError:
            try:
                return self.read(path, max_pixels)
            except TablesimError as error:
                return error

        if threads == 1:
            yield from map(attempt, paths)
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            ahead: deque[Future[Reading | TablesimError]] = deque()
            for path in paths:
                ahead.append(pool.submit(attempt, path))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

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
    SettingsError
        There is no such device.
    """
    path = BUNDLED_WEIGHTS if path is None else Path(path)
    network, record = load_weights(path)
    try:
        network.to(device)
    except (RuntimeError, AssertionError) as error:
        message = str(error).splitlines()[0]
        raise SettingsError(f"device: got {device!r}, which cannot be used here ({message}); give cpu") from error
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
    return PageReader(digit_reader, path, fingerprint(path, digit_reader.precision), record)


def fingerprint(path: str | Path | None = None, precision: str | None = None) -> str:
    """Hash (SHA-256, hex) of a weights file and the settings of reading, and the precision; loads no network.

    Parameters
    ----------
    path : str or Path, optional
        The weights; the bundled ones when not given.
    precision : str, optional
        As `DigitReader.precision` says it; that of this machine's processor when not given.

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
    return f"{hashlib.sha256(weights + settings.encode()).hexdigest()}/{precision or precision_of(has_bfloat16())}"
