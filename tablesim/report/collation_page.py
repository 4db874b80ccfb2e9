"""A collation as HTML: its cells as pages show them, and one page to read and to print with cut-outs of the scans.

The page of a pair in the report shows the same cells. The page of a collation is one file that needs nothing else:
pictures and style are in it, it asks for nothing from anywhere, and its filters are style sheets, not scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tablesim.evidence.collation.cutouts import ABOVE, BESIDE, DIGIT_HEIGHT, DIGIT_WIDTH, Cutter, cutouts
from tablesim.evidence.collation.summary import MAX_PAIRS, CollationSummary, ColumnSum
from tablesim.evidence.collation.verification import witness_pairs
from tablesim.language import say, to_say
from tablesim.records.address import CellAddress
from tablesim.records.collation import (
    AGREES,
    DIFFERS,
    ILLEGIBLE_STATE,
    MISSING,
    Cell,
    CellReading,
    CollatedTable,
    Collation,
    Unaligned,
)
from tablesim.report.filters import DOUBTFUL, Filters, column_anchor
from tablesim.report.presentation import Picture, environment, inline_picture
from tablesim.report.provenance import Provenance
from tablesim.report.witness_words import WitnessWords

CERTAIN = 0.9
"""Below this confidence the reader's doubt of a number that differs is stated. Chosen by eye."""

LISTED_RUNNER_UP = 0.01
"""A runner-up is stated from this confidence on. Chosen by eye."""

SHOWN_STATES = (AGREES, DIFFERS, DOUBTFUL, MISSING, ILLEGIBLE_STATE)
"""What a cell is shown as; what does not agree is listed in this order."""


_AGREES = to_say("{cell}: {a} on both")
_DIFFERS = to_say("{cell}: {a} against {b}, differs"), to_say("{cell}: {a} against {b}, differs, in doubt")
_STATES = {
    MISSING: (
        to_say("{cell}: {a} against {b}, missing on one"),
        to_say("{cell}: {a} against {b}, missing on one, in doubt"),
    ),
    ILLEGIBLE_STATE: (
        to_say("{cell}: {a} against {b}, illegible"),
        to_say("{cell}: {a} against {b}, illegible, in doubt"),
    ),
}
"""A cell in words, by its state, without doubt and in doubt."""


@dataclass(frozen=True)
class ShownCell:
    """One cell with what each witness has there.

    Parameters
    ----------
    cell : Cell
    present : tuple of bool
        For each witness whether it has the row and the column.
    address : CellAddress
        Where it is in the collation.
    on_pages : tuple of (CellAddress or None)
        Where each witness has it on its own page.
    kind : str
        In what way the witnesses differ; empty where they do not.
    """

    cell: Cell
    present: tuple[bool, ...]
    address: CellAddress
    on_pages: tuple[CellAddress | None, ...]
    kind: str = ""

    @property
    def state(self) -> str:
        """One of ``SHOWN_STATES``."""
        return DOUBTFUL if self.cell.state == DIFFERS and self.cell.doubtful else self.cell.state

    @property
    def anchor(self) -> str:
        """What addresses that lead to the cell end in."""
        return self.address.anchor

    @property
    def texts(self) -> tuple[str, ...]:
        """What the witnesses have, empty for nothing."""
        return tuple(text or "" for text in self.cell.texts)

    @property
    def words(self) -> str:
        """The cell in words, for those who hear the page and for the tip of the pointer."""
        a, b = (text or say("nothing") for text in self.texts)
        told = _AGREES if self.state == AGREES else _STATES.get(self.state, _DIFFERS)[self.cell.doubtful]
        return say(told, cell=self.address.words, a=a, b=b)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the reader was not sure of, a phrase a page."""
        phrases = []
        for reading in self.cell.readings:
            if reading is not None and (
                self.cell.doubtful or reading.number.doubts or reading.number.confidence < CERTAIN
            ):
                phrase = say(
                    "{text} on {page} with confidence {confidence}",
                    text=reading.text,
                    page=reading.page,
                    confidence=f"{reading.number.confidence:.2f}",
                )
                if (reading.runner_up_confidence or 0.0) >= LISTED_RUNNER_UP:
                    other = f"{reading.runner_up_confidence:.2f}"
                    phrase += f" ({say('{text} with {confidence}', text=reading.runner_up, confidence=other)})"
                if reading.number.doubts:
                    phrase += f": {', '.join(map(say, reading.number.doubts))}"
                phrases.append(phrase)
        return tuple(phrases) if self.state != AGREES else ()

    def elsewhere(self, witness: int) -> str:
        """Where a witness has the cell on its own page, where that is not the address of the collation; else empty."""
        own = self.on_pages[witness]
        return "" if own is None or own == self.address else own.words

    def differing(self, index: int) -> tuple[tuple[str, bool], ...]:
        """The digits of a witness, each with whether another witness has a different one there."""
        return differing_digits(self.texts[index], self.texts)

    @property
    def printed(self) -> list[str | None] | None:
        """What is printed on each page, marks included; None where that is what the cell says."""
        texts = [None if reading is None else reading.number.text for reading in self.cell.readings]
        return None if texts == list(self.cell.texts) else texts

    def to_list(self) -> list[Any]:
        """Row, column, state, and for each witness [text, x, y, width, height] in source pixels or None."""
        return [self.address.row, self.address.column, self.state, *map(_text_and_box, self.cell.readings)]


def _text_and_box(reading: CellReading | None) -> list[Any] | None:
    return None if reading is None else [reading.text, *reading.number.box.to_dict().values()]


def differing_digits(text: str, others: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """Each digit of a text, and whether one of the others of the same length has a different digit there."""
    same_length = [text_of_other for text_of_other in others if len(text_of_other) == len(text)]
    return tuple(
        (digit, any(text_of_other[at] != digit for text_of_other in same_length)) for at, digit in enumerate(text)
    )


@dataclass(frozen=True)
class ShownDifference:
    """A cell that does not agree, with a cut-out of each witness; None where there is none."""

    shown: ShownCell
    pictures: tuple[Picture | None, ...]


@dataclass(frozen=True)
class ShownGrid:
    """A table of the collation: its columns by their numbers, and its rows by number and argument, as ``16 (12)``."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShownCell | None, ...]], ...]


