"""Reads annotations of numbers on scans, in the formats in which they are published.

Three kinds of CSV are distinguished by their columns:

- **digits**: a line a digit, ``xywh`` its box and ``element_label`` its value with its position in the number: ``^d``
  first, ``d`` middle, ``d$`` last, ``^d$`` alone (``digit_page_annotations.csv`` of the Sphaera corpus);
- **numbers**: a line a number, ``xywh`` its box and ``element_label`` or ``number`` its value; ``NaN`` says that no
  number is there (``numerical_patches.csv``, ``contrast_patches.csv``);
- **corrections** of a run (`tablesim.digits.corrections`).

PAGE-XML and ALTO of HTR and OCR programs are taken too, a file or a folder (`ground_truth`).

A page is found by its file name, also where the column gives an address. Nothing is fetched. What cannot be used is
left out and counted by its reason, and its box is left out of loss and measures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tablesim.digits.corrections import holding, read_corrections
from tablesim.digits.evaluation.alignment import nearest_first
from tablesim.digits.training.ground_truth import fits_digits, number_in, xml_files
from tablesim.errors import MetadataError, TranscriptionError
from tablesim.records.boxes import Box
from tablesim.records.counting import counted
from tablesim.records.reading import ILLEGIBLE
from tablesim.scans.csvfile import CsvFile, read_csv, shortlist
from tablesim.scans.metadata import find_column, page_key, without_ending
from tablesim.scans.word_files import PrintedWord, read_words

PAGE_COLUMNS = ("page_id_", "page_id", "page", "page_url")
"""Columns that name the page, the first that the file has."""

SMALLEST_BOX = 3.0
"""Boxes with a shorter side, in pixels, are taken for slips of the mouse."""

NARROWEST, WIDEST = 0.25, 2.0
"""Bounds of the width of a digit over the height of its box: outside, box and label do not belong together. A 1 alone
may be half as narrow."""

FARTHEST = 1.7
"""Greatest distance of the middles of a digit and the next of its number, in digit heights."""

TWICE = 0.6
"""Two boxes that share this much (intersection over union) annotate one thing."""

_PLACED = re.compile(r"(?P<first>\^?)(?P<value>\d)(?P<last>\$?)")
_BOOK_WITH_ID = re.compile(r"(?P<id>\d+)_.*\d{4}.*")
_PAGE_ENDING = re.compile(r"[\W_]*(?:p|pg|page|f|fol|s|seite)?[\W_]*\d+[rv]?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A number that a person annotated.

    Parameters
    ----------
    page, book : str
        Page id (the scan's name without its ending), and what all pages of one book share.
    text : str
        As printed; ``?`` for an illegible digit; empty where no number is.
    box : Box
        Around the number, in source pixels.
    digits : tuple of Box
        Around each of its digits, where the file has them; empty where it has the number's box alone.
    """

    page: str
    book: str
    text: str
    box: Box
    digits: tuple[Box, ...] = ()

    @property
    def digits_text(self) -> str:
        """The digits of ``text`` alone."""
        return "".join(sign for sign in self.text if sign.isdigit() or sign == ILLEGIBLE)


@dataclass
class Annotations:
    """The annotations of some files, and what of them was left out.

    Parameters
    ----------
    numbers : list of Annotation
    unasked : dict of str to list of Box
        By page: boxes whose content cannot be used.
    left_out : dict of str to list of str
        By reason: page and label of each line that is not used.
    lines : dict of str to list of PrintedWord
        By page: lines of several words, which are cut where the scan is at hand.
    described : dict of str to (str, int, int)
        By page: the stem of the file that describes it, and the size that its image has by it, 1 where it says none.
    """

    numbers: list[Annotation] = field(default_factory=list)
    unasked: dict[str, list[Box]] = field(default_factory=lambda: defaultdict(list))
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, list[PrintedWord]] = field(default_factory=lambda: defaultdict(list))
    described: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def add_word(self, page: str, text: str, box: Box) -> None:
        """Take a word of a page that was transcribed: its number, or a box in which nothing is asked for."""
        number = number_in(text)
        if number is None:
            self.unasked[page].append(box)
        elif min(box.width, box.height) < SMALLEST_BOX or not fits_digits(box, number):
            self.leave_out("the box does not fit so many digits", page, text, box)
        else:
            self.numbers.append(Annotation(page, book_of(page), number, box))

    def leave_out(self, reason: str, page: str, label: str, box: Box | None = None) -> None:
        """Count a line that is not used; within its ``box`` nothing will be asked for."""
        self.left_out[reason].append(f"{page} {label}".strip())
        if box is not None:
            self.unasked[page].append(box)

    def summary(self) -> list[str]:
        """What is used and what is not, a sentence each."""
        pages, books = {n.page for n in self.numbers}, {n.book for n in self.numbers}
        n_digits = sum(len(n.digits_text) for n in self.numbers)
        used = f"{len(self.numbers)} numbers with {n_digits} digits on {len(pages)} pages of {len(books)} books"
        n_lines = sum(map(len, self.lines.values()))
        to_cut = f", and {counted(n_lines, 'line')} of several words, to be cut on {counted(len(self.lines), 'page')}"
        return [
            used + to_cut * bool(n_lines),
            *(f"left out, {reason}: {len(lines)} ({shortlist(lines, 3)})" for reason, lines in self.left_out.items()),
        ]


