"""Exports of a run: which files are written, what is refused, and that nothing is overwritten."""

import io
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from corpus.fakes import FakeReader, reading_of, table, write_corpus
from typer.testing import CliRunner

from tablesim import reader
from tablesim.cli import app
from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.store import Corpus
from tablesim.digits.numbers import Thresholds
from tablesim.errors import ExportError, RunError
from tablesim.export.formats import export_run, pages_of_group
from tablesim.export.kinds import Format
from tablesim.records.corrections import Correction
from tablesim.report.provenance import Provenance, describe_page
from tablesim.workflow import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "scans", 2, 2, 1)
    (folder / "scans" / "bad.jpg").write_bytes(b"")
    (folder / "metadata.csv").write_text(
        "page_id,author,title,year,place,printer,handle\nk0_e0,Clavius,In sphaeram,1593,Romae,Basa,hdl.handle.net/1\n"
    )
    return run(folder / "scans", folder / "run", metadata=folder / "metadata.csv", network=FakeReader())


@pytest.fixture
def corpus(made):
    return Corpus.open(made.folder)


@pytest.mark.parametrize("what", [Format.page_xml, Format.transkribus, Format.alto, Format.json, Format.csv])
def test_every_page_that_was_read_gets_a_file(corpus, tmp_path, what):
    written = export_run(corpus, what, out=tmp_path)
    stems = {path.name.split(".")[0] for path in written}
    assert stems == {"k0_e0", "k0_e1", "k1_e0", "k1_e1", "prose_0"}
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert all("tablesim" in path.read_text() for path in written if path.suffix != ".csv")


@pytest.mark.parametrize("what", [Format.page_tei, Format.csv_grid, Format.xlsx])
def test_every_page_becomes_a_table_of_its_own(corpus, tmp_path, what):
    if what is Format.xlsx:
        pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    written = export_run(corpus, what, out=tmp_path)
    assert len(written) == 5 and all(path.stat().st_size > 100 for path in written if "prose" not in path.name)
    with pytest.raises(ExportError, match="already there"):
        export_run(corpus, what, out=tmp_path)


def test_a_page_as_json_is_what_read_prints_with_its_provenance(corpus, tmp_path):
    (path,) = export_run(corpus, Format.json, ["k0_e0"], tmp_path)
    data = json.loads(path.read_text())
    provenance = data.pop("provenance")
    assert data == json.loads(json.dumps(corpus.reading("k0_e0").to_dict()))
    assert provenance["network"] == "fake-1"
    assert [page["sha256"] for page in provenance["pages"]] == [data["sha256"]]
    assert provenance["citation"].startswith(
        "Clavius, In sphaeram, Romae: Basa, 1593, page k0_e0, hdl.handle.net/1 (scan SHA-256 "
    )


def test_two_pages_become_a_manifest_in_a_folder_of_its_own(made, tmp_path):
    readings = {}
    for page in ("a", "b"):
        row = made.page(f"k0_e{'ab'.index(page)}")
        readings[row["page"]] = row
    with pytest.raises(ExportError, match=r"the image is 32 x 24 pixels, expected 100 x 80"):
        # The fake reader invents the size of its scans; nothing is written then.
        export_run(made, Format.iiif, list(readings), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("what", "names"),
    [
        (Format.tei, ["k0_e0__k0_e1.tei.xml"]),
        (Format.collation_csv, ["k0_e0__k0_e1.csv", "k0_e0__k0_e1.csv-metadata.json"]),
        (Format.collation_json, ["k0_e0__k0_e1.json"]),
        (Format.collation_xlsx, ["k0_e0__k0_e1.xlsx"]),
    ],
)
def test_witnesses_become_a_collation(corpus, tmp_path, what, names):
    if what is Format.collation_xlsx:
        pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    written = export_run(corpus, what, ["k0_e0", "k0_e1"], tmp_path)
    assert [path.name for path in written] == names


@pytest.mark.parametrize(
    ("what", "suffix"), [(Format.ris, ".ris"), (Format.bibtex, ".bib"), (Format.csl_json, ".csl.json")]
)
def test_pages_pairs_and_runs_have_citations(corpus, tmp_path, what, suffix):
    for pages, name in ((["k0_e0"], "k0_e0"), (["k0_e0", "k0_e1"], "k0_e0__k0_e1"), ([], "run")):
        (path,) = export_run(corpus, what, pages, tmp_path)
        assert path.name == name + suffix
        assert "In sphaeram" in path.read_text() and "1593" in path.read_text()
    with pytest.raises(ExportError, match="already there"):
        export_run(corpus, what, [], tmp_path)


