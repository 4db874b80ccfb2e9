"""Bare paper inside a page is not read, and changes nothing of what is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tablesim.digits import passes
from tablesim.digits.network import DigitNetwork, NetworkShape
from tablesim.digits.peaks import find_digits
from tablesim.digits.scale import survey
from tablesim.reader import load_network
from tablesim.records.transform import Transform
from tablesim.synthesis.ageing import Ageing, age
from tablesim.synthesis.faces import FACES
from tablesim.synthesis.sheet import Sheet, Style


@pytest.fixture(scope="module")
def reader():
    return replace(load_network().digit_reader, bfloat16=False)


def page(*tops):
    """A page with blocks of numbers that begin at these heights of 2000, and its numbers."""
    sheet = Sheet(800, 2000, np.random.default_rng(0))
    style = Style(FACES["fell-english"], 40)
    for top in tops:
        for row in range(5):
            for column in range(4):
                sheet.write(100 + 160 * column, top + 60 * row, str(137 + 31 * row + 10 * column), style)
    return age(sheet, Ageing(scale=0.6, grain=0.1), np.random.default_rng(1)).grey


def detected(reader, grey, areas=None):
    """The digits of one pass at the scale of reading; ``areas`` gets what the network is shown."""
    marks = survey(grey)
    transform = Transform(grey.shape[1], grey.shape[0], 0, marks.scale(0))
    network = reader.network

    class Watched:
        reach = network.reach

        def cells(self, ink):
            if areas is not None:
                areas.append(ink.shape[-1] * ink.shape[-2])
            return network.cells(ink)

    return replace(reader, network=Watched()).detect(grey, transform, 0.3, marks.boxes)


def sorted_rows(digits):
    rows = np.column_stack([digits.boxes, digits.values, digits.confidence, digits.joins])
    return rows[np.lexsort(rows.T)]


def test_paper_between_two_blocks_is_left_out_and_nothing_changes(reader, monkeypatch):
    grey, shown = page(120, 1650), []
    sparse = detected(reader, grey, shown)
    assert len(shown) == 2
    whole = []
    monkeypatch.setattr(passes, "_WORTH_WHILE", 0.0)
    dense = detected(reader, grey, whole)
    assert len(whole) == 1 and sum(shown) < 0.9 * whole[0]
    assert len(sparse.digits) > 80
    np.testing.assert_allclose(sorted_rows(sparse.digits), sorted_rows(dense.digits), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("tops", [(120,), (120, 700), (120, 400, 700, 1000, 1300, 1650)])
def test_a_full_page_is_read_in_one_piece(reader, tops):
    shown = []
    detected(reader, page(*tops), shown)
    assert len(shown) == 1


def test_pale_figures_between_two_blocks_are_read(reader):
    grey = page(120, 1650)
    pale = page(900)
    both = np.minimum(grey, 255 - (255 - pale.astype(int)) // 2).astype(np.uint8)
    shown = []
    detected(reader, both, shown)
    assert len(shown) == 1


def test_the_reach_of_a_network_is_how_far_its_answer_depends_on_ink():
    network = DigitNetwork(NetworkShape(4, 4, 4, (1, 2))).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ink = torch.ones(1, 1, 8, 640, requires_grad=True)
    network.cells(ink).digits[..., 0, 320 // 4].sum().backward()
    assert ink.grad is not None
    touched = torch.nonzero(ink.grad[0, 0].abs().sum(dim=0)).ravel()
    farthest = max(320 - int(touched[0]), int(touched[-1]) - 323)
    assert network.reach - 16 < farthest <= network.reach


def test_a_piece_too_large_for_the_memory_is_read_in_tiles_with_the_same_result(reader, monkeypatch):
    ink = np.random.default_rng(0).random((1100, 1500)).astype(np.float32)
    monkeypatch.setattr(passes, "LARGEST_PIECE", 500_000)
    monkeypatch.setattr(passes, "_TILE_SIDE", 512)
    whole, page = (8, 16, 1480, 1088), (0, 0, 1500, 1100)
    reach = reader.network.reach
    tiles = passes._tiles(whole, page, reach)
    assert len(tiles) == 9
    covered = np.zeros((1100, 1500), int)
    for _, (left, top, right, bottom) in tiles:
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()
    left, top, right, bottom = whole
    at_once = reader.maps(ink[top:bottom, left:right])
    for (x0, y0, x1, y1), (a, b, c, d) in tiles:
        alone = find_digits(reader.maps(ink[y0:y1, x0:x1]), 0.05, reader.calibration).moved(x0, y0)
        together = find_digits(at_once, 0.05, reader.calibration).moved(left, top)
        inside = (max(a, left), max(b, top), min(c, right), min(d, bottom))
        ours, theirs = (found.take(passes._inside(found.boxes, inside)) for found in (alone, together))
        assert len(ours.values) == len(theirs.values)
        assert np.allclose(np.sort(ours.middles, axis=0), np.sort(theirs.middles, axis=0), atol=0.05)
