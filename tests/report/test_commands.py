import json

import pytest
from typer.testing import CliRunner

import tablesim.reader
from tablesim.cli import app
from tests.evidence.pages import two_editions


class Fake:
    def __init__(self, *readings):
        self.readings = {reading.scan: reading for reading in readings}

    def read(self, path):
        return self.readings[str(path)]


@pytest.fixture
def scans(tmp_path, monkeypatch):
    a, b = two_editions(tmp_path)
    monkeypatch.setattr(tablesim.reader, "load_network", lambda path=None: Fake(a, b))
    return a, b


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_compare_prints_json_and_nothing_else(scans):
    result = invoke("compare", scans[0].scan, scans[1].scan, "--json", "--top", 5)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["a"], data["b"], data["model"]) == (scans[0].scan, scans[1].scan, "bigram")
    assert len(data["matches"]) == 5
    assert data["relevance_total"] == pytest.approx(data["score"], abs=1e-6)
    assert result.stderr == ""


def test_compare_says_it_in_words(scans):
    result = invoke("compare", scans[0].scan, scans[1].scan)
    assert result.exit_code == 0, result.output
    assert "similarity 0.9999" in result.stdout or "similarity 1.0000" in result.stdout
    assert "248 equal numbers stand at matching positions; digits at matching positions bring 100 %" in result.stdout
    assert "on venice_1543" in result.stdout


def test_compare_writes_picture_and_json(scans, tmp_path):
    result = invoke("compare", scans[0].scan, scans[1].scan, "--out", tmp_path / "pair", "--json")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "pair").iterdir())
    assert {"venice_1543__paris_1561.json", "venice_1543__paris_1561.png"} <= set(names)
    written = json.loads((tmp_path / "pair" / "venice_1543__paris_1561.json").read_text())
    assert json.loads(result.stdout).items() <= written.items()


def test_compare_by_another_network_says_which(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tablesim.evidence.matches.photograph_network.compare_pixels.__kwdefaults__", {"top": 200, "side": 32}
    )
    pair = ("compare", scans[0].scan, scans[1].scan, "--model", "vgg16")
    result = invoke(*pair, "--top", 3, "--json", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["model"] == "vgg16"
    assert [match["bigram"] for match in data["matches"]] == [None] * 3
    assert "VGG-16, random weights" in result.stderr
    assert (tmp_path / "venice_1543__paris_1561__vgg16.png").is_file()
    words = invoke(*pair)
    assert "goes to pairs of tiles" in words.stdout


def test_compare_refuses_a_negative_top(scans):
    result = invoke("compare", scans[0].scan, scans[1].scan, "--top", "-1")
    assert result.exit_code == 2


def test_report_command_writes_the_report_elsewhere(corpus, tmp_path):
    result = invoke("report", corpus.folder, "--out", tmp_path / "there", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"report": str(tmp_path / "there" / "index.html")}
    assert (tmp_path / "there" / "index.html").is_file()


def test_report_of_no_run_is_one_line_with_a_remedy(tmp_path):
    result = invoke("report", tmp_path / "nothing")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "there is no such run folder; make one with" in result.stderr