def read_annotations(paths: str | Path | Iterable[str | Path]) -> Annotations:
    """Everything that can be used of one file or several, each of any kind.

    Raises
    ------
    MetadataError
        A file is no CSV, is of no kind that is known, or holds nothing that can be used.
    TranscriptionError
        A file named outright ends in .xml and is neither PAGE-XML nor ALTO.
    """
    annotations = Annotations()
    for path in [paths] if isinstance(paths, str | Path) else paths:
        before = len(annotations.numbers), len(annotations.lines)
        _read_path(Path(path), annotations)
        if (len(annotations.numbers), len(annotations.lines)) == before:
            raise MetadataError(f"{path}: nothing in it can be used ({'; '.join(annotations.summary()[1:])})")
    annotations.numbers = _once(annotations)
    return annotations


def book_of(name: str) -> str:
    """What all pages of one book share, from the name of a page or of a book.

    ``1746_clavius_sphaera_1593_p283`` and ``1746_clavius_1593`` are book ``1746``: the catalogue number holds where a
    name has one, for the rest of it is spelt in more than one way. Of other names the page number at the end falls away
    (``almanach-12r``: ``almanach``); a name that is nothing but a number is a book of its own.
    """
    numbered = _BOOK_WITH_ID.fullmatch(name)
    if numbered:
        return numbered["id"]
    return _PAGE_ENDING.sub("", name) or name


def _read_path(path: Path, annotations: Annotations) -> None:
    if path.is_dir():
        for file in xml_files(path):
            try:
                _read_xml(file, annotations)
            except TranscriptionError as error:
                # A folder holds other files too, such as the list of a book's pages.
                annotations.leave_out("neither PAGE-XML nor ALTO, or damaged", file.name, str(error)[:200])
    elif path.suffix.lower() == ".xml":
        _read_xml(path, annotations)
    else:
        _read_file(path, annotations)


def _read_xml(path: Path, annotations: Annotations) -> None:
    words = read_words(path)
    page = without_ending(words.image) or path.stem
    annotations.described[page] = (path.stem, words.width, words.height)
    for word in words.words:
        if len(word.text.split()) > 1:
            annotations.lines[page].append(word)
        else:
            annotations.add_word(page, word.text.strip(), word.box)


