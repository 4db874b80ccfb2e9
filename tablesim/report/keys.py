"""Keys of the pages of a report: a hash of all that a page follows from, so that it is not written twice."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


def key_of(*sources: Any) -> str:
    """The key of a page that follows from these values, which have a ``repr`` that says all of them."""
    return hashlib.sha256(repr((_software(), *sources)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@cache
def _software() -> str:
    """A hash of the code and the templates of tablesim: other code writes every page anew."""
    parts = sorted((path.name, path.read_bytes()) for path in _sources(files("tablesim")))
    return hashlib.sha256(repr([(name, hashlib.sha256(part).digest()) for name, part in parts]).encode()).hexdigest()


def _sources(folder: Traversable) -> list[Traversable]:
    found = []
    for path in folder.iterdir():
        if path.is_dir() and path.name not in ("__pycache__", "weights", "fonts", "data"):
            found += _sources(path)
        elif path.name.endswith((".py", ".html", ".css", ".js")):
            found.append(path)
    return found
