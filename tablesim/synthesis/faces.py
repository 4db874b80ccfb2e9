"""Typefaces: the bundled fonts and digits drawn with a broad nib, with their glyphs as small masks.

Each face says which scripts it can set and whether its digits are old-style (ranging above and below the line, as in
prints before 1780) or lining. The fonts and their licences lie in ``fonts/``; ``fonts/README.md`` says where each is
from. There is no free typeface for the digits of the first printers, which still follow the pen: a 4 that is a loop on
two legs, a 7 like a lambda, a 5 with straight sides, a 2 like a z (compare G. F. Hill, The Development of Arabic
Numerals in Europe, 1915). They are drawn: each form is a few strokes, and a face is a choice of forms with a nib.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL import features as pillow

from tablesim.errors import SettingsError

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


class Typeface(ABC):
    """What setting a text asks of a face, whether its sorts come from a font (``Face``) or are drawn."""

    __slots__ = ()
    name: str
    style: str
    digits: str
    scripts: str
    _x_like: ClassVar[str]
    """The letter x, or what is as high in a face without letters."""

    @abstractmethod
    def glyph(self, character: str, size: float) -> Glyph:
        """The sort for one character at ``size`` pixels an em (rounded to a quarter of a pixel)."""

    def x_height(self, size: float) -> float:
        """Height of a small x in pixels; of the digit 1 where the face has no letters."""
        return float(self.glyph(self._x_like, size).mask.shape[0])

    def digit_height(self, size: float) -> float:
        """Mean height of the ten digits in pixels: about the x-height times 1.3 for old-style digits."""
        return float(np.mean([self.glyph(digit, size).mask.shape[0] for digit in DIGITS]))


@dataclass(frozen=True, slots=True)
class Face(Typeface):
    """A font file with what a compositor needs to know of it.

    Parameters
    ----------
    name : str
        Key in ``FACES``.
    file : str
        File in ``fonts/``.
    style : str
        "roman", "italic", "gothic", "greek" or "modern".
    digits : str
        "old-style", "lining" or "none".
    scripts : str
        Letters it can set: any of "L" (Latin), "G" (Greek), "Z" (signs of the zodiac).
    features : tuple of str
        OpenType features switched on, for example "onum".
    """

    name: str
    file: str
    style: str
    digits: str
    scripts: str = "L"
    features: tuple[str, ...] = ()
    _x_like = "x"

    def glyph(self, character: str, size: float) -> Glyph:
        return _printed_glyph(self.file, self.features, character, round(size * 4) / 4)


@lru_cache(maxsize=512)
def _font(file: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / file), size)


@lru_cache(maxsize=60_000)
def _printed_glyph(file: str, features: tuple[str, ...], character: str, size: float) -> Glyph:
    font = _font(file, size)
    options = list(features) or None
    if options and not pillow.check("raqm"):
        raise SettingsError(
            f"the typeface {file} is set with {', '.join(features)}, for which Pillow needs FriBiDi and finds none; "
            "install it: apt-get install libfribidi0 (Debian, Ubuntu), brew install fribidi (macOS)"
        )
    advance = float(font.getlength(character, features=options))
    left, top, right, bottom = font.getbbox(character, anchor="ls", features=options)
    # One pixel around: getbbox rounds towards the middle for some fonts.
    left, top, right, bottom = int(left) - 1, int(top) - 1, int(right) + 1, int(bottom) + 1
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255, anchor="ls", features=options)
    mask = np.asarray(image)
    return _cut_glyph(mask, left, top, advance)


def _cut_glyph(mask: NDArray[np.uint8], left: int, top: int, advance: float) -> Glyph:
    """The sort in a drawing whose corner lies at (left, top), without the white around it."""
    rows, columns = np.flatnonzero(mask.max(axis=1) > 40), np.flatnonzero(mask.max(axis=0) > 40)
    if rows.size == 0:
        return Glyph(np.zeros((0, 0), dtype=np.uint8), 0, 0, advance)
    cut = np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], dtype=np.uint8)
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


def faces(style: str | None = None, digits: str | None = None, script: str | None = None) -> list[Face]:
    """The faces of a style ("roman", ...), a kind of digits ("old-style", "lining"), a script ("L", "G", "Z")."""
    return [
        face
        for face in FACES.values()
        if (style is None or face.style == style)
        and (digits is None or face.digits == digits)
        and (script is None or script in face.scripts)
    ]


Point = tuple[float, float]
Stroke = tuple[Point, ...]

X_HEIGHT, ASCENDER, DESCENDER = 42.0, 68.0, -22.0
"""Heights above the line in hundredths of an em: of 0, 1 and 2; of 6 and 8; the foot of 3, 4, 5, 7 and 9."""

_BEARING = 4.0
"""White to the left and the right of each digit, in hundredths of an em."""
_SPACE = 28.0
"""Width of a space, in hundredths of an em."""
_CANVAS = 320.0
"""Pixels an em, about, to draw at before the drawing is reduced; larger digits get no greys."""
_LARGEST = 2000.0
"""Pixels an em at most: beyond any page, and a bound on memory."""
_FRACTION = 4
"""Bits of a pixel that OpenCV keeps of a corner's place."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of drawing a character: strokes in hundredths of an em, y upwards from the line.

    Parameters
    ----------
    strokes : tuple of strokes
        Each a tuple of points (x, y). The outer edge of the ink, not its middle, spans the box of all the points, so
        that a digit keeps its extents whatever the nib.
    """

    strokes: tuple[Stroke, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of the ink."""
        points = np.array([point for stroke in self.strokes for point in stroke])
        left, bottom = points.min(axis=0)
        right, top = points.max(axis=0)
        return float(left), float(bottom), float(right), float(top)


