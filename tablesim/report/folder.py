"""The folder of a report: a list names what was written there, and only what it names is ever replaced or removed.

Behind the name of a page the list has a key, a hash of all that the page follows from. A page whose key is as it was
is not written again: a report that was interrupted goes on where it was, and one of a run that hardly changed is quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tablesim.errors import RunError
from tablesim.files import remove_asides, write_aside

LIST = "report_files.txt"
"""The file of a report that names its files, a line each."""

_HEAD = "# Written by tablesim report. It replaces and removes these files, and no others."
_PICTURE = re.compile(r"assets/[0-9a-z-]+\.webp")
_NAME = re.compile(r"(index|pages|groups|overview|history)\.html|(assets|clusters|data|pages|pairs)/[^/\x00-\x1f]+")
Written = dict[str, str]
"""Files of a report with their keys, empty for one without."""

_EARLIER = re.compile(
    r"index\.html|assets/report\.(css|js)|assets/[0-9a-f]{20}-((0|90|180|270)-(page|small)|on|under)\.webp"
    r"|pairs/[^/]*-[0-9a-f]{8}\.html"
)
"""The files of reports in run folders of 0.1.0, which had no list."""


class ReportFolder:
    """A folder that a report is written into.

    A name is on the list before its file is written: what a killed process leaves is known to the next report.

    Parameters
    ----------
    path : Path
        The folder; it is made if need be.
    own : bool
        Whether it is the report's folder in the run, in which a report without a list is one of an earlier version.
    force : bool
        Replace files that are not on the list. None of these is ever removed.
    begun : bool
        Whether another process has begun its list, on which this one puts names as well.

    Raises
    ------
    RunError
        Its list was not written by a report.
    """

    def __init__(self, path: Path, *, own: bool = False, force: bool = False, begun: bool = False) -> None:
        self.path = path
        self.own = own
        self.force = force
        self.begun = begun
        self.used: set[str] = set()
        self.keys = _listed(path, own=own)

    def claim(self, names: Iterable[str]) -> None:
        """Refuse, before any work, to replace files that no report wrote; RunError unless ``force``."""
        foreign = [name for name in names if name not in self.keys and _is_there(self.path / name)]
        if foreign and not self.force:
            raise RunError(
                f"{self.path / foreign[0]}: not written by a report of tablesim, nothing was changed; "
                "choose another folder, or give --force to replace it"
            )

    def write(self, name: str, write: Callable[[Path], Any], key: str = "") -> None:
        """Let ``write`` fill the file ``name``, which is there whole or not at all; ``key`` is for ``has``."""
        self.claim([name])
        self.begin()
        if self.keys.get(name) != "":
            self._note(name, "")
        write_aside(self.path / name, write, durable=False)
        if key:
            self._note(name, key)
        self.used.add(name)

    def write_text(self, name: str, text: str, key: str = "") -> None:
        """Write ``text`` as the file ``name``; halves of surrogates, which names of files can hold, are replaced."""
        self.write(name, lambda aside: aside.write_text(text, encoding="utf-8", errors="replace"), key)

    def has(self, name: str, key: str) -> bool:
        """Whether the page ``name`` is there as ``key`` has it, with its pictures; then they all go on to be used."""
        path = self.path / name
        if self.keys.get(name) != key or not path.is_file():
            return False
        pictures = set(_PICTURE.findall(path.read_text(encoding="utf-8")))
        if not all((self.path / picture).is_file() for picture in pictures):
            return False
        self.used |= {name, *pictures}
        return True

    def kept(self, name: str) -> Path | None:
        """A file that is there from before and goes on to be used, or None."""
        path = self.path / name
        if not path.is_file():
            return None
        self.used.add(name)
        return path

    def begin(self) -> None:
        """Begin the list, unless it is begun."""
        if not self.begun:
            self._write_list()

    def take_written(self) -> Written:
        """What was written and kept since this was asked for last, for the process that has the list."""
        used, self.used = self.used, set()
        return {name: self.keys.get(name, "") for name in used}

    def join(self, written: Written) -> None:
        """Add what another process wrote and kept."""
        self.used |= written.keys()
        self.keys |= written

    def finish(self) -> None:
        """Remove what earlier reports wrote and this one does not use, and shorten the list."""
        for name in self.keys.keys() - self.used:
            (self.path / name).unlink(missing_ok=True)
        self.keys = {name: key for name, key in self.keys.items() if name in self.used}
        self._write_list()

    def _note(self, name: str, key: str) -> None:
        """Put a name on the list, with the key of what is there now, empty while it is written."""
        with (self.path / LIST).open("a", encoding="utf-8") as file:
            file.write(_line(name, key))
        self.keys[name] = key

    def _write_list(self) -> None:
        """Write the list anew; a link that others put in its place is replaced."""
        self.begun = True
        for folder in (self.path, *(path for path in self.path.glob("*") if path.is_dir())):
            remove_asides(folder)
        text = f"{_HEAD}\n" + "".join(_line(name, key) for name, key in sorted(self.keys.items()))
        write_aside(self.path / LIST, lambda aside: aside.write_text(text, encoding="utf-8"), durable=False)


def _line(name: str, key: str) -> str:
    return f"{name}\t{key}\n" if key else f"{name}\n"


def _listed(folder: Path, *, own: bool) -> dict[str, str]:
    """The names on the list with their keys, of one that stands there twice the last."""
    path = folder / LIST
    if _is_there(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        if lines[:1] != [_HEAD]:
            raise RunError(f"{path}: not written by tablesim, nothing was changed; choose another folder")
        # A line cut by a killed process, or one that leads elsewhere, is no name of a report.
        entries = (line.partition("\t") for line in lines[1:])
        return {name: key for name, _, key in entries if _NAME.fullmatch(name)}
    if not own:
        return {}
    names = ["index.html", *(f"{path.parent.name}/{path.name}" for path in folder.glob("[ap]*/*"))]
    return {name: "" for name in names if _EARLIER.fullmatch(name)}


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
