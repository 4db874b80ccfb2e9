"""What is true of a run, counted anew from its files, readings and collations, without what writes the sentences."""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tablesim.corpus.store import Corpus
from tablesim.records.collation import Collation
from tablesim.records.dates import YearRange
from tablesim.records.reading import Reading
from tablesim.review.verdicts import VerdictLog
from tablesim.workflow.alignments import RunAlignments

SURE_PART = 0.5
"""Share of the cells that chance leaves apart and that must agree where rows are out of order (as documented)."""


class PairFacts:
    """Two witnesses of a collation, counted."""

    def __init__(self, collation: Collation, a: int = 0, b: int = 1) -> None:
        self.collation, self.a, self.b = collation, a, b
        both = [c for c in collation.cells if c.readings[a] is not None and c.readings[b] is not None]
        self.met = len(both)
        states = Counter("doubtful" if c.state == "differs" and c.doubtful else c.state for c in both)
        self.agree, self.differ = states["agrees"], states["differs"]
        self.doubtful, self.illegible = states["doubtful"], states["illegible"]
        every = Counter("doubtful" if c.state == "differs" and c.doubtful else c.state for c in collation.cells)
        self.missing = every["missing"]
        self.states = every

    @cached_property
    def sure_parts(self) -> list[Any]:
        return [part for part in self.collation.parts if self._is_sure(part)]

    def _is_sure(self, part: Any) -> bool:
        if self._in_order(part):
            return True
        columns = self._columns(part)
        agree = sum(x == y for column in columns for x, y in column)
        beyond = agree - self._chance(part)
        return beyond > 0 and beyond >= SURE_PART * (sum(map(len, columns)) - self._chance(part))

    @cached_property
    def compared(self) -> int:
        """Cells that agree or differ for sure, and numbers inside the common part in lines that met nothing."""
        sure = sum(len(column) for part in self.sure_parts for column in self._columns(part))
        return sure + min(self._left_out(self.a, self.b), self._left_out(self.b, self.a))

    @cached_property
    def left_out(self) -> int:
        return min(self._left_out(self.a, self.b), self._left_out(self.b, self.a))

    @cached_property
    def agreeing(self) -> int:
        return sum(x == y for part in self.sure_parts for column in self._columns(part) for x, y in column)

    @cached_property
    def by_chance(self) -> float:
        return sum(self._chance(part) for part in self.sure_parts)

    def _cells(self, part: Any) -> list[Any]:
        rows, columns = range(*part.rows), range(*part.columns)
        return [c for c in self.collation.cells if c.row in rows and c.column in columns]

    def _rows_of(self, part: Any) -> list[int]:
        """The rows of the alignment that both have, in the order of the first witness."""
        rows = [r for r in range(*part.rows) if None not in (self._at(r, self.a), self._at(r, self.b))]
        return sorted(rows, key=lambda r: ((self._at(r, self.a) or 0) + (self._at(r, self.b) or 0), r))

    def _at(self, row: int, witness: int) -> int | None:
        return self.collation.rows[row][witness]

    @property
    def turned(self) -> bool:
        return self.collation.transposed[self.a] != self.collation.transposed[self.b]

    def _in_order(self, part: Any) -> bool:
        from tablesim.evidence.collation.collation import in_order

        places = [[(self._at(row, self.a), self._at(row, self.b)) for row in self._rows_of(part)]]
        if self.turned:
            columns = self.collation.columns[slice(*part.columns)]
            places.append([two for line in columns if None not in (two := _both(line, self.a, self.b))])
        return all(
            in_order(np.array([y for _, y in sorted(pairs)], dtype=np.int64))
            for lines in places
            for pairs in (lines, _turned(lines))
        )

    @lru_cache  # noqa: B019
    def _columns(self, part: Any, by_row: bool = False) -> list[list[tuple[str, str]]]:
        """Column by column the texts of cells that agree or differ for sure, from above; equal where they agree."""
        at = {row: n for n, row in enumerate(self._rows_of(part))}
        columns: dict[int, list[tuple[int, str, str]]] = {}
        for cell in self._cells(part):
            x, y = cell.readings[self.a], cell.readings[self.b]
            if x is None or y is None or cell.row not in at:
                continue
            if cell.state == "agrees" or (cell.state == "differs" and not cell.doubtful):
                texts = (min(x.text, y.text),) * 2 if cell.state == "agrees" else (x.text, y.text)
                line, place = (at[cell.row], cell.column) if by_row else (cell.column, at[cell.row])
                columns.setdefault(line, []).append((place, *texts))
        if by_row:
            return [[(x, y) for _, x, y in sorted(columns.get(line, []))] for line in range(len(at))]
        found = []
        for line in range(*part.columns):
            texts = [(x, y) for _, x, y in sorted(columns.get(line, []))]
            place = sum(at or 0 for at in _both(self.collation.columns[line], self.a, self.b))
            found.append((place if texts else 0, sorted(map(sorted, texts)), texts))
        return [texts for *_, texts in sorted(found)]

    @lru_cache  # noqa: B019
    def _chance(self, part: Any) -> float:
        if not self._in_order(part):
            return self._chance_anywhere(part)
        ways = (False, True) if self.turned else (False,)
        return max(self._chance_in_order(self._columns(part, by_row)) for by_row in ways)

    def _chance_in_order(self, columns: list[list[tuple[str, str]]]) -> float:
        arguments = [n for n, column in enumerate(columns) if all(regular([p[s] for p in column]) for s in (0, 1))]
        arguments = arguments[: math.ceil(len(columns) / 2)]
        return sum(
            float(sum(x == y for x, y in column)) if n in arguments else max(shuffled(column), shifted(column))
            for n, column in enumerate(columns)
        )

    def _chance_anywhere(self, part: Any) -> float:
        from tablesim.evidence.collation.verification import _PartOfTwo

        return _PartOfTwo.of(self.collation, part, (self.a, self.b)).by_chance

    def _left_out(self, witness: int, other: int) -> int:
        """Numbers of a witness between lines that met, themselves in a row or a column that met nothing."""
        of = self.collation.witnesses[witness]
        row_at = {place: at for at, place in enumerate(of.rows)}
        column_at = {place: at for at, place in reversed([*enumerate(of.columns)])}
        inside, met = set(), set()
        # A column of a page that a collation has parted into two met where its numbers stand in cells.
        parted = {place for place, times in Counter(of.columns).items() if times > 1}
        in_cells = {id(cell.readings[witness].number) for cell in self.collation.cells if cell.readings[witness]}
        for part in self.sure_parts:
            rows = [
                line[witness]
                for line in self.collation.rows[slice(*part.rows)]
                if None not in _both(line, witness, other)
            ]
            columns = [
                line[witness]
                for line in self.collation.columns[slice(*part.columns)]
                if None not in _both(line, witness, other)
            ]
            if not rows or not columns:
                continue
            if self.collation.transposed[witness]:
                rows, columns = columns, rows
            for index, number in enumerate(of.numbers):
                row = row_at[of.pages[index], number.table or 0, number.row or 0]
                column = column_at[of.pages[index], number.table or 0, number.column or 0]
                if min(rows) <= row <= max(rows) and min(columns) <= column <= max(columns):
                    inside.add(index)
                    of_parted = (of.pages[index], number.table or 0, number.column or 0) in parted
                    if row in rows and (id(number) in in_cells if of_parted else column in columns):
                        met.add(index)
        return len(inside - met)


