"""The workbench's own scripts, styles and words (``front/``), compressed once; their address names their version."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

FRONT = "front"
"""The first part of their addresses."""

SHOWN = (".js", ".css", ".json")
"""Endings of files that a browser asks for."""


@dataclass(frozen=True)
class FrontFiles:
    """The files by their names below ``front/``, as gzip; ``version`` is another one where any of them is."""

    compressed: dict[str, bytes]
    version: str

    @classmethod
    @cache
    def all(cls) -> FrontFiles:
        """What this installation has."""
        contents = dict(sorted(_below(files("tablesim.web") / FRONT, "")))
        digest = hashlib.sha256(b"".join(name.encode() + content for name, content in contents.items()))
        compressed = {name: gzip.compress(content, mtime=0) for name, content in contents.items()}
        return cls(compressed, digest.hexdigest()[:12])


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SHOWN):
            yield prefix + entry.name, entry.read_bytes()
