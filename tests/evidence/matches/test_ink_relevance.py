"""Relevance of pixels: what the dense way gives, conserved, and asked for in source pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import bilrp
from bilrp.composites import FIRST
from evidence.pages import print_page
from tablesim.bigrams.embedding import embed, exact_histogram
from tablesim.bigrams.network import BigramNetwork
from tablesim.bigrams.occurrences import Occurrences
from tablesim.digits.network import DigitNetwork, NetworkShape
from tablesim.digits.scale import working_image
from tablesim.evidence import compare
from tablesim.evidence.figures.ink_figure import coloured
from tablesim.evidence.matches.ink_relevance import (
    COMPOSITE,
    DigitLogits,
    InkShare,
    PixelRelevance,
    explain_pixels,
    find_cells,
    ink_relevance,
    working_boxes,
)
from tablesim.reader import load_network
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

ROWS_A = [["7", "48", "350"], ["12", "40", "7"], ["45", "3", "12"]]
ROWS_B = [["48", "12"], ["7", "145"], ["30", "12"]]


class Embedding(nn.Module):
    """The whole way of a page in one module: ink (1, 1, H, W) to phi (1, 110), for fixed places of its digits."""

    def __init__(self, network, occurrences, cells):
        super().__init__()
        self.logits = DigitLogits(network)
        self.bigrams = BigramNetwork()
        self.occurrences = occurrences
        self.values = torch.tensor([digit.value for digit in occurrences.digits])
        self.rows, self.columns = (torch.from_numpy(part) for part in cells)

    def activations(self, ink):
        return torch.sigmoid(self.logits(ink)[0, self.values, self.rows, self.columns])

    def forward(self, ink):
        return self.bigrams(self.activations(ink), self.occurrences).sqrt()[None]


@pytest.fixture(scope="module")
def eye():
    return load_network().digit_reader


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    a = print_page(folder, "a", ROWS_A, size=18, pitch=26, at=(30, 90), widths=(40, 40, 48), title="TAB", seed=1)
    b = print_page(folder, "b", ROWS_B, size=18, pitch=28, at=(40, 85), widths=(44, 52), title="TAB", seed=2)
    return a, b


@pytest.fixture(scope="module")
def joint(eye, readings):
    return explain_pixels(eye, *readings, dtype=torch.float64)


@pytest.fixture(scope="module")
def comparison(readings):
    """As a user has it: with the bundled network, in float32."""
    return compare(*readings, load_network())


@pytest.fixture(scope="module")
def pixels(comparison):
    return comparison.pixels()


def crop_with_digits(eye, reading, side=256):
    """At most ``side`` pixels of a page in float64, and its bigrams with the activations that the network has there."""
    grey = load_scan(reading.scan).grey
    ink = torch.from_numpy(clean(working_image(grey, reading.transform)))[:side, :side].double()
    network = DigitNetwork(eye.network.shape)
    network.load_state_dict(eye.network.state_dict())
    network = network.double().eval()
    occurrences = Occurrences.of(reading)
    boxes = working_boxes([digit.box for digit in occurrences.digits], reading.transform)
    assert (boxes[:, 2:] < side).all()
    with torch.no_grad():
        cells = find_cells(DigitLogits(network)(ink[None, None])[0].numpy(), occurrences, boxes, ink.shape[0])
        model = Embedding(network, occurrences, cells)
        confidences = model.activations(ink[None, None]).tolist()
    digits = [Digit(d.value, d.box, c) for d, c in zip(occurrences.digits, confidences, strict=True)]
    return model, ink, replace(occurrences, digits=tuple(digits))


def dense(model, ink, projection):
    return bilrp.explain_outputs(model, ink[None, None], COMPOSITE, bias="distribute", projection=projection)


def of_another_shape(eye):
    """An untrained network with wider reach: nothing may rest on the size of the bundled one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(eye, network=DigitNetwork(NetworkShape(8, 12, 16, dilations=(1, 4))).eval())


@pytest.mark.parametrize("change", [lambda eye: eye, of_another_shape], ids=["bundled", "another shape"])
def test_windows_equal_the_dense_way_in_all_110_dimensions(eye, readings, change):
    eye = change(eye)
    model, ink, occurrences = crop_with_digits(eye, readings[0])
    page = ink_relevance(eye.network, ink, readings[0].transform, occurrences)
    bins = np.unique(occurrences.bin)
    whole = dense(model, ink, torch.eye(110)[bins])  # the other bins are empty: phi is 0 there, and so is relevance
    assert not np.delete(page.phi, bins).any()
    np.testing.assert_allclose(page.phi[bins], whole.embedding, atol=1e-12)
    largest = float(whole.values.abs().max())
    height, width = ink.shape
    for m in range(110):
        got = page.of_bin(m)[:height, :width]
        if m in bins:
            expected = whole.values[list(bins).index(m), 0]
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-9 * largest)
        else:
            assert not got.any()


