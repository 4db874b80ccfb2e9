"""Three small runs of which all is known: editions with planted differences, pages of the sample corpus, no table."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.fakes import write_scan
from evidence.grids import chords, printed, with_numbers
from evidence.pages import declinations, sines
from report.truth import TruthReader

from tablesim.bigrams import histogram
from tablesim.corpus.corrections.apply import correct, decide_tables
from tablesim.corpus.store import Corpus
from tablesim.errors import ScanError
from tablesim.records.corrections import Correction, TableDecision
from tablesim.records.reading import Number, Reading
from tablesim.review.review import Review
from tablesim.scans.images import load_scan
from tablesim.workflow.clustering import recluster
from tablesim.workflow.running import run

METADATA = ("page", "book", "author", "title", "place", "year", "printer", "shelfmark", "latitude", "longitude")

SAMPLE = (
    "1001_coruinus_1531_p13",
    "1002_fontanus_1549_p232",
    "1004_collinus_1573_p22",
)
"""Pages of one table, and below two of another and one of a third."""


@dataclass(frozen=True)
class WrittenReader:
    """Gives back what was written down for each scan."""

    readings: Mapping[str, Reading]
    fingerprint: str = "written-1"

    def read(self, path: Path) -> Reading:
        scan = load_scan(path)
        if path.stem not in self.readings:
            raise ScanError(f"{path}: nothing was written down for this scan")
        return replace(self.readings[path.stem], scan=str(path), sha256=scan.sha256)


def page(name: str, rows: list[list[str]], changed: Mapping[tuple[int, int], Number | None] | None = None) -> Reading:
    """A page with a table, a number of it replaced or left out; fewer than three rows are no table."""
    other = changed or {}
    numbers = [
        other.get((r, c), printed(text, 0, r, c)) for r, row in enumerate(rows) for c, text in enumerate(row) if text
    ]
    made = replace(with_numbers(name, [n for n in numbers if n is not None]), is_table=len(rows) > 2, legibility=0.93)
    return made.with_histogram(histogram(made))


def doubtful(text: str, row: int, column: int) -> Number:
    """A number that was hardly read."""
    number = printed(text, 0, row, column)
    digits = tuple(replace(digit, confidence=0.4) for digit in number.digits)
    return replace(number, digits=digits, confidence=0.4, doubts=("a digit is unclear",))


def next_one(text: str) -> str:
    return str(int(text) + 1)


def editions() -> dict[str, Reading]:
    """Chords in four editions with errors that descend, a half, declinations over two leaves, sines twice, words."""
    usual = chords()
    copied = [row[:] for row in usual]
    for row, column in ((4, 2), (9, 2), (20, 5), (25, 8), (30, 2), (33, 5)):
        copied[row][column] = next_one(usual[row][column])
    copied[14][5] = usual[14][5][::-1] if len(set(usual[14][5])) > 1 else "41"
    later = [row[:] for row in copied]
    later[38][2], later[40][8] = "97", "3"
    slipped = [row[:] for row in later]
    slipped[17] = [*later[17][:2], *later[16][2:]]
    first, second = declinations()[:16], declinations()[16:]
    other = [row[:] for row in first]
    other[3][2] = "59"
    tilted = declinations(24.0)
    return {
        "chords_1515": page("chords_1515", usual),
        "chords_1549": page(
            "chords_1549",
            copied,
            {(11, 4): doubtful("88", 11, 4), (21, 7): None, (28, 5): printed("4?", 0, 28, 5)},
        ),
        "chords_1585": page("chords_1585", later),
        "chords_1604": page("chords_1604", slipped, {(35, 5): doubtful("71", 35, 5)}),
        "chords_half": page("chords_half", usual[:20]),
        "sun_1543_p10": page("sun_1543_p10", first),
        "sun_1543_p11": page("sun_1543_p11", second),
        "sun_1561_p10": page("sun_1561_p10", other),
        "sun_1561_p11": page("sun_1561_p11", second),
        "tilted": page("tilted", tilted),
        "sines": page("sines", sines(60000)),
        "sines_of_50000": page("sines_of_50000", sines(50000)),
        "sevens_nines": page("sevens_nines", [["7" * 5, "9" * 4]] * 30),
        "one_number": page("one_number", [["14"]]),
        "no_number": page("no_number", []),
    }


def editions_run(folder: Path) -> Corpus:
    """The run of ``editions`` with a copy of a scan, a bad file, a page without a date, and decisions of people."""
    readings = editions()
    places = {"1515": ("Venice", 45.44, 12.33), "1549": ("Paris", 48.86, 2.35), "1585": ("Rome", 41.9, 12.5)}
    lines = []
    for at, name in enumerate(readings):
        write_scan(folder / "scans" / f"{name}.png", "", 1 + at)
        year = next((part for part in name.split("_") if part.isdecimal() and len(part) == 4), "")
        place, latitude, longitude = places.get(year, ("Basel", "", ""))
        author, words = (f"Author {name.partition('_')[0].title()}", f"ca. {year}") if year else ("", "")
        if year:
            book = name.rpartition("_p")[0] if "_p1" in name else name
            date = words if year == "1549" else year
            mark = f"Rar. 4{at} / 7" if at % 2 else ""
            lines.append((name, book, author, "Sphaera", place, date, "A. Printer", mark, latitude, longitude))
    shutil.copy(folder / "scans" / "chords_1515.png", folder / "scans" / "the_same_scan.png")
    (folder / "scans" / "broken.jpg").write_bytes(b"this is no image")
    with (folder / "meta.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([METADATA, *lines])
    reader = WrittenReader(readings | {"the_same_scan": readings["chords_1515"]})
    corpus = run(folder / "scans", folder / "editions", folder / "meta.csv", network=reader)
    box = readings["chords_1585"].numbers[30].box
    correct(corpus, [Correction("chords_1585", box, "", "11", who="Anna", reason="looked at the scan")])
    decide_tables(corpus, [TableDecision("one_number", True, who="Anna", reason="a table of one number")])
    review = Review(corpus)
    review.say("chords_1515", "chords_1549", "accept", "Anna", "the same arcs")
    review.say("sines", "sevens_nines", "reject", "Bela")
    recluster(corpus)
    return Corpus.open(corpus.folder)


def sample_run(folder: Path, sample: Path) -> Corpus:
    """Some pages of the sample corpus as they are printed."""
    with (sample / "labels.csv").open(encoding="utf-8") as file:
        labels = {row["page"]: row["label"] for row in csv.DictReader(file)}
    chosen = list(SAMPLE)
    for start in ("chords", "declination"):
        chosen += [name for name, label in sorted(labels.items()) if label.startswith(start)][:2]
    (folder / "scans").mkdir(parents=True)
    for name in chosen:
        shutil.copy(sample / "scans" / f"{name}.jpg", folder / "scans")
    reader = TruthReader(sample / "truth")
    return run(folder / "scans", folder / "sample", sample / "metadata.csv", network=reader)


def run_without_tables(folder: Path) -> Corpus:
    """Two pages of words, one of them with a number."""
    readings = {"first_leaf": page("first_leaf", []), "second_leaf": page("second_leaf", [["1"]])}
    for at, name in enumerate(readings):
        write_scan(folder / "scans" / f"{name}.png", "", 1 + at)
    return run(folder / "scans", folder / "words", network=WrittenReader(readings))
