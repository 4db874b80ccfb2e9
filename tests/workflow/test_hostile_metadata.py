"""Hostile metadata (scripts, formulas, control signs, overrides) do nothing in report, exports and terminal."""

import csv
import io
import json
import re
import sys
from xml.etree import ElementTree

import pytest
from corpus.fakes import FakeReader, write_corpus
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.cli.terminal import PlainStream, plain_terminal
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, shown
from tablesim.export.formats import export_run
from tablesim.export.kinds import Format
from tablesim.report import write_report
from tablesim.workflow import run

FORMULA = '=HYPERLINK("http://a.example";"x")'
SCRIPT = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'
ESCAPES = "\x1b]0;gone\x07\x1b[2J\x9b31m"
OVERRIDE = "\u202egpj.exe\u2066"
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LONG = "long " * 2000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_corpus(folder / "scans", 1, 2, 0)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ("page", "author", "title", "place", "year", "printer"),
                ("k0_e0", FORMULA, SCRIPT, f"Rome{ESCAPES}", "1553", f"A{OVERRIDE}"),
                ("k0_e1", f"+{FORMULA}", f"{SCRIPT}{LONG}", f"Rome{ESCAPES}", "1560", f"@SUM(1){OVERRIDE}"),
            ]
        )
    said = []
    made = run(folder / "scans", folder / "run", folder / "metadata.csv", 1, network=FakeReader(), on_event=said.append)
    assert any("control characters" in event.message and "left out" in event.message for event in said)
    return made


def test_nothing_of_it_runs_or_steers_in_the_report(corpus):
    folder = write_report(corpus).parent
    for path in (*folder.rglob("*.html"), *folder.rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        # The files of scripts are data: what they hold becomes text, never markup.
        assert path.suffix == ".js" or ("<script>alert" not in text and "<img src=x" not in text), path
        assert not STEERING.search(text), path


@pytest.mark.parametrize("form", [form for form in Format if form is not Format.iiif])
def test_nothing_of_it_is_a_formula_or_markup_in_any_export(corpus, form, tmp_path):
    for path in export_run(corpus, form, ["k0_e0", "k0_e1"], tmp_path / "out"):
        data = path.read_bytes()
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
            assert [cell for cell in cells if re.match(r"[=+@\t]|-(?!\d)", cell)] == []
        elif path.suffix == ".xlsx":
            from openpyxl import load_workbook

            sheets = load_workbook(path).worksheets
            assert not [c for sheet in sheets for row in sheet.iter_rows() for c in row if c.data_type == "f"]
        elif path.suffix == ".xml":
            ElementTree.fromstring(data)
        elif path.suffix == ".json":
            json.loads(data)
        elif path.suffix == ".html":
            assert b"<script>alert" not in data and b"<img src=x" not in data
        assert path.suffix == ".xlsx" or not STEERING.search(data.decode("utf-8-sig"))


def test_commands_print_it_as_plain_text(corpus):
    for words in (["status", "--by", "place"], ["status", "--by", "printer"], ["search", "k0_e0"]):
        result = CliRunner().invoke(app, [words[0], str(corpus.folder), *words[1:]])
        assert result.exit_code == 0 and not STEERING.search(result.output)


def test_names_of_files_do_not_steer_the_terminal_either(tmp_path, monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", terminal := Terminal(data, encoding="utf-8"))
    with plain_terminal():
        assert isinstance(sys.stdout, PlainStream)
        print(f"{ESCAPES} {OVERRIDE} ü\tx")
    assert sys.stdout is terminal
    assert data.getvalue().decode() == "\\x1b]0;gone\\x07\\x1b[2J\\x9b31m \\u202egpj.exe\\u2066 ü\tx\n"


def test_an_error_says_what_it_quotes_in_plain_text_and_keeps_its_remedy():
    text = str(RunError(f"a.csv: got {ESCAPES}{LONG}; do this"))
    assert text.startswith("a.csv: got \\x1b") and text.endswith("; do this") and len(text) < 2000
    assert shown("ü\n\t") == "ü\n\t"


def test_a_page_of_a_hostile_name_is_told_in_a_line(corpus):
    with pytest.raises(RunError, match=r"no page '.x1b") as told:
        Corpus.open(corpus.folder).page("\x1b[2J")
    assert not STEERING.search(str(told.value))