def _curve(*points: Point, steps: int = 10) -> Stroke:
    """A smooth stroke through the points (Catmull and Rom 1974); closed where the last point is the first."""
    knots = np.array(points, dtype=np.float64)
    closed = points[0] == points[-1]
    before = knots[-2] if closed else 2 * knots[0] - knots[1]
    after = knots[1] if closed else 2 * knots[-1] - knots[-2]
    padded = np.vstack([before, knots, after])
    made = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        t = np.arange(steps)[:, None] / steps
        made.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3)
        )
    return tuple((float(x), float(y)) for x, y in np.vstack([*made, knots[-1:]]))


FORMS: dict[str, Form] = {
    "0 ring": Form((_curve((17, 42), (3, 32), (0, 21), (4, 9), (17, 0), (30, 9), (34, 21), (31, 32), (17, 42)),)),
    "1 minim": Form((((0, 33), (9, 42), (9, 0)), ((9, 0), (19, 7)))),
    "1 capital": Form((((10, 42), (10, 0)), ((0, 42), (20, 42)), ((0, 0), (20, 0)))),
    "1 double": Form((((4, 42), (4, 0)), ((23, 42), (23, 0)), ((0, 42), (27, 42)), ((0, 0), (27, 0)))),
    "2 z": Form((
        _curve((0, 36), (6, 42), (17, 38), (29, 42)), ((29, 42), (1, 4)), _curve((1, 4), (11, 6), (23, 0), (32, 7)),
    )),
    "2 eye": Form((
        _curve((9, 31), (5, 27), (1, 31), (5, 38), (15, 42), (27, 38), (28, 28), (18, 15), (6, 4)),
        _curve((6, 4), (3, 2), (10, 9), (20, 1), (33, 4)),
    )),
    "2 loop": Form((
        _curve((2, 30), (4, 38), (14, 42), (25, 38), (26, 28), (16, 14), (5, 1), (0, 5), (5, 11), (17, 5), (33, 0)),
    )),
    "3 flat": Form((
        _curve((0, 36), (8, 42), (18, 39), (29, 42)), ((29, 42), (11, 19)),
        _curve((11, 19), (23, 18), (31, 6), (27, -12), (14, -22), (0, -18)),
    )),
    "3 round": Form((
        _curve((0, 33), (7, 41), (16, 42), (26, 36), (24, 24), (10, 16)),
        _curve((10, 16), (25, 14), (31, 1), (26, -14), (13, -22), (0, -17)),
    )),
    "4 loop": Form((
        _curve((0, -16), (12, 2), (27, 20), (30, 33), (19, 42), (8, 33), (11, 20), (26, 2), (38, -14)),
    )),
    "4 tilted": Form((
        _curve((0, -10), (15, 1), (30, 17), (36, 32), (27, 42), (14, 37), (10, 22), (15, 0), (22, -22)),
    )),
    "4 crossed": Form((((25, -22), (25, 42), (0, 3), (38, 3)),)),
    "5 straight": Form((((32, 42), (11, 37), (7, 15), (29, 12), (22, -10), (0, -22)),)),
    "5 flag": Form((
        _curve((10, 38), (20, 38), (31, 45), (38, 50)), ((10, 38), (7, 17)),
        _curve((7, 17), (21, 18), (29, 5), (24, -13), (12, -22), (0, -19)),
    )),
    "5 round": Form((
        ((30, 42), (9, 42), (7, 18)), _curve((7, 18), (20, 20), (30, 7), (26, -12), (13, -22), (0, -18)),
    )),
    "6 bowl": Form((
        _curve((34, 68), (17, 58), (4, 36), (1, 18), (7, 4), (18, 0), (31, 6), (34, 20), (27, 32), (16, 34), (3, 24)),
    )),
    "7 lambda": Form((((0, -22), (15, 20)), _curve((5, 38), (10, 42), (14, 34), (21, 12), (36, -20)))),
    "7 roof": Form((((0, -22), (21, 42), (43, -22)),)),
    "7 bar": Form((_curve((0, 34), (7, 42), (19, 38), (32, 42)), _curve((32, 42), (20, 18), (11, -22)))),
    "8 crossed": Form((
        _curve(
            (17, 68), (5, 62), (5, 50), (17, 37), (31, 24), (33, 10), (18, 0), (2, 10), (3, 24), (17, 37),
            (29, 50), (29, 62), (17, 68),
        ),
    )),
    "9 hook": Form((
        _curve(
            (31, 20), (20, 8), (8, 9), (0, 22), (5, 36), (17, 42), (29, 36), (33, 22), (28, 2), (16, -14), (2, -22)
        ),
    )),
    "9 straight": Form((
        _curve((30, 16), (18, 9), (6, 11), (0, 24), (6, 37), (17, 42), (28, 37), (32, 24)), ((32, 24), (8, -22)),
    )),
    ".": Form((((0, 0), (11, 0), (11, 11), (0, 11), (0, 0)),)),
    ",": Form((((6, 11), (11, 8), (7, -2), (0, -9)),)),
    "·": Form((((0, 15), (11, 15), (11, 26), (0, 26), (0, 15)),)),
    "'": Form((((6, 68), (0, 48)),)),
    "°": Form((_curve((12, 72), (0, 59), (12, 46), (24, 59), (12, 72)),)),
    "/": Form((((0, -10), (26, 60)),)),
    "*": Form((((2, 40), (32, 64)), ((2, 64), (32, 40)), ((17, 34), (17, 70)))),
}  # fmt: skip
"""Every form by name: the digit it is of, and what it is like. Marks that stand beside digits have one form each."""

