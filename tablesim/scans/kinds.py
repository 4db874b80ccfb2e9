"""Kinds of files: by their ending when folders are searched, by their first bytes when one cannot be opened."""

from __future__ import annotations

from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".jp2", ".j2k", ".jpx", ".jpf", ".bmp", ".webp"})
"""Endings, in lower case, of files that hold images."""

PDF_SUFFIXES = frozenset({".pdf"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
PAGED_SUFFIXES = PDF_SUFFIXES | TIFF_SUFFIXES
"""Endings, in lower case, of files that can hold several pages."""

SCAN_SUFFIXES = IMAGE_SUFFIXES | PDF_SUFFIXES
"""Endings, in lower case, of the files that a folder is searched for."""

_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 image"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"AT&T", "a DjVu file"),
    (b"<", "a web page or other markup"),
    (b"{", "JSON"),
)


def looks_like(path: Path) -> str:
    """What the first bytes of a file say that it is, in words: "a PDF"; empty where they say nothing."""
    with path.open("rb") as file:
        head = file.read(1024)
    # Web pages may begin with blank lines, PDFs with a few bytes of their carrier.
    if b"%PDF-" in head:
        return "a PDF"
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((words for begin, words in _BEGINNINGS if head.startswith(begin) or bare.startswith(begin)), "")
