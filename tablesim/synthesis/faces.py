"""Typefaces: the bundled fonts, what their figures look like, and their glyphs as small masks.

Each face says which scripts it can set and whether its figures are old-style (ranging above and below the line, as in
prints before 1780) or lining. The fonts and their licences lie in ``fonts/``; ``fonts/README.md`` says where each is
from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).parent / "fonts"
DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Glyph:
    """One sort of type: a mask of shape (height, width), uint8, 255 where it prints.

    ``left`` and ``top`` place the mask's corner relative to the pen on the baseline (y grows downwards); ``advance`` is
    how far the pen moves on, in pixels.
    """

    mask: NDArray[np.uint8]
    left: int
    top: int
    advance: float


class Typeface(Protocol):
    """What setting a text asks of a face, whether its sorts come from a font (``Face``) or are drawn."""

    @property
    def name(self) -> str: ...

    @property
    def style(self) -> str: ...

    @property
    def figures(self) -> str: ...

    @property
    def scripts(self) -> str: ...

    def __hash__(self) -> int: ...

    def glyph(self, character: str, size: float) -> Glyph: ...

    def x_height(self, size: float) -> float: ...

    def figure_height(self, size: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Face:
    """A font file with what a compositor needs to know of it.

    Parameters
    ----------
    name : str
        Key in ``FACES``.
    file : str
        File in ``fonts/``.
    style : str
        "roman", "italic", "gothic", "greek" or "modern".
    figures : str
        "old-style", "lining" or "none".
    scripts : str
        Letters it can set: any of "L" (Latin), "G" (Greek), "Z" (signs of the zodiac).
    features : tuple of str
        OpenType features switched on, for example "onum".
    """

    name: str
    file: str
    style: str
    figures: str
    scripts: str = "L"
    features: tuple[str, ...] = ()

    def font(self, size: float) -> ImageFont.FreeTypeFont:
        """The font at ``size`` pixels an em."""
        return _font(self.file, round(size * 4) / 4)

    def glyph(self, character: str, size: float) -> Glyph:
        """The sort for one character at ``size`` pixels an em (rounded to a quarter of a pixel)."""
        return _glyph(self.file, self.features, character, round(size * 4) / 4)

    def x_height(self, size: float) -> float:
        """Height of a small x in pixels; of the figure 1 where the face has no letters."""
        return float(self.glyph("x", size).mask.shape[0])

    def figure_height(self, size: float) -> float:
        """Mean height of the ten figures in pixels: about the x-height times 1.3 for old-style figures."""
        return float(np.mean([self.glyph(digit, size).mask.shape[0] for digit in DIGITS]))


@lru_cache(maxsize=512)
def _font(file: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / file), size)


@lru_cache(maxsize=60_000)
def _glyph(file: str, features: tuple[str, ...], character: str, size: float) -> Glyph:
    font = _font(file, size)
    options = list(features) or None
    advance = float(font.getlength(character, features=options))
    left, top, right, bottom = font.getbbox(character, anchor="ls", features=options)
    # One pixel around: getbbox rounds towards the middle for some fonts.
    left, top, right, bottom = int(left) - 1, int(top) - 1, int(right) + 1, int(bottom) + 1
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255, anchor="ls", features=options)
    mask = np.asarray(image)
    rows, columns = np.flatnonzero(mask.max(axis=1) > 40), np.flatnonzero(mask.max(axis=0) > 40)
    if rows.size == 0:
        return Glyph(np.zeros((0, 0), dtype=np.uint8), 0, 0, advance)
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return Glyph(cut, left + int(columns[0]), top + int(rows[0]), advance)


def _fell() -> list[Face]:
    cuts = ("english", "dw-pica", "double-pica", "great-primer", "french-canon")
    romans = [Face(f"fell-{cut}", f"imfell-{cut}.ttf", "roman", "old-style") for cut in cuts]
    italics = [Face(f"fell-{cut}-italic", f"imfell-{cut}-italic.ttf", "italic", "old-style") for cut in cuts]
    return romans + italics


FACES: dict[str, Face] = {
    face.name: face
    for face in [
        *_fell(),
        Face("garamond", "ebgaramond08.otf", "roman", "old-style", "LG", ("onum",)),
        Face("garamond-italic", "ebgaramond12-italic.otf", "italic", "old-style", "LG", ("onum",)),
        Face("fanwood", "fanwood.otf", "roman", "old-style"),
        Face("fanwood-italic", "fanwood-italic.otf", "italic", "old-style"),
        Face("lindenhill", "lindenhill.otf", "roman", "old-style"),
        Face("lindenhill-italic", "lindenhill-italic.otf", "italic", "old-style"),
        Face("goudy", "goudybookletter.otf", "roman", "old-style"),
        Face("prociono", "prociono.otf", "roman", "old-style"),
        Face("zainer", "zainer96g.otf", "gothic", "old-style"),
        Face("ptolemy", "ptolemy-greatprimer.otf", "gothic", "old-style"),
        Face("hamlet", "hamlet-tertia.otf", "gothic", "old-style"),
        Face("durandus", "durandus118g.otf", "gothic", "none"),
        Face("rusch", "rusch100g.otf", "gothic", "none"),
        Face("unifraktur", "unifrakturmaguntia.ttf", "gothic", "lining"),
        Face("gfs-didot", "gfsdidot.otf", "modern", "lining", "LG"),
        Face("gfs-didot-italic", "gfsdidot-italic.otf", "modern", "lining", "LG"),
        Face("porson", "gfsporson.otf", "greek", "none", "G"),
        Face("didot-classic", "gfsdidotclassic.otf", "greek", "none", "G"),
        Face("oldstandard", "oldstandard.ttf", "modern", "lining"),
        Face("oldstandard-italic", "oldstandard-italic.ttf", "modern", "lining"),
        Face("bodoni", "librebodoni.ttf", "modern", "lining"),
        Face("bodoni-italic", "librebodoni-italic.ttf", "modern", "lining"),
        Face("caslon", "librecaslon.ttf", "modern", "lining"),
        Face("latin-modern", "lmroman8-regular.otf", "modern", "lining"),
        Face("latin-modern-bold", "lmroman10-bold.otf", "modern", "lining"),
        Face("latin-modern-italic", "lmroman8-italic.otf", "modern", "lining"),
        Face("schola", "texgyreschola-regular.otf", "modern", "lining"),
        Face("bonum", "texgyrebonum-regular.otf", "modern", "lining"),
        Face("century", "centurycatalogue.ttf", "modern", "lining"),
        Face("bodoni-classic", "gfsbodoniclassic.otf", "roman", "old-style", "G"),
        Face("playfair", "playfair.ttf", "modern", "lining", "L", ("lnum",)),
        Face("playfair-old", "playfair.ttf", "modern", "old-style"),
        Face("libertine", "linlibertine.otf", "modern", "lining", "LGZ"),
        Face("libertine-old", "linlibertine.otf", "roman", "old-style", "LGZ", ("onum",)),
    ]
}
"""Every bundled face by name."""


def faces(style: str | None = None, figures: str | None = None, script: str | None = None) -> list[Face]:
    """The faces of a style ("roman", ...), a kind of figures ("old-style", "lining"), a script ("L", "G", "Z")."""
    return [
        face
        for face in FACES.values()
        if (style is None or face.style == style)
        and (figures is None or face.figures == figures)
        and (script is None or script in face.scripts)
    ]
