"""Clusters and neighbours as CSV: the lines of the run folder, value for value."""

import csv

import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.errors import ExportError
from tablesim.export.formats import export_run
from tablesim.workflow import run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_corpus(folder / "scans", 2, 3, 1)
    return run(folder / "scans", folder / "run", network=FakeReader())


@pytest.mark.parametrize(
    ("what", "stored"), [("clusters-csv", "clusters/auto.parquet"), ("neighbours-csv", "neighbours.parquet")]
)
def test_every_line_and_column_of_the_run_is_there(corpus, tmp_path, what, stored):
    (path,) = export_run(corpus, what, out=tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    expected = pq.read_table(corpus.folder / stored).to_pylist()
    assert len(lines) == len(expected) > 0 and list(lines[0]) == list(expected[0])
    for line, row in zip(lines, expected, strict=True):
        assert line["page"] == row["page"]
        assert float(line["similarity"] or "nan") == pytest.approx(
            float("nan") if row["similarity"] is None else row["similarity"], nan_ok=True
        )


def test_only_the_pages_that_are_named(corpus, tmp_path):
    (path,) = export_run(corpus, "neighbours-csv", ["k0_e1"], out=tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert {line["page"] for line in csv.DictReader(file)} == {"k0_e1"}


def test_without_neighbours_it_says_what_makes_them(corpus, tmp_path):
    (tmp_path / "scans").symlink_to(corpus.folder.parent / "scans")
    early = run(tmp_path / "scans", tmp_path / "run", network=FakeReader(), until="read")
    for what, remedy in (("clusters-csv", "tablesim cluster"), ("neighbours-csv", "without --until")):
        with pytest.raises(ExportError, match=remedy):
            export_run(early, what, out=tmp_path)
