"""A page to point at: a tile or word of one input shows what answers to it in the other. HTML and JavaScript, no more.

Everything is in the page: both pictures as PNG, the table of pairs in 16 bits, a script of some eighty lines. Nothing
is fetched, nothing runs but the script, and all text is set as text; so it shows in notebooks that are opened again, in
exported ones, and as a file of its own, for as long as there are browsers.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.archives import require_folder
from bilrp.exceptions import InputError
from bilrp.plotting.captions import certified, doubt_of
from bilrp.plotting.colours import as_array, png
from bilrp.plotting.layout import picture
from bilrp.plotting.pairs import PairRelevance

MAX_PAIRS = 2**18  # entries of the table: half a megabyte in 16 bits
MAX_PIXELS = 360  # of the longer side of a picture
MAX_WORDS = 400
STEPS = 32767


@dataclass(frozen=True)
class InteractivePlot:
    """A page that shows `given` for whatever one points at; a notebook shows it, `save` writes it.

    Parameters
    ----------
    page : str
        The whole page.
    height : int
        Pixels that a notebook gives it.
    """

    page: str
    height: int

    def _repr_html_(self) -> str:
        """In a frame of its own, so that neither styles nor scripts meet those of the notebook."""
        return (
            f'<iframe title="joint relevance" srcdoc="{html.escape(self.page, quote=True)}" '
            f'style="width:100%;height:{self.height}px;border:0" sandbox="allow-scripts"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        """Write it as an HTML file."""
        path = require_folder(path)
        path.write_text(self.page, encoding="utf-8")
        return path


def interactive(
    joint: PairRelevance,
    left: Tensor | npt.NDArray[Any] | Sequence[str] | None = None,
    right: Tensor | npt.NDArray[Any] | Sequence[str] | None = None,
    *,
    max_pairs: int = MAX_PAIRS,
) -> InteractivePlot:
    """A page on which one points at a tile or word of one input and sees what answers to it in the other.

    Without pointing at anything both sides show their relevance, summed over all partners. A click holds a place; the
    arrow keys move it.

    Parameters
    ----------
    joint : JointRelevance
        Pooled until its table has at most ``max_pairs`` entries.
    left, right : Tensor or array (C, H, W), (1, C, H, W) or (H, W), or sequence of str, optional
        The images, or the words of a text. Images may be left out: tiles alone are shown. Words that are left out are
        those that were kept with the result, sub-words merged.
    max_pairs : int
        Bounds the size of the page: a pair takes 2.7 bytes in it.

    Returns
    -------
    InteractivePlot
        Shown by a notebook; ``.save("pair.html")`` writes it. Values are rounded to one part in 32,767 of the
        strongest.
    """
    if left is None and right is None and (joint.left_tokens is not None or joint.right_tokens is not None):
        joint = joint.words()
    coarse = _pooled(joint, max_pairs)
    table = as_array(coarse.matrix()).reshape(coarse.left[0].numel(), coarse.right[0].numel())
    if not np.isfinite(table).all():
        raise InputError("interactive: the relevance is infinite or no number in places; see result.certificate")
    greatest = float(np.abs(table).max()) or 1.0
    steps = np.round(table / greatest * STEPS).astype("<i2")
    sides = [
        _side(coarse.left, left, coarse.left_tokens, coarse.tiles[0], "first"),
        _side(coarse.right, right, coarse.right_tokens, coarse.tiles[1], "second"),
    ]
    data = {
        "sides": sides,
        "unit": greatest / STEPS,
        "table": base64.b64encode(steps.tobytes()).decode("ascii"),
        "similarity": joint.similarity,
        "caption": f"similarity {joint.similarity:.4g}; red for, blue against",
        "certificate": certified(joint),
        "doubt": doubt_of(joint),
    }
    template = (files("bilrp.plotting") / "interactive.html").read_text(encoding="utf-8")
    page = template.replace("__POLICY__", _policy(template)).replace(
        "__DATA__", json.dumps(data).replace("<", "\\u003c")
    )
    return InteractivePlot(page, 150 + max(_height(side) for side in sides))


def _policy(template: str) -> str:
    """What the page may run and load (Content Security Policy): its script and styles, by hash, and its pictures."""
    hashes = {}
    for tag in ("script", "style"):
        own = template.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        hashes[tag] = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'"
    )


def _pooled(joint: PairRelevance, max_pairs: int) -> PairRelevance:
    if max_pairs < 1:
        raise InputError(f"interactive: max_pairs is {max_pairs}, expected one or more")
    for maps in (joint.left, joint.right):
        if maps.dim() not in (2, 3):
            raise InputError(f"interactive: needs maps (M, H, W) or (M, T), got {tuple(maps.shape)}")
    sizes = [tuple(maps.shape[1:]) for maps in (joint.left, joint.right)]
    size = 1
    while np.prod([-(-n // (size if len(grid) == 2 else 1)) for grid in sizes for n in grid]) > max_pairs:
        size += 1
        if size > max(n for grid in sizes for n in grid):
            raise InputError(f"interactive: {sizes} words and tiles have more than {max_pairs:,} pairs; join words")
    return joint.pool(size) if size > 1 else joint


def _side(maps: Tensor, given: Any, tokens: Sequence[str] | None, tile: int, which: str) -> dict[str, Any]:
    if maps.dim() == 2:
        words = tokens if given is None else [str(word) for word in given]
        n = maps.shape[1]
        words = [f"[{i}]" for i in range(n)] if words is None else list(words)
        if len(words) != n or n > MAX_WORDS:
            raise InputError(
                f"interactive: {len(words)} words for {n} entries of the {which}, expected as many, and "
                f"at most {MAX_WORDS}"
            )
        return {"words": words}
    rows, columns = maps.shape[1:]
    if given is None:
        return {"rows": rows, "columns": columns, "width": columns * tile, "height": rows * tile, "tile": tile}
    image = picture(given)
    height, width, _ = image.shape
    if (-(-height // tile), -(-width // tile)) != (rows, columns):
        raise InputError(
            f"interactive: the {which} image is {height} x {width} px, which does not fit a map of {(rows, columns)} "
            f"tiles of {tile} px. Give the images that were explained."
        )
    step = -(-max(height, width) // MAX_PIXELS)
    encoded = base64.b64encode(png(image[::step, ::step])).decode("ascii")
    side = {"rows": rows, "columns": columns, "width": width, "height": height, "tile": tile}
    return side | {"image": f"data:image/png;base64,{encoded}"}


def _height(side: dict[str, Any]) -> int:
    if "words" in side:
        return min(420, 40 + 26 * (1 + sum(len(word) + 3 for word in side["words"]) // 44))
    return int(min(420, 420 * side["height"] / side["width"]))
