"""Lists of pages for image viewers: what is written comes back as metadata."""

import csv
import io

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.export.formats import export_run
from tablesim.workflow import run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewers")
    write_corpus(folder / "scans", 2, 2, 1)
    lines = [
        "page_id,title,author,year,place,permalink",
        "k0_e0,Tabulae,A. Author,1515,Basel,https://e.org/1",
        "k0_e1,Tabulae,B,1540,Paris,",
    ]
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return run(folder / "scans", folder / "run", network=FakeReader(), metadata=folder / "metadata.csv")


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_pixplot_has_its_columns_and_the_table_as_category(corpus, tmp_path):
    (path,) = export_run(corpus, "pixplot", out=tmp_path)
    lines = rows(path)
    assert list(lines[0]) == ["filename", "category", "tags", "description", "permalink", "year"]
    first = next(line for line in lines if line["filename"].startswith("k0_e0"))
    assert (first["year"], first["permalink"]) == ("1515", "https://e.org/1")
    assert first["description"] == "A. Author, Tabulae, Basel"
    assert len(lines) == 5


def test_vikus_has_its_columns_and_only_the_pages_named(corpus, tmp_path):
    (path,) = export_run(corpus, "vikus", ["k0_e0"], out=tmp_path)
    (line,) = rows(path)
    assert list(line)[:3] == ["id", "keywords", "year"]
    assert (line["id"], line["year"], line["_title"], line["_place"]) == ("k0_e0", "1515", "Tabulae", "Basel")
    assert "Basel" in line["keywords"].split(",")


@pytest.mark.parametrize("what", ["pixplot", "vikus"])
def test_what_was_written_is_read_as_metadata(corpus, tmp_path, what):
    (path,) = export_run(corpus, what, out=tmp_path)
    again = run(corpus.folder.parent / "scans", tmp_path / "run", network=FakeReader(), metadata=path)
    assert (again.page("k0_e0")["year"], again.page("k0_e0")["handle"]) == (1515, "https://e.org/1")
