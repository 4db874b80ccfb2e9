"""Workbooks in one style: cells that hold numbers and show what is printed, doubt as colour and comment, a legend.

Every sheet of every workbook is written through ``write_number``, ``write_text`` and ``write_list``. A cell holds the
value that is meant, and its number format puts back the marks that are printed, so that sums work on what is seen.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import MissingExtraError
from tablesim.export.number_formats import number_format, printed_form
from tablesim.records.marks import BAR, DITTO
from tablesim.records.number_values import Value
from tablesim.records.reading import ILLEGIBLE, REPEATS, Number
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.csvfile import safe_cell

SURE = 0.9
"""Least confidence of a number that is not coloured as doubtful; as ``tablesim read`` has it."""

UNLIKELY = 0.5
"""Below this confidence a number is rather wrong than right."""

MOST_DIGITS = 15
"""Digits that the numbers of a spreadsheet hold; a longer one is written as text."""

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""What a sheet of XLSX can hold."""

MAX_FORMATS = 150
"""Number formats of one workbook: Excel promises 200 and needs some itself. What comes later shows plain values."""

PICTURE_QUALITY = 70
"""JPEG quality of pictures of words: some 3 kB each."""

SHOWN_DIGIT = 13.0
"""Height in pixels of the digits of a sheet, to which pictures are scaled: those of its own font (11 point)."""

UNFIT_IN_TITLES = "[]:*?/\\"
"""Signs that the title of a sheet may not have."""

MAX_WIDTH = 60.0
"""Width of a column at most, in digits; longer text runs on."""

_LONGEST_TEXT = 32_767


@dataclass(frozen=True, slots=True)
class Mark:
    """How a cell is marked: its colour (ARGB), whether its text is italic, and what that means."""

    colour: str
    meaning: str
    italic: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How text stands in a cell: bold, italic, on the right, small and grey, over several lines."""

    bold: bool = False
    italic: bool = False
    right: bool = False
    small: bool = False
    wrap: bool = False


MARKS = {
    "doubtful": Mark("FFFFF2CC", f"doubtful: right with a probability below {SURE:g}, or something speaks against it"),
    "unlikely": Mark("FFF8CBAD", f"rather wrong than right: probability below {UNLIKELY:g}"),
    "illegible": Mark("FFD9D9D9", f"a digit that cannot be read is {ILLEGIBLE}"),
    "undecided": Mark("FFDDEBF7", "as printed: the page leaves open what a mark in it means"),
    "repeats": Mark("FFF2F2F2", f"{DITTO} is printed; the cell holds the number that it repeats", italic=True),
    "corrected": Mark("FFE2EFDA", "corrected by a person"),
    "emended": Mark("FFE4DFEC", "as printed; a person says what should stand there: see the comment"),
    "differs": Mark("FFF4C7C3", "the witnesses differ"),
    "missing": Mark("FFFCE8B2", "a witness that has this row and this column has no number here"),
}
"""Every mark by name. Colours are pale, so that figures stay legible, and differ in lightness for those who do not see
them; a comment says the same in words."""


def new_workbook(what: str) -> Any:
    """An empty workbook of openpyxl without sheets; MissingExtraError, naming ``what``, without openpyxl."""
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise MissingExtraError(what, "xlsx") from error
    book = Workbook()
    book.remove(book.active)
    return book


def add_sheet(book: Any, title: str) -> Any:
    """A new sheet; its title is made one that spreadsheets take: 31 signs, none of ``UNFIT_IN_TITLES``, none twice."""
    plain = cell_text("".join("_" if sign in UNFIT_IN_TITLES else sign for sign in title)).strip("'") or "sheet"
    taken = {name.casefold() for name in book.sheetnames}
    numbered = (f"{plain[: 31 - len(f' {n}')]} {n}" for n in count(2))
    name = plain[:31]
    while name.casefold() in taken:
        name = next(numbered)
    return book.create_sheet(name)


def mark_of(number: Number) -> str | None:
    """The mark of a number's cell by what is known of it alone; None where nothing speaks against it."""
    doubts = [doubt for doubt in number.doubts if doubt != REPEATS]
    if number.emendation:
        return "emended"
    if ILLEGIBLE in number.digits_text:
        return "illegible"
    if number.confidence < UNLIKELY:
        return "unlikely"
    if number.confidence < SURE or doubts:
        return "doubtful"
    if number.value is None and number.text != number.digits_text:
        return "undecided"
    return "repeats" if number.repeats else None


