"""Names a page on the disk: a file, or one page of a file with several; its name in writing, hash and id; file kinds.

Kinds are told apart by the ending when folders are searched, by the first bytes when a file cannot be opened.

In writing, as command lines, run folders and reports have it, that is ``scans/p12.jpg`` or ``scans/book.pdf#12``.
Whatever takes the path of a scan takes it in writing too, so that a page read today is found again years later.

Names that are not UTF-8 can be written as well: each byte that is no part of a letter stands as two hexadecimal digits
between angle brackets, ``M<FC>nster.jpg``, and a ``<`` that could be mistaken for that as ``<3C>``. The same file is
written in the same way whatever the locale.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tablesim.errors import ScanError

PDF_SUFFIXES = frozenset({".pdf"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
ANIMATED_SUFFIXES = frozenset(
    {".apng", ".avif", ".avifs", ".gif", ".heic", ".heics", ".heif", ".hif", ".jxl", ".png", ".webp"}
)
"""Endings, in lower case, of images that may be animations."""

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf"),
        *(".bmp", ".dib", ".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".psd", ".tga"),
        *TIFF_SUFFIXES,
        *ANIMATED_SUFFIXES,
    }
)
"""Endings, in lower case, of files that hold images."""

PAGED_SUFFIXES = PDF_SUFFIXES | TIFF_SUFFIXES | ANIMATED_SUFFIXES
"""Endings, in lower case, of files that can hold several pages."""

SCAN_SUFFIXES = IMAGE_SUFFIXES | PDF_SUFFIXES
"""Endings, in lower case, of the files that a folder is searched for."""

READABLE = frozenset(
    {
        *("a JPEG image", "a PNG image", "a TIFF image", "a JPEG 2000 image", "a WebP image"),
        *("a GIF image", "an AVIF image", "a HEIC image", "a JPEG XL image", "a BMP image", "a PSD image", "a PDF"),
    }
)
"""What ``looks_like`` says of files that can be read as scans."""

_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 image"),
    (b"\0\0\0\x0cJXL", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"8BPS", "a PSD image"),
    (b"%!PS", "PostScript"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"AT&T", "a DjVu file"),
    (b"version https://git-lfs", "a pointer of Git LFS"),
    (b"<", "a web page or other markup"),
    (b"{", "JSON"),
)
_BRANDS = {b"avif": "an AVIF image", b"avis": "an AVIF image", b"heic": "a HEIC image", b"heix": "a HEIC image"}
_BRANDS |= dict.fromkeys((b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "a HEIC image")


def looks_like(path: Path) -> str:
    """What the first bytes of a file say that it is, in words: "a PDF"; empty where they say nothing."""
    with path.open("rb") as file:
        head = file.read(1024)
    # Web pages may begin with blank lines, PDFs with a few bytes of their carrier.
    if b"%PDF-" in head:
        return "a PDF"
    if head[4:8] == b"ftyp":
        # Some name the family first, and which it is among those that they keep to.
        is_avif = b"avif" in head[8 : int.from_bytes(head[:4], "big") or 12]
        return "an AVIF image" if is_avif else _BRANDS.get(head[8:12], "a film or another file of MP4's family")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((words for begin, words in _BEGINNINGS if head.startswith(begin) or bare.startswith(begin)), "")


_NUMBERED = re.compile(
    rf"(?P<file>.+(?:{'|'.join(re.escape(suffix) for suffix in sorted(PAGED_SUFFIXES))}))#0*(?P<number>[1-9]\d{{0,8}})",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile("<(3C|[89A-F][0-9A-F])>")
"""An angle bracket, or a byte that is no ASCII, in the names of ``path_in_writing``."""


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
        if numbered:
            return cls(path_from_writing(numbered["file"]), int(numbered["number"]))
        return cls(path_from_writing(where))

    def __str__(self) -> str:
        written = path_in_writing(self.file)
        return f"{written}#{self.number}" if self.number else written

    @property
    def stem(self) -> str:
        """The file's name without its ending, with the number of the page: ``book_p0012``."""
        return f"{Path(path_in_writing(self.file)).stem}{self._tail}"

    @property
    def name(self) -> str:
        """The same with the file's ending: ``p12.jpg``, ``book.pdf_p0012``."""
        return f"{Path(path_in_writing(self.file)).name}{self._tail}"

    @property
    def _tail(self) -> str:
        return f"_p{self.number:04d}" if self.number else ""

    def absolute(self) -> Locator:
        """The same page by its path from the root."""
        return replace(self, file=self.file.absolute())

    def on_disk(self) -> Locator:
        """The same page by its name as the disk has it, where what was typed differs in the form of letters alone.

        A Mac writes an umlaut as a letter and a mark, and archives carry that to systems for which it is another name.
        """
        if self.file.exists():
            return self
        found = Path(self.file.anchor)
        for part in self.file.parts[1 if self.file.anchor else 0 :]:
            beside = found / part
            if not beside.exists():
                try:
                    names = [entry.name for entry in os.scandir(found)]
                except OSError:
                    return self
                alike = [name for name in names if normalized_name(name) == normalized_name(part)]
                if len(alike) != 1:
                    return self
                beside = found / alike[0]
            found = beside
        return replace(self, file=found)

    def stat(self) -> os.stat_result:
        """Size and times of the file; OSError when it cannot be reached or is a pipe, a socket or a device."""
        result = self.file.stat()
        if not stat.S_ISREG(result.st_mode):
            # Opening a pipe would wait for ever for somebody who writes into it.
            raise OSError(errno.EINVAL, "a pipe, a socket or a device", str(self))
        return result

    def sha256(self) -> str:
        """Hash of the file's bytes; of a page of many, hash of that hash and the number. 64 hexadecimal digits."""
        result = self.stat()
        if not self.number:
            return _hash_of_bytes(self.file)
        # A PDF of 400 pages is asked for 400 times.
        whole = _known_hash(self.file.absolute(), state_of(result))
        return hashlib.sha256(f"{whole}#{self.number}".encode()).hexdigest()


