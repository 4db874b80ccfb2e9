"""Files of results: arrays and a JSON text in one ``.npz``, checked before they are decompressed; nothing is pickled.

A file comes from anywhere. So its headers are read first: which arrays it has, of which type, shape and size, and
whether they are as long as they say; only then are they read, within a bound on memory.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from bilrp.exceptions import RelevanceFileError

MAX_BYTES = 2**31
"""What the arrays of a file may take in memory unless more is asked for."""
MAX_ABOUT = 2**26  # bytes of the JSON text; a report on a thousand operations has 2**18
MAX_RATIO = 1032  # deflate cannot do more: a file that claims to is not what it says
_LONGEST = 300
"""Letters of what a message quotes."""
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def require_folder(path: str | Path) -> Path:
    """The path of a file that can be written, as far as its folder goes.

    Raises
    ------
    FileNotFoundError
        When the folder is not there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: there is no folder {path.parent}. Make it first: Path({str(path.parent)!r}).mkdir(parents=True)."
        )
    return path


def write_archive(
    path: str | Path, about: Mapping[str, Any], arrays: Mapping[str, Tensor], *, overwrite: bool, compress: bool = True
) -> Path:
    """Write tensors and what is known about them.

    Raises
    ------
    FileExistsError
        When the file is there and ``overwrite`` is False.
    FileNotFoundError
        When its folder is not there.
    """
    path = require_folder(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already. Choose another name or pass overwrite=True.")
    contents: dict[str, Any] = {name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()}
    with path.open("wb") as file:
        (np.savez_compressed if compress else np.savez)(file, about=np.array(json.dumps(about)), **contents)
    return path


def read_archive(
    path: str | Path, what: str, form: str, names: Mapping[str, int], *, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write_archive` wrote.

    Parameters
    ----------
    path : str or Path
    what : str
        What the file should hold, for messages: ``"joint relevance"``.
    form : str
        What its description must give as ``format``.
    names : mapping
        The arrays, and how many axes each has at least; those with one have exactly one. All have as many rows.
    max_bytes : int
        Of all arrays together, once read.

    Returns
    -------
    about : dict
    arrays : dict of Tensor

    Raises
    ------
    RelevanceFileError
        When the file is missing, damaged, larger than allowed or does not hold finite real numbers of these shapes.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            _check(archive, names, max_bytes)
            about = json.loads(str(_read(archive, "about")))
            arrays = {name: torch.from_numpy(_read(archive, name)) for name in names}
        if not isinstance(about, dict):
            raise ValueError("its description is no JSON object")
        if about["format"] != form:
            raise RelevanceFileError(f"{path}: format is {str(about['format'])[:_LONGEST]!r}, expected {form!r}")
        for name, array in arrays.items():
            if not bool(torch.isfinite(array).all()):
                raise ValueError(f"{name} has values that are infinite or no numbers")
        return about, arrays
    except FileNotFoundError as error:
        raise RelevanceFileError(f"{path}: no such file") from error
    # RuntimeError: encrypted, or packed in a way of its own; TokenError: the header of an array breaks off.
    except (OSError, KeyError, TypeError, ValueError, EOFError, RuntimeError, SyntaxError, TokenError) as error:
        raise unreadable(path, what, error) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise unreadable(path, what, error) from error


def unreadable(path: str | Path, what: str, error: Exception) -> RelevanceFileError:
    """The error for a file that cannot be read."""
    if isinstance(error, RelevanceFileError):
        return error
    # What numpy and zipfile say may quote the file at any length.
    reason = str(error)[:_LONGEST]
    return RelevanceFileError(f"{path}: cannot be read as {what} ({reason}). Expected a file that bilrp has saved.")


def checked_tile(path: str | Path, tile: Any) -> int:
    """The number of pixels along one side of an entry, as a file says."""
    if not isinstance(tile, int) or isinstance(tile, bool) or tile < 1:
        raise RelevanceFileError(f"{path}: tile is {str(tile)[:_LONGEST]}, expected one or more")
    return tile


def checked_tokens(path: str | Path, tokens: Any) -> tuple[str, ...] | None:
    """The tokens of a text, as a file says."""
    if tokens is None:
        return None
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise RelevanceFileError(f"{path}: its tokens are no list of texts")
    return tuple(tokens)


def checked_settings(path: str | Path, settings: Any) -> dict[str, Any] | None:
    """What the explainer was told, as a file says."""
    if settings is not None and not isinstance(settings, dict):
        raise RelevanceFileError(f"{path}: its settings are {type(settings).__name__}, expected an object")
    return settings


def _check(archive: zipfile.ZipFile, names: Mapping[str, int], max_bytes: int) -> None:
    """Look at all headers, so that what is read afterwards has a known size."""
    shapes: dict[str, tuple[int, ...]] = {}
    total = 0
    for name in (*names, "about"):
        info = archive.getinfo(f"{name}.npy")
        if info.file_size > MAX_RATIO * info.compress_size + 1024:
            raise ValueError(f"{name} claims {info.file_size:,} bytes from {info.compress_size:,}")
        with archive.open(info) as file:
            shape, dtype = _header(file)
            length = file.tell() + dtype.itemsize * int(np.prod(np.array(shape, dtype=object), initial=1))
        if length != info.file_size:
            raise ValueError(f"{name} has {info.file_size:,} bytes, expected {length:,} for its shape {shape}")
        if name == "about":
            if dtype.kind != "U" or shape != () or length > MAX_ABOUT:
                raise ValueError(f"its description has type {dtype} and {length:,} bytes")
            continue
        if dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
            raise ValueError(f"{name} has type {dtype}, expected real floating-point numbers")
        if len(shape) < names[name] or (names[name] == 1 and len(shape) != 1):
            raise ValueError(f"{name} has shape {shape}, expected {names[name]} axes or more")
        shapes[name] = shape
        total += length
    if total > max_bytes:
        raise ValueError(f"it holds {total:,} bytes, expected at most {max_bytes:,}: pass max_bytes={total} to read it")
    if len({shape[0] for shape in shapes.values()}) > 1:
        raise ValueError(
            f"its arrays have shapes {', '.join(map(str, shapes.values()))}, expected as many rows of each"
        )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in HEADER_READERS:
        raise ValueError(f"an array has format {version}")
    shape, _, dtype = HEADER_READERS[version](file)
    return shape, dtype


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
