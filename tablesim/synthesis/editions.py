"""Editions: a witness of a table in its book, and how its printer laid it out.

Authors, printers and titles are invented; places are real. A layout is drawn to suit its year: gothic letters before
1530, modern face and lining digits after 1780.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tablesim.errors import SettingsError
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.stemma import SimulatedEdition, Stemma
from tablesim.synthesis.tables import HistoricalTable

ROWS_ON_A_PAGE = 46
"""Longer tables are set in two half-tables beside each other."""
WIDE = 22
"""Tables with more places than this run along the long side of the leaf."""
ROMAN_UP_TO = 39
"""Arguments up to here may be set in Roman numerals."""

RULES = ("grid", "columns", "double", "open")
"""Lines between rows and columns; between columns; double between columns and at the frame; above and below only."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a title page tells: ``book`` is the identifier, the rest is text."""

    book: str
    author: str
    title: str
    printer: str
    place: str
    year: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How a printer set a table.

    Parameters
    ----------
    letters, digits : str
        Faces of the words and of the digits (keys of ``FACES``).
    heading : str
        Face of the table's title.
    digit_height : float
        Mean height of the digits in scan pixels.
    columns : tuple of str
        Names of the columns from left to right.
    halves : int
        1, or 2 for two half-tables beside each other.
    rules : str
        One of ``RULES``.
    place_rules : bool
        Thin rules between degrees and minutes.
    group : str
        How groups of rows are set off: "rule", "space" or "none".
    roman : str
        Name of the column set in Roman numerals; empty for none.
    title : int
        Which of the table's titles and heads.
    text_above, text_below : int
        Lines of running text around the table.
    leading : float
        From line to line, in heights of a digit.
    turn : int
        Clockwise degrees by which the finished scan lies turned: 0, 90, 180 or 270.
    wide : bool
        Whether the table runs along the long side of the leaf.
    """

    letters: str
    digits: str
    heading: str
    digit_height: float
    columns: tuple[str, ...]
    halves: int = 1
    rules: str = "columns"
    place_rules: bool = False
    group: str = "none"
    roman: str = ""
    title: int = 0
    text_above: int = 0
    text_below: int = 0
    leading: float = 1.6
    turn: int = 0
    wide: bool = False

    def __post_init__(self) -> None:
        for role, name in (("letters", self.letters), ("digits", self.digits), ("heading", self.heading)):
            if name not in FACES:
                raise SettingsError(f"Layout.{role}: got {name!r}, expected one of {', '.join(FACES)}")
        if FACES[self.digits].digits == "none":
            raise SettingsError(f"Layout.digits: {self.digits!r} has no digits; choose a face that has")
        if self.rules not in RULES:
            raise SettingsError(f"Layout.rules: got {self.rules!r}, expected one of {', '.join(RULES)}")
        if self.turn not in (0, 90, 180, 270):
            raise SettingsError(f"Layout.turn: got {self.turn}, expected 0, 90, 180 or 270")


@dataclass(frozen=True)
class Edition:
    """One witness of a table as it stands in a book: page ``page`` of that book, set by ``layout``."""

    witness: SimulatedEdition
    book: Book
    layout: Layout
    page: int

    @property
    def table(self) -> HistoricalTable:
        return self.witness.table

    @property
    def page_id(self) -> str:
        return f"{self.book.book}_p{self.page}"


_ROMANS = (
    ("garamond", "garamond"), ("garamond", "fell-english"), ("lindenhill", "lindenhill"), ("fanwood", "fell-dw-pica"),
    ("goudy", "fell-great-primer"), ("fell-english", "fell-english"), ("fell-dw-pica", "fell-dw-pica"),
    ("fell-great-primer", "fell-great-primer"), ("lindenhill", "fell-double-pica"), ("garamond", "libertine-old"),
    ("fell-english", "fell-dw-pica"), ("fanwood", "fanwood"),
)  # fmt: skip
_ITALICS = (
    ("garamond-italic", "garamond-italic"), ("lindenhill-italic", "fell-dw-pica-italic"),
    ("fell-great-primer-italic", "fell-great-primer-italic"), ("fanwood-italic", "fanwood-italic"),
    ("fell-dw-pica-italic", "lindenhill-italic"),
)  # fmt: skip
_GOTHICS = (("durandus", "zainer"), ("rusch", "zainer"), ("rusch", "ptolemy"), ("durandus", "garamond"))
_MODERNS = (("oldstandard", "oldstandard"), ("gfs-didot", "gfs-didot"), ("bodoni", "oldstandard"))


def draw_layout(table: HistoricalTable, year: int, rng: np.random.Generator) -> Layout:
    """A layout that a printer of that year could have chosen for a table."""
    if year >= 1780:
        letters, digits = _MODERNS[rng.integers(len(_MODERNS))]
        heading = letters
    elif year < 1530 and rng.random() < 0.6:
        letters, digits = _GOTHICS[rng.integers(len(_GOTHICS))]
        heading = letters
    elif rng.random() < 0.8:
        letters, digits = _ROMANS[rng.integers(len(_ROMANS))]
        heading = letters if rng.random() < 0.6 else "garamond-italic"
    else:
        letters, digits = _ITALICS[rng.integers(len(_ITALICS))]
        heading = "garamond"
    halves = 2 if len(table.rows) > ROWS_ON_A_PAGE else 1
    lines = -(-len(table.rows) // halves)
    places = sum(1.6 if column.words else column.places for column in table.columns) * halves
    # Short tables leave room for text; wide ones need small digits.
    wide = places > WIDE or bool(places > 12 and lines < 34 and rng.random() < 0.12)
    turn = int(rng.choice([90, 270])) if wide and year < 1780 else 0
    room = 0 if wide else max(0, 38 - lines)
    above = int(rng.integers(3, 9)) if room > 4 and rng.random() < 0.5 else 0
    below = int(rng.integers(3, 7)) if room - above > 4 and rng.random() < 0.3 else 0
    rules = str(rng.choice(RULES, p=[0.15, 0.5, 0.25, 0.1]))
    return Layout(
        letters=letters,
        digits=digits,
        heading=heading,
        digit_height=float(np.clip(rng.normal(17.0 - 0.16 * places, 0.8), 11.5, 18.0)),
        columns=_order(table, rng),
        halves=halves,
        rules=rules if rules != "grid" or (lines <= 34 and not wide) else "columns",
        place_rules=bool(rng.random() < 0.3),
        group=str(rng.choice(["rule", "space", "none"])) if table.group else "none",
        roman=_roman(table) if rng.random() < 0.15 else "",
        title=int(rng.integers(len(table.titles))),
        text_above=above,
        text_below=below,
        leading=float(rng.uniform(1.45, 1.75)),
        turn=turn,
        wide=wide,
    )


def _order(table: HistoricalTable, rng: np.random.Generator) -> tuple[str, ...]:
    """The columns from left to right: as computed, the argument at the end, or words moved to the other side."""
    names = [column.name for column in table.columns]
    words = [column.name for column in table.columns if column.words]
    kind = rng.random()
    if kind < 0.12 and table.columns[0].argument and not table.columns[-1].argument:
        return (*names[1:], names[0])
    if kind < 0.3 and words and names[-1] == words[-1]:
        return (names[-1], *names[:-1])
    return tuple(names)


def _roman(table: HistoricalTable) -> str:
    """The first argument column whose numbers are small enough for Roman numerals; empty where there is none."""
    for index, column in enumerate(table.columns):
        values = [row[index][0] for row in table.rows if row[index]]
        if column.argument and column.places == 1 and all(isinstance(v, int) and 0 < v <= ROMAN_UP_TO for v in values):
            return column.name
    return ""


_AUTHORS = (
    "Ioannes Lucidarius", "Petrus Coruinus", "Hieronymus Albanus", "Nicolaus Tectander", "Georgius Ripanus",
    "Franciscus Morellius", "Conradus Silvaticus", "Bartholomaeus Fontanus", "Ludovicus Aquensis", "Matthias Collinus",
    "Antonius Ferrerius", "Iacobus Lapicida", "Thomas Hibernicus Minor", "Sebastianus Vadimontanus",
)  # fmt: skip
_TITLES = (
    "Sphaera cum tabulis", "De sphaera mundi libellus", "Tabulae astronomicae", "Canones in tabulas primi mobilis",
    "Theoricae et tabulae", "Quaestiones sphaericae", "Elementa cosmographiae", "Compendium astrologicum",
    "Commentarius in sphaeram", "Rudimenta astronomica",
)  # fmt: skip
_PRINTERS = {
    "Venice": ("Heirs of Marco Lanterna", "Girolamo Selvatico"),
    "Paris": ("Guillaume Beaupré", "Widow of Jean Corbin"),
    "Lyon": ("Claude Rivoire", "Antoine Lacombe"),
    "Wittenberg": ("Hans Weidner", "Heirs of Peter Kranich"),
    "Basel": ("Heinrich Rebstock", "Johann Falkner"),
    "Cologne": ("Arnold Holthausen", "Gerwin Steinfeld"),
    "Antwerp": ("Jan van Hoeck", "Widow of Maarten Claes"),
    "Rome": ("Domenico Tassoni", "Paolo Rinaldeschi"),
    "Nuremberg": ("Kaspar Ohlsen", "Friedrich Lindner"),
    "Leiden": ("Pieter Wijngaert", "Cornelis Blom"),
    "Strasbourg": ("Martin Zellmayer", "Jakob Hagenau"),
    "Siena": ("Bernardino Calvelli", "Silvestro Monaldi"),
}


def draw_book(number: int, year: int, rng: np.random.Generator) -> Book:
    """An invented book of that year; ``number`` makes its identifier unique."""
    if year >= 1780:
        return Book(
            f"{number:04d}_observatory_{year}", "", "Hourly meteorological readings", "Neill", "Edinburgh", year
        )
    author = str(rng.choice(_AUTHORS))
    place = str(rng.choice(list(_PRINTERS)))
    title = str(rng.choice(_TITLES))
    short = author.split()[1].lower()
    return Book(f"{number:04d}_{short}_{year}", author, title, str(rng.choice(_PRINTERS[place])), place, year)


def draw_editions(stemma: Stemma, first_number: int, rng: np.random.Generator) -> list[Edition]:
    """Every witness of a stemma in a book and a layout of its own; books are numbered from ``first_number``."""
    editions = []
    for number, witness in enumerate(stemma.witnesses):
        book = draw_book(first_number + number, witness.year, rng)
        layout = draw_layout(witness.table, witness.year, rng)
        editions.append(Edition(witness, book, layout, int(rng.integers(12, 240))))
    return editions


def stemma_to_dict(stemma: Stemma, editions: list[Edition]) -> dict[str, Any]:
    """The copying history as plain values: the witnesses with their parents, pages and misprints."""
    pages = {edition.witness.name: edition.page_id for edition in editions}
    return {
        "table": stemma.table.label,
        "witnesses": [
            {
                "name": witness.name,
                "page": pages[witness.name],
                "year": witness.year,
                "parent": witness.parent,
                "parent_page": None if witness.parent is None else pages[witness.parent],
                "misprints": [misprint.to_dict() for misprint in witness.misprints],
            }
            for witness in stemma.witnesses
        ],
    }
