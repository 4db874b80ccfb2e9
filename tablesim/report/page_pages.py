"""The page of each page of a run: its scan with what was read over it, the table beside it, and what people decided."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup, escape

from tablesim.corpus.corrections.notes import PageNote
from tablesim.corpus.storage.outputs import file_name
from tablesim.digits.corrections import holding, numbers_at
from tablesim.errors import RunError
from tablesim.evidence.collation.cells import DOUBTFUL
from tablesim.evidence.figures.match_figure import upright
from tablesim.language import retold, say, say_n, to_say
from tablesim.records.address import CellAddress, PageAddresses
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.records.reading import Number, Reading
from tablesim.records.relations import Groups
from tablesim.report.addresses import page_href
from tablesim.report.cards import Cards, PageFacts
from tablesim.report.decisions import VerdictLine
from tablesim.report.presentation import Picture, count
from tablesim.report.provenance import cite_page, page_of_run
from tablesim.scans.locator import Locator

MAX_COPIES = 400
"""Scans that one report copies for the web, a quarter of a second and 150 kB each: of a run of so many pages all, of a
larger one the first that no browser shows. Of the others the scan itself is shown, or else the picture in small."""

MAX_CELLS = 6000
"""Numbers that the page of a page shows: each takes two elements, and a page has 20,000 at most."""

EXPORTED = {
    ".xlsx": to_say("workbook"),
    ".grid.csv": "CSV",
    ".tei.xml": "TEI",
    ".page.xml": "PAGE",
    ".alto.xml": "ALTO",
    ".json": "JSON",
}
"""How files of a page end that ``tablesim export`` writes, and what they are called in its page."""

_SHOWN_BY_BROWSERS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")

Cell = tuple[str, str, str, str, str]
"""Anchor, text, class and remark of a number, and its emendation; most of them are mostly empty."""


@dataclass(frozen=True)
class ShownTable:
    """A table as it stands: ``columns`` are their numbers from 1, a row is its number and its cells."""

    number: int
    columns: Sequence[int]
    rows: list[tuple[int, list[Cell | None]]]

    @property
    def body(self) -> Markup:
        """The rows as HTML: a template takes ten times as long."""
        return Markup("\n".join(f'<tr><th scope="row">{n}</th>{"".join(map(_td, row))}</tr>' for n, row in self.rows))  # noqa: S704


@dataclass(frozen=True)
class ScanView:
    """The upright scan: its picture, its size in source pixels, and the boxes of numbers in these (x, y, w, h).

    ``copied`` says whether the picture is a copy in the report; else it is the scan itself or one in small.
    """

    picture: Picture | None
    copied: bool
    width: int
    height: int
    rotation: int
    boxes: list[tuple[int, int, int, int]]

    @property
    def frames(self) -> Markup:
        """The boxes as SVG: a template takes ten times as long, and they are figures alone."""
        rects = (f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/>' for x, y, w, h in self.boxes)
        return Markup("\n".join(rects))  # noqa: S704


@dataclass(frozen=True)
class PageView:
    """What the page of a page says.

    Parameters
    ----------
    about : PageFacts
    status : str
        "read", "failed" or "waiting"; ``problem`` is why it could not be read.
    scan : ScanView or None
        None for a page that was not read.
    tables : list of ShownTable
        ``n_shown`` of ``n_numbers`` numbers stand in them and in ``loose``, the numbers outside tables.
    corrections : list of (str, str, Correction)
        Words and anchor of the place, and what was corrected there.
    verdicts : list of VerdictLine
        What people decided of this page and others.
    beside : (str, str)
        The pages before and after it in its book or folder, empty where there is none.
    exports : tuple of (str, str)
        What files of it there are among the exports of the run, in words, and their addresses from the report.
    notes : list of PageNote
        What people wrote beside it, the newest first.
    """

    about: PageFacts
    status: str
    problem: str
    scan_name: str
    scan: ScanView | None
    tables: list[ShownTable]
    loose: list[Cell]
    n_numbers: int
    n_confirmed: int
    marks_mean: str
    corrections: list[tuple[str, str, Correction]]
    verdicts: list[VerdictLine]
    beside: tuple[str, str]
    twins: tuple[str, ...]
    cluster: int | None
    relation: str
    record: list[tuple[str, str]]
    citation: str
    exports: tuple[tuple[str, str], ...]
    notes: list[PageNote]

    @property
    def sentence(self) -> str:
        """What the page is and how well it could be read, in a sentence; what is in doubt is among what is shown."""
        if self.status != "read":
            if self.status != "failed":
                return say("This page waits to be read.")
            if not self.problem:
                return say("This page could not be read.")
            return say("This page could not be read: {problem}.", problem=retold(self.problem))
        parts = [say_n(self.n_numbers, "{n} number read", "{n} numbers read", n=count(self.n_numbers))]
        n_corrected = sum(cell[2] == "c" for cell in self.cells) - self.n_confirmed
        if self.n_doubtful:
            parts.append(say("{n} of them in doubt", n=count(self.n_doubtful)))
        if n_corrected:
            parts.append(say("{n} corrected by people", n=count(n_corrected)))
        if self.n_confirmed:
            parts.append(say("{n} confirmed", n=count(self.n_confirmed)))
        if self.about.is_table:
            return say("A page with a numerical table: {numbers}.", numbers=", ".join(parts))
        return say("A page without a numerical table: {numbers}.", numbers=", ".join(parts))

    @property
    def export_command(self) -> str:
        """What writes the page as a workbook."""
        return f"tablesim export RUN {shlex.quote(self.about.page)} --format xlsx"

    @property
    def has_decisions(self) -> bool:
        """Whether people decided anything of it."""
        return bool(self.about.said_by_person or self.verdicts or self.corrections)

    @property
    def n_doubtful(self) -> int:
        """How many of the numbers shown are in doubt."""
        return sum(cell[2] == "d" for cell in self.cells)

    @property
    def cells(self) -> Iterator[Cell]:
        """Every number shown, in the order of the boxes."""
        for table in self.tables:
            for _, row in table.rows:
                yield from (cell for cell in row if cell is not None)
        yield from self.loose

    @property
    def n_shown(self) -> int:
        """How many numbers are shown."""
        return sum(1 for _ in self.cells)


class PageViews:
    """Makes the pages of pages, one after the other.

    Parameters
    ----------
    cards : Cards
    problems : dict of str to str
        Why each page that was not read was not, by its id.
    verdicts : dict of str to list of VerdictLine
        By page id.
    clusters : dict of str to int
        The number of the cluster of each page that is in one, from 1.
    groups : Groups
        What relates pages to others.
    """

    def __init__(
        self,
        cards: Cards,
        problems: Mapping[str, str],
        verdicts: Mapping[str, list[VerdictLine]],
        clusters: Mapping[str, int],
        groups: Groups,
    ) -> None:
        self.cards = cards
        self.corpus = cards.corpus
        self.problems = problems
        self.verdicts = verdicts
        self.clusters = clusters
        self.groups = groups
        self.twins = twins_of(self.corpus.page_table.column("page"), self.corpus.page_table.column("sha256"))

    def in_order(self) -> Iterator[tuple[str, tuple[str, str], bool]]:
        """Every page of the run in the order of the ids, the pages before and after it, whether its scan is copied."""
        ids, left = list(self.corpus), MAX_COPIES
        for before, page, after in zip(["", *ids], ids, [*ids[1:], ""], strict=False):
            row = self.cards.line(page)
            copied = row["status"] == "read" and left > 0 and (len(ids) <= MAX_COPIES or not self._is_shown(row))
            left -= copied
            yield page, (before, after), copied

    def sources(self, page: str) -> tuple[Any, ...]:
        """All that the view of a page follows from, for ``report.keys``."""
        row = self.cards.line(page)
        scan, twins = row["sha256"], self.twins.get(row["sha256"], ())
        corrections = self.corpus.corrections.by_scan.get(scan, ()), self.corpus.table_decisions.of(scan)
        decisions = *corrections, self.verdicts.get(page)
        relation = self.clusters.get(page), self.groups.words_of(page) if row["is_table"] else ""
        exports = self._exports_of(page)
        return row, self.cards.facts(page), self.problems.get(page), decisions, relation, twins, exports

    def view(self, page: str, beside: tuple[str, str] = ("", ""), *, copied: bool = True) -> PageView:
        """The view of one page; ``beside`` are the pages before and after it in the list of all."""
        row = self.cards.line(page)
        reading = self._reading(page) if row["status"] == "read" else None
        shown = [] if reading is None else _ordered(reading)[:MAX_CELLS]
        corrections = self.corpus.corrections.by_scan.get(row["sha256"], ()) if reading is not None else ()
        correction_of = {index: c for c in holding(corrections) for index in numbers_at(c.box, shown)}
        cells = [_cell(number, correction_of.get(index)) for index, number in enumerate(shown)]
        tables, loose = _tables(shown, cells)
        return PageView(
            self.cards.facts(page),
            row["status"],
            self.problems.get(page, ""),
            Locator.of(row["scan"]).name,
            None if reading is None else self._scan(row, reading, shown, copied=copied),
            tables,
            loose,
            0 if reading is None else len(reading.numbers),
            sum(c.correct == shown[index].text and _kind_of(c) == CONFIRMED for index, c in correction_of.items()),
            "" if reading is None else retold(reading.marks_mean),
            [] if reading is None else [_placed(c, shown, PageAddresses(reading)) for c in corrections],
            self.verdicts.get(page, []),
            beside,
            tuple(twin for twin in self.twins.get(row["sha256"], ()) if twin != page),
            self.clusters.get(page),
            self.groups.words_of(page) if row["is_table"] else "",
            list(_record(row, reading)),
            cite_page(page_of_run(self.corpus, page)),
            self._exports_of(page),
            self.corpus.notes.of(row["sha256"]) if row["sha256"] else [],
        )

    def _exports_of(self, page: str) -> tuple[tuple[str, str], ...]:
        return self._exports.get(file_name(page, ""), ())

    @cached_property
    def _exports(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """By name the files of pages below ``RUN/export``; none in a report that stands elsewhere."""
        found: dict[str, list[tuple[str, str]]] = {}
        folder = self.corpus.folder / "export"
        for path in sorted(folder.glob("*")) + sorted(folder.glob("*/*")) if self.cards.own else ():
            suffix = next((suffix for suffix in EXPORTED if path.name.endswith(suffix)), None)
            if suffix is not None and path.is_file():
                address = quote(f"../{path.relative_to(self.corpus.folder).as_posix()}")
                found.setdefault(path.name.removesuffix(suffix), []).append((EXPORTED[suffix], address))
        return {page: tuple(files) for page, files in found.items()}

    def _reading(self, page: str) -> Reading | None:
        """What was read on a page; None for one that came as a histogram."""
        try:
            return self.corpus.reading(page)
        except RunError:
            return None

    def _scan(self, row: Mapping[str, Any], reading: Reading, shown: Sequence[Number], *, copied: bool) -> ScanView:
        turn = upright(reading.transform)
        width, height = turn.working_size
        picture, is_copy = self._picture(row, copied=copied)
        return ScanView(picture, is_copy, width, height, turn.rotation, _boxes(shown, reading))

    def _picture(self, row: Mapping[str, Any], *, copied: bool) -> tuple[Picture | None, bool]:
        rotation = row["rotation"] or 0
        if copied:
            return self.cards.pictures.page(row["scan"], row["sha256"], rotation), True
        kept = self.cards.pictures.kept_page(row["sha256"], rotation)
        if kept is not None:
            return kept, True
        if self._is_shown(row):
            return Picture(self.cards.link(row["scan"]), row["width"], row["height"]), False
        return self.cards.small(row["page"]).picture, False

    def _is_shown(self, row: Mapping[str, Any]) -> bool:
        """Whether a browser shows the scan itself; one that lies on its side would have to be turned, few do."""
        locator = Locator.of(row["scan"])
        is_shown = not row["rotation"] and not locator.number and locator.file.suffix.lower() in _SHOWN_BY_BROWSERS
        return is_shown and bool(self.cards.link(row["scan"]))


def twins_of(pages: Any, keys: Any) -> dict[str, tuple[str, ...]]:
    """The pages that have the same bytes, by the hash of these; scans of one page are left out."""
    found: dict[str, list[str]] = {}
    for page, key in zip(pages.to_pylist(), keys.to_pylist(), strict=True):
        if key:
            found.setdefault(key, []).append(page)
    return {key: tuple(names) for key, names in found.items() if len(names) > 1}


def _td(cell: Cell | None) -> str:
    """A cell as HTML, escaped."""
    if cell is None:
        return '<td class="none"></td>'
    anchor, text, kind, remark, emendation = cell
    about = f' class="{kind}" title="{escape(remark)}"' if kind else ""
    about += f' data-emendation="{escape(emendation)}"' if emendation else ""
    return f'<td id="{anchor}"{about}>{escape(text)}</td>'


def _record(row: Mapping[str, Any], reading: Reading | None) -> Iterator[tuple[str, str]]:
    """What is known of the scan and its reading."""
    yield say("Scan"), Locator.of(row["scan"]).name
    yield say("SHA-256 of the scan"), row["sha256"] or say("unknown")
    if row["width"] and row["height"]:
        size = say("{width} × {height} pixels", width=row["width"], height=row["height"])
        if row["rotation"]:
            size += f", {say('turned by {degrees}° to stand upright', degrees=row['rotation'])}"
        yield say("Size"), size
    if row["legibility"] is not None:
        note = f" ({retold(row['note'])})" if row["note"] else ""
        yield say("Legibility"), say("{legibility}, from 0 to 1", legibility=f"{row['legibility']:.2f}") + note
    if reading is not None and reading.negative:
        yield say("Paper"), say("white on black")


def _ordered(reading: Reading) -> list[Number]:
    """The numbers of a page table by table, row by row; those outside tables last."""
    inside = [n for n in (*reading.numbers, *reading.repeated) if n.table is not None and n.row is not None]
    outside = [number for number in reading.numbers if number.table is None or number.row is None]
    return [*sorted(inside, key=lambda n: (n.table, n.row, n.column)), *outside]


def _cell(number: Number, correction: Correction | None) -> Cell:
    table, row, column = number.table, number.row, number.column
    anchor = ""
    if table is not None and row is not None and column is not None:
        anchor = CellAddress(table + 1, row + 1, column + 1).anchor
    if correction is not None and correction.correct == number.text:
        return anchor, number.printed, "c", correction_sentence(correction), number.emendation
    if number.repeats:
        return anchor, number.printed, "r", say("repeats {text} above", text=number.text), ""
    if number.confidence < 1 - DOUBTFUL or number.doubts:
        why = "; ".join(map(say, number.doubts)) or say("uncertain")
        sure = say("right with a probability of {confidence}", confidence=f"{number.confidence:.2f}")
        return anchor, number.printed, "d", f"{why}; {sure}", ""
    return anchor, number.printed, "", "", ""


def correction_sentence(correction: Correction) -> str:
    """Who said what of a number, when and why; what the machine had read."""
    kind, who = _kind_of(correction), correction.who or say("a person")
    parts = [
        say(kind[1], who=who, moment=correction.when[:16].replace("T", " "))
        if correction.when
        else say(kind[0], who=who)
    ]
    if kind == CORRECTED:
        parts.append(say("the machine read {text}", text=correction.read))
    if correction.emendation:
        parts.append(say("should be {text}", text=correction.emendation))
    told = "; ".join(parts)
    return f"{told}: {correction.reason}" if correction.reason else told


CONFIRMED = to_say("confirmed by {who}"), to_say("confirmed by {who} on {moment}")
CORRECTED = to_say("corrected by {who}"), to_say("corrected by {who} on {moment}")
ADDED = to_say("added by {who}"), to_say("added by {who} on {moment}")
"""What a person did with a number, without its moment and with it."""


def _kind_of(correction: Correction) -> tuple[str, str]:
    if correction.correct == correction.read:
        return CONFIRMED
    return CORRECTED if correction.read else ADDED


def _tables(shown: Sequence[Number], cells: Sequence[Cell]) -> tuple[list[ShownTable], list[Cell]]:
    tables: list[ShownTable] = []
    placed = [(number, cell) for number, cell in zip(shown, cells, strict=True) if cell[0]]
    for at, group in groupby(placed, key=lambda pair: pair[0].table):
        in_table = list(group)
        n_columns = 1 + max(number.column or 0 for number, _ in in_table)
        rows = []
        for row, in_row in groupby(in_table, key=lambda pair: pair[0].row):
            line: list[Cell | None] = [None] * n_columns
            for number, cell in in_row:
                line[number.column or 0] = cell
            rows.append(((row or 0) + 1, line))
        tables.append(ShownTable((at or 0) + 1, range(1, n_columns + 1), rows))
    return tables, [cell for cell in cells if not cell[0]]


def _boxes(shown: Sequence[Number], reading: Reading) -> list[tuple[int, int, int, int]]:
    """Where the numbers stand on the upright scan, in whole pixels."""
    if not shown:
        return []
    sides = np.array([(box.x, box.y, box.right, box.bottom) for box in (number.box for number in shown)])
    turn = upright(reading.transform)
    corners = np.stack([turn.to_working(sides[:, :2]), turn.to_working(sides[:, 2:])])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return [tuple(box) for box in np.rint(np.hstack([low, high - low])).astype(int).tolist()]


def _placed(correction: Correction, shown: Iterable[Number], addresses: PageAddresses) -> tuple[str, str, Correction]:
    """The words and the anchor of the place that was corrected, in the table as it is now."""
    for number in shown:
        if number.box.overlap(correction.box) > 0.5:
            address = addresses.of(number)
            return (
                (say("outside tables"), "", correction)
                if address is None
                else (address.words, address.anchor, correction)
            )
    return _pixels(correction.box), "", correction


def _pixels(box: Box) -> str:
    return f"x {box.x:.0f}, y {box.y:.0f} px"


def same_scans(corpus_twins: Mapping[str, tuple[str, ...]]) -> list[list[tuple[str, str]]]:
    """The pages that are one scan, each with the address of its page."""
    return [[(page, page_href(page)) for page in pages] for pages in sorted(corpus_twins.values())]
