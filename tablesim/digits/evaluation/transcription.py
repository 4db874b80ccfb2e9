"""Reads transcriptions (plain text) and truths (JSON) of pages: what a reading is measured against.

A transcription has one printed row a line; spaces between numbers, ``|`` between columns, ``||`` between half-tables
that stand side by side; a column may be blank. Signs beside the digits and a point, comma or thin space (U+2009) in a
number are skipped, a fraction is two numbers, and a word without a digit does not count. ``#`` begins a comment, and
``# ignore x y width height`` is a rectangle in source pixels in which nothing counts: headings, page numbers, columns
left out::

    # degrees | longest day | latitude
    # ignore 0 0 960 200
    1 | 12 0 | 0 0
    2 | 12 15 | 4 14 || 28 | 19 0 | 62 25
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tablesim.digits.numbers_of_words import numbers_of_words, reading_of_numbers
from tablesim.errors import TranscriptionError
from tablesim.files import refuse_special
from tablesim.records.boxes import Box
from tablesim.records.reading import ILLEGIBLE
from tablesim.records.truth import PageTruth, TranscribedRow, Transcription
from tablesim.scans.locator import normalized_name
from tablesim.scans.word_files import image_of, read_words

_DIGITS = re.compile(rf"[0-9{re.escape(ILLEGIBLE)}]")
_FRACTION_BARS = "/⁄∕"
_THIN_SPACES = str.maketrans("", "", "\u2009\u202f")
"""Blanks inside a number, as Python's ``split`` does not know them."""


def find_truth(folder: str | Path, stem: str) -> Path | None:
    """The file in ``folder`` that says what is printed on the page ``stem``: its truth, else its transcription."""
    names = (f"{stem}.json", f"{stem}.txt", f"{stem}.xml")
    found = next((path for name in names if (path := Path(folder) / name).is_file()), None)
    if found is None and not stem.isascii() and Path(folder).is_dir():
        # The file may be named on another system, which takes umlauts apart.
        by_name = {normalized_name(path.name): path for path in Path(folder).iterdir()}
        return next((by_name[name] for name in map(normalized_name, names) if name in by_name), None)
    return found


def truth_by_image(folder: str | Path) -> dict[str, Path]:
    """The PAGE-XML and ALTO files of a folder and those below it, by the stem of the image that they describe.

    Programs name these files in their own way, and put them into a folder of their own (``page/``, ``alto/``). An image
    that two files describe is left out: nobody knows which is meant.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(folder).rglob("*.xml")):
        if name := image_of(path):
            found.setdefault(normalized_name(Path(name).stem), []).append(path)
    return {stem: paths[0] for stem, paths in found.items() if len(paths) == 1}


def read_truth(path: str | Path) -> Transcription | PageTruth:
    """What is printed on a page: the truth of a synthesized page (``.json``), PAGE-XML or ALTO (``.xml``), else a
    transcription.

    Raises
    ------
    TranscriptionError
        The file is missing, damaged, or does not follow its format.
    """
    path = Path(path)
    if path.suffix.lower() == ".xml":
        return _of_words(path)
    if path.suffix.lower() != ".json":
        return read_transcription(path)
    try:
        refuse_special(path)
        return PageTruth.load(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TranscriptionError(
            f"{path}: not the truth of a page ({type(error).__name__}: {error}), expected JSON as tablesim synthesize "
            "writes it; write the page again, or put a transcription (.txt) there"
        ) from error


def _of_words(path: Path) -> Transcription:
    """The rows of PAGE-XML or ALTO: those of its cells, or as its words stand; what is in no table is a row each."""
    page = read_words(path)
    try:
        numbers = numbers_of_words(page.words)
    except ValueError as error:
        raise TranscriptionError(f"{path}: {error}; expected the text of one page") from error
    reading = reading_of_numbers(numbers, (page.width, page.height), scan=str(path), page=path.stem, sha256="", note="")
    rows: dict[tuple[int, ...], dict[int, str]] = {}
    for index, number in enumerate(reading.numbers):
        loose = number.table is None or number.row is None
        key = (-1, index) if loose else (number.table or 0, number.row or 0)
        rows.setdefault(key, {})[number.column or 0] = number.digits_text
    return Transcription(
        tuple(
            TranscribedRow(line, (tuple((row[column],) for column in sorted(row)),))
            for line, (_, row) in enumerate(sorted(rows.items()), start=1)
        ),
        path=str(path),
    )


def read_transcription(path: str | Path) -> Transcription:
    """Read a transcription file (UTF-8, with or without a byte order mark).

    Raises
    ------
    TranscriptionError
        The file is missing or not UTF-8 text, or a line does not follow the format; the message names file and line.
    """
    path = Path(path)
    try:
        refuse_special(path)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TranscriptionError(
            f"{path}: byte {error.start} is not UTF-8 text, expected a transcription; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise TranscriptionError(
            f"{path}: cannot be read ({error.strerror}), expected a transcription; check the path"
        ) from error
    return parse_transcription(text, str(path))


def parse_transcription(text: str, path: str = "transcription") -> Transcription:
    """Parse the text of a transcription, as `read_transcription` does; ``path`` stands in the messages."""
    rows: list[TranscribedRow] = []
    ignore: list[Box] = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path}:{number}"
        printed, hash_mark, comment = line.partition("#")
        words = comment.split()
        if hash_mark and words and words[0].rstrip(":").lower() == "ignore":
            ignore.append(_ignored_box(words[1:], where))
        if printed.strip():
            halves = (half.split("|") for half in printed.split("||"))
            rows.append(
                TranscribedRow(number, tuple(tuple(tuple(_numbers(c, where)) for c in half) for half in halves))
            )
    return Transcription(tuple(rows), tuple(ignore), path)


def _ignored_box(words: list[str], where: str) -> Box:
    message = f"{where}: got '# ignore {' '.join(words)}', expected '# ignore x y width height' in source pixels"
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise TranscriptionError(f"{message}; write four numbers") from error
    if len(values) != 4:
        raise TranscriptionError(f"{message}; write four numbers, not {len(values)}")
    if not (values[2] > 0 and values[3] > 0):
        raise TranscriptionError(f"{message}; width and height must be more than 0")
    return Box(*values)


def _numbers(cell: str, where: str) -> Iterator[str]:
    for word in cell.translate(_THIN_SPACES).split():
        if not _DIGITS.search(word):
            continue  # a word printed in the row, such as "Mean"
        if any(character.isalpha() for character in word):
            # Mostly an O or an l typed for a digit: letting it pass would change the score unseen.
            raise TranscriptionError(
                f"{where}: got '{word}', digits and letters in one, expected a number; type digits alone"
            )
        for part in re.split(f"[{_FRACTION_BARS}]", word):
            digits = "".join(_DIGITS.findall(part))
            if digits:
                yield digits
