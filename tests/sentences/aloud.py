"""Reads a run aloud: what commands print of it and what they export, of pages and groups that the run itself has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from sentences import in_commands  # noqa: F401  # registers its sentences
from sentences.exports import export_faults
from sentences.facts import RunFacts
from sentences.in_commands import history_faults
from sentences.in_files import TEXTS, bundle_faults, file_faults
from sentences.in_terminal import cluster_faults, numbers_faults, review_faults, search_faults, status_faults
from sentences.report import report_faults
from sentences.saying import Masks, Where, faults
from sentences.terminal import lines_of
from tablesim.workflow.witnesses import collate_from_run

A_KIND = 3
"""So many pages and groups of each sort are tried: what is said of them is the same sentence."""


def run_faults(run: RunFacts, folder: Path) -> Iterator[str]:
    """All that is false, or known to nobody, in the report of a run, on the terminal and in its exports."""
    yield from report_faults(run, run.corpus.folder / "report")
    yield from status_faults(run, lines_of("status", run.corpus.folder))
    yield from listed_faults(run)
    for page in run.tables[:A_KIND]:
        yield from search_faults(run, page, rows_of(lines_of("search", run.corpus.folder, page, "--verify")))
        yield from sequence_faults(run, page)
    for witnesses in collations(run):
        yield from collation_faults(run, witnesses, folder / "collations")
        yield from compare_faults(run, *witnesses[:2])
    for by in ("year", "place"):
        yield from history_of(run, by)
    for page in run.tables[:A_KIND]:
        yield from files_faults(run, page, folder / "pages")
    yield from bundle_of(run, folder / "bundle.zip")


def rows_of(lines: list[str]) -> list[str]:
    """The heading and the rows of a ranking."""
    return [line for line in lines if line.lstrip().startswith(("rank ", *"123456789"))]


def spoken(run: RunFacts, lines: list[str], kind: str, pages: tuple[str, ...] = (), **more: Any) -> Iterator[str]:
    """The faults of lines that are sentences."""
    at, masks = Where(run, kind, pages, more=more), Masks(run)
    return chain.from_iterable(faults(line, at, masks) for line in lines)


def collations(run: RunFacts) -> Iterator[tuple[str, ...]]:
    """Pairs of one table and of one kind, a table with all its pages, and two pages that have nothing in common."""
    tables = [run.on_table(number) for number in run.table_numbers]
    yield from ((on[0], on[1]) for on in tables[:A_KIND])
    yield from (tuple(on) for on in tables[:A_KIND] if len(on) > 2)
    yield from ((alike[0], alike[1]) for alike, _ in list(run.kinds.values())[:A_KIND] if len(alike) > 1)
    yield from list(combinations(run.alone, 2))[:1]


def listed_faults(run: RunFacts) -> Iterator[str]:
    yield from review_faults(run, lines_of("review", run.corpus.folder, "--list", "--top", 12))


def clustered_faults(folder: Path) -> Iterator[str]:
    """What ``cluster`` prints when it is given again, which writes into the run."""
    from tablesim.corpus.store import Corpus

    lines = lines_of("cluster", folder)
    run = RunFacts(Corpus.open(folder))
    rest = [line for line in lines if not line.lstrip().startswith(("cluster ", *"123456789"))]
    yield from chain(cluster_faults(run, lines), spoken(run, rest, "cluster"))


def sequence_faults(run: RunFacts, page: str) -> Iterator[str]:
    """Three numbers of a column of a page are searched."""
    columns: dict[Any, list[tuple[int, str]]] = {}
    for number in run.reading(page).numbers:
        if number.row is not None and number.digits_text.isdecimal() and number.confidence > 0.99:
            columns.setdefault((number.table, number.column), []).append((number.row, number.digits_text))
    longest = max(columns.values(), key=len, default=[])
    rows = sorted(longest)
    start = next((at for at in range(len(rows) - 2) if rows[at + 2][0] == rows[at][0] + 2), None)
    if start is None:
        return
    numbers = [text for _, text in rows[start : start + 3]]
    lines = lines_of("search", run.corpus.folder, "--numbers", " ".join(numbers))
    said = [line for line in lines if line.startswith("looked for")]
    yield from spoken(run, said, "numbers", numbers=numbers)
    yield from numbers_faults(run, numbers, rows_of(lines))


def collation_faults(run: RunFacts, witnesses: tuple[str, ...], folder: Path) -> Iterator[str]:
    """A collation in the terminal with laws and genealogy, and its exports."""
    who = folder / f"{'-'.join(witnesses)[:60]}"
    options: list[object] = ["--laws"] if len(witnesses) < 3 else ["--laws", "--genealogy", who.with_suffix(".csv")]
    who.parent.mkdir(parents=True, exist_ok=True)
    lines = lines_of("collate", *witnesses, "--run", run.corpus.folder, *options)
    collation = collate_from_run(run.corpus, list(witnesses), print)
    yield from spoken(run, [line for line in lines if not line.startswith("written: ")], "collate", collation=collation)
    for form in ("collation-html", "collation-xlsx", "tei", "ris", "bibtex", "csl-json"):
        lines_of("export", run.corpus.folder, *witnesses, "--format", form, "--out", who / form)
        kind = "collate" if "collation" in form or form == "tei" else "export"
        for file in (path for path in (who / form).rglob("*") if path.is_file()):
            yield from export_faults(run, file, kind, witnesses, collation=collation)


def compare_faults(run: RunFacts, a: str, b: str) -> Iterator[str]:
    lines = [" ".join(line.split()) for line in lines_of("compare", a, b, "--run", run.corpus.folder)]
    yield from spoken(run, [line for line in lines if not line.startswith("digits brings")], "compare", (a, b))


def history_of(run: RunFacts, by: str) -> Iterator[str]:
    """Entropies by year or place, where the run has some."""
    if not run.clustered or not any(run.rows[p]["place"] if by == "place" else run.date(p).is_known for p in run.read):
        return
    lines = lines_of("history", run.corpus.folder, "--by", by)
    (heads,) = [line for line in lines if line.split()[:2] == [by, "mode"]]
    rows = [line for line in lines if "  published  " in line or "  corrected  " in line]
    yield from history_faults(run, by, [heads, *rows])


def files_faults(run: RunFacts, page: str, folder: Path) -> Iterator[str]:
    """One page in every format that has its numbers."""
    for form in ("xlsx", "page-tei"):
        lines_of("export", run.corpus.folder, page, "--format", form, "--out", folder / form)
        for file in (folder / form).glob(f"{page}*"):
            yield from export_faults(run, file, "export", (page,), page=page)
    for form in TEXTS:
        lines_of("export", run.corpus.folder, page, "--format", form, "--out", folder / form)
        (file,) = (path for path in (folder / form).glob(f"{page}*") if not path.name.endswith("-metadata.json"))
        yield from file_faults(run, page, form, file)


def bundle_of(run: RunFacts, path: Path) -> Iterator[str]:
    lines_of("export", run.corpus.folder, "--bundle", "--out", path)
    yield from bundle_faults(run, path)