VARIANTS: dict[str, tuple[str, ...]] = {
    "medieval": ("ring", "minim", "z", "flat", "loop", "straight", "bowl", "lambda", "crossed", "hook"),
    "looped": ("ring", "double", "loop", "flat", "tilted", "flag", "bowl", "roof", "crossed", "straight"),
    "mixed": ("ring", "capital", "eye", "round", "loop", "flag", "bowl", "lambda", "crossed", "hook"),
    "modernised": ("ring", "capital", "eye", "round", "crossed", "round", "bowl", "bar", "crossed", "hook"),
    "venetian": ("ring", "minim", "z", "flat", "crossed", "round", "bowl", "lambda", "crossed", "hook"),
}
"""For each variant the forms of 0 to 9: the first three keep the old 4 and 7, the last two have the new 4 and 5."""


@dataclass(frozen=True, slots=True)
class DrawnFace(Typeface):
    """A face of digits alone, drawn with a broad nib; stands wherever a ``Typeface`` is asked for.

    Parameters
    ----------
    name : str
        Key in ``DRAWN``.
    nib : float
        Breadth of the nib in hundredths of an em, between 2 and 20.
    angle : float
        How far the nib's edge is turned from the line, in degrees: strokes along it are thin, across it thick;
        -360 to 360.
    variant : str
        Key in ``VARIANTS``.
    edge : float
        Thickness of the nib as a share of its breadth, over 0 and up to 1: 1 draws strokes of one thickness.

    Raises
    ------
    SettingsError
        For a nib, an angle, an edge or a variant outside of what is said above.
    """

    name: str
    nib: float
    angle: float
    variant: str
    edge: float = 0.45
    style: str = "gothic"
    digits: str = "old-style"
    scripts: str = ""
    _x_like = "1"

    def __post_init__(self) -> None:
        if not 2.0 <= self.nib <= 20.0:
            raise SettingsError(f"DrawnFace.nib: got {self.nib}; expected 2 to 20 hundredths of an em")
        if not 0.0 < self.edge <= 1.0:
            raise SettingsError(f"DrawnFace.edge: got {self.edge}; expected a share over 0 and up to 1")
        if not -360.0 <= self.angle <= 360.0:
            raise SettingsError(f"DrawnFace.angle: got {self.angle}; expected degrees, -360 to 360")
        if self.variant not in VARIANTS:
            raise SettingsError(f"DrawnFace.variant: got {self.variant!r}; choose one of {', '.join(VARIANTS)}")

    def form(self, character: str) -> Form | None:
        """How this face draws the character; None where it has no sort for it."""
        if character in DIGITS and len(character) == 1:
            return FORMS[f"{character} {VARIANTS[self.variant][int(character)]}"]
        return FORMS.get(character)

    def glyph(self, character: str, size: float) -> Glyph:
        """The sort for one character at ``size`` pixels an em (rounded to a quarter of a pixel).

        A character that is neither a digit nor a mark beside digits prints nothing and moves the pen by a space.

        Raises
        ------
        SettingsError
            If ``size`` is not between 0.25 and 2000.
        """
        if not 0.25 <= size <= _LARGEST:
            raise SettingsError(f"size of {self.name}: got {size} pixels an em; expected 0.25 to {_LARGEST:g}")
        return _drawn_glyph(self, character, round(size * 4) / 4)


