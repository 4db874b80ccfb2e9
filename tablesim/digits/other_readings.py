"""Tables that another program or a person read, as readings: beside ours in a collation, or instead of a scan.

| file | is |
|---|---|
| `.xml` | PAGE-XML or ALTO, of HTR and OCR programs and of their users |
| `.csv` | a line a number (`text,x,y,width,height`, perhaps `table,row,column` from 1, `confidence`), or else a grid |
| `.json` | what `tablesim read --json` prints of one page, or tables of DISHAS (`dishas_tables`) |
| `.jsonl` | an object a line: `text`; `x,y,width,height`, `box` (left, top, right, bottom), or `row`, `column` from 0 |
| `.txt` | a transcription, as `tablesim evaluate --help` says |

Only figures count, as in a reading of ours. What has no boxes gets some in even steps: the places say nothing then.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tablesim.digits.dishas_tables import dishas_tables, dishas_words
from tablesim.digits.evaluation.transcription import read_transcription
from tablesim.digits.numbers_of_words import numbers_of_words, reading_of_numbers
from tablesim.errors import MetadataError, TranscriptionError
from tablesim.files import refuse_special
from tablesim.language import stored
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.scans.encodings import decode_text
from tablesim.scans.word_files import MAX_BYTES, PrintedWord, WordsOfPage, read_words

SUFFIXES = (".xml", ".csv", ".json", ".jsonl", ".txt")
"""Endings of files that are readings and no scans."""

_SIDES = ("x", "y", "width", "height")
_STEP_X, _STEP_Y, _SIZE = 120.0, 40.0, 20.0
"""Pixels between cells, and height of a figure, of what has no boxes: any page is like this one."""


_SENSELESS = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What comes of values that are of another kind than they should be."""


def is_other_reading(path: str | Path) -> bool:
    """Whether a path names a file of numbers, by its ending, and is there."""
    return Path(path).suffix.lower() in SUFFIXES and Path(path).is_file()


def reading_from_file(path: str | Path) -> Reading:
    """The numbers of a page that another program or a person read, as a reading that collation takes.

    Parameters
    ----------
    path : path
        PAGE-XML, ALTO, CSV, JSON, JSON lines or a transcription, by its ending.

    Returns
    -------
    Reading
        ``confidence`` is what the file says, 1 where it says nothing; ``note`` names the file.

    Raises
    ------
    TranscriptionError
        The file is missing, too large, of another kind, or cannot be understood.

    Examples
    --------
    >>> reading = reading_from_file("data/sample/truth/1006_tectander_1576_p91.txt")
    >>> len(reading.numbers), reading.numbers[0].text
    (249, '0')
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TranscriptionError(f"{path}: got a file {suffix or 'without ending'}, expected {', '.join(SUFFIXES)}")
    try:
        refuse_special(path)
        if path.stat().st_size > MAX_BYTES:
            raise TranscriptionError(f"{path}: larger than {MAX_BYTES:,} bytes; expected the numbers of one page")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if suffix == ".json":
            data = json.loads(path.read_text(encoding="utf-8-sig"))
            tables = dishas_tables(data)
            if not tables:
                return _of_json(path, data)
            words = _page_of([_word(cell) for cell in _cells_of_dishas(tables)])
        else:
            words = {".xml": read_words, ".csv": _of_csv, ".jsonl": _of_lines, ".txt": _of_transcription}[suffix](path)
        numbers = numbers_of_words(words.words)
    except (OSError, MetadataError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise TranscriptionError(f"{path}: cannot be read ({reason}); check the path") from error
    except (*_SENSELESS, csv.Error) as error:
        if isinstance(error, TranscriptionError):
            raise
        raise TranscriptionError(f"{path}: cannot be understood ({error!r}); expected numbers of one page") from error
    if not numbers:
        raise TranscriptionError(f"{path}: no number is in it; expected the numbers of one page")
    note = stored("as {file} has it, not read by tablesim", file=path.name)
    return reading_of_numbers(
        numbers, (words.width, words.height), scan=str(path), page=path.stem, sha256=sha256, note=note
    )


def _of_json(path: Path, data: Any) -> Reading:
    pages = data if isinstance(data, list) else [data]
    if len(pages) != 1:
        raise TranscriptionError(f"{path}: got {len(pages)} pages, expected one; write a file for each page")
    return Reading.from_dict(pages[0])


def _cells_of_dishas(tables: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each cell once: the tables of a page share their argument."""
    cells = {cell: (text, sure) for text, sure, cell in dishas_words(tables)}
    for (table, row, column), (text, sure) in cells.items():
        yield {"text": text, "confidence": sure, "table": table, "row": row, "column": column}


