"""Ways in which the files of a run come to harm, and what is to become of each: ``docs/damaged-runs.md`` has the table.

``REMADE``: `tablesim doctor` names it, `doctor --repair` and the same `run` bring the run back as it was.
``TOLD``: it is named, by the doctor or at once, with what to do; only a person can, since nothing else has its content.
``HARMLESS``: what it held is a copy, or of no further use; every command goes on and answers as before.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus.fakes import FakeReader, write_corpus, write_scan

from tablesim.corpus.corrections.apply import correct, decide_tables
from tablesim.corpus.store import Corpus
from tablesim.records.corrections import Correction, TableDecision
from tablesim.review.review import Review
from tablesim.workflow import run
from workflow.test_killed import contents

REMADE, TOLD, HARMLESS = "remade", "told", "harmless"
RUN, OTHER, SCANS = "run", "other", "scans"


@dataclass(frozen=True)
class Damage:
    """One kind: what is done to the first file of a pattern, with the same file of another run beside it."""

    file: str
    what: str
    outcome: str
    do: Callable[[Path, Path], None]

    @property
    def name(self) -> str:
        return f"{self.file} {self.what}"

    def __call__(self, folder: Path) -> Path:
        """Damage the run in ``folder``; gives the file."""
        path = first(folder / RUN, self.file)
        self.do(path, first(folder / OTHER, self.file))
        return path


def first(run_folder: Path, pattern: str) -> Path:
    return next(iter(sorted(run_folder.glob(pattern))), run_folder / pattern)


def emptied(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path, other: Path) -> None:
    data = bytearray(path.read_bytes())
    begin = len(data) // 3
    data[begin : begin + 8] = bytes(byte ^ 0xD5 for byte in data[begin : begin + 8])
    path.write_bytes(data)


def missing(path: Path, other: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def a_folder(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


def a_file(path: Path, other: Path) -> None:
    shutil.rmtree(path)
    path.write_text("x")


def of_another_run(path: Path, other: Path) -> None:
    missing(path, other)
    shutil.copytree(other, path) if other.is_dir() else shutil.copy(other, path)


def half_written(path: Path, other: Path) -> None:
    path.write_bytes(b"half")


def of_a_dead_process(path: Path, other: Path) -> None:
    path.write_text('{"host": "elsewhere", "pid": 1, "since": "2020-01-01T00:00:00", "started": "1"}')
    os.utime(path, (0, 0))


def _kinds(file: str, outcome: str, *damages: Callable[[Path, Path], None]) -> list[Damage]:
    return [Damage(file, damage.__name__.replace("_", " "), outcome, damage) for damage in damages]


DAMAGES = [
    *_kinds("run.json", TOLD, emptied, truncated, flipped, missing, a_folder, of_another_run),
    *_kinds("pages.parquet", REMADE, emptied, truncated, flipped, missing),
    *_kinds("pages.parquet", TOLD, a_folder, of_another_run),
    *_kinds("readings/*.parquet", REMADE, emptied, truncated, flipped, missing, of_another_run),
    *_kinds("readings/*.parquet", TOLD, a_folder),
    *_kinds("readings", REMADE, missing),
    *_kinds("readings", TOLD, a_file),
    *_kinds("embeddings/*.parquet", REMADE, emptied, truncated, flipped, missing, of_another_run),
    *_kinds("embeddings/*.parquet", TOLD, a_folder),
    *_kinds("embeddings", REMADE, missing),
    *_kinds("embeddings", TOLD, a_file),
    *_kinds("neighbours.parquet", REMADE, emptied, truncated, flipped, missing, of_another_run),
    *_kinds("neighbours.parquet", TOLD, a_folder),
    *_kinds("clusters/auto.parquet", TOLD, emptied, truncated, flipped, missing, a_folder, of_another_run),
    *_kinds("clusters/last.json", REMADE, emptied, truncated, flipped, missing),
    *_kinds("clusters/last.json", TOLD, a_folder),
    *_kinds("alignments.parquet", REMADE, emptied, truncated, flipped),
    *_kinds("alignments.parquet", TOLD, a_folder),
    *_kinds("alignments.parquet", HARMLESS, missing),
    *_kinds("problems.csv", REMADE, emptied, missing, of_another_run),
    *_kinds("problems.csv", TOLD, a_folder),
    *_kinds("corrections.csv", TOLD, emptied, truncated, missing, a_folder),
    *_kinds("table_decisions.csv", TOLD, emptied, truncated, missing, a_folder),
    *_kinds("notes.csv", TOLD, emptied, truncated, missing, a_folder),
    *_kinds("verdicts.sqlite", TOLD, emptied, truncated, flipped, missing, a_folder),
    *_kinds(".search/*/rows.npy", HARMLESS, emptied, truncated, flipped, missing, a_folder, of_another_run),
    *_kinds(".search/*/unit.npy", HARMLESS, emptied, truncated, missing),
    *_kinds(".search/numbers/read/about.json", HARMLESS, emptied, truncated, missing, a_folder),
    *_kinds(".search/numbers/read/*/words.npy", HARMLESS, emptied, truncated, missing),
    *_kinds(".search", HARMLESS, missing),
    *_kinds(".search", TOLD, a_file),
    *_kinds("events.jsonl", HARMLESS, emptied, truncated, flipped, missing),
    *_kinds(".owner.json", HARMLESS, emptied, of_a_dead_process),
    *_kinds(".lock", HARMLESS, half_written),
    *_kinds(".pages.parquet.0.part", REMADE, half_written),
    *_kinds("readings/.part-00000.0.part", REMADE, half_written),
]


def build(folder: Path) -> None:
    """A finished run with a page that cannot be read and decisions of a person on it, and another run beside it."""
    _build(folder, SCANS, RUN, (3, 2, 1), "k0_e0")
    _build(folder, "other_scans", OTHER, (2, 3, 2), "k1_e1")


def _build(folder: Path, scans: str, out: str, sizes: tuple[int, int, int], page: str) -> None:
    write_corpus(folder / scans, *sizes)
    write_scan(folder / scans / f"odd_{out}.png", "mistake", 250)
    network = FakeReader()
    corpus = run(folder / scans, folder / out, network=network)
    number = corpus.reading(page).numbers[0]
    correct(corpus, [Correction(page, number.box, number.text, "77")], who="A. Reader")
    decide_tables(corpus, [TableDecision("prose_0", False, "A. Reader", "2026-01-01T00:00:00+00:00", "words")])
    corpus.notes.write(page, corpus.page(page)["sha256"], "the last row is a hand's", "A. Reader")
    review = Review(corpus)
    review.answer(review.questions(3, None)[0], "accept", "A. Reader", "it is")
    run(folder / scans, folder / out, network=network)
    corpus = Corpus.open(folder / out)
    corpus.search_numbers("1 2")


def promised(run_folder: Path) -> dict[str, bytes]:
    """The files that are to come back byte by byte: alignments are kept for the pairs that were looked at since."""
    return {name: data for name, data in contents(run_folder).items() if name != "alignments.parquet"}


def copy(base: Path, folder: Path) -> Path:
    """A copy of the two runs; their scans stay where they are."""
    for out in (RUN, OTHER):
        shutil.copytree(base / out, folder / out)
    return folder
