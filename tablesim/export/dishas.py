"""Tables as DISHAS keeps them: arguments and entries as sexagesimal places, with a critical apparatus for each place.

The shape is that of the index ``table_content`` of DISHAS, as kanon 0.6 reads it (Albouy, Husson and others, DISHAS,
Observatoire de Paris): ``source_value_original`` has ``args.argument1`` and ``entry``, whose items are ``{"value":
[places], "comment", "suggested", "critical_apparatus": [a text a place]}``; ``value_original`` is the same with the
template of the input form. What stands in one DISHAS table is one function; a page that prints several gives several.

Which columns are one number of several places, and of which argument, is what recomputation finds
(`evidence.recomputation`); other columns are entries of a place each, their argument the first column. ``suggested``
is what is right with a probability below `SURE`. A place that is blank or illegible is ``**``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tablesim.errors import ExportError
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.recomputation.examination import FittedFunction, examine
from tablesim.export.markup import json_bytes
from tablesim.export.workbook import SURE
from tablesim.records.collation import Cell, CollatedTable, Collation, Witness
from tablesim.records.dishas import BLANK, OWN
from tablesim.records.reading import ILLEGIBLE, Number, Reading
from tablesim.report.provenance import Provenance

PLACES = "integer and sexagesimal"
"""DISHAS's name of a whole number with sixtieths behind it."""

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands in one cell: its digits, whether the reading is in doubt, remarks, and what other witnesses have."""

    text: str
    doubtful: bool = False
    comment: str = ""
    apparatus: str = ""


@dataclass(frozen=True)
class _Grid:
    """One table: its number, its cells by row and column, and what functions its columns obey."""

    table: int
    rows: Sequence[int]
    columns: Sequence[int]
    cells: Mapping[tuple[int, int], _Place]
    functions: Sequence[tuple[tuple[int, ...], tuple[int, ...], str]] = field(default=())

    def groups(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], str]]:
        """Columns of the argument, columns of the entry, and the name of the function where it is known."""
        taken: set[int] = set()
        for argument, entry, name in self.functions:
            if not taken & {*entry}:
                taken |= {*argument, *entry}
                yield argument, entry, name
        usual = self.functions[0][0] if self.functions else tuple(self.columns[:1])
        for column in self.columns:
            if column not in taken and (column not in usual or len(self.columns) == 1):
                yield usual if column not in usual else (), (column,), ""


def page_dishas(reading: Reading, provenance: Provenance) -> bytes:
    """The tables of one page; ``provenance`` goes into the comment and the edited text."""
    about = provenance.only([reading.page])
    witness = collate(reading).witnesses[0]
    contents: list[Content] = []
    functions = _by_table(witness)
    tables: dict[int, dict[tuple[int, int], _Place]] = {}
    for number in witness.numbers:
        cells, at = tables.setdefault(number.table or 0, {}), (number.row or 0, number.column or 0)
        place = _place(number)
        cells[at] = replace(cells[at], comment=f"{cells[at].comment} beside it {place.text}") if at in cells else place
    for table, cells in sorted(tables.items()):
        rows, columns = (sorted({at[axis] for at in cells}) for axis in (0, 1))
        grid = _Grid(table, rows, columns, cells, functions.get((0, table), ()))
        contents += _contents(grid, reading.page, about)
    return json_bytes(contents)


def collation_dishas(collation: Collation, provenance: Provenance) -> bytes:
    """The tables of a collation: the first witness, with what the others have instead in the apparatus.

    Raises
    ------
    ExportError
        No cell of the witnesses belongs together.
    """
    functions = _by_table(collation.witnesses[0])
    homes = collation.witnesses[0].columns
    contents: list[Content] = []
    for number, table in enumerate(collation.tables):
        cells = {at: _collated(cell, collation.sigla) for at, cell in table.cells.items()}
        columns = range(len(table.columns))
        of_home = _columns_of_home(collation, table)
        told = [
            (argument, entry, name)
            for key in {home[:2] for home in homes}
            for own_argument, own_entry, name in functions.get(key, ())
            if (argument := _mapped(own_argument, of_home, key)) and (entry := _mapped(own_entry, of_home, key))
        ]
        grid = _Grid(number, range(len(table.rows)), columns, cells, told)
        contents += _contents(grid, " ".join(collation.sigla), provenance)
    if not contents:
        raise ExportError("collation-dishas: the witnesses have no cell in common; export each by itself as dishas")
    return json_bytes(contents)


def _by_table(witness: Witness) -> dict[tuple[int, int], list[tuple[tuple[int, ...], tuple[int, ...], str]]]:
    """The functions of a witness by page and table, with the columns as its page counts them, best fits first."""
    found: dict[tuple[int, int], list[tuple[tuple[int, ...], tuple[int, ...], str]]] = {}
    homes = witness.columns
    for finding in sorted(examine(witness).findings, key=_rank):
        argument, entry = (tuple(homes[at] for at in of) for of in (finding.argument, finding.value))
        tables = {(page, table) for page, table, _ in (*argument, *entry)}
        if len(tables) == 1:
            columns = tuple(home[2] for home in argument), tuple(home[2] for home in entry)
            found.setdefault(tables.pop(), []).append((*columns, finding.fit.name))
    return found


def _rank(finding: FittedFunction) -> tuple[float, tuple[int, ...]]:
    """Best recomputed first, then from left to right."""
    return -round(finding.fit.recomputed / max(1, finding.fit.numbers), 2), finding.value


def _columns_of_home(collation: Collation, table: CollatedTable) -> dict[tuple[int, int, int], int]:
    """For each column of the first witness, by page, table and column, the column of the collated table it is in."""
    homes = collation.witnesses[0].columns
    found = {}
    for at, lines in enumerate(table.columns):
        for line in lines:
            own = collation.columns[line][0]
            if own is not None:
                found[homes[own]] = at
    return found


def _mapped(
    columns: Sequence[int], of_home: Mapping[tuple[int, int, int], int], key: tuple[int, int]
) -> tuple[int, ...]:
    """Columns of a page as columns of the collated table; empty where one is in none."""
    found = [of_home.get((*key, column)) for column in columns]
    return tuple(at for at in found if at is not None) if None not in found else ()


def _place(number: Number) -> _Place:
    remarks = [*number.doubts, *([f"should be {number.emendation}"] if number.emendation else [])]
    if ILLEGIBLE in number.digits_text:
        return _Place(BLANK, True, "; ".join([f"printed {number.digits_text}", *remarks]))
    # Decimals and fractions are no places of DISHAS: they stay as they are printed.
    whole = number.value is None or isinstance(number.value, int)
    text = number.digits_text if whole else number.text
    sign = "-" if isinstance(number.value, int) and number.value < 0 else ""
    return _Place(sign + text, number.confidence < SURE, "; ".join(remarks))


def _collated(cell: Cell, sigla: Sequence[str]) -> _Place:
    """The first witness's text, and in the apparatus, as DISHAS's editions have it, what the others have instead."""
    first, *others = cell.readings
    own = _Place(BLANK) if first is None else _place(first.number)
    apparatus = [
        f"{siglum}: {'om.' if other is None else other.text}"
        for siglum, other in zip(sigla[1:], others, strict=True)
        if (other.text if other else None) != (first.text if first else None)
    ]
    return _Place(own.text, own.doubtful, own.comment, "; ".join(apparatus))


def _contents(grid: _Grid, source: str, about: Provenance) -> Iterator[Content]:
    """A content of DISHAS for each function of a table."""
    for argument, entry, name in grid.groups():
        rows = [row for row in grid.rows if any((row, column) in grid.cells for column in entry)]
        entries = [_value(grid, row, entry) for row in rows]
        # A column alone has no argument: its lines are counted, which nobody read.
        arguments = (
            [_value(grid, row, argument) for row in rows]
            if argument
            else [_original([_Place(str(row + 1), doubtful=True)]) for row in rows]
        )
        content = _content(grid, (argument, entry), (arguments, entries), name, source, about)
        own = {"source": source, "table": grid.table, "rows": rows, "provenance": about.to_dict()}
        yield content | {OWN: own | {"argument_columns": argument, "entry_columns": entry}}


def _value(grid: _Grid, row: int, columns: Sequence[int]) -> Content:
    return _original([grid.cells.get((row, column), _Place(BLANK)) for column in columns])


def _original(places: Sequence[_Place]) -> Content:
    return {
        "value": [place.text for place in places],
        "comment": "; ".join(place.comment for place in places if place.comment),
        "suggested": any(place.doubtful for place in places),
        "critical_apparatus": [place.apparatus for place in places],
    }


def _content(
    grid: _Grid,
    columns: tuple[tuple[int, ...], tuple[int, ...]],
    values: tuple[list[Content], list[Content]],
    name: str,
    source: str,
    about: Provenance,
) -> Content:
    argument, entry = columns
    title = f"{name or _columns(entry)} of table {grid.table + 1} of {source}"
    cells = {"argument1": max(1, len(argument)), "entry": len(entry)}
    names = {"argument1": _columns(argument) if argument else "line", "entry": _columns(entry)}
    original = {"args": {"argument1": values[0]}, "entry": values[1]}
    form = {
        side: {"name": names[side], "type": PLACES, "unit": 0, "ncells": cells[side], "decpos": cells[side] - 1}
        for side in cells
    }
    template = {"table_type": name, "readonly": False, "args": [form["argument1"]], "entries": [form["entry"]]}
    described = {
        f"{side}_{key}": value
        for side in cells
        for key, value in (
            ("name", names[side]),
            ("type_of_number", PLACES),
            ("number_unit", ""),
            ("number_of_cell", str(cells[side])),
            ("significant_fractional_place", str(cells[side] - 1)),
        )
    }
    return {
        "source_value_original": original,
        "value_original": {**original, "template": template, "symmetries": []},
        **described,
        "argument1_number_of_steps": len(values[0]),
        "symmetries": [],
        "table_type": {"id": "0", "table_type_name": name},
        "edited_text": {"edited_text_title": title, "comment": about.citation},
        "comment": about.citation,
    }


def _columns(columns: Sequence[int]) -> str:
    first, last = columns[0] + 1, columns[-1] + 1
    return f"column {first}" if first == last else f"columns {first} to {last}"
