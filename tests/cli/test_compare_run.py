"""``tablesim compare`` beside the similarity: the run behind a pair, what the relevance lies on, more pictures."""

import json
from functools import partial

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim import reader
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.matches import photograph_network as pixels
from tablesim.evidence.matches.relevance_by_region import KINDS, RelevanceByRegion


@pytest.fixture
def run_folder(tmp_path):
    from tablesim.workflow import run

    labels = write_corpus(tmp_path / "scans", 2, 3, 1)
    rows = "".join(f"{page},{label}\n" for page, label in labels.items())
    (tmp_path / "labels.csv").write_text(f"page,label\n{rows}", encoding="utf-8")
    return run(tmp_path / "scans", tmp_path / "run", network=FakeReader()).folder


def test_pages_of_a_run_are_compared_without_reading_them(call, run_folder, monkeypatch, tmp_path):
    def unread(path=None):
        raise AssertionError("the pages of a run are read already")

    monkeypatch.setattr(reader, "load_network", unread)
    words = ("compare", "k0_e0", "k0_e1", "--run", run_folder, "--labels", tmp_path / "labels.csv")
    data = json.loads(call(*words, "--json").stdout)
    assert data["corpus_rank"]["around_a"]["rank"] == 1
    assert data["corpus_rank"]["around_a"]["surprise"] == {"by": "label", "as_near": 0, "others": 3, "share": 0}
    assert set(data["interval"]) == {"low", "high", "level", "resampled"}
    assert sum(bigram["share"] for bigram in data["bigrams"]) == pytest.approx(1)
    assert data["by_region"] is None
    lines = call(*words).stdout
    assert "k0_e1 is number 1 of 5 among the pages nearest to k0_e0; of 3 pages with another label, none" in lines
    assert "for what the reader doubts (95 % of 1000 readings" in lines
    assert "common bigrams bring half of the score" in lines
    assert "without the 10 % most relevant digits the similarity falls from" in lines


def test_a_scan_of_the_run_is_known_by_its_bytes(call, run_folder, tmp_path):
    moved = tmp_path / "moved.png"
    moved.write_bytes((tmp_path / "scans" / "k1_e0.png").read_bytes())
    moved.with_suffix(".txt").write_text((tmp_path / "scans" / "k1_e0.txt").read_text())
    data = json.loads(call("compare", moved, "k1_e2", "--run", run_folder, "--json").stdout)
    assert (data["corpus_rank"]["a"], data["corpus_rank"]["b"]) == ("k1_e0", "k1_e2")


def test_a_scan_of_elsewhere_has_no_standing(call, run_folder, tmp_path):
    write_corpus(tmp_path / "others", 1, 4, 0)
    result = call("compare", tmp_path / "others" / "k0_e3.png", "k0_e0", "--run", run_folder, code=1)
    assert "is no page of this run" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_labels_want_a_run(call, tmp_path):
    assert "--labels goes with --run" in call("compare", "a.png", "b.png", "--labels", tmp_path, code=2).output


def test_pixels_say_what_the_relevance_lies_on(call, run_folder, monkeypatch, tmp_path):
    part = RelevanceByRegion(
        dict(zip(KINDS, (0.9, 0.0, 0.06, 0.04), strict=True)), dict(zip(KINDS, (0.1, 0.1, 0.2, 0.6), strict=True))
    )

    class Ink:
        by_region = (part, part)

        def plot(self, path):
            path.write_text("ink")

    monkeypatch.setattr(Comparison, "pixels", lambda self, network: Ink())
    # The scans are smaller than what was read on them says.
    monkeypatch.setattr(Comparison, "transform", None)
    out = tmp_path / "pair"
    result = call("compare", "k0_e0", "k0_e1", "--run", run_folder, "--pixels", "--style", "print", "--out", out)
    assert "relevance on k0_e0, and how much of the page it is: digits 90 % (10 %), rules 0 % (10 %)" in result.stdout
    data = json.loads((out / "k0_e0__k0_e1.json").read_text(encoding="utf-8"))
    assert data["by_region"]["a"]["words"] == {"relevance": 0.06, "area": 0.2}
    names = {path.name for path in out.iterdir()}
    assert {f"k0_e0__k0_e1{end}" for end in (".png", "__faithfulness.png", "__pixels.png", "__print.pdf")} <= names
    for name in names:
        assert f"{name}" in result.stderr


def test_vgg_says_the_same_of_its_tiles(call, run_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(pixels, "compare_pixels", partial(pixels.compare_pixels, side=32))
    out = tmp_path / "pair"
    result = call("compare", "k0_e0", "k0_e1", "--run", run_folder, "--model", "vgg16", "--out", out)
    assert "relevance on k0_e0, and how much of the page it is: digits" in result.stdout
    assert "without the 10 % most relevant tiles the similarity falls from" in result.stdout
    assert "random weights (seed 0), not trained" in result.stderr
    assert "how a pair ranks in a run is known of the bigram network alone" in result.stderr
    data = json.loads((out / "k0_e0__k0_e1__vgg16.json").read_text(encoding="utf-8"))
    assert data["corpus_rank"] is None
    assert data["faithfulness"]["unit"] == "tiles"
    assert (out / "k0_e0__k0_e1__vgg16__faithfulness.png").is_file()
