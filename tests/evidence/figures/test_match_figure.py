"""The picture for paper."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evidence.pages import declinations, print_page, two_editions
from tablesim.evidence.comparison import compare
from tablesim.evidence.figures.match_figure import FAINT, MAX_PRINTED_LINES, SHEET, _printed, apart
from tablesim.evidence.matches.glyphs import Match
from tablesim.records.boxes import Box
from tablesim.records.transform import Transform


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    return two_editions(tmp_path_factory.mktemp("pages"))


def test_half_a_sheet_without_colour(editions, tmp_path):
    path = tmp_path / "pair.png"
    figure = compare(*editions).plot(path, style="print")
    with Image.open(path) as picture:
        assert picture.size == tuple(int(300 * inches) for inches in SHEET)
        channels = np.asarray(picture.convert("RGB")).astype(int)
    assert np.ptp(channels, axis=2).max() == 0
    texts = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert "Similarity 0.99" in texts
    assert "with an equal one at its place on the other page" in texts
    assert "31 in all" in texts  # one for each printed line of the table
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["venice_1543", "paris_1561"]


def test_nothing_runs_out_of_the_sheet(editions):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = compare(*editions).plot(style="print")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = figure.bbox.width, figure.bbox.height
    for text in figure.texts:
        extent = text.get_window_extent(canvas.get_renderer())
        assert extent.x0 >= 0
        assert extent.x1 <= width
        assert 0 <= extent.y0 < extent.y1 <= height


@pytest.mark.parametrize("rotation", [90, 180])
def test_pages_stand_upright(tmp_path, rotation):
    a = print_page(tmp_path, "a", declinations(last=12), seed=1)
    b = print_page(tmp_path, "b", declinations(last=12), rotation=rotation, seed=3)
    pictures = []
    for other in (b, a):
        figure = compare(a, other).plot(style="print")
        pictures.append(np.asarray(figure.axes[1].images[0].get_array()))
    assert np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1] > 0.8


def test_matched_figures_are_black_and_the_rest_is_faint():
    grey = np.full((40, 60), 240, np.uint8)
    grey[10:20, 5:15] = grey[10:20, 30:40] = 20
    value = _printed(grey, [Box(8, 16, 20, 24)], 0.5)  # in pixels of a scan twice as large
    assert value[12, 7] == pytest.approx(0.0)
    assert value[12, 35] == pytest.approx(FAINT)
    assert value[30, 50] == pytest.approx(1)


def link(y, relevance):
    return Match("1", relevance, Box(10, y, 5, 10), Box(10, y, 5, 10))


def test_lines_start_on_different_printed_lines():
    turn = Transform(100, 3000)
    links = [link(0, 1.0), link(3, 2.0), link(20, 0.5), link(21, 0.4)]
    assert [match.relevance for match in apart(links, turn)] == [2.0, 0.5]
    many = [link(20 * i, 1.0 + i) for i in range(100)]
    chosen = apart(many, turn)
    assert len(chosen) == MAX_PRINTED_LINES
    assert min(match.relevance for match in chosen) == 101 - MAX_PRINTED_LINES
    assert apart([], turn) == []


def test_pages_without_a_match_are_drawn_too(editions, tmp_path):
    comparison = compare(editions[0], replace(editions[1], numbers=()))
    figure = comparison.plot(tmp_path / "empty.pdf", style="print")
    assert "no bigram in common" in figure.texts[1].get_text()


def test_another_style_is_named(editions):
    with pytest.raises(ValueError, match="got style 'loud', expected arcs or print"):
        compare(*editions).plot(style="loud")
