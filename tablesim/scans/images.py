"""Opening scans: from a file to upright grey pixels, or to one clear error."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tablesim.errors import ScanError

MAX_PIXELS = 200_000_000
"""Largest scan that is opened unasked: about 14,000 x 14,000 pixels."""

SMALLEST_SIDE = 16
"""Scans with a shorter side hold nothing to read."""


@dataclass(frozen=True)
class Scan:
    """A scan in memory.

    Parameters
    ----------
    path : Path
        Where it came from.
    sha256 : str
        Hash of the file's bytes, 64 hexadecimal figures.
    grey : uint8 array of shape (height, width)
        0 black, 255 white, after EXIF orientation.
    """

    path: Path
    sha256: str
    grey: NDArray[np.uint8]

    @property
    def width(self) -> int:
        return int(self.grey.shape[1])

    @property
    def height(self) -> int:
        return int(self.grey.shape[0])


def page_id(path: str | Path) -> str:
    """The id under which a scan is known: the file's name without its suffix."""
    return Path(path).stem


def load_scan(path: str | Path, max_pixels: int = MAX_PIXELS) -> Scan:
    """Open a scan as grey pixels.

    Parameters
    ----------
    path : str or Path
        An image that Pillow can read: JPEG, PNG, TIFF, JPEG 2000, WebP and others, in any colour mode.
    max_pixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    Scan
        Grey levels as printed on paper: transparency counts as white, 16-bit images are scaled to 8 bits.

    Raises
    ------
    ScanError
        The file is missing, empty, truncated, not an image, or larger than ``max_pixels``; the message names the file.
    """
    path = Path(path)
    data = _bytes_of(path)
    try:
        with warnings.catch_warnings():
            # Size is checked here against our own limit; Pillow's warning would only say it a second time.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                _check_size(path, image.size, max_pixels)
                image.load()
                grey = _grey(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise ScanError(
            f"{path}: the image is larger than {max_pixels:,} pixels; make a smaller copy or raise the limit"
        ) from error
    except UnidentifiedImageError as error:
        raise ScanError(
            f"{path}: not an image that can be read; expected JPEG, PNG, TIFF, JPEG 2000 or WebP"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, ScanError):
            raise
        raise ScanError(f"{path}: the image is damaged or cut off ({error}); fetch the scan again") from error
    return Scan(path, hashlib.sha256(data).hexdigest(), grey)


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise ScanError(f"{path}: is a folder; expected an image file")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ScanError(f"{path}: there is no such file; check the spelling") from error
    except OSError as error:
        raise ScanError(f"{path}: cannot be opened ({error.strerror or error}); check the rights to it") from error
    if not data:
        raise ScanError(f"{path}: the file is empty (0 bytes); fetch the scan again")
    return data


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ScanError(
            f"{path}: the image is {width} x {height} pixels, more than the limit of {max_pixels:,}; "
            "make a smaller copy or raise the limit"
        )
    if min(width, height) < SMALLEST_SIDE:
        raise ScanError(
            f"{path}: the image is {width} x {height} pixels; a page needs at least {SMALLEST_SIDE} on each side"
        )


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image, dtype=np.float64)
        # 16-bit scans use the whole range or a part of it; the largest value says which.
        top = 65535.0 if wide.max() > 255 else 255.0
        return np.clip(wide * (255.0 / top), 0, 255).astype(np.uint8)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image.convert("RGBA"))
        image = flat.convert("RGB")
    return np.asarray(image.convert("L"), dtype=np.uint8)