class ShownCollation:
    """A collation for a page.

    Parameters
    ----------
    collation : Collation
    cutter : Cutter
        Opens the scans; its ``problems`` tell which could not be opened.
    quality : int
        Of the cut-outs, which are WebP.
    """

    def __init__(self, collation: Collation, cutter: Cutter, *, quality: int = 80) -> None:
        self.collation = collation
        self.cutter = cutter
        self.quality = quality
        self.summary = CollationSummary(collation)
        self.cells = [self._shown(cell) for cell in collation.cells]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells are in each of ``SHOWN_STATES``."""
        states = [shown.state for shown in self.cells]
        return {state: states.count(state) for state in SHOWN_STATES}

    @property
    def transposed(self) -> bool:
        """Whether the rows of one witness are columns of another."""
        return len(set(self.collation.transposed)) > 1

    def grids(self, *, most: int | None = None) -> list[ShownGrid]:
        """The tables of the collation; of at most ``most`` cells, and without rows that have none of these."""
        shown = {(cell.cell.row, cell.cell.column): cell for cell in self.cells[:most]}
        grids = [self._grid(table, shown) for table in self.collation.tables]
        if most is None:
            return grids
        cut = [ShownGrid(grid.columns, tuple(row for row in grid.rows if any(row[1]))) for grid in grids]
        return [grid for grid in cut if grid.rows]

    def pictures(self, shown: ShownCell) -> tuple[Picture | None, ...]:
        """What each witness has in a cell, cut out of its scan."""
        pictures = cutouts(self.collation, shown.cell, self.cutter)
        return tuple(None if picture is None else inline_picture(picture, self.quality) for picture in pictures)

    def _shown(self, cell: Cell) -> ShownCell:
        witnesses = range(len(self.collation.witnesses))
        return ShownCell(
            cell,
            tuple(self.collation.has(w, cell) for w in witnesses),
            self.collation.address(cell),
            tuple(self.collation.address_on_page(cell, w) for w in witnesses),
            self.summary.kinds.get((cell.row, cell.column), ""),
        )

    def _grid(self, table: CollatedTable, shown: dict[tuple[int, int], ShownCell]) -> ShownGrid:
        rows = []
        for row in range(len(table.rows)):
            cells = [table.cells.get((row, column)) for column in range(len(table.columns))]
            line = tuple(None if cell is None else shown.get((cell.row, cell.column)) for cell in cells)
            arguments = (one.address.argument for one in line if one is not None)
            argument = next((text for text in arguments if text is not None), None)
            rows.append((f"{row + 1}" + (f" ({argument})" if argument else ""), line))
        return ShownGrid(tuple(str(column + 1) for column in range(len(table.columns))), tuple(rows))


def unaligned_words(collation: Collation, line: Unaligned, most: int = 12) -> str:
    """A row or column that one witness alone has, where it stands on its page, with its first ``most`` numbers."""
    where = collation.place_alone(line)
    texts = " ".join(line.texts[:most]) + (" …" if len(line.texts) > most else "")
    return f"{where}: {texts}" if texts else say("{where}, without digits", where=where)


@dataclass(frozen=True)
class Served:
    """A page of a collation that the workbench serves: its cut-outs are made when they come into sight.

    Parameters
    ----------
    query : str
        The witnesses as they stand behind the question mark of its address.
    front, may : str
        Where the workbench has its scripts, and whether they may "read" or "write".
    with_words : bool
        Whether what is printed above columns and before rows is shown: each scan is opened for it.
    missing : frozenset of str
        Pages whose scan is no longer where it was.
    """

    query: str
    front: str
    may: str
    with_words: bool = True
    missing: frozenset[str] = frozenset()

    def picture(self, shown: ShownCell, witness: int) -> Picture | None:
        """Where the cut-out of a witness is, with about the size that it will have; None where there is none."""
        read = shown.cell.readings[witness]
        if not shown.present[witness] or (read is not None and read.page in self.missing):
            return None
        width = round(2 * BESIDE * DIGIT_HEIGHT + DIGIT_WIDTH * DIGIT_HEIGHT * max(1, len(shown.texts[witness])))
        return Picture(
            f"cell.webp?{self.query}&cell={shown.anchor}&at={witness}", width, round((2 * ABOVE + 1) * DIGIT_HEIGHT)
        )


MAX_PICTURES = 3_200_000
"""Characters that cut-outs take on a page, which with its numbers stays below 5 MB: about 150 differences of two
witnesses, those that are asserted first. The others are listed as they were read."""


@dataclass(frozen=True)
class ShownColumn:
    """What does not agree in one column.

    Parameters
    ----------
    column : ColumnSum or None
        Its differences, counted; None where cells are missing or illegible and none differs.
    words : str
        The column in words.
    anchor : str
        What addresses that lead to the column end in.
    headings : tuple of (str, Picture)
        By siglum what stands above it.
    entries : list of ShownDifference
        From above.
    """

    column: ColumnSum | None
    words: str
    anchor: str
    headings: tuple[tuple[str, Picture], ...]
    entries: list[ShownDifference]


class CollationPage:
    """What the page of a collation shows.

    Parameters
    ----------
    collation : Collation
    provenance : Provenance
    cutter : Cutter
    served : Served, optional
    """

    def __init__(
        self, collation: Collation, provenance: Provenance, cutter: Cutter, served: Served | None = None
    ) -> None:
        self.collation, self.provenance, self.cutter, self.served = collation, provenance, cutter, served
        self.shown = ShownCollation(collation, cutter)
        self.summary = self.shown.summary
        self.words = WitnessWords(collation, cutter) if served is None or served.with_words else None

    @property
    def sigla(self) -> tuple[Any, ...]:
        """The witnesses with their names."""
        return self.provenance.sigla(self.collation)

    @cached_property
    def n_apart(self) -> int:
        """How many cells do not agree."""
        return sum(shown.state != AGREES for shown in self.shown.cells)

    @cached_property
    def _pictures(self) -> dict[str, tuple[Picture | None, ...]]:
        """By anchor the cut-outs of the cells that do not agree, as many as there is room for."""
        found: dict[str, tuple[Picture | None, ...]] = {}
        room = MAX_PICTURES
        order = {state: at for at, state in enumerate(SHOWN_STATES)}
        for shown in sorted(self.shown.cells, key=lambda one: order[one.state]):
            if shown.state == AGREES or room <= 0:
                continue
            found[shown.anchor] = self.pictures(shown)
            if self.served is not None:
                continue
            room -= sum(len(picture.href) for picture in found[shown.anchor] if picture is not None)
        return found

    def pictures(self, shown: ShownCell) -> tuple[Picture | None, ...]:
        """What each witness has in a cell, cut out of its scan."""
        if self.served is None:
            return self.shown.pictures(shown)
        return tuple(self.served.picture(shown, witness) for witness in range(len(self.collation.witnesses)))

    def heads(self) -> list[list[tuple[Picture | None, int]]]:
        """What is printed above each column of each table."""
        return self.words.heads() if self.words else [[] for _ in self.collation.tables]

    def row_words(self) -> list[dict[int, Picture]]:
        """What is printed before each row of each table."""
        return self.words.rows() if self.words else [{} for _ in self.collation.tables]

    @property
    def n_without_pictures(self) -> int:
        """How many cells that do not agree are listed without cut-outs for want of room."""
        return self.n_apart - len(self._pictures)

    @cached_property
    def columns(self) -> list[ShownColumn]:
        """What does not agree, column by column."""
        sums = {(column.table, column.column): column for column in self.summary.columns}
        by_column: dict[tuple[int, int], list[ShownCell]] = {}
        for shown in self.shown.cells:
            if shown.state != AGREES:
                by_column.setdefault((shown.address.table, shown.address.column), []).append(shown)
        found = []
        for (table, column), cells in sorted(by_column.items()):
            address = cells[0].address
            words = address.column_place
            of_table = self.collation.tables[table - 1]
            headings = self.words.headings(of_table, column - 1) if self.words else ()
            nothing = (None,) * len(self.collation.witnesses)
            entries = [ShownDifference(one, self._pictures.get(one.anchor, nothing)) for one in cells]
            found.append(ShownColumn(sums.get((table, column)), words, column_anchor(address), headings, entries))
        return found

    @cached_property
    def filters(self) -> Filters:
        """What the cells that do not agree are filtered by."""
        return Filters((one for one in self.shown.cells if one.state != AGREES), list(self.summary.by_kind))

    @property
    def transposed(self) -> Sequence[str]:
        """The sigla of witnesses whose rows are columns here."""
        pairs = zip(self.collation.sigla, self.collation.transposed, strict=True)
        return [siglum for siglum, turned in pairs if turned]

    @property
    def problems(self) -> list[str]:
        """Why scans could not be opened."""
        found = self.cutter.problems
        missing = frozenset() if self.served is None else self.served.missing
        return [
            found.get(reading.scan) or say("the scan of {page} is no longer where it was", page=reading.page)
            for reading in self.collation.readings
            if reading.scan in found or reading.page in missing
        ]


def collation_style(states: Iterable[str], kinds: Iterable[str], columns: Iterable[str]) -> str:
    """The style of the page of a collation with filters for states, kinds of difference and columns, by their names."""
    template = environment().get_template("collation_style.css")
    return template.render(states=list(states), kinds=list(kinds), columns=list(columns))


def collation_page(
    collation: Collation,
    provenance: Provenance,
    cutter: Cutter | None = None,
    *,
    served: Served | None = None,
    cell: str = "",
) -> str:
    """A collation as an HTML page.

    Parameters
    ----------
    collation : Collation
        Its scans are opened for the cut-outs. One that has gone leaves the numbers as read, and the page says so.
    provenance : Provenance
        Software, network and scans, with the citation.
    cutter : Cutter, optional
        Opens the scans.
    served : Served, optional
        Where a workbench serves the page: its style is then a file of its own, its cut-outs are asked for one by one,
        and every cell leads to them.
    cell : str
        The anchor of a cell whose cut-outs are shown first.

    Returns
    -------
    str
        A whole document in UTF-8; without ``served`` nothing in it is from outside.
    """
    page = CollationPage(collation, provenance, Cutter() if cutter is None else cutter, served)
    asked = next((one for one in page.shown.cells if one.anchor == cell), None)
    few = len(page.summary.pairs) <= MAX_PAIRS
    columns, grids = page.columns, page.shown.grids()
    return (
        environment()
        .get_template("collation.html")
        .render(
            c=collation,
            page=page,
            summary=page.summary,
            provenance=provenance,
            columns=columns,
            grids=grids,
            heads=page.heads(),
            row_words=page.row_words(),
            # After the scans were opened.
            problems=page.problems,
            desk=served,
            served="" if served is None else served.query,
            asked=None if asked is None else ShownDifference(asked, page.pictures(asked)),
            pairs=list(zip(page.summary.pairs, witness_pairs(collation), strict=True)) if few else [],
        )
    )
