import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tablesim.bigrams import embed, histogram, similarity
from tablesim.errors import ScanError
from tablesim.evidence import compare

from .pages import declinations, print_page, sines, two_editions


def test_two_editions(tmp_path):
    a, b = two_editions(tmp_path)
    comparison = compare(a, b)
    assert comparison.similarity > 0.999
    assert comparison.relevance_total == pytest.approx(comparison.score, abs=1e-6)
    assert comparison.bias_share == 0
    assert 0.9 < comparison.containment <= 1
    assert comparison.similarity == pytest.approx(similarity(embed(histogram(a)), embed(histogram(b))), abs=1e-6)


def test_boxes_lie_on_the_figures_they_name(tmp_path):
    a, b = two_editions(tmp_path)
    for match in compare(a, b, top=500).matches:
        for reading, box in ((a, match.a), (b, match.b)):
            inside = [d for d in reading.digits if box.contains(*d.box.centre)]
            assert "".join(str(d.value) for d in inside) == match.bigram


def test_to_dict_is_what_compare_prints(tmp_path):
    comparison = compare(*two_editions(tmp_path), top=50)
    data = json.loads(json.dumps(comparison.to_dict()))
    assert list(data) == [
        "a",
        "b",
        "model",
        "similarity",
        "score",
        "relevance_total",
        "relevance_listed",
        "bias_share",
        "containment",
        "interval",
        "corpus_rank",
        "bigrams",
        "by_region",
        "faithfulness",
        "transform",
        "matches",
    ]
    assert data["model"] == "bigram"
    assert len(data["matches"]) == 50
    assert set(data["matches"][0]) == {"bigram", "relevance", "a", "b"}
    assert set(data["matches"][0]["a"]) == {"x", "y", "width", "height"}
    relevance = [match["relevance"] for match in data["matches"]]
    assert relevance == sorted(relevance, reverse=True)
    assert data["relevance_listed"] == pytest.approx(sum(relevance))
    assert len(comparison.to_dict(top=7)["matches"]) == 7
    everything = comparison.to_dict(top=comparison.glyph_matches.n_pairs)
    assert everything["relevance_listed"] == pytest.approx(comparison.score, abs=1e-9)


def test_links_sum_to_the_score_and_meet_the_same_cells(tmp_path):
    a, b = two_editions(tmp_path)
    comparison = compare(a, b)
    links = comparison.assignment.links
    assert sum(link.relevance for link in links) == pytest.approx(comparison.score, abs=1e-9)
    assert comparison.assignment.registered
    assert all(link.supported for link in links)

    def cell(reading, box):
        return next((n.row, n.column) for n in reading.numbers if n.box.contains(*box.centre))

    order = [0, 1, 2, 5, 6, 3, 4, 7]
    for link in links:
        (row, column), (other_row, other_column) = cell(a, link.a), cell(b, link.b)
        assert (row, column) == (other_row, order[other_column])


def test_a_misprint_is_joined_to_nothing_that_differs(tmp_path):
    rows = declinations()
    wrong = [list(row) for row in rows]
    assert wrong[10][2] == "58"
    wrong[10][2] = "38"
    comparison = compare(print_page(tmp_path, "a", rows), print_page(tmp_path, "b", wrong, face="fanwood"))
    a = next(n for n in comparison.reading_a.numbers if (n.row, n.column) == (10, 2))
    joined = [link for link in comparison.assignment.links if a.box.contains(*link.a.centre)]
    assert not any(link.supported for link in joined)
    assert comparison.assignment.relevance_supported < comparison.score


def test_other_tables_are_less_alike_and_say_what_they_share(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", sines(60000), widths=(70, 110, 110))
    comparison = compare(a, b)
    assert comparison.similarity < 0.8
    assert comparison.assignment.equal_numbers == 30
    assert comparison.assignment.relevance_supported < 0.5 * comparison.score


def test_pages_that_cannot_be_laid_over_each_other_have_no_supported_links(tmp_path):
    rng = np.random.default_rng(5)
    pages = [[[str(n) for n in rng.integers(0, 60, 6)] for _ in range(30)] for _ in range(2)]
    comparison = compare(*(print_page(tmp_path, f"page{i}", rows, seed=i) for i, rows in enumerate(pages)))
    assert not comparison.assignment.registered
    assert comparison.assignment.supported == ()
    assert sum(link.relevance for link in comparison.assignment.links) == pytest.approx(comparison.score, abs=1e-9)


def test_a_page_is_contained_in_a_longer_one(tmp_path):
    short, long = print_page(tmp_path, "a", declinations(last=10)), print_page(tmp_path, "b", declinations(), seed=0)
    comparison = compare(short, long)
    assert comparison.containment > 0.9
    assert comparison.similarity < 0.9


def test_empty_page(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    comparison = compare(a, replace(a, numbers=()))
    assert (comparison.similarity, comparison.score, comparison.relevance_total) == (0.0, 0.0, 0.0)
    assert (comparison.containment, comparison.matches, comparison.assignment.links) == (0.0, [], ())
    comparison.plot(tmp_path / "empty.png")


def test_negative_top_is_refused(tmp_path):
    a, b = two_editions(tmp_path)
    with pytest.raises(ValueError, match="got top=-3, expected 0 or more"):
        compare(a, b, top=-3)


class FakeNetwork:
    """Reads a scan by looking its path up."""

    def __init__(self, *readings):
        self.readings = {reading.scan: reading for reading in readings}

    def read(self, path):
        return self.readings[str(path)]


def test_paths_are_read_with_the_network(tmp_path):
    a, b = two_editions(tmp_path)
    comparison = compare(Path(a.scan), b, network=FakeNetwork(a, b))
    assert comparison.reading_a is a
    assert comparison.a == a.scan
    assert comparison.b == b.scan


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_plot_writes_a_picture_of_both_pages(tmp_path, rotation):
    a = print_page(tmp_path, "a", declinations())
    b = print_page(tmp_path, "b", declinations(), rotation=rotation, seed=3)
    figure = compare(a, b).plot(tmp_path / "pair.png")
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Similarity 0.99" in texts
    assert "the sum of 1,726 pairs of equal glyphs" in texts
    assert "248 equal whole numbers support it" in texts
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]
    for axes in figure.axes:
        assert axes.get_xlim()[1] < axes.get_ylim()[0]  # both stand upright: higher than wide
    with Image.open(tmp_path / "pair.png") as picture:
        assert min(picture.size) > 900
        blue = np.asarray(picture.convert("RGB")).astype(int)
    assert ((blue[..., 2] - blue[..., 0]) > 60).mean() > 0.01


def test_plot_of_a_scan_that_has_gone(tmp_path):
    a, b = two_editions(tmp_path)
    Path(a.scan).unlink()
    with pytest.raises(ScanError, match="no such file"):
        compare(a, b).plot()