def test_the_report_of_the_whole_way_has_no_gap(eye, readings):
    model, ink, _ = crop_with_digits(eye, readings[1])
    coverage = dense(model, ink, torch.ones(1, 110)).coverage
    assert not coverage.approximate
    names = {entry.name: entry.rule for entry in coverage.entries if entry.state == "rule"}
    assert names["logits.network.at_half.0"].startswith("InkShare")
    assert names["bigrams.minimum"].startswith("MinShare")
    assert sum(entry.kept for entry in coverage.entries if entry.function != "pad") < 1e-9


def strengths(page):
    return sum(float(part.double().abs().sum()) for part in page.windows.maps)


def test_nothing_is_lost_on_the_way(readings, joint, pixels):
    both = zip(readings, (joint.left, joint.right), (pixels.left, pixels.right), strict=True)
    for reading, exact, quick in both:
        width, height = reading.transform.working_size
        assert exact.ink.shape != (height, width)  # the network pads this page
        assert np.abs(exact.sums - exact.phi).max() < 1e-6 * strengths(exact)
        assert quick.ink.dtype == torch.float32
        assert np.abs(quick.sums - quick.phi).max() < 1e-3 * strengths(quick)
    assert joint.total() == pytest.approx(joint.score, rel=1e-6)
    assert abs(joint.bias_share) < 1e-6


def test_phi_is_the_embedding_of_the_reading(readings, joint):
    for reading, page in zip(readings, (joint.left, joint.right), strict=True):
        np.testing.assert_allclose(page.phi, embed(exact_histogram(Occurrences.of(reading))), atol=1e-12)


def test_questions_agree_with_the_table(joint):
    table = joint.joint(1).matrix() if joint.left.ink.numel() * joint.right.ink.numel() < 2**27 else None
    tiles = joint.joint(12)
    assert tiles.total() == pytest.approx(joint.total())
    assert tiles.similarity == pytest.approx(joint.score)
    for marginal, whole in ((joint.left_marginal(), tiles.left_marginal()), (joint.right_marginal(), None)):
        assert float(marginal.sum()) == pytest.approx(joint.total())
        if whole is not None:
            torch.testing.assert_close(bilrp.joint.tile_sums(marginal, 12), whole)
    box_a, box_b = Box(24, 60, 48, 36), Box(36, 60, 48, 36)
    corner = (24, 60, 48, 36)
    assert joint.between(box_a, box_b) == pytest.approx(tiles.between(corner, (36, 60, 48, 36)))
    torch.testing.assert_close(bilrp.joint.tile_sums(joint.given(box_a), 12), tiles.given(corner))
    assert float(joint.given(box_a).sum()) == pytest.approx(joint.between(box_a, Box(-9, -9, 9999, 9999)))
    if table is not None:
        assert float(table.sum()) == pytest.approx(joint.total())


def test_windows_may_begin_anywhere(joint):
    page = joint.left
    cut = replace(
        page.windows,
        boxes=page.windows.boxes + np.array([5, 3, 0, 0]),
        maps=[part[3:, 5:] for part in page.windows.maps],
    )
    moved = replace(page, windows=cut)
    tiles = moved.tiles(12)
    for m in np.unique(page.occurrences.bin):
        torch.testing.assert_close(moved.of_bin(m)[3:, 5:], page.of_bin(m)[3:, 5:])
        torch.testing.assert_close(bilrp.joint.tile_sums(moved.of_bin(m), 12), tiles[m])
    box = Box(20, 50, 41, 37)
    np.testing.assert_allclose(moved.inside(box), page.inside(box), atol=1e-12)


def test_boxes_are_in_source_pixels(eye, readings, joint):
    """The same page at half the scale of its source: a box of the source means the same place."""
    page = joint.left
    height, width = page.ink.shape
    doubled = replace(page, transform=Transform(2 * width, 2 * height, scale=0.5))
    box = Box(30, 70, 50, 40)
    twice = Box(60, 140, 100, 80)
    np.testing.assert_allclose(page.inside(box), doubled.inside(twice))
    assert np.abs(page.inside(box)).max() > 0
    assert (page.inside(Box(-50, -50, 20, 20)) == 0).all()