def check_pixels(where: Locator, size: tuple[int, int], max_pixels: int, noun: str = "image") -> None:
    """Refuse an image or page of ``size``, width and height, with more than ``max_pixels``: ScanError."""
    if size[0] * size[1] > max_pixels:
        raise ScanError(
            f"{where}: the {noun} is {size[0]} x {size[1]} pixels, more than the limit of {max_pixels:,}; "
            "make a smaller copy or raise the limit with --max-pixels"
        )


def index_of_page(where: Locator, n_pages: int, noun: str = "file") -> int:
    """The index, from 0, of a page among those of its file; number 0 stands for the only one. Else ScanError."""
    if where.number > n_pages:
        raise ScanError(f"{where}: the {noun} has {n_pages} pages; name one of these")
    if not where.number and n_pages > 1:
        first = replace(where, number=1)
        raise ScanError(f"{where}: the {noun} has {n_pages} pages; name one of them, such as {first}")
    return max(where.number, 1) - 1


def page_id(where: str | Path | Locator) -> str:
    """The id under which a scan is known: the file's name without its ending, of a page of many with its number."""
    return normalized_name(Locator.of(where).stem)


def normalized_name(name: str) -> str:
    """``name`` in the one form in which names of pages are compared (Unicode NFC).

    A Mac writes the umlaut of a file name as a letter and a mark, a keyboard as one sign: to the eye they are equal.
    """
    return unicodedata.normalize("NFC", name)


def state_of(result: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is written to or another one takes its name: inode, size and times."""
    return result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns


def path_in_writing(path: Path) -> str:
    """A path as text that any file, terminal and database takes; ``path_from_writing`` gives the path back."""
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    text = _ESCAPED.sub(lambda match: f"<3C>{match[0][1:]}", text)
    return re.sub("[\udc80-\udcff]", lambda match: f"<{ord(match[0]) & 0xFF:02X}>", text)


def path_from_writing(text: str | Path) -> Path:
    """The path that ``path_in_writing`` wrote; any other path as it is."""
    name = _ESCAPED.sub(lambda match: "<" if match[1] == "3C" else chr(0xDC00 + int(match[1], 16)), str(text))
    return Path(os.fsdecode(name.encode("utf-8", "surrogateescape")))


def _hash_of_bytes(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _known_hash(file: Path, state: tuple[int, ...]) -> str:
    del state  # tells files apart that had the path one after the other
    return _hash_of_bytes(file)
