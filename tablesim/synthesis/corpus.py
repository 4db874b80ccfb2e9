"""Small corpora: tables in several editions each among pages without tables, written to a folder with their truth.

A corpus folder holds ``scans/`` (JPEG), ``truth/`` (JSON and transcription of each page), ``metadata.csv``,
``labels.csv`` (page and table, table pages only), ``stemma.json`` and ``corpus.json``, which says how it was made.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tablesim.errors import SettingsError
from tablesim.synthesis.drawings import PLATES, plate
from tablesim.synthesis.editions import Book, draw_editions, stemma_to_dict
from tablesim.synthesis.pages import SimulatedPage, table_page
from tablesim.synthesis.stemma import grow
from tablesim.synthesis.tables import build

MARK = "corpus.json"
"""The file that marks a folder as written by ``write_corpus``: its files may be written again."""
JPEG_QUALITY = 80
"""As libraries deliver scans; less shows blocks around digits."""

TablePlan = tuple[str, dict[str, Any], int]
"""Name of a builder, its parameters, how many editions."""

SAMPLE: tuple[TablePlan, ...] = (
    ("climates", {"obliquity": (23, 30)}, 5),
    ("declination", {"obliquity": (23, 33)}, 4),
    ("oblique_ascension", {"latitude": (48, 0)}, 4),
    ("sines", {"radius": 60_000}, 5),
    ("chords", {}, 5),
    ("sun_place", {"year": 1545}, 4),
    ("mean_motions", {"body": "moon"}, 4),
    ("royal_canon", {}, 4),
)
"""The tables of the bundled sample."""
SAMPLE_PLATES = ("text", "title", "diagram", "dial", "text", "diagram")
SAMPLE_SEED = 1604


@dataclass(frozen=True)
class CorpusPlan:
    """What a corpus holds.

    Parameters
    ----------
    tables : tuple of TablePlan
        Builder, parameters and number of editions of each table.
    plates : tuple of str
        Kinds of the pages without a table; they stand in the books of the tables.
    seed : int
        Decides everything else.
    """

    tables: tuple[TablePlan, ...]
    plates: tuple[str, ...] = ()
    seed: int = 0

    @property
    def n_pages(self) -> int:
        return sum(editions for *_, editions in self.tables) + len(self.plates)


@dataclass
class CorpusSummary:
    """What ``write_corpus`` wrote: the folder, and how many pages, tables and bytes of scans."""

    folder: Path
    pages: int = 0
    table_pages: int = 0
    tables: int = 0
    scan_bytes: int = 0
    files: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "pages": self.pages,
            "table_pages": self.table_pages,
            "tables": self.tables,
            "scan_bytes": self.scan_bytes,
        }


def sample_plan(seed: int = SAMPLE_SEED) -> CorpusPlan:
    """The plan of the bundled sample corpus."""
    return CorpusPlan(SAMPLE, SAMPLE_PLATES, seed)


def draw_plan(seed: int, n_tables: int = 8, editions: int = 4, n_plates: int | None = None) -> CorpusPlan:
    """Different tables at random, ``editions`` of each, and ``n_plates`` other pages (a sixth as many by default)."""
    if n_tables < 1 or editions < 1:
        raise SettingsError(f"draw_plan: got {n_tables} tables and {editions} editions, expected at least 1 of each")
    rng = np.random.default_rng([seed, 0x9A9E5])
    catalogue = _catalogue(rng)
    if n_tables > len(catalogue):
        raise SettingsError(
            f"draw_plan: got {n_tables} tables, expected at most {len(catalogue)}; ask for more editions"
        )
    tables = tuple((name, parameters, editions) for name, parameters in catalogue[:n_tables])
    count = round(n_tables * editions / 6) if n_plates is None else n_plates
    kinds = tuple(str(kind) for kind in rng.choice(list(PLATES), size=count))
    return CorpusPlan(tables, kinds, seed)


def plan_of_pages(seed: int, n_pages: int, editions: int = 4) -> CorpusPlan:
    """A plan of exactly ``n_pages`` pages, about one in seven without a table."""
    if n_pages < 1:
        raise SettingsError(f"plan_of_pages: got {n_pages} pages, expected at least 1")
    n_plates = n_pages // 7
    full, rest = divmod(n_pages - n_plates, editions)
    plan = draw_plan(seed, full + (rest > 0), editions, n_plates)
    if rest:
        name, parameters, _ = plan.tables[-1]
        plan = replace(plan, tables=(*plan.tables[:-1], (name, parameters, rest)))
    return plan


def _catalogue(rng: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
    """Tables to choose from, kinds in turn so that neighbours in the list are of different kinds."""
    tilts = [(23, 28), (23, 30), (23, 33), (23, 35), (23, 51)]
    kinds: dict[str, list[dict[str, Any]]] = {
        "climates": [{"obliquity": tilt, "last": last} for tilt in tilts for last in (7, 9, 11)],
        "declination": [{"obliquity": tilt, "seconds": seconds} for tilt in tilts for seconds in (False, True)],
        "right_ascension": [{"obliquity": tilt, "first": first} for tilt in tilts for first in (0, 6)],
        "oblique_ascension": [{"latitude": (n, 0), "first": first} for n in range(36, 58) for first in (0, 6)],
        "day_lengths": [{"first": first, "obliquity": tilt} for first in (31, 36) for tilt in tilts],
        "sines": [{"radius": r, "first": first} for r in (60, 60_000, 100_000) for first in (0, 2700)],
        "chords": [{"first": first} for first in (1, 91, 181)],
        "sun_place": [{"year": year, "first": first} for year in range(1500, 1600, 7) for first in (1, 7)],
        "mean_motions": [
            {"body": body, "unit": unit}
            for body in ("sun", "moon", "saturn", "jupiter", "mars", "venus", "mercury")
            for unit in ("days", "years")
        ],
        "multiplication": [{"first": first} for first in range(2, 52, 5)],
        "royal_canon": [{"first": 0, "count": 31}, {"first": 31, "count": 24}],
        "feasts": [{"first": first} for first in range(1500, 1640, 19)],
    }
    rounds = []
    for name in rng.permutation(list(kinds)):
        variants = kinds[str(name)]
        rounds.append([(str(name), variants[i]) for i in rng.permutation(len(variants))])
    return [entry for turn in zip_longest(*rounds) for entry in turn if entry is not None]


def pages(plan: CorpusPlan, stemmata: list[dict[str, Any]] | None = None) -> Iterator[tuple[SimulatedPage, Book]]:
    """The pages of a plan one by one, each with its book; ``stemmata`` is filled with the copying histories."""
    books: list[Book] = []
    taken: set[tuple[str, int]] = set()
    number = 1001
    for index, (name, parameters, count) in enumerate(plan.tables):
        rng = np.random.default_rng([plan.seed, index, 1])
        stemma = grow(build(name, **parameters), count, rng, _years(name, parameters))
        editions = draw_editions(stemma, number, rng)
        number += count
        if stemmata is not None:
            stemmata.append(stemma_to_dict(stemma, editions))
        for copy, edition in enumerate(editions):
            books.append(edition.book)
            taken.add((edition.book.book, edition.page))
            yield table_page(edition, _seed(plan.seed, index, copy)), edition.book
    for index, kind in enumerate(plan.plates):
        rng = np.random.default_rng([plan.seed, index, 2])
        book = books[int(rng.integers(len(books)))]
        page = 1 if kind == "title" else int(rng.integers(2, 240))
        while (book.book, page) in taken:
            page += 2
        taken.add((book.book, page))
        yield plate(kind, book, page, _seed(plan.seed, 10_000 + index, 0)), book


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])


def _years(name: str, parameters: dict[str, Any]) -> tuple[int, int]:
    """A table of the year 1545 is not printed long before it."""
    first = {"sun_place": parameters.get("year", 1545), "feasts": parameters.get("first", 1530)}.get(name, 1490)
    return max(1490, first - 2), max(1650, first + 20)


def synthesize(
    out: str | Path,
    *,
    pages: int | None = None,
    tables: int | None = None,
    editions: int = 4,
    seed: int | None = None,
    sample: bool = False,
    force: bool = False,
    on_page: Callable[[int, int], None] | None = None,
) -> CorpusSummary:
    """Write a corpus of synthetic pages of historical tables with their truth.

    Parameters
    ----------
    out : path
        Folder to write.
    pages : int, optional
        How many pages, about one in seven of them without a table.
    tables : int, optional
        How many different tables, instead of ``pages``; 8 when both are left out.
    editions : int
        Editions of each table.
    seed : int, optional
        The same seed gives the same bytes; that of the sample for the sample, else 0.
    sample : bool
        The bundled sample corpus instead.
    force : bool
        Replace a corpus that was written there before.
    on_page : callable, optional
        Called after each page with how many are written and how many there will be.

    Raises
    ------
    SettingsError
        More than one of pages, tables and sample; more tables than there are; ``out`` holds other files, or a corpus
        and ``force`` is False.
    """
    if sum((sample, pages is not None, tables is not None)) > 1:
        raise SettingsError("synthesize: got several of pages, tables and sample, expected one")
    if (Path(out) / MARK).is_file() and not force:
        raise SettingsError(f"{out}: a corpus was written there before; give --force to replace it")
    number = seed if seed is not None else SAMPLE_SEED if sample else 0
    if sample:
        plan = sample_plan(number)
    elif pages is not None:
        plan = plan_of_pages(number, pages, editions)
    else:
        plan = draw_plan(number, tables or 8, editions)
    written: list[str] = []

    def report(page: str) -> None:
        written.append(page)
        if on_page is not None:
            on_page(len(written), plan.n_pages)

    return write_corpus(out, plan, report)


def write_corpus(out: str | Path, plan: CorpusPlan, on_page: Callable[[str], None] | None = None) -> CorpusSummary:
    """Write a corpus into the folder ``out``; the same plan gives the same bytes.

    Raises
    ------
    SettingsError
        ``out`` holds files that this function did not write.
    """
    folder = Path(out)
    _clear(folder)
    for name in ("scans", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    summary = CorpusSummary(folder, tables=len(plan.tables))
    stemmata: list[dict[str, Any]] = []
    metadata: list[list[str]] = []
    labels: list[list[str]] = []
    for page, book in pages(plan, stemmata):
        truth = page.truth
        _, packed = cv2.imencode(".jpg", page.grey, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        written = [f"scans/{truth.page}.jpg", f"truth/{truth.page}.txt", f"truth/{truth.page}.json"]
        (folder / written[0]).write_bytes(packed.tobytes())
        (folder / written[1]).write_bytes(truth.to_transcription().encode())
        truth.save(folder / written[2])
        summary.files += written
        summary.pages += 1
        summary.table_pages += truth.is_table
        summary.scan_bytes += packed.size
        metadata.append([truth.page, book.book, book.author, book.title, book.printer, book.place, str(book.year)])
        if truth.is_table:
            labels.append([truth.page, truth.meta["label"]])
        if on_page is not None:
            on_page(truth.page)
    _write_csv(folder / "metadata.csv", ["page_id", "book", "author", "title", "printer", "place", "year"], metadata)
    _write_csv(folder / "labels.csv", ["page", "label"], labels)
    (folder / "stemma.json").write_text(json.dumps(stemmata, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    summary.files += ["metadata.csv", "labels.csv", "stemma.json"]
    _write_mark(folder, plan, summary)
    return summary


def _write_csv(path: Path, head: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(sorted(rows))


def _write_mark(folder: Path, plan: CorpusPlan, summary: CorpusSummary) -> None:
    """How the corpus was made, and the hash of every file in it."""
    hashes = {name: _hash(folder / name) for name in sorted(summary.files)}
    tables = [{"table": name, **parameters, "editions": count} for name, parameters, count in plan.tables]
    made = {"seed": plan.seed, "jpeg_quality": JPEG_QUALITY, "tables": tables, "plates": plan.plates, "sha256": hashes}
    (folder / MARK).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _clear(folder: Path) -> None:
    """Take away what an earlier ``write_corpus`` left in the folder; SettingsError where other things are in it."""
    if folder.is_file():
        raise SettingsError(f"{folder}: is a file, expected a folder; choose another place for --out")
    present = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not present:
        return
    mark = folder / MARK
    own: dict[str, str] = {}
    if mark.is_file():
        try:
            own = json.loads(mark.read_text(encoding="utf-8"))["sha256"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise SettingsError(f"{mark}: not the record of a corpus ({error}); choose an empty folder") from error
    changed = [path for path in present if path != mark and own.get(path.relative_to(folder).as_posix()) != _hash(path)]
    if changed:
        raise SettingsError(
            f"{folder}: holds {len(changed)} files that tablesim did not write or that were changed "
            f"({changed[0].name}, ...); choose an empty folder"
        )
    for path in present:
        path.unlink()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
