"""The page on a run folder is equal to what a run writes: every file, every column, every type."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_corpus

import tablesim
from tablesim.corpus.corrections.notes import COLUMNS as NOTE_COLUMNS
from tablesim.corpus.corrections.table_decisions import COLUMNS as DECISION_COLUMNS
from tablesim.corpus.map import CorpusMap
from tablesim.digits.corrections import COLUMNS as CORRECTION_COLUMNS
from tablesim.review.verdicts import Verdict, VerdictLog
from tablesim.workflow.alignments import SCHEMA as ALIGNMENT_SCHEMA

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "run-folder.md"


def sections() -> dict[str, list[list[str]]]:
    """By file, the cells of the lines of its table."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        rows = [re.split(r" *\| *", line.strip("| \n")) for line in re.findall(r"^\| `.*", text, flags=re.MULTILINE)]
        found[name.strip("`")] = [[cell.strip() for cell in row] for row in rows]
    return found


DOCUMENTED = sections()


def columns(name: str) -> list[str]:
    return [word for row in DOCUMENTED[name] for word in re.findall(r"`([^`]+)`", row[0])]


def types(name: str) -> dict[str, str]:
    return {row[0].strip("`"): row[1].strip("`") for row in DOCUMENTED[name]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four pages and one without a table, decided about."""
    folder = tmp_path_factory.mktemp("run")
    write_corpus(folder / "scans", 2, 2, 1)
    corpus = tablesim.run(folder / "scans", folder / "run", network=FakeReader(), report=True)
    tablesim.decide_tables(corpus, [tablesim.TableDecision("k0_e0", True)], who="Anna")
    VerdictLog(corpus.folder / "verdicts.sqlite").append([Verdict("k0_e0", "k0_e1", "accept", "Anna")])
    return corpus.folder


def test_every_file_that_a_run_writes_is_named(run):
    text = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    named = set(re.findall(r"`([^` ]+)`", text))
    for path in run.iterdir():
        assert path.name in named or f"{path.name}/" in named, f"{path.name} stands in no line of {PAGE.name}"


def test_every_column_of_every_parquet_file_is_there_with_its_type(run):
    for path in sorted(run.glob("*.parquet")) + sorted(run.glob("[!.]*/*.parquet")):
        parts = path.relative_to(run).parts
        name = "/".join((*parts[:-1], "*.parquet")) if len(parts) > 1 else path.name
        assert types(name) == {field.name: str(field.type) for field in pq.read_schema(path)}, name


def test_tables_that_this_run_has_not_are_as_their_schemas():
    for name, schema in (("alignments.parquet", ALIGNMENT_SCHEMA), ("map.parquet", CorpusMap.SCHEMA)):
        # Parquet calls the items of a list elements.
        assert types(name) == {field.name: str(field.type).replace("item:", "element:") for field in schema}
    assert tuple(columns("corrections.csv")) == CORRECTION_COLUMNS
    assert tuple(columns("table_decisions.csv")) == DECISION_COLUMNS
    assert tuple(columns("notes.csv")) == NOTE_COLUMNS


def test_every_column_of_csv_and_every_key_of_json_is_there(run):
    for path in run.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert columns(path.name) == next(csv.reader(file)), path.name
    assert set(json.loads((run / "run.json").read_text(encoding="utf-8"))) == set(columns("run.json"))
    keys = {key for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines() for key in json.loads(line)}
    assert keys <= set(columns("events.jsonl"))


def test_the_columns_of_verdicts_are_there(run):
    with closing(sqlite3.connect(run / "verdicts.sqlite")) as database:
        assert columns("verdicts.sqlite") == [row[1] for row in database.execute("PRAGMA table_info(verdicts)")]