def write_number(
    place: Any, number: Number, *, value: Value | None = None, mark: str | None = None, comment: str = ""
) -> str | None:
    """Write a number into a cell: the value that is meant, shown as it is printed.

    Parameters
    ----------
    place : openpyxl cell
    number : Number
        One without a value is written as text, as printed.
    value : int, Decimal or Fraction, optional
        Stands for the number's own: that of a mixed number in the cell of its whole.
    mark : str, optional
        A name in ``MARKS``; by ``mark_of`` when left out.
    comment : str
        What the comment of the cell says; none where it is empty.

    Returns
    -------
    str or None
        The mark that the cell got.
    """
    meant = number.value if value is None else value
    chosen = mark_of(number) if mark is None else mark
    if meant is None or len(number.digits) > MOST_DIGITS or _is_sexagesimal(number.text, meant):
        write_text(place, number.printed)
    else:
        place.value = float(meant) if isinstance(meant, Fraction | Decimal) else meant
        form = f'"{DITTO}"' if number.repeats else number_format(number.text, meant)
        if number.repeats:
            # Only as long as the cell holds what was repeated: a number that somebody writes over it is seen.
            form = f"[={place.value!r}]{form};General"
        _set_format(place, form)
    _style(place, chosen, Look(right=True))
    if comment:
        write_comment(place, comment)
    return chosen


def write_text(place: Any, text: str, look: Look | None = None, mark: str | None = None) -> None:
    """Write text into a cell: what begins like a formula gets an apostrophe, and nothing is taken for a formula."""
    place.value = cell_text(str(safe_cell(text)))
    place.data_type = "s"
    _style(place, mark, look or Look())