def test_the_pages_of_a_cluster_are_cited_together(corpus, tmp_path):
    pages, title = pages_of_group(corpus, None, 1)
    (path,) = export_run(corpus, Format.csl_json, pages, tmp_path, title=title)
    first, *rest = json.loads(path.read_text())
    assert first["title"] == "Cluster 1 of the run run" and len(rest) == len(pages) + 1
    with pytest.raises(RunError, match="cluster 99: the run has"):
        pages_of_group(corpus, None, 99)


def test_a_witness_of_several_pages(corpus, tmp_path):
    (path,) = export_run(corpus, Format.collation_json, ["k0_e0+k1_e0", "k0_e1"], tmp_path)
    data = json.loads(path.read_text())
    assert [[Path(scan).stem for scan in witness] for witness in data["witnesses"]] == [["k0_e0", "k1_e0"], ["k0_e1"]]
    assert data["summary"]["agrees"] > 100
    assert [page["page"] for page in data["provenance"]["pages"]] == ["k0_e0", "k1_e0", "k0_e1"]


@pytest.mark.parametrize(
    ("what", "pages", "error", "said"),
    [
        (Format.page_xml, ["k0_e9"], RunError, "no page 'k0_e9' in this run; did you mean"),
        (Format.alto, ["bad"], RunError, "page bad has not been read"),
        (Format.iiif, ["k0_e0"], ExportError, "got 1 pages, expected the two"),
        (Format.iiif, [], ExportError, "got 0 pages, expected the two"),
        (Format.tei, ["k0_e0"], ExportError, "got 1 witnesses, expected two or more"),
        (Format.tei, ["k0_e0+", "k0_e1"], RunError, "no page ''"),
        (Format.collation_csv, ["k0_e0", "k0_e1+x"], RunError, "no page 'x'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(corpus, tmp_path, what, pages, error, said):
    with pytest.raises(error, match=said.split(";")[0]) as caught:
        export_run(corpus, what, pages, tmp_path)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_overwritten_unless_asked(corpus, tmp_path):
    kept = tmp_path / "k1_e1.page.xml"
    kept.write_text("mine")
    with pytest.raises(ExportError, match=r"k1_e1\.page\.xml: already there, nothing was written; give --force"):
        export_run(corpus, Format.page_xml, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["k1_e1.page.xml"]
    assert kept.read_text() == "mine"
    export_run(corpus, Format.page_xml, out=tmp_path, force=True)
    assert kept.read_text().startswith("<?xml")
    with pytest.raises(ExportError, match="already there"):
        export_run(corpus, Format.tei, ["k0_e0", "k0_e1"], _with(tmp_path, "k0_e0__k0_e1.tei.xml"))


def _with(folder, name):
    (folder / name).write_text("mine")
    return folder


def test_ids_that_differ_in_case_alone_get_two_files(tmp_path):
    histograms = {page: [1.0] * 110 for page in ("p1", "P1")}
    corpus = corpus_of_histograms(tmp_path / "run", histograms)
    corpus.reading = lambda page: reading_of(page, table(1))
    names = [path.name for path in export_run(corpus, Format.json, out=tmp_path / "out")]
    assert names == ["P1.json", "p1_2.json"]


def test_a_page_is_described_as_far_as_it_is_known():
    assert describe_page({}) == ""
    assert describe_page({"title": "De sphaera", "year": 1550, "year_latest": 1552}) == "De sphaera, 1550–1552"
    assert describe_page({"place": "Sine loco", "printers": ["A", "B"]}) == "Sine loco: A; B"


def test_a_citation_names_some_pages_and_counts_the_others(made):
    whole = Provenance.of_run(made, ["k0_e0", "k0_e1", "k1_e0", "k1_e1", "prose_0", "k0_e0"])
    assert [page.page for page in whole.pages] == ["k0_e0", "k0_e1", "k1_e0", "k1_e1", "prose_0"]
    assert [page.page for page in whole.only(["k1_e0", "nobody", "k0_e0", "k1_e0"]).pages] == ["k1_e0", "k0_e0"]
    many = Provenance("1", "f" * 64, {}, "2026-11-24T10:00:00Z", whole.pages * 4)
    assert "and 8 more pages." in many.citation


def test_an_export_has_the_corrections_and_says_so(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "run")
    corpus = Corpus.open(tmp_path / "run")
    number = corpus.reading("k0_e0").numbers[1]
    for wrong_first in ("9·8", "9·87"):
        correct(corpus, [Correction("k0_e0", number.box, number.text, wrong_first)], who="A. Reader")
    (path,) = export_run(corpus, Format.json, ["k0_e0"], tmp_path / "out")
    data = json.loads(path.read_text())
    assert data["numbers"][1]["text"] == "9·87"
    assert ", corrections: 1 by A. Reader)." in data["provenance"]["citation"]
    (other,) = export_run(corpus, Format.json, ["k0_e1"], tmp_path / "out")
    assert "corrections:" not in other.read_text()


def test_the_command_line_exports(corpus, tmp_path):
    words = ["export", str(corpus.folder), "k0_e0", "k0_e1", "--format", "tei", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (0, f"written: {tmp_path / 'k0_e0__k0_e1.tei.xml'}\n")
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1 and "already there" in again.stderr and len(again.stderr.splitlines()) == 1
    forced = CliRunner().invoke(app, [*words, "--force", "--json"])
    assert json.loads(forced.stdout) == {"written": [str(tmp_path / "k0_e0__k0_e1.tei.xml")]}
    default = CliRunner().invoke(app, ["export", str(corpus.folder), "k0_e0"])
    assert default.exit_code == 0
    assert (corpus.folder / "export" / "page-xml" / "k0_e0.page.xml").is_file()


@dataclass(frozen=True)
class WeighedReader(FakeReader):
    """A reader that can say which weights it reads with."""

    weights: Path = Path(__file__)
    digit_reader: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(thresholds=Thresholds()))


@pytest.fixture
def read(monkeypatch, made):
    monkeypatch.setattr(reader, "load_network", lambda path=None, device="cpu": WeighedReader())
    scans = made.folder.parent / "scans"
    return lambda *words: CliRunner().invoke(app, ["read", *(str(scans / w) if w[:2] == "k0" else w for w in words)])


def test_read_prints_page_xml_of_one_scan(read, page_schema):
    result = read("k0_e0.png", "--page-xml")
    assert result.exit_code == 0
    page_schema(result.stdout.encode())
    assert '"weights_sha256": "' in result.stdout.replace("&quot;", '"')
    assert "<TableCell " in read("k0_e0.png", "--page-xml", "--transkribus").stdout


def test_read_prints_alto_and_one_format_only(read, alto_schema, tmp_path):
    result = read("k0_e0.png", "--alto")
    assert result.exit_code == 0
    alto_schema(result.stdout.encode())
    assert read("k0_e0.png", "k0_e1.png", "--alto", "--out", str(tmp_path)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k0_e0.alto.xml", "k0_e1.alto.xml"]
    for words in (("--alto", "--csv"), ("--alto", "--transkribus"), ("--alto", "--page-xml")):
        assert read("k0_e0.png", *words).exit_code == 2


def test_read_prints_the_table_as_a_grid_and_as_tei(read, tei_schema):
    rows = read("k0_e0.png", "--csv", "--grid").stdout.splitlines()
    assert len(rows) == 40 and {row.count(",") for row in rows} == {3}
    tei_schema(read("k0_e0.png", "--tei").stdout.encode())


def test_read_writes_workbooks(read, tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    assert read("k0_e0.png", "k0_e1.png", "--xlsx", "--out", str(tmp_path)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k0_e0.xlsx", "k0_e1.xlsx"]
    assert openpyxl.load_workbook(tmp_path / "k0_e0.xlsx").sheetnames == ["page", "numbers", "about"]
    assert "already there" in read("k0_e0.png", "--xlsx", "--out", str(tmp_path)).stderr
    printed = read("k0_e0.png", "--xlsx")
    assert openpyxl.load_workbook(io.BytesIO(printed.stdout_bytes)).sheetnames == ["page", "numbers", "about"]


def test_read_writes_page_xml_of_several_scans_into_a_folder(read, tmp_path):
    words = ("k0_e0.png", "k0_e1.png", "--page-xml")
    assert "2 scans: give --out" in " ".join(read(*words).stderr.split())
    assert read(*words, "--out", str(tmp_path)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k0_e0.page.xml", "k0_e1.page.xml"]
    again = read(*words, "--out", str(tmp_path))
    assert again.exit_code == 1 and "already there" in again.stderr
    assert read(*words, "--out", str(tmp_path), "--force").exit_code == 0
    assert read("k0_e0.png", "--out", str(tmp_path)).exit_code == 2
