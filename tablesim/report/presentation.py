"""What all pages of HTML share: one Jinja environment with its filters, and pictures that stand in the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on a page: its address, relative to the page or holding its bytes, and its size in pixels."""

    href: str
    width: int
    height: int


def environment() -> Environment:
    """The templates of ``report/templates``: everything is escaped, a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("tablesim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"count": count, "cut": cut, "probability": probability}
    return made


def count(value: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def cut(value: float, decimals: int = 3) -> str:
    """A similarity with its last decimal cut, not rounded: 1.000 stands for equal proportions only."""
    scale = 10**decimals
    return f"{int(value * scale + 1e-9) / scale:.{decimals}f}"


def probability(value: float) -> str:
    """A confidence with three decimals; 0.000 and 1.000 stand for exactly these."""
    if 0 < value < 0.0005:
        return "below 0.001"
    return "above 0.999" if 0.9995 <= value < 1 else f"{value:.3f}"


def inline_picture(picture: NDArray[np.uint8], quality: int) -> Picture:
    """A picture of shape (height, width, 3) whose address holds its bytes (WebP): cut-outs are small and many."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", quality=quality, method=4)
    href = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
    return Picture(href, picture.shape[1], picture.shape[0])