@lru_cache(maxsize=8_000)
def _drawn_glyph(face: DrawnFace, character: str, size: float) -> Glyph:
    form = face.form(character)
    if form is None:
        return Glyph(np.zeros((0, 0), dtype=np.uint8), 0, 0, _SPACE * size / 100)
    left, bottom, right, top = form.box
    advance = (right - left + 2 * _BEARING) * size / 100
    # The pen stands on a corner of the pixel grid, and whole pixels are drawn around the ink.
    unit = size / 100
    first, last = int(np.floor(_BEARING * unit)), int(np.ceil((_BEARING + right - left) * unit))
    above, below = int(np.ceil(top * unit)), int(np.ceil(-bottom * unit))
    finer = max(1, round(_CANVAS / size))
    canvas = np.zeros(((above + below) * finer, (last - first) * finer), dtype=np.uint8)
    origin = np.array([(_BEARING - left) * unit - first, above]) * finer
    _draw(canvas, form, _nib(face), origin, unit * finer)
    mask = cv2.resize(canvas, (last - first, above + below), interpolation=cv2.INTER_AREA)
    return _cut_glyph(np.asarray(mask, dtype=np.uint8), first, -above, advance)


def _nib(face: DrawnFace) -> NDArray[np.float64]:
    """The outline of the nib, an ellipse: shape (32, 2), hundredths of an em, y upwards."""
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    along, across = 0.5 * face.nib * np.cos(turn), 0.5 * face.nib * face.edge * np.sin(turn)
    cos, sin = np.cos(np.radians(face.angle)), np.sin(np.radians(face.angle))
    return np.stack([along * cos - across * sin, along * sin + across * cos], axis=1)


def _draw(
    canvas: NDArray[np.uint8], form: Form, nib: NDArray[np.float64], origin: NDArray[np.float64], scale: float
) -> None:
    """Draw the strokes of ``form`` on ``canvas``, ``scale`` pixels a unit, the pen's origin at pixel corner ``origin``.

    A convex nib drawn along a straight piece covers the convex hull of its two ends: no dilation, hence no rounding of
    the nib to pixels.
    """
    left, bottom, right, top = form.box
    low, high = np.array([left, bottom]), np.array([right, top])
    half = np.minimum(nib.max(axis=0), (high - low) / 2)
    # The middle of the stroke keeps half a nib from the box that the ink may fill.
    shrink = (high - low - 2 * half) / np.maximum(high - low, 1e-9)
    for stroke in form.strokes:
        path = low + half + (np.array(stroke) - low) * shrink
        for start, end in pairwise(path):
            swept = np.vstack([nib + start, nib + end]) * (scale, -scale) + origin - 0.5
            hull = cv2.convexHull(np.round(swept * 2**_FRACTION).astype(np.int32))
            cv2.fillConvexPoly(canvas, hull, 255, cv2.LINE_8, _FRACTION)


DRAWN: dict[str, DrawnFace] = {
    face.name: face
    for face in [
        DrawnFace("incunable-early", nib=11.0, angle=38.0, variant="medieval"),
        DrawnFace("incunable-heavy", nib=12.0, angle=32.0, variant="looped", edge=0.45),
        DrawnFace("incunable-light", nib=8.0, angle=35.0, variant="mixed", edge=0.5, style="roman"),
        DrawnFace("incunable-late", nib=10.0, angle=25.0, variant="modernised", edge=0.4, style="roman"),
        DrawnFace("incunable-thin", nib=6.5, angle=30.0, variant="venetian", edge=0.6),
    ]
}
"""Every drawn face by name."""