def write_comment(place: Any, text: str) -> None:
    """A comment that pops up at the cell, large enough for its text."""
    from openpyxl.comments import Comment

    whole = cell_text(text)
    lines = sum(1 + len(line) // 42 for line in whole.splitlines())
    place.comment = Comment(whole, SOFTWARE, height=24 + 18 * lines, width=300)


def picture_image(picture: NDArray[np.uint8], scale: float) -> Any:
    """A picture of shape (height, width, 3) for a sheet, shown at so many of its pixels a pixel of the sheet."""
    from openpyxl.drawing.image import Image
    from PIL import Image as Pixels

    stream = io.BytesIO()
    Pixels.fromarray(picture).save(stream, "JPEG", quality=PICTURE_QUALITY)
    image = Image(stream)
    image.width, image.height = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return image


def place_picture(sheet: Any, image: Any, row: int, column: int, right: int = 0, down: int = 0) -> None:
    """Put a picture over a sheet, its corner so many pixels right of that of a cell, and down."""
    from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
    from openpyxl.drawing.xdr import XDRPositiveSize2D
    from openpyxl.utils.units import pixels_to_EMU

    corner = AnchorMarker(column - 1, pixels_to_EMU(right), row - 1, pixels_to_EMU(down))
    size = XDRPositiveSize2D(pixels_to_EMU(image.width), pixels_to_EMU(image.height))
    image.anchor = OneCellAnchor(_from=corner, ext=size)
    sheet.add_image(image)


def write_legend(sheet: Any, row: int, column: int, names: Iterable[str]) -> int:
    """Below each other the colours that were used and what they mean, from a cell on; the row after the last."""
    used = [name for name in MARKS if name in set(names)]
    for at, name in enumerate(used, row):
        write_text(sheet.cell(at, column), DITTO if name == "repeats" else "", mark=name)
        write_text(sheet.cell(at, column + 1), MARKS[name].meaning, Look(small=True))
    return row + len(used)


def write_list(sheet: Any, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A line a row under bold names of columns that stay in sight, with filters and columns as wide as their text."""
    from openpyxl.utils import get_column_letter

    widths = [len(name) for name in columns]
    for at, name in enumerate(columns, 1):
        write_text(sheet.cell(1, at), name, Look(bold=True))
    n_rows = 1
    for n_rows, row in enumerate(rows, 2):
        for at, name in enumerate(columns):
            value = row.get(name)
            place = sheet.cell(n_rows, at + 1)
            if isinstance(value, Number):
                write_number(place, value)
                widths[at] = max(widths[at], len(printed_form(value)))
            elif isinstance(value, int | float | Decimal | Fraction) and not isinstance(value, bool):
                place.value = float(value) if isinstance(value, Fraction) else value
            elif value is not None:
                write_text(place, str(value))
                widths[at] = max(widths[at], len(str(value)))
    for at, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(at)].width = min(width + 2.0, MAX_WIDTH)
    sheet.freeze_panes = "A2"
    if n_rows > 1:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{n_rows}"


def write_about(sheet: Any, pairs: Iterable[tuple[str, Any]], provenance: Provenance) -> None:
    """What a workbook is of, then software, network, settings, scans and the citation: a name and a value a row."""
    facts = provenance.to_dict()
    every = [*pairs, *((name, facts[name]) for name in ("software", "version", "network", "created", "citation"))]
    every.append(("settings", provenance.settings_text))
    every += [(f"SHA-256 of {page.page}", page.sha256) for page in provenance.pages]
    for at, (name, value) in enumerate(every, 1):
        write_text(sheet.cell(at, 1), name, Look(bold=True))
        if isinstance(value, int | float):
            sheet.cell(at, 2).value = value
        else:
            write_text(sheet.cell(at, 2), str(value), Look(wrap=True))
    sheet.column_dimensions["A"].width = min(2.0 + max(len(name) for name, _ in every), MAX_WIDTH)
    sheet.column_dimensions["B"].width = 100


def workbook_bytes(book: Any, provenance: Provenance) -> bytes:
    """The workbook as a file, with the software and the citation among its properties."""
    book.properties.creator = f"{SOFTWARE} {provenance.version}"
    book.properties.description = cell_text(provenance.citation)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def cell_text(text: str) -> str:
    """What a workbook can hold: no control characters, no halves of surrogates, at most 32,767 characters."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    whole = text.encode("utf-8", errors="replace").decode()
    return str(ILLEGAL_CHARACTERS_RE.sub("\ufffd", whole))[:_LONGEST_TEXT]


def _is_sexagesimal(text: str, value: Value) -> bool:
    """Whether degrees and minutes stand in one number, which no number format can show: ``39\u00b71``."""
    return isinstance(value, Fraction) and BAR not in text


def _set_format(place: Any, form: str) -> None:
    known = place.parent.parent._number_formats
    if form != "General" and (form in known or len(known) < MAX_FORMATS):
        place.number_format = form


def _style(place: Any, name: str | None, look: Look) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill

    mark = MARKS[name] if name is not None else None
    if mark is not None:
        place.fill = PatternFill("solid", fgColor=mark.colour)
    italic = look.italic or (mark is not None and mark.italic)
    if look.bold or look.small or italic:
        size, colour = (9, "FF595959") if look.small else (11, None)
        place.font = Font(bold=look.bold, italic=italic, size=size, color=colour)
    if look.right or look.wrap:
        horizontal, vertical = "right" if look.right else None, "top" if look.wrap else "bottom"
        place.alignment = Alignment(horizontal=horizontal, vertical=vertical, wrap_text=look.wrap)