def test_relevance_lies_in_the_digits(joint):
    for page, share in zip((joint.left, joint.right), joint.share_in_digits, strict=True):
        area = sum(digit.box.width * digit.box.height for digit in page.occurrences.digits) / page.ink.numel()
        assert 2 * area < share <= 1


def test_a_comparison_goes_down_to_pixels(comparison, pixels, tmp_path):
    assert isinstance(pixels, PixelRelevance)
    assert pixels.score == pytest.approx(comparison.score)
    assert pixels.total() == pytest.approx(comparison.relevance_total, rel=1e-3)
    figure = pixels.plot(tmp_path / "ink.png")
    assert (tmp_path / "ink.png").stat().st_size > 10_000
    assert f"Score {comparison.score:.2f}" in figure.texts[0].get_text()


def test_colours_follow_the_sign():
    red, blue, paper = coloured(np.zeros((1, 3)), np.array([[1.0, -1.0, 0.0]]))[0]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert paper.tolist() == [1, 1, 1]


def test_a_page_without_figures_brings_nothing(eye, readings):
    empty = replace(readings[0], numbers=())
    pixels = explain_pixels(eye, empty, readings[1])
    assert (pixels.score, pixels.total(), pixels.bias_share) == (0, 0, 0)
    assert not pixels.left_marginal().any()
    assert pixels.share_in_digits[0] == 0
    assert pixels.joint(16).total() == 0
    with pytest.raises(ValueError, match="tile is 0, expected 1 or more"):
        pixels.joint(0)


class Looked(nn.Module):
    """One filter at one place of the ink: (1, 1, 3, 3) to (1, 1)."""

    def __init__(self, bias):
        super().__init__()
        self.filter = nn.Conv2d(1, 1, 3)
        with torch.no_grad():
            self.filter.weight.copy_(torch.tensor([[1.0, -2.0, 0.0], [3.0, 0.0, 1.0], [0.5, 0.0, -1.0]])[None, None])
            self.filter.bias.fill_(bias)

    def forward(self, ink):
        return self.filter(ink).flatten(1)


def first_layer(ink, bias, distribute):
    rule = InkShare(eps=1e-12, stabilizer="relative")
    found = bilrp.explain_outputs(
        Looked(bias).double(), ink[None, None], bilrp.Composite([(FIRST, rule)]), bias=distribute
    )
    return found.values[0, 0], float(found.embedding[0])


def test_at_the_first_layer_ink_has_what_it_brought():
    ink = torch.tensor([[0.5, 0.25, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]], dtype=torch.float64)
    shares, _ = first_layer(ink, 0.0, "leave")
    expected = torch.tensor([[0.5, -0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -0.5]], dtype=torch.float64)
    torch.testing.assert_close(shares, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("bias", [0.7, -0.4])
def test_at_the_first_layer_a_bias_is_shared_and_paper_alone_takes_it_all(bias):
    ink = torch.tensor([[0.5, 0.25, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]], dtype=torch.float64)
    shares, output = first_layer(ink, bias, "distribute")
    assert float(shares.sum()) == pytest.approx(output)
    paper = shares[ink == 0].abs().sum()
    assert 0 < paper < 0.01 * shares.abs().sum()
    shares, output = first_layer(torch.zeros(3, 3, dtype=torch.float64), bias, "distribute")
    assert output == pytest.approx(bias)
    assert float(shares.sum()) == pytest.approx(bias)
    assert float(shares[1, 0] / shares[0, 0]) == pytest.approx(3)
    assert shares[0, 2] == 0


def test_what_the_relevance_lies_on(joint, comparison, pixels):
    for page, found, marginal in zip(
        (joint.left, joint.right), joint.by_region, (joint.left_marginal(), joint.right_marginal()), strict=True
    ):
        assert found == page.by_region(marginal)
        assert sum(found.relevance.values()) == pytest.approx(1)
        assert found.relevance["digits"] > 0.8
        assert found.area["digits"] < 0.3
        assert found.relevance["blank"] < found.area["blank"]
    assert comparison.by_region is None
    explained = replace(comparison, by_region=pixels.by_region)
    assert explained.by_region[0].relevance["digits"] == pytest.approx(joint.by_region[0].relevance["digits"], abs=0.01)
    assert set(explained.to_dict()["by_region"]) == {"a", "b"}