def _of_lines(path: Path) -> WordsOfPage:
    items = [json.loads(line) for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    return _page_of([_word(item) for item in items])


def _word(item: dict[str, Any]) -> PrintedWord:
    """A word of a JSON object or of a line of CSV."""
    row, column = item.get("row"), item.get("column")
    cell = None
    if row not in (None, "") and column not in (None, ""):
        cell = (int(item.get("table") or 0), int(str(row)), int(str(column)))
    if "box" in item:
        left, top, right, bottom = (float(side) for side in item["box"])
        box = Box(left, top, right - left, bottom - top)
    elif all(item.get(side) not in (None, "") for side in _SIDES):
        box = Box(*(float(item[side]) for side in _SIDES))
    elif cell is not None:
        box = _box_of(cell[1], cell[2], str(item["text"]))
    else:
        raise ValueError(f"{item.get('text')!r} has neither a box nor row and column")
    if not (box.width > 0 and box.height > 0 and abs(box.x) + abs(box.y) + box.width + box.height < 1e7):
        raise ValueError(f"{item.get('text')!r} has a box that cannot be meant")
    confidence = item.get("confidence")
    return PrintedWord(str(item["text"]), box, float(confidence) if confidence not in (None, "") else None, cell)


def _box_of(row: int, column: int, text: str) -> Box:
    return Box(_STEP_X * column, _STEP_Y * row, _SIZE * 0.6 * max(len(text), 1), _SIZE)


def _page_of(words: Sequence[PrintedWord]) -> WordsOfPage:
    width = max((word.box.x + word.box.width for word in words), default=1)
    height = max((word.box.y + word.box.height for word in words), default=1)
    return WordsOfPage(int(width) + 1, int(height) + 1, tuple(words))


def _of_csv(path: Path) -> WordsOfPage:
    text, _, _ = decode_text(path)
    head = text.split("\n", 1)[0]
    separator = max((",", ";", "\t", "|"), key=head.count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=separator)]
    names = [name.lower() for name in rows[0]] if rows else []
    if "text" in names and {*_SIDES, "row"} & set(names):
        lines = [dict(zip(names, row, strict=False)) for row in rows[1:] if any(row)]
        return _page_of([_word(_from_one(line)) for line in lines])
    return _page_of(list(_grid(rows)))


def _from_one(line: dict[str, str]) -> dict[str, Any]:
    """A line of CSV, whose cells count from 1, as JSON has it."""
    cell = {name: int(line[name]) - 1 for name in ("table", "row", "column") if line.get(name)}
    return {**{name: value for name, value in line.items() if name not in ("table", "row", "column")}, **cell}


def _grid(rows: Sequence[Sequence[str]]) -> Iterator[PrintedWord]:
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            if text:
                yield PrintedWord(text, _box_of(row, column, text), None, (0, row, column))


def _of_transcription(path: Path) -> WordsOfPage:
    """The columns of the halves of each row beside each other."""
    rows = read_transcription(path).rows
    widths: list[int] = []
    for row in rows:
        for half, columns in enumerate(row.halves):
            widths += [0] * (half + 1 - len(widths))
            widths[half] = max(widths[half], len(columns))
    words = []
    for index, row in enumerate(rows):
        for half, columns in enumerate(row.halves):
            for column, numbers in enumerate(columns):
                at = sum(widths[:half]) + column
                text = " ".join(numbers)
                if text:
                    words.append(PrintedWord(text, _box_of(index, at, text), None, (0, index, at)))
    return _page_of(words)
