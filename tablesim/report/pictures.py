"""Pictures of scans for the report: upright, in colour, small enough to open at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tablesim.errors import TablesimError
from tablesim.report.folder import ReportFolder
from tablesim.report.presentation import Picture
from tablesim.scans.cleaning import clean
from tablesim.scans.images import MAX_PIXELS, open_image

PAGE_SIDE = 1500
"""Longer side in pixels of a page in a pair: digits of 9 px on a scan of 1400 stay legible."""

THUMBNAIL_SIDE = 360
"""Longer side in pixels of a page in a list."""

_TURN = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


class Pictures:
    """Makes the pictures of a report; those that are there from before are kept.

    Parameters
    ----------
    folder : ReportFolder
        Pictures go into ``assets/`` in it, named by the hash of their scan.
    max_pixels : int
        Larger scans are not opened.
    """

    def __init__(self, folder: ReportFolder, max_pixels: int = MAX_PIXELS) -> None:
        self.folder = folder
        self.max_pixels = max_pixels

    def page(self, scan: str, sha256: str, rotation: int) -> Picture | None:
        """The whole page, to read it by; None when the scan cannot be opened."""
        return self._make(scan, sha256, rotation, PAGE_SIDE, "page")

    def thumbnail(self, scan: str, sha256: str, rotation: int) -> Picture | None:
        """The page in small; None when the scan cannot be opened."""
        return self._make(scan, sha256, rotation, THUMBNAIL_SIDE, "small")

    def ink(self, grey: NDArray[np.uint8], name: str) -> Picture:
        """The ink of a grey page, black on white: the paper of two scans would hide what is compared."""
        return self._save(Image.fromarray(np.round(255 * (1 - clean(grey))).astype(np.uint8)), name, quality=50)

    def kept(self, name: str) -> Picture | None:
        """A picture that is there from before, or None."""
        href = f"assets/{name}"
        path = self.folder.kept(href)
        if path is None:
            return None
        with Image.open(path) as image:
            return Picture(href, *image.size)

    def _make(self, scan: str, sha256: str, rotation: int, side: int, kind: str) -> Picture | None:
        name = f"{sha256[:20]}-{rotation}-{kind}.webp"
        kept = self.kept(name)
        if kept is not None:
            return kept
        image = _open(scan, side, self.max_pixels)
        if image is None:
            return None
        return self._save(image.transpose(_TURN[rotation]) if rotation else image, name, quality=74)

    def _save(self, image: Image.Image, name: str, quality: int) -> Picture:
        href = f"assets/{name}"
        self.folder.write(href, lambda aside: image.save(aside, "WEBP", quality=quality, method=3))
        return Picture(href, *image.size)


def _open(scan: str, side: int, max_pixels: int) -> Image.Image | None:
    """The scan in colour, upright as its EXIF says, not larger than ``side``; None when it cannot be opened."""
    try:
        picture = open_image(scan, max_pixels, 2 * side).convert("RGB")
    except TablesimError:
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture
