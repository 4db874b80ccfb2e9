import csv
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from corpus.fakes import FakeReader, write_scan
from evidence.grids import chords
from typer.testing import CliRunner

from tablesim import reader
from tablesim.cli import app
from tablesim.cli.collate import pages_of
from tablesim.digits.numbers import Thresholds
from tablesim.workflow import run


@pytest.fixture
def call(monkeypatch):
    # A reader that can say which weights it reads with.
    about = {"weights": Path(__file__), "digit_reader": SimpleNamespace(thresholds=Thresholds())}
    monkeypatch.setattr(reader, "load_network", lambda path=None: type("Reader", (FakeReader,), about)())

    def call(*words, code=0):
        result = CliRunner().invoke(app, ["collate", *(str(word) for word in words)])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


@pytest.fixture
def scans(tmp_path):
    """Two editions: the second is on two pages and has one other number."""
    rows = chords(1, 30)
    changed = [row[:] for row in rows]
    changed[20][4] = "99"
    write_scan(tmp_path / "a.png", rows)
    write_scan(tmp_path / "b1.png", changed[:15])
    write_scan(tmp_path / "b2.png", changed[15:])
    return tmp_path / "a.png", f"{tmp_path / 'b1.png'}+{tmp_path / 'b2.png'}", rows[20][4]


def test_in_words(call, scans):
    output = call(*scans[:2]).output
    assert output.startswith("A: a (270 numbers)\nB: b1 + b2 (270 numbers)\n")
    assert "A and B carry the same table. 270 cells in common: 269 agree and 1 differs." in output
    assert "Similarity of A and B 0.99" in output and "containment 0.99" in output
    assert "Of the 1 that differs: 1 in column 5 (" in output
    last = output.splitlines()[-1]
    assert last.startswith("row 21 (10 30), column 5 ") and last.split()[6:8] == [scans[2], "99"]


def test_as_json_and_csv(call, scans):
    data = json.loads(call(*scans[:2], "--json").output)
    assert [len(pages) for pages in data["witnesses"]] == [1, 2]
    assert data["summary"] == {"agrees": 269, "differs": 1, "missing": 0, "illegible": 0}
    (pair,) = data["pairs"]
    assert (pair["a"], pair["b"], pair["cells"], pair["same_table"]) == ("A", "B", 270, True)
    assert pair["containment"] > 0.99
    lines = list(csv.DictReader(io.StringIO(call(*scans[:2], "--csv").output)))
    (line,) = [line for line in lines if line["state"] == "differs"]
    assert (line["A_text"], line["B_text"], line["B_page"]) == (scans[2], "99", "b2")
    assert [page["page"] for page in data["provenance"]["pages"]] == ["a", "b1", "b2"]
    assert "digit network fake-1" in data["provenance"]["citation"]


def test_a_csv_file_has_its_description_beside_it(call, scans, tmp_path):
    path = tmp_path / "out.csv"
    beside = tmp_path / "out.csv-metadata.json"
    beside.write_text("mine")
    assert "already there" in call(*scans[:2], "--csv", "--out", path, code=1).stderr
    assert not path.exists() and beside.read_text() == "mine"
    call(*scans[:2], "--csv", "--out", path, "--force")
    said = json.loads(beside.read_text())
    assert [column["name"] for column in said["tableSchema"]["columns"]] == path.read_text().splitlines()[0].split(",")
    assert "Numbers read by tablesim" in said["dc:bibliographicCitation"]


