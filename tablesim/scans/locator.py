"""Where the pixels of a page are: a file, or one page of a file that holds several.

In writing, as command lines, run folders and reports have it, that is ``scans/p12.jpg`` or ``scans/book.pdf#12``.
Whatever takes the path of a scan takes it in writing too, so that a page read today is found again years later.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tablesim.scans.kinds import PAGED_SUFFIXES

_NUMBERED = re.compile(
    rf"(?P<file>.+(?:{'|'.join(re.escape(suffix) for suffix in sorted(PAGED_SUFFIXES))}))#0*(?P<number>[1-9]\d{{0,8}})",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, order=True, slots=True)
class Locator:
    """A page as it lies on the disk.

    Parameters
    ----------
    file : Path
        The file with its pixels.
    number : int
        Which page of the file, from 1; 0 where the file is the page.
    """

    file: Path
    number: int = 0

    @classmethod
    def of(cls, where: str | Path | Locator) -> Locator:
        """The page that ``where`` names: ``p12.jpg``, or ``book.pdf#12`` for a page of a PDF or TIFF."""
        if isinstance(where, Locator):
            return where
        numbered = _NUMBERED.fullmatch(str(where))
        return cls(Path(numbered["file"]), int(numbered["number"])) if numbered else cls(Path(where))

    def __str__(self) -> str:
        return f"{self.file}#{self.number}" if self.number else str(self.file)

    @property
    def stem(self) -> str:
        """The file's name without its ending, with the number of the page: ``book_p0012``."""
        return f"{self.file.stem}{self._tail}"

    @property
    def name(self) -> str:
        """The same with the file's ending: ``p12.jpg``, ``book.pdf_p0012``."""
        return f"{self.file.name}{self._tail}"

    @property
    def _tail(self) -> str:
        return f"_p{self.number:04d}" if self.number else ""

    def absolute(self) -> Locator:
        return replace(self, file=self.file.absolute())

    def stat(self) -> os.stat_result:
        """Size and time of the file; OSError when it cannot be reached."""
        return self.file.stat()

    def sha256(self) -> str:
        """Hash of the file's bytes; of a page of many, hash of that hash and the number. 64 hexadecimal figures."""
        stat = self.file.stat()
        whole = _file_hash(self.file.absolute(), stat.st_size, stat.st_mtime_ns)
        return hashlib.sha256(f"{whole}#{self.number}".encode()).hexdigest() if self.number else whole


def page_id(where: str | Path | Locator) -> str:
    """The id under which a scan is known: the file's name without its ending, of a page of many with its number."""
    return Locator.of(where).stem


@lru_cache(maxsize=64)
def _file_hash(file: Path, size: int, modified_ns: int) -> str:
    # A PDF of 400 pages is asked for 400 times; size and time tell when it is another one.
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
