"""Finds the encoding of a text file: Unicode by its marks and its form, else by which letters it would give.

What is no Unicode is of Windows, a Mac or DOS. Of these the one is taken whose letters are the commonest in the
languages of Western Europe; what it gives is said, with a word to check it by.
"""

from __future__ import annotations

import math
import re
import unicodedata
from pathlib import Path

from tablesim.errors import MetadataError
from tablesim.files import refuse_special
from tablesim.records.counting import counted

MARK = b"\xef\xbb\xbf"
"""Of UTF-8, by which Excel knows it."""

GUESSED = ("cp1252", "mac_roman", "cp850")
"""Of Windows, of the Mac before 2001, and of DOS, which Excel still offers as "CSV (MS-DOS)"."""

_LETTERS = {
    **dict.fromkeys("éüöäè", 30.0),
    **dict.fromkeys("àáíóñßçêìòùú", 10.0),
    **dict.fromkeys("âîôûëïæøåœãõÉÖÜÄÈ", 2.0),
    **dict.fromkeys("ÀÁÍÓÑÇÊÂÎÔÛËÏÆØÅŒÌÒÙÚÿ", 0.5),
    **dict.fromkeys("«»°§–—’‘“”„…·ªº©±½¼×", 0.5),
}
"""How common signs beyond ASCII are, by and large; others have 0.02, control characters nothing."""
_INSIDE_WORDS = frozenset("«»°§–—“”„…·ªº©±½¼×")

_WORD = re.compile(r"[^\s,;|\"]+")

_MISREAD = re.compile(
    "[ÃÂ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
"""Letters of UTF-8 that a program took for two of Windows."""


def decode_text(path: Path) -> tuple[str, str, tuple[str, ...]]:
    """The text of a file in Unicode NFC, the encoding it turned out to have, and a remark where that is a guess.

    Raises
    ------
    MetadataError
        The file is missing, cannot be opened, or is no text.
    """
    try:
        refuse_special(path)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise MetadataError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise MetadataError(
            f"{path}: cannot be opened ({error.strerror or error}); check the path and rights"
        ) from error
    _refuse_others(path, data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in data:
        encoding = _utf16_without_mark(data)
        if not encoding:
            raise MetadataError(f"{path}: this is a binary file, not CSV; expected text such as 'page_id,year,place'")
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise MetadataError(
                f"{path}: the text is cut short or damaged ({encoding}); save it again as CSV (UTF-8)"
            ) from error
        text, encoding, remark = _guessed(data)
        return _composed(text), encoding, (remark,)
    repaired = _repaired(text)
    if repaired is None:
        return _composed(text), encoding, ()
    was, now = (_word(each) for each in (text, repaired))
    remark = f"UTF-8 that was once read as Windows-1252 and saved so ({was!r}); read as it was before: {now!r}"
    return _composed(repaired), encoding, (remark,)


def _composed(text: str) -> str:
    # A Mac takes letters apart into letter and mark: equal words are to be equal.
    return unicodedata.normalize("NFC", text)


def _refuse_others(path: Path, data: bytes) -> None:
    head = data[:512].lstrip().lower()
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise MetadataError(f"{path}: this is a workbook or archive, not CSV; save the sheet as CSV (UTF-8)")
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise MetadataError(f"{path}: this is a web page or XML, not CSV; open it and save the sheet as CSV (UTF-8)")
    if head.startswith((b"{\\rtf", b"%pdf", b'{"', b"[{")):
        raise MetadataError(f"{path}: this is a document or JSON, not CSV; save the table as CSV (UTF-8)")


def _utf16_without_mark(data: bytes) -> str:
    """The order of the bytes of UTF-16, told by which of each two is 0; empty for binary files."""
    first, second = (data[at:2000:2].count(0) / max(1, len(data[at:2000:2])) for at in (0, 1))
    return "utf-16-le" if second > 0.5 > 5 * first else "utf-16-be" if first > 0.5 > 5 * second else ""


def _guessed(data: bytes) -> tuple[str, str, str]:
    mixed = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    stray = re.findall("[\udc80-\udcff]", mixed)
    if len(stray) < sum(not sign.isascii() for sign in mixed) - len(stray):
        line = mixed[: mixed.index(stray[0])].count("\n") + 1
        no_utf8 = counted(len(stray), "byte that is not", "bytes that are not")
        text = re.sub("[\udc80-\udcff]", lambda m: bytes([ord(m[0]) & 0xFF]).decode("cp1252", "replace"), mixed)
        return (
            text,
            "utf-8",
            (
                f"UTF-8 with {no_utf8} (the first in line {line}), read as Windows-1252; "
                "save the file again as CSV (UTF-8)"
            ),
        )
    texts = {name: data.decode(name, "replace") for name in GUESSED}
    # Files of the old Mac end their lines with CR alone; max() keeps the first of equals: Windows.
    is_mac = b"\n" not in data and b"\r" in data
    encoding = max(GUESSED, key=lambda name: _likelihood(texts[name]) + (3.0 if is_mac and name == "mac_roman" else 0))
    words = list(dict.fromkeys(word for word in re.findall(r"\w+|\W", texts[encoding]) if not word.isascii()))
    examples = ", ".join(map(repr, words[:3]))
    return (
        texts[encoding],
        encoding,
        (
            f"not UTF-8, read as {encoding}, which gives words such as {examples}; if that is wrong, save the file as "
            "CSV (UTF-8)"
        ),
    )


def _likelihood(text: str) -> float:
    """How likely the signs beyond ASCII are, each kind of word once, so that no name outweighs the rest."""
    total = 0.0
    for word in {word for word in _WORD.findall(text) if not word.isascii()}:
        for at, sign in enumerate(word):
            if sign.isascii():
                continue
            weight = 1e-6 if sign == "\ufffd" or unicodedata.category(sign) == "Cc" else _LETTERS.get(sign, 0.02)
            beside = word[max(0, at - 1) : at] + word[at + 1 : at + 2]
            if sign in _INSIDE_WORDS and len(beside) == 2 and beside.isalpha():
                weight = 0.005
            if sign.isupper() and at and word[at - 1].islower():
                weight = 0.005
            total += math.log(weight)
    return total


def _repaired(text: str) -> str | None:
    """Text whose UTF-8 was read as Windows-1252, as it was; None for other text."""
    if not _MISREAD.search(text):
        return None
    data = bytearray()
    for sign in text:
        try:
            data += sign.encode("cp1252")
        except UnicodeEncodeError:
            # The five bytes that Windows-1252 has no sign for stay what they are.
            if ord(sign) > 0xFF:
                return None
            data.append(ord(sign))
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None


def _word(text: str) -> str:
    return next(match[0] for match in re.finditer(r"\S+", text) if not match[0].isascii())[:30]
