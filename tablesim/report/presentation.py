"""What pages of HTML are made of: one Jinja environment with its filters, and pictures of scans, upright and small."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from functools import cache

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from tablesim.errors import TablesimError
from tablesim.language import forms, language, retold, said_here, say
from tablesim.records.counting import cut, plural
from tablesim.report.addresses import page_href
from tablesim.report.folder import ReportFolder
from tablesim.report.policies import REPORT_POLICY, policy_of_one_file
from tablesim.scans.cleaning import clean
from tablesim.scans.images import MAX_PIXELS, open_image


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on a page: its address, relative to the page or holding its bytes, and its size in pixels."""

    href: str
    width: int
    height: int


@cache
def environment(package: str = "", front: str = "", may: str = "") -> Environment:
    """The templates of ``report/templates``: everything is escaped, a name that is not given is an error.

    Compiled once for a process: that of two pages takes a quarter of a second of a core.

    Parameters
    ----------
    package : str
        Has ``templates`` of its own beside these.
    front, may : str
        Where the workbench has its scripts, which may "read" or "write"; empty for a report.
    """
    packages = ["tablesim.report", *([package] if package else [])]
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.globals |= {"front": front, "may": may, "report_policy": REPORT_POLICY}
    made.globals |= {"language": language, "say": _say, "say_n": _say_n}
    made.filters |= {"count": count, "counted": counted, "cut": cut, "probability": probability, "page_href": page_href}
    made.filters["first_up"] = first_up
    made.filters |= {"say": _say, "retold": retold}
    made.filters["policy_of_one_file"] = policy_of_one_file
    return made


def _say(message: str, /, **values: object) -> Markup:
    """A message for a page: it may hold tags, its values are escaped."""
    return Markup(say(message)).format_map(values)  # noqa: S704 - messages stand in the code and in the catalogues


def _say_n(n: int, one: str, many: str, /, **values: object) -> Markup:
    """A message with a count for a page; ``{n}`` has thin spaces between thousands."""
    return Markup(forms(one, many)[n != 1]).format_map({"n": count(n)} | values)  # noqa: S704 - as above


def catalogue_script() -> str:
    """The catalogue of the language that is spoken, for the scripts of a page."""
    return f"globalThis.tablesimMessages = {json.dumps(dict(said_here().messages), ensure_ascii=False)};\n"


def count(value: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def counted(n: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 page``, ``2 pages``."""
    return f"{count(n)} {plural(n, one, many or one + 's')}"


def first_up(text: str) -> str:
    """A sentence of a phrase: only its first letter becomes a capital."""
    return text[:1].upper() + text[1:]


def probability(value: float) -> str:
    """A confidence with three decimals; 0.000 and 1.000 stand for exactly these."""
    if 0 < value < 0.0005:
        return say("below 0.001")
    return say("above 0.999") if 0.9995 <= value < 1 else f"{value:.3f}"


def inline_picture(picture: NDArray[np.uint8], quality: int) -> Picture:
    """A picture of shape (height, width, 3) whose address holds its bytes (WebP): cut-outs are small and many."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", quality=quality, method=4)
    href = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
    return Picture(href, picture.shape[1], picture.shape[0])


PAGE_SIDE = 1500
"""Longer side in pixels of a page in a pair: digits of 9 px on a scan of 1400 stay legible."""

METHOD = 1
"""How hard WebP tries, 0 to 6: 3 takes three times as long for files smaller by a tenth."""

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

    def kept_page(self, sha256: str, rotation: int) -> Picture | None:
        """The whole page as an earlier report or another page of this one made it, or None."""
        return self.kept(_picture_name(sha256, rotation, "page"))

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
        name = _picture_name(sha256, rotation, kind)
        kept = self.kept(name)
        if kept is not None:
            return kept
        image = _open(scan, side, self.max_pixels)
        if image is None:
            return None
        turned = image.transpose(_TURN[rotation]) if rotation else image
        return self._save(turned, name, quality=74, method=METHOD if side > THUMBNAIL_SIDE else 0)

    def _save(self, image: Image.Image, name: str, quality: int, method: int = METHOD) -> Picture:
        href = f"assets/{name}"
        self.folder.write(href, lambda aside: image.save(aside, "WEBP", quality=quality, method=method))
        return Picture(href, *image.size)


def _picture_name(sha256: str, rotation: int, kind: str) -> str:
    return f"{sha256[:20]}-{rotation}-{kind}.webp"


def _open(scan: str, side: int, max_pixels: int) -> Image.Image | None:
    """The scan, upright as its EXIF says, not larger than ``side``; None when it cannot be opened.

    A grey one stays grey while it is reduced, which takes a third of the time of colours.
    """
    try:
        picture = open_image(scan, max_pixels, 2 * side)
        picture = picture if picture.mode == "L" else picture.convert("RGB")
    except TablesimError:
        return None
    small = side <= THUMBNAIL_SIDE
    kernel, gap = (Image.Resampling.HAMMING, 1.0) if small else (Image.Resampling.LANCZOS, 2.0)
    picture.thumbnail((side, side), kernel, reducing_gap=gap)
    return picture
