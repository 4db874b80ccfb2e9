"""Where the scans are: files and folders in, a sorted list of image files out. Nothing is copied or renamed."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tablesim.errors import ScanError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".jp2", ".bmp", ".webp"})
"""Endings, in any case, of the files that a folder is searched for."""

RUN_MARK = "run.json"
"""A folder with this file is a run of ours; the pictures of its report are not scans."""


def find_scans(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """The image files of ``source``, each once, sorted by path.

    Folders are searched to the bottom for files that end as ``IMAGE_SUFFIXES``; hidden files and run folders are left
    out. A file named outright is taken whatever its ending, so that reading it can say what is wrong with it.

    Raises
    ------
    ScanError
        A path does not exist, or a folder has no images in it.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise ScanError("find_scans: got no paths, expected at least one file or folder")
    found: dict[Path, None] = {}
    for path in map(Path, given):
        if path.is_dir():
            found.update(dict.fromkeys(_in_folder(path)))
        elif path.exists():
            found[path] = None
        else:
            raise ScanError(f"{path}: there is no such file or folder; check the path")
    return sorted(found)


def name_pages(scans: Iterable[Path]) -> dict[str, Path]:
    """A page id for each scan: the file stem, made longer where two scans would share it.

    Files that differ in folder get the folders' names in front, joined by ``_`` (``plates/p1.jpg`` is ``plates_p1``);
    files of one folder that differ in their ending keep the ending. Sorted by id.
    """
    paths = sorted(dict.fromkeys(scans))
    level = dict.fromkeys(paths, 0)
    while True:
        names = {path: _name(path, level[path]) for path in paths}
        count = Counter(names.values())
        shared = [path for path in paths if count[names[path]] > 1 and level[path] <= len(path.resolve().parts)]
        if not shared:
            break
        for path in shared:
            level[path] += 1
    pages: dict[str, Path] = {}
    for path in paths:
        # Folders joined by "_" can still spell one name in two ways (a/b_c and a_b/c): count those.
        copies = (f"{names[path]}-{number}" for number in itertools.count(2))
        pages[next(name for name in itertools.chain([names[path]], copies) if name not in pages)] = path
    return dict(sorted(pages.items()))


def _name(path: Path, level: int) -> str:
    """Ever longer names: stem; folder and stem; the whole name; then with more and more folders in front."""
    depth, whole = ((0, False), (1, False), (0, True))[level] if level < 3 else (level - 2, True)
    folders = path.resolve().parts[1:-1][-depth:] if depth else ()
    return "_".join((*folders, path.name if whole else path.stem))


def _in_folder(folder: Path) -> list[Path]:
    images: list[Path] = []
    others: Counter[str] = Counter()
    for where, folders, files in os.walk(folder):
        if RUN_MARK in files and Path(where) != folder:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            suffix = Path(name).suffix.lower()
            if suffix in IMAGE_SUFFIXES and not name.startswith("."):
                images.append(Path(where, name))
            else:
                others[suffix or "no ending"] += 1
    if not images:
        kinds = ", ".join(f"{count} x {suffix}" for suffix, count in others.most_common(4)) or "nothing"
        raise ScanError(
            f"{folder}: no images in this folder (found: {kinds}); expected files that end in "
            f"{' '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return images