def _read_file(path: Path, annotations: Annotations) -> None:
    file = read_csv(path, known=("xywh", "element_label", *PAGE_COLUMNS, "correct"))
    names = {column.casefold() for column in file.columns}
    if "correct" in names:
        corrections = holding(read_corrections(path))
        annotations.numbers += [Annotation(c.page, book_of(c.page), c.correct, c.box) for c in corrections]
        return
    page, box = find_column(file, PAGE_COLUMNS), find_column(file, ("xywh",))
    label = find_column(file, ("element_label", "number"))
    if page is None or box is None or label is None:
        raise MetadataError(
            f"{path}: found the columns {shortlist(file.columns)}; expected annotations with the columns page_id, xywh "
            "and element_label or number, or corrections with page, x, y, width, height and correct"
        )
    placed = any("^" in row[label] or "$" in row[label] for row in file.rows)
    by_page: dict[str, list[_AnnotatedDigit]] = defaultdict(list)
    for row in file.rows:
        line = _line(file, row, (page, box, label), annotations)
        if line is None:
            continue
        if placed:
            _add_digit(line, annotations, by_page)
        else:
            _add_number(line, annotations)
    for digits in by_page.values():
        _add_chains(digits, annotations)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file: its page, book, label and box; ``value`` is what the column ``number`` says, if it does."""

    page: str
    book: str
    label: str
    value: str
    box: Box

    def leave_out(self, reason: str, annotations: Annotations) -> None:
        annotations.leave_out(reason, self.page, self.label, self.box)


@dataclass(frozen=True, slots=True)
class _AnnotatedDigit:
    """An annotated digit: its line, its value, and whether its number begins and ends with it."""

    line: _Line
    value: str
    first: bool
    last: bool


def _line(file: CsvFile, row: dict[str, str], columns: tuple[str, str, str], annotations: Annotations) -> _Line | None:
    page, label = without_ending(page_key(row[columns[0]])), row[columns[2]]
    sides = [float(value) for value in re.findall(r"-?\d+(?:\.\d+)?", row[columns[1]])]
    if not page:
        annotations.leave_out("no page is named", "", label)
        return None
    if len(sides) != 4 or len(row[columns[1]]) > 100:
        annotations.leave_out("xywh is not four numbers", page, label)
        return None
    written = find_column(file, ("book",))
    book = book_of(row[written]) if written and row[written] else book_of(page)
    number = find_column(file, ("number",))
    line = _Line(page, book, label, row[number] if number else "", Box(*sides))
    if min(line.box.width, line.box.height) < SMALLEST_BOX:
        x, y = line.box.centre
        # A click instead of a box: its position is known, its size is not.
        around = Box(x - 4 * SMALLEST_BOX, y - 4 * SMALLEST_BOX, 8 * SMALLEST_BOX, 8 * SMALLEST_BOX)
        annotations.leave_out(f"the box is smaller than {SMALLEST_BOX:g} pixels", page, label, around)
        return None
    return line


def _add_number(line: _Line, annotations: Annotations) -> None:
    if line.label.casefold() == "nan":
        annotations.numbers.append(Annotation(line.page, line.book, "", line.box))
    elif not re.fullmatch(r"[0-9]{1,40}", line.label):
        line.leave_out("the label is no number", annotations)
    elif not _agrees(line, line.label):
        line.leave_out("element_label and number differ", annotations)
    elif not NARROWEST <= line.box.width / len(line.label) / line.box.height <= WIDEST:
        line.leave_out("the box does not fit so many digits", annotations)
    else:
        annotations.numbers.append(Annotation(line.page, line.book, line.label, line.box))


def _add_digit(line: _Line, annotations: Annotations, by_page: dict[str, list[_AnnotatedDigit]]) -> None:
    placed = _PLACED.fullmatch(line.label)
    if not placed:
        line.leave_out("the label is not ^d, d, d$ or ^d$", annotations)
    elif not _agrees(line, placed["value"]):
        line.leave_out("element_label and number differ", annotations)
    elif not NARROWEST * (0.5 if placed["value"] == "1" else 1.0) <= line.box.width / line.box.height <= WIDEST:
        line.leave_out("the box does not fit a digit", annotations)
    else:
        by_page[line.page].append(_AnnotatedDigit(line, placed["value"], bool(placed["first"]), bool(placed["last"])))


def _agrees(line: _Line, label: str) -> bool:
    try:
        return not line.value or float(line.value) == int(label)
    except ValueError:
        return False


def _add_chains(digits: Sequence[_AnnotatedDigit], annotations: Annotations) -> None:
    """Join the digits of one page to numbers: from each first one to the right until a last one."""
    after = _followers(digits)
    used: set[int] = set()
    for start in (k for k, digit in enumerate(digits) if digit.first):
        run = [start]
        while not digits[run[-1]].last and run[-1] in after:
            run.append(after[run[-1]])
        if digits[run[-1]].last:
            used.update(run)
            chain = [digits[k] for k in run]
            boxes = tuple(digit.line.box for digit in chain)
            text = "".join(digit.value for digit in chain)
            line = chain[0].line
            annotations.numbers.append(Annotation(line.page, line.book, text, Box.around(boxes), boxes))
    for k, digit in enumerate(digits):
        if k not in used:
            digit.line.leave_out("its number has no beginning or no end", annotations)


def _followers(digits: Sequence[_AnnotatedDigit]) -> dict[int, int]:
    """For each digit that is not the last of its number the next to its right, each taken once, the nearest first."""
    middles = np.array([digit.line.box.centre for digit in digits])
    height = float(np.median([digit.line.box.height for digit in digits]))
    pairs = []
    for k, digit in enumerate(digits):
        if digit.last:
            continue
        across, down = (middles - middles[k]).T
        near = (across > 0.1 * height) & (across < FARTHEST * height) & (np.abs(down) < 0.6 * height)
        followers = [int(j) for j in np.flatnonzero(near) if not digits[int(j)].first]
        pairs += [(float(across[j] + 2 * abs(down[j])), k, j) for j in followers]
    return nearest_first(pairs)


def _once(annotations: Annotations) -> list[Annotation]:
    """Each number once: of two at one position the one with boxes for its digits; none where they contradict."""
    by_page: dict[str, list[Annotation]] = defaultdict(list)
    for number in annotations.numbers:
        by_page[number.page].append(number)
    kept: list[Annotation] = []
    for page, numbers in by_page.items():
        numbers.sort(key=lambda n: (not n.digits, n.box.y, n.box.x, n.text))
        gone: set[int] = set()
        for k, number in enumerate(numbers):
            for j in range(k):
                if j in gone or numbers[j].box.overlap(number.box) < TWICE:
                    continue
                gone.add(k)
                if numbers[j].digits_text == number.digits_text:
                    annotations.leave_out("annotated twice", page, number.text)
                else:
                    gone.add(j)
                    annotations.leave_out(
                        "two annotations contradict", page, f"{numbers[j].text}/{number.text}", number.box
                    )
                break
        kept += [number for k, number in enumerate(numbers) if k not in gone]
    return kept
