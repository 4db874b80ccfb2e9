"""Pictures of scans for the report: upright, in colour, small enough to open at once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from tablesim.errors import ScanError
from tablesim.scans.images import MAX_PIXELS, load_scan

PAGE_SIDE = 1500
"""Longer side in pixels of a page in a pair: figures of 9 px on a scan of 1400 stay legible."""

THUMBNAIL_SIDE = 360
"""Longer side in pixels of a page in a list."""

_TURN = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the report's folder: its address relative to the page, and its size in pixels."""

    href: str
    width: int
    height: int


class Pictures:
    """Makes the pictures of a report; those that are there from before are kept.

    Parameters
    ----------
    folder : Path
        The report's folder; pictures go into ``assets/`` in it, named by the hash of their scan.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: set[str] = set()

    def page(self, scan: str, sha256: str, rotation: int) -> Picture | None:
        """The whole page, to read it by; None when the scan cannot be opened."""
        return self._make(scan, sha256, rotation, PAGE_SIDE, "page")

    def thumbnail(self, scan: str, sha256: str, rotation: int) -> Picture | None:
        """The page in small; None when the scan cannot be opened."""
        return self._make(scan, sha256, rotation, THUMBNAIL_SIDE, "small")

    def sweep(self) -> None:
        """Remove pictures of an earlier report that this one does not show."""
        for path in (self.folder / "assets").glob("*.webp"):
            if path.name not in self.used:
                path.unlink()

    def _make(self, scan: str, sha256: str, rotation: int, side: int, kind: str) -> Picture | None:
        name = f"{sha256[:20]}-{rotation}-{kind}.webp"
        path = self.folder / "assets" / name
        if not path.is_file():
            image = _open(Path(scan), side)
            if image is None:
                return None
            if rotation:
                image = image.transpose(_TURN[rotation])
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".part")
            image.save(aside, "WEBP", quality=74, method=3)
            aside.replace(path)
        self.used.add(name)
        with Image.open(path) as image:
            return Picture(f"assets/{name}", *image.size)


def _open(path: Path, side: int) -> Image.Image | None:
    """The scan in colour, not larger than ``side``, as its EXIF orientation says; None when it cannot be opened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                if image.mode.startswith("I") or image.mode == "F":
                    # Sixteen bits a pixel: the reader knows how to bring them to eight.
                    upright: Image.Image = Image.fromarray(load_scan(path).grey)
                else:
                    image.draft("RGB", (2 * side, 2 * side))  # JPEG: decodes no more than is needed
                    upright = _on_white(ImageOps.exif_transpose(image))
                upright.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
                return upright
    except (OSError, SyntaxError, ValueError, ScanError, Image.DecompressionBombError):
        return None


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image.convert("RGBA"))
        image = flat
    return image.convert("RGB")
