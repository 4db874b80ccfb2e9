"""A collation as one page to read and to print: the table, and for every difference what each scan shows.

The page is one file that needs nothing else: pictures and style stand in it, and it asks for nothing from anywhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from tablesim.evidence.collation.cutouts import Cutter, Picture, cutouts
from tablesim.evidence.collation.verification import WitnessPair, witness_pairs
from tablesim.export.provenance import Provenance
from tablesim.records.collation import AGREES, DIFFERS, Cell, CellReading, Collation

MOST_SHOWN = 500
"""So many differences are shown with their cut-outs, and as many places that are missing or illegible: about 10 kB
each for two witnesses. The table has them all."""

MOST_PAIRED = 5
"""Every two of so many witnesses are set beside each other in words: ten lines."""

QUALITY = 80
"""Of the cut-outs, which are WebP."""


@dataclass(frozen=True)
class Shown:
    """What one witness has at a place.

    Parameters
    ----------
    siglum : str
        Which witness.
    has : bool
        Whether it has the row and the column.
    figures : tuple of (str, bool)
        Its figures, and whether another witness has another one there; empty where nothing was read.
    reading : CellReading or None
        With confidence, runner-up and page.
    picture : str
        Its cut-out as a data URI; empty where there is none.
    width, height : int
        Of the cut-out in pixels.
    """

    siglum: str
    has: bool
    figures: tuple[tuple[str, bool], ...]
    reading: CellReading | None
    picture: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class ApparatusEntry:
    """A place with all its witnesses: ``anchor`` names it within the page, ``place`` says where it is."""

    cell: Cell
    anchor: str
    place: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class PrintedGrid:
    """A part of the collation as a table: the heads of its columns, and its rows with their heads."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


@dataclass(frozen=True)
class CollationPage:
    """What the template shows.

    Parameters
    ----------
    collation, provenance : Collation, Provenance
        As given.
    differences, unsettled : tuple of Entry
        Places that differ, and places that are missing or illegible, ``MOST_SHOWN`` of each at most.
    grids : tuple of Grid
        The collation, part by part.
    problems : tuple of str
        Why scans could not be opened.
    pairs : tuple of WitnessPair
        How alike every two witnesses are; empty where there are too many to read.
    """

    collation: Collation
    provenance: Provenance
    differences: tuple[ApparatusEntry, ...]
    unsettled: tuple[ApparatusEntry, ...]
    grids: tuple[PrintedGrid, ...]
    problems: tuple[str, ...]
    pairs: tuple[WitnessPair, ...]

    @property
    def n_differences(self) -> int:
        return self.collation.summary[DIFFERS]

    @property
    def n_doubtful(self) -> int:
        return sum(cell.doubtful for cell in self.collation.differences)

    @property
    def n_unsettled(self) -> int:
        return len(self.collation.cells) - self.collation.summary[AGREES] - self.n_differences

    @property
    def turned(self) -> list[str]:
        """The witnesses whose rows stand here as columns."""
        return [s for s, flag in zip(self.collation.sigla, self.collation.transposed, strict=True) if flag]

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The places that are shown with their cut-outs."""
        return frozenset(entry.anchor for entry in (*self.differences, *self.unsettled))

    def anchor(self, cell: Cell) -> str:
        return anchor(cell)

    def has(self, cell: Cell) -> list[bool]:
        """For each witness whether it has the row and the column of a place."""
        return has(self.collation, cell)


def collation_page(collation: Collation, provenance: Provenance, cutter: Cutter | None = None) -> str:
    """The collation as an HTML page.

    Parameters
    ----------
    collation : Collation
        What was collated; its scans are opened for the cut-outs. One that has gone leaves the figures as read, and
        the page says so.
    provenance : Provenance
        Software, network and scans, with the citation.
    cutter : Cutter, optional
        Opens the scans; the collation's own when left out.

    Returns
    -------
    str
        A whole document in UTF-8 without anything from outside.
    """
    environment = Environment(
        loader=PackageLoader("tablesim.export"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["share"] = _share
    cutter = cutter or Cutter()
    differences = [cell for cell in collation.cells if cell.state == DIFFERS]
    unsettled = [cell for cell in collation.cells if cell.state not in (AGREES, DIFFERS)]
    content = CollationPage(
        collation,
        provenance,
        tuple(_entry(collation, cell, cutter) for cell in differences[:MOST_SHOWN]),
        tuple(_entry(collation, cell, cutter) for cell in unsettled[:MOST_SHOWN]),
        _grids(collation),
        tuple(cutter.problems[scan] for scan in _scans(collation) if scan in cutter.problems),
        tuple(witness_pairs(collation)) if len(collation.witnesses) <= MOST_PAIRED else (),
    )
    return environment.get_template("collation.html").render(content=content)


def _share(value: float) -> str:
    """A confidence with three decimals; what is not nought is not shown as nought, nor as one what is not."""
    if 0 < value < 0.0005:
        return "below 0.001"
    return "above 0.999" if 0.9995 <= value < 1 else f"{value:.3f}"


def anchor(cell: Cell) -> str:
    """The name of a place within the page."""
    return f"r{cell.row}c{cell.column}"


def has(collation: Collation, cell: Cell) -> list[bool]:
    """For each witness whether it has the row and the column of a place."""
    lines = zip(collation.rows[cell.row], collation.columns[cell.column], strict=True)
    return [row is not None and column is not None for row, column in lines]


def _scans(collation: Collation) -> list[str]:
    return [reading.scan for witness in collation.witnesses for reading in witness.readings]


def _entry(collation: Collation, cell: Cell, cutter: Cutter) -> ApparatusEntry:
    texts = [text for text in cell.texts if text is not None]
    shown = []
    for siglum, there, reading, picture in zip(
        collation.sigla, has(collation, cell), cell.readings, cutouts(collation, cell, cutter), strict=True
    ):
        figures = () if reading is None else marked(reading.text, texts)
        height, width = (0, 0) if picture is None else picture.shape[:2]
        shown.append(
            Shown(siglum, there, figures, reading, "" if picture is None else _inlined(picture), width, height)
        )
    row, column = (_named(collation, line) for line in (collation.rows[cell.row], collation.columns[cell.column]))
    return ApparatusEntry(cell, anchor(cell), f"row {row}, column {column}", tuple(shown))


def _named(collation: Collation, line: Sequence[int | None]) -> str:
    """A row or column as each witness counts it, from 1; a number alone where all count alike."""
    if None not in line and len(set(line)) == 1:
        return str(1 + (line[0] or 0))
    numbers = zip(collation.sigla, line, strict=True)
    return " ".join(f"{siglum}{number + 1}" for siglum, number in numbers if number is not None)


def _grids(collation: Collation) -> tuple[PrintedGrid, ...]:
    cells = {(cell.row, cell.column): cell for cell in collation.cells}
    heads = [_named(collation, line) for line in collation.columns]
    return tuple(
        PrintedGrid(
            tuple(heads[column] for column in range(*part.columns)),
            tuple(
                (
                    _named(collation, collation.rows[row]),
                    tuple(cells.get((row, column)) for column in range(*part.columns)),
                )
                for row in range(*part.rows)
            ),
        )
        for part in collation.parts
    )


def marked(text: str, others: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """Each figure of a text, and whether one of the others of the same length has another figure there."""
    same = [other for other in others if len(other) == len(text)]
    return tuple((figure, any(other[at] != figure for other in same)) for at, figure in enumerate(text))


def _inlined(picture: Picture) -> str:
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "WEBP", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode("ascii")