def _turned(pairs: list[Any]) -> list[Any]:
    return [(y, x) for x, y in pairs]


def _both(line: Any, a: int, b: int) -> tuple[Any, Any]:
    return line[a], line[b]


def regular(texts: list[str]) -> bool:
    """Whether seven of ten steps, from row to row or to the next but one, are the same."""
    values = [int(text) if text.isdecimal() else None for text in texts]
    for far in (1, 2):
        steps = [y - x for x, y in zip(values, values[far:], strict=False) if None not in (x, y)]
        if len(steps) > 1 and max(Counter(steps).values()) >= 0.7 * len(steps):
            return True
    return False


def shuffled(column: list[tuple[str, str]]) -> float:
    """Equal cells in the mean over all orders of one side: each pair of places is met once in n orders."""
    return sum(x == y for x, _ in column for _, y in column) / max(len(column), 1)


def shifted(column: list[tuple[str, str]]) -> float:
    """Equal cells when one side is moved by a row, up and down in the mean, for as many cells."""
    n = len(column)
    if n < 2:
        return 0.0
    equal = sum(column[i][0] == column[i + 1][1] for i in range(n - 1))
    equal += sum(column[i][1] == column[i + 1][0] for i in range(n - 1))
    return equal / 2 / (n - 1) * n