def test_pages_of_a_run_are_collated_as_they_were_corrected(call, scans, tmp_path):
    run(tmp_path, tmp_path / "run", network=FakeReader())
    words = ("a", "b1+b2", "--run", tmp_path / "run")
    assert "270 cells in common: 269 agree and 1 differs." in call(*words).output
    before = json.loads(call(*words, "--json").output)
    (cell,) = [cell for cell in before["cells"] if cell["state"] == "differs"]
    there = [str(value) for value in cell["readings"][1]["box"].values()]
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(f"page,x,y,width,height,read,correct\nb2,{','.join(there)},99,{scans[2]}\n")
    result = CliRunner().invoke(
        app, ["correct", str(tmp_path / "run"), "--csv", str(corrections), "--who", "A. Reader"]
    )
    assert result.exit_code == 0, result.output
    after = json.loads(call(*words, "--json").output)
    assert after["summary"] == {"agrees": 270, "differs": 0, "missing": 0, "illegible": 0}
    assert ", corrections: 1 by A. Reader)" in after["provenance"]["citation"]
    assert "no page 'b3' in this run" in call("a", "b3", "--run", tmp_path / "run", code=1).stderr
    refused = call(*words, "--weights", tmp_path / "w.safetensors", code=2).output
    assert "--weights goes with scans" in " ".join(refused.split())


def test_as_tei_and_as_a_workbook(call, scans, tmp_path):
    output = call(*scans[:2], "--tei").output
    assert '<app type="differs" cert="high">' in output and f">{scans[2]}</rdg>" in output
    openpyxl = pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    path = tmp_path / "out.xlsx"
    assert f"written: {path}" in call(*scans[:2], "--xlsx", "--out", path).stderr
    texts = [cell.value for row in openpyxl.load_workbook(path)["collation"].iter_rows() for cell in row]
    assert f"A: {scans[2]}, B: 99" in texts
    assert "already there" in call(*scans[:2], "--xlsx", "--out", path, code=1).stderr
    call(*scans[:2], "--xlsx", "--out", path, "--force")
    assert call(*scans[:2], "--xlsx").stdout_bytes.startswith(b"PK")
    assert "--out goes with" in call(*scans[:2], "--json", "--out", path, code=2).stderr


def test_a_page_with_the_differences_is_written_beside_what_is_said(call, scans, tmp_path):
    path = tmp_path / "page.html"
    result = call(*scans[:2], "--html", path)
    assert "1 differs" in result.output and f"written: {path}" in result.stderr
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "Numbers read by tablesim" in text
    assert "already there" in call(*scans[:2], "--html", path, code=1).stderr
    assert json.loads(call(*scans[:2], "--html", path, "--force", "--json").stdout)["summary"]["differs"] == 1


def test_what_is_refused(call, scans, tmp_path):
    assert "two witnesses" in call(scans[0], code=2).output
    assert "one of --json, --csv, --tei and --xlsx" in call(*scans[:2], "--json", "--csv", code=2).output
    assert "nowhere.png" in call(scans[0], tmp_path / "nowhere.png", code=1).stderr


def test_a_plus_in_a_file_name_is_no_second_page(tmp_path):
    scan = tmp_path / "a+b.png"
    scan.touch()
    assert pages_of(str(scan)) == [scan]
    scan.unlink()
    assert [path.name for path in pages_of(str(scan))] == ["a", "b.png"]


IN_FULL = r"\(chord: 10;58,49, printed is 10;58,99\)"
"""What is expected and printed with the places of the value joined."""


def test_laws_name_the_function_and_bracket_the_witness_that_breaks_it(call, scans):
    output = call(*scans[:2], "--laws").output
    assert "A: chord gives 30 of 30 values of columns 3-5; radius 60.00000 (59.99" in output
    assert re.search(rf"B: b2, row 6 .*, column 5: 99, expected {scans[2]} {IN_FULL}", output)
    assert output.splitlines()[-1].split()[6:8] == [scans[2], "[99]"]
    data = json.loads(call(*scans[:2], "--laws", "--json").output)
    (proposal,) = data["proposals"]
    assert (proposal["expected"], proposal["errs"]) == (scans[2], [False, True])
    assert {law["function"] for law in data["laws"]} >= {"chord"}
    assert "with --json or with words alone" in " ".join(call(*scans[:2], "--laws", "--csv", code=2).output.split())


