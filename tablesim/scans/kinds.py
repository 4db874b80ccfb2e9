"""Tells kinds of files apart: by ending when folders are searched, by the first bytes when one cannot be opened."""

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

READABLE = frozenset(
    {
        *("a JPEG image", "a PNG image", "a TIFF image", "a JPEG 2000 image", "a WebP image"),
        *("a GIF image", "an AVIF image", "a PDF"),
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
    (b"%!PS", "PostScript"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"AT&T", "a DjVu file"),
    (b"<", "a web page or other markup"),
    (b"{", "JSON"),
)
_BRANDS = {b"avif": "an AVIF image", b"avis": "an AVIF image", b"heic": "a HEIC image", b"heix": "a HEIC image"}
_BRANDS |= {b"mif1": "a HEIC image", b"hevc": "a HEIC image"}


def looks_like(path: Path) -> str:
    """What the first bytes of a file say that it is, in words: "a PDF"; empty where they say nothing."""
    with path.open("rb") as file:
        head = file.read(1024)
    # Web pages may begin with blank lines, PDFs with a few bytes of their carrier.
    if b"%PDF-" in head:
        return "a PDF"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((words for begin, words in _BEGINNINGS if head.startswith(begin) or bare.startswith(begin)), "")
