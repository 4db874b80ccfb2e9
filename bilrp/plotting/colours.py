"""From signed relevance to colours: symmetric about zero, with a limit that single strong values do not decide.

A value and its negative have colours of one strength, zero has the middle colour, and what lies beyond the limit has
the colour of the limit. The maps are those of the literature on LRP (zennit has them under the same names); names and
objects of matplotlib do as well.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bilrp.archives import require_folder
from bilrp.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

FOR, AGAINST = "#c22f2f", "#2f5fc2"
COLOUR_MAPS: dict[str, tuple[str, ...]] = {
    "bwr": (AGAINST, "#ffffff", FOR),
    "coldnhot": ("#00ffff", "#0000ff", "#000000", "#ff0000", "#ffff00"),
    "hot": ("#000000", "#000000", "#000000", "#000000", "#ff0000", "#ffff00", "#ffffff"),
    "purple-green": ("#762a83", "#c2a5cf", "#ffffff", "#a6dba0", "#1b7837"),
}
"""Evenly spaced colours from what speaks against to what speaks for; ``"hot"`` shows nothing of the former. Red and
blue, and purple and green, can be told apart by colour-blind readers."""
IN_WORDS = {
    "bwr": "red for, blue against",
    "coldnhot": "red for, blue against",
    "hot": "bright for, nothing shown against",
    "purple-green": "green for, purple against",
}
CLIP = 0.995


def as_array(values: Tensor | npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A tensor or array as float64 in main memory."""
    array = values.detach().cpu().double().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(np.float64)


def colour_limit(values: npt.NDArray[np.float64], clip: float = CLIP) -> float:
    """The absolute value at which colours end: the quantile ``clip`` of those that are not zero; 1 where all are zero.

    Raises
    ------
    InputError
        When a value is infinite or no number: such a map would show nothing of the others.
    """
    if not 0 < clip <= 1:
        raise InputError(f"clip is {clip}, expected a share above 0 and up to 1")
    if not np.isfinite(values).all():
        raise InputError(f"{(~np.isfinite(values)).sum()} of {values.size} values are infinite or no numbers")
    magnitude = np.abs(values[values != 0])
    return float(np.quantile(magnitude, clip)) if magnitude.size else 1.0


def colours(values: npt.NDArray[np.float64], cmap: Any = "bwr", limit: float | None = None) -> npt.NDArray[np.float64]:
    """Colours (..., 3) between 0 and 1 of signed values (...).

    Parameters
    ----------
    values : array
    cmap : str, sequence of str, or matplotlib Colormap
        A name of `COLOUR_MAPS` or of matplotlib, or evenly spaced colours such as ``"#c22f2f"``.
    limit : float, optional
        The absolute value at which colours end; see `colour_limit`.
    """
    level = np.clip(values / (colour_limit(values) if limit is None else limit), -1, 1) / 2 + 0.5
    stops: Any = COLOUR_MAPS.get(cmap) if isinstance(cmap, str) else None if callable(cmap) else cmap
    if stops is None:
        return np.asarray(_from_matplotlib(cmap)(level))[..., :3]
    table = np.array([_rgb(stop) for stop in stops])
    places = np.linspace(0, 1, len(table))
    return np.stack([np.interp(level, places, channel) for channel in table.T], axis=-1)


def in_words(cmap: Any) -> str:
    """What the colours of a map stand for, in brackets; empty for those of others, which have a scale to be read by."""
    return f" ({IN_WORDS[cmap]})" if isinstance(cmap, str) and cmap in IN_WORDS else ""


def pale(painted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Colours mixed with white, to read words on."""
    return 1 - 0.6 * (1 - painted)


def colormap(cmap: Any = "bwr", *, behind_words: bool = False) -> Colormap:
    """The same colours as an object of matplotlib, for colour bars."""
    from matplotlib.colors import ListedColormap

    painted = colours(np.linspace(-1, 1, 511), cmap, 1.0)
    return ListedColormap(pale(painted) if behind_words else painted)


def _rgb(colour: str) -> tuple[float, ...]:
    if len(colour) != 7 or colour[0] != "#":
        raise InputError(f"colour is {colour!r}, expected a form such as '#c22f2f'")
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _from_matplotlib(cmap: Any) -> Any:
    if callable(cmap):
        return cmap
    import matplotlib

    try:
        return matplotlib.colormaps[cmap]
    except KeyError as error:
        raise InputError(
            f"colour map {cmap!r} is unknown, expected one of {', '.join(COLOUR_MAPS)}, or a name of matplotlib"
        ) from error


def png(pixels: npt.NDArray[np.float64]) -> bytes:
    """The bytes of a PNG file of colours (H, W, 3) between 0 and 1, by the standard library alone."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)  # each row is led by its filter: none
    rows[:, 1:] = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8).reshape(height, -1)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")


def imsave(
    path: str | Path,
    values: Tensor | npt.ArrayLike,
    *,
    cmap: Any = "bwr",
    clip: float = CLIP,
    enlarge: int = 1,
    columns: int | None = None,
) -> Path:
    """Write relevance as a PNG file, a pixel or a square for each value.

    Parameters
    ----------
    path : str or Path
        Its name ends in ``.png``; figures with titles and scales, also in PDF and SVG, are made by `plot_relevance`.
    values : Tensor or array of shape (H, W) or (K, H, W)
        Several maps are set beside each other, each with its own limit, as they may be of different inputs.
    cmap : str, sequence of str, or matplotlib Colormap
        A name of `COLOUR_MAPS` or of matplotlib, or evenly spaced colours.
    clip : float
        The share of values whose colours are distinct; the strongest others have the colour of the limit. 1 for all.
    enlarge : int
        Pixels of the file along one side of a value.
    columns : int, optional
        How many maps stand in a row; default: as square as may be.
    """
    path = require_folder(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"imsave: {path.name} does not end in .png; for PDF and SVG use plot(path=...)")
    maps = as_array(values)
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or not maps.size or enlarge < 1:
        raise InputError(
            f"imsave: got shape {maps.shape} enlarged {enlarge} times, expected (H, W) or (K, H, W), and 1"
        )
    pictures = [colours(each, cmap, colour_limit(each, clip)).repeat(enlarge, 0).repeat(enlarge, 1) for each in maps]
    columns = columns or int(np.ceil(np.sqrt(len(pictures))))
    path.write_bytes(png(mosaic(pictures, columns)))
    return path


def mosaic(pictures: Sequence[npt.NDArray[np.float64]], columns: int, gap: int = 2) -> npt.NDArray[np.float64]:
    """Pictures (H, W, 3) of one size in rows of ``columns``, with white between them."""
    height, width, _ = pictures[0].shape
    n_rows = -(-len(pictures) // columns)
    shape = n_rows * (height + gap) - gap, min(columns, len(pictures)) * (width + gap) - gap, 3
    whole = np.ones(shape)
    for n, picture in enumerate(pictures):
        row, column = divmod(n, columns)
        top, left = row * (height + gap), column * (width + gap)
        whole[top : top + height, left : left + width] = picture
    return whole