def test_one_page_alone_is_examined_with_laws(call, scans, tmp_path):
    one = scans[1].split("+")[1]
    output = call(one, "--laws").output
    assert output.splitlines()[0] == "A: b2" and "A: chord gives 14 of 15 values of columns 3-5" in output
    assert re.search(rf"A: row 6 .*, column 5: 99, expected {scans[2]} {IN_FULL}", output)
    data = json.loads(call(one, "--laws", "--json").output)
    assert (data["suspects"][0]["address"], data["suspects"][0]["expected"]) == ("r6 c5", scans[2])
    assert data["proposals"] == [] and data["provenance"]["pages"][0]["page"] == "b2"
    run(tmp_path, tmp_path / "run", network=FakeReader())
    assert "expected " + scans[2] in call("b1+b2", "--laws", "--run", tmp_path / "run").output
    for words in ((), ("--laws", "--html", tmp_path / "x.html"), ("--laws", "--genealogy", tmp_path / "x.csv")):
        assert "--laws alone to examine one" in " ".join(call(one, *words, code=2).output.split())


def test_a_genealogy_is_written_in_the_format_of_its_suffix(call, tmp_path):
    rows = chords(1, 30)
    early, late = ([row[:] for row in rows] for _ in range(2))
    for at in range(3, 15):
        early[at][4] = late[at][4] = str((int(rows[at][4]) + 7) % 60)
    late[20][3] = late[21][3] = "59"
    pages = [write_scan(tmp_path / f"{name}.png", page) for name, page in (("a", early), ("b", late), ("c", rows))]
    result = call(*pages, "--genealogy", tmp_path / "links.csv", "--years", "1515,1549,?")
    # The reader gives every figure a runner-up, so a rival of the true link is left with little support.
    assert re.search(r"1 of \d links are sure", result.stderr)
    line, *_ = csv.DictReader(io.StringIO((tmp_path / "links.csv").read_text()))
    assert (line["model"], line["copy"], line["confident"]) == ("a", "b", "yes")
    call(*pages, "--genealogy", tmp_path / "links.graphml")
    assert (tmp_path / "links.graphml").read_text().startswith("<?xml")
    assert "expected 3 years" in " ".join(
        call(*pages, "--genealogy", tmp_path / "x.csv", "--years", "1515", code=2).output.split()
    )
    assert "--years goes with --genealogy" in " ".join(call(*pages, "--years", "1,2,3", code=2).output.split())
    assert "expected one of .csv" in " ".join(
        call(*pages, "--genealogy", tmp_path / "links.doc", code=2).output.split()
    )


def test_what_is_in_the_way_is_refused_before_any_scan_is_read(call, scans, tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.reader.load_network", lambda path=None: pytest.fail("nothing may be read"))
    kept = tmp_path / "kept.graphml"
    kept.write_text("mine")
    results = ("--html", tmp_path / "new.html", "--csv", "--out", tmp_path / "new.csv")
    refused = call(*scans[:2], *results, "--genealogy", kept, code=1).stderr
    assert "kept.graphml: already there, nothing was written" in refused and len(refused.splitlines()) == 1
    assert kept.read_text() == "mine"
    (tmp_path / "new.csv-metadata.json").write_text("mine")
    assert "already there" in call(*scans[:2], *results, code=1).stderr
    assert not (tmp_path / "new.html").exists() and not (tmp_path / "new.csv").exists()
    same = ("--html", tmp_path / "x", "--csv", "--out", tmp_path / "x")
    assert "two results have the same file" in " ".join(call(*scans[:2], *same, code=2).output.split())


def test_a_genealogy_is_replaced_with_force_alone_and_whole(call, scans, tmp_path, monkeypatch):
    path = tmp_path / "links.csv"
    call(*scans[:2], "--genealogy", path)
    before = path.read_bytes()
    assert "already there" in call(*scans[:2], "--genealogy", path, code=1).stderr
    call(*scans[:2], "--genealogy", path, "--force")
    assert path.read_bytes() == before
    call(*scans[:2], "--genealogy", tmp_path / "links.svg")
    assert "<svg" in (tmp_path / "links.svg").read_text()
    assert not list(tmp_path.glob(".*.part"))