class RunFacts:
    """A run, counted from what is in its folder."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.name = corpus.folder.name
        self.rows = {row["page"]: row for row in corpus.pages}
        clusters = corpus.clusters
        lines = [] if clusters is None else clusters.to_table().to_pylist()
        self.clustered = {line["page"]: line for line in lines}
        self.alignments = RunAlignments(corpus, keep=False)
        self.verdicts = VerdictLog(corpus.folder / "verdicts.sqlite").all()

    @cached_property
    def read(self) -> list[str]:
        return [page for page, row in self.rows.items() if row["status"] == "read"]

    @cached_property
    def failed(self) -> list[str]:
        return [page for page, row in self.rows.items() if row["status"] == "failed"]

    @cached_property
    def tables(self) -> list[str]:
        return [page for page in self.read if self.rows[page]["is_table"]]

    @cached_property
    def copies(self) -> list[str]:
        """Pages with a table whose scan is that of an earlier page."""
        seen: set[str] = set()
        return [page for page in sorted(self.tables) if self._sha(page) in seen or seen.add(self._sha(page))]

    def _sha(self, page: str) -> str:
        return str(self.rows[page]["sha256"])

    def same_scan(self, a: str, b: str) -> bool:
        return self._sha(a) == self._sha(b)

    @cached_property
    def scans(self) -> list[str]:
        return [page for page in self.tables if page not in self.copies]

    def table_of(self, page: str) -> int | None:
        line = self.clustered.get(page)
        return None if line is None else line["table"]

    def on_table(self, number: int) -> list[str]:
        return [page for page in self.scans if self.table_of(page) == number]

    @cached_property
    def table_numbers(self) -> list[int]:
        return sorted({number for page in self.scans if (number := self.table_of(page)) is not None})

    def parts_of(self, number: int) -> list[str]:
        return [page for page in self.on_table(number) if self.clustered[page]["relation"] == "part of"]

    @cached_property
    def kinds(self) -> dict[int, tuple[list[str], list[int]]]:
        """By number: its pages that carry the table of no other page, and the tables of the others."""
        found: dict[int, tuple[list[str], set[int]]] = {}
        for page in self.scans:
            line = self.clustered.get(page)
            if line is None or line["kind"] is None:
                continue
            alike, tables = found.setdefault(line["kind"], ([], set()))
            if line["table"] is None:
                alike.append(page)
            else:
                tables.add(line["table"])
        return {n: (alike, sorted(tables)) for n, (alike, tables) in found.items() if len(alike) + len(tables) > 1}

    @cached_property
    def alike(self) -> list[str]:
        return [page for alike, _ in self.kinds.values() for page in alike]

    @cached_property
    def alone(self) -> list[str]:
        verified = {page for number in self.table_numbers for page in self.on_table(number)}
        return [page for page in self.scans if page not in verified and page not in self.alike]

    @cached_property
    def clusters(self) -> dict[int, list[str]]:
        """By number the pages, copies among them."""
        found: dict[int, list[str]] = {}
        for page, line in self.clustered.items():
            if line["cluster"] is not None:
                found.setdefault(line["cluster"], []).append(page)
        return found

    @cached_property
    def several(self) -> dict[int, list[str]]:
        return {number: pages for number, pages in self.clusters.items() if len(pages) > 1}

    @lru_cache  # noqa: B019
    def reading(self, page: str) -> Reading:
        return self.corpus.reading(page)

    @lru_cache  # noqa: B019
    def pair(self, a: str, b: str) -> PairFacts:
        return PairFacts(self.alignments.pair(a, b).collation)

    @lru_cache  # noqa: B019
    def histogram(self, page: str) -> np.ndarray:
        stored = self.corpus.embedding_shards.row(self._sha(page))
        assert stored is not None
        return np.array(stored["histogram"], dtype=np.float64)

    @lru_cache  # noqa: B019
    def printed_at(self, page: str) -> dict[str, list[str]]:
        """What stands in each cell of a page, by its anchor."""
        found: dict[str, list[str]] = {}
        for n in (*self.reading(page).numbers, *self.reading(page).repeated):
            if n.table is not None and n.row is not None and n.column is not None:
                found.setdefault(f"t{n.table + 1}r{n.row + 1}c{n.column + 1}", []).append(n.printed)
        return found

    def score(self, a: str, b: str) -> float:
        return float(np.sqrt(self.histogram(a) * self.histogram(b)).sum())

    def similarity(self, a: str, b: str) -> float:
        norms = math.sqrt(self.histogram(a).sum() * self.histogram(b).sum())
        return self.score(a, b) / norms if norms else 0.0

    def containment(self, a: str, b: str) -> float:
        x, y = self.histogram(a), self.histogram(b)
        return float(np.minimum(x, y).sum() / min(x.sum(), y.sum()))

    def date(self, page: str) -> YearRange:
        return YearRange.of_row(self.rows[page])

    def caption(self, page: str) -> str:
        row = self.rows[page]
        who = ", ".join(row["authors"] or ()) or row["title"] or row["book"] or ""
        when = " ".join(part for part in (row["place"], self.date(page).shown) if part)
        return ", ".join(part for part in (who, when) if part)

    def doubtful(self, page: str) -> int:
        """Numbers of a page that are uncertain by half or have a doubt, and that no person corrected."""
        corrected = {(round(c.box.x), round(c.box.y)) for c in self.corpus.corrections_of(page)}
        return sum(
            (number.confidence < 0.5 or bool(number.doubts))
            and not number.repeats
            and (round(number.box.x), round(number.box.y)) not in corrected
            for number in self.reading(page).numbers
        )
