import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bilrp.joint import tile_sums
from evidence.pages import two_editions
from tablesim.errors import ScanError, WeightsError
from tablesim.evidence.comparison import compare
from tablesim.evidence.matches.photograph_network import BLANKED, TILE, _blanked, compare_pixels

SIDE = 32  # pixels: what the network sees in these tests


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(3)
    paths = []
    for name, size in (("a", (120, 90)), ("b", (160, 130))):
        grey = np.full(size, 230, np.uint8)
        grey[::20] = 30
        grey[:, ::25] = 30
        grey[20:40, 25:50] = rng.integers(0, 120, (20, 25))
        Image.fromarray(grey).save(folder / f"{name}.png")
        paths.append(folder / f"{name}.png")
    return paths


@pytest.fixture(scope="module")
def comparison(scans):
    return compare_pixels(*scans, side=SIDE)


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    return two_editions(tmp_path_factory.mktemp("editions"))


@pytest.fixture(scope="module")
def of_readings(readings):
    return compare_pixels(*readings, side=SIDE)


def test_total_and_bias_part_are_the_score(comparison):
    data = json.loads(json.dumps(comparison.to_dict(top=10)))
    assert data["model"] == "vgg16"
    assert data["containment"] is None
    assert data["relevance_total"] + data["bias_share"] * data["score"] == pytest.approx(data["score"], rel=1e-4)
    assert -1 <= data["similarity"] <= 1
    assert len(data["matches"]) == 10
    assert {match["bigram"] for match in data["matches"]} == {None}
    relevance = [match["relevance"] for match in data["matches"]]
    assert relevance == sorted(relevance, reverse=True)


def test_the_listed_matches_are_the_strongest_of_all(comparison):
    every = comparison.joint.matrix().flatten().sort(descending=True).values
    assert comparison.relevance_total == pytest.approx(float(every.sum()), rel=1e-4)
    listed = [match["relevance"] for match in comparison.to_dict(top=20)["matches"]]
    np.testing.assert_allclose(listed, every[:20], rtol=1e-4)  # float32, summed in another order


def test_a_page_is_most_like_itself(scans):
    assert compare_pixels(scans[0], scans[0], side=SIDE).similarity == pytest.approx(1, abs=1e-6)


def test_what_it_looks_at_is_worked_out_when_it_is_asked_for(scans, monkeypatch):
    monkeypatch.setattr("bilrp.BiLRP.explain", lambda *_, **__: pytest.fail("nobody asked"))
    fresh = compare_pixels(*scans, side=SIDE)
    assert fresh.score > 0
    assert 0 < fresh.similarity < 1


def test_tiles_lie_on_the_scans(comparison):
    assert comparison.joint.tile == TILE
    for match in comparison.matches:
        for box, (width, height) in zip((match.a, match.b), comparison.sizes, strict=True):
            assert box.x >= 0
            assert box.y >= 0
            assert box.right <= width + 1e-6
            assert box.bottom <= height + 1e-6


def test_plot_says_which_weights(comparison, tmp_path):
    figure = comparison.plot(tmp_path / "pixels.png")
    assert "random weights" in " ".join(text.get_text() for text in figure.texts)
    assert (tmp_path / "pixels.png").is_file()


def test_bad_weights_and_scans_are_named(scans, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        compare_pixels(*scans, tmp_path / "none.pt", side=SIDE)
    with pytest.raises(ScanError, match="no such file"):
        compare_pixels(scans[0], tmp_path / "none.png", side=SIDE)


def test_pixels_and_tiles_bring_the_same(comparison):
    assert comparison.marginals[0].shape == tuple(comparison.sight.images[0].shape[2:])
    for marginal in comparison.marginals:
        assert marginal.sum() == pytest.approx(comparison.relevance_total, rel=1e-3)
    tiles = torch.from_numpy(comparison.marginals[0])
    np.testing.assert_allclose(tile_sums(tiles, TILE), comparison.joint.left_marginal().double(), rtol=1e-3, atol=1e-5)


def test_what_it_looks_at_is_told_by_what_was_read(readings, of_readings):
    comparison = of_readings
    assert (comparison.a, comparison.b) == (readings[0].scan, readings[1].scan)
    for found, reading in zip(comparison.by_region, readings, strict=True):
        area = sum(digit.box.width * digit.box.height for digit in reading.digits) / (reading.width * reading.height)
        assert area < found.area["digits"] < 4 * area
        assert sum(found.relevance.values()) == pytest.approx(1)
        assert min(found.relevance.values()) > 0


def test_without_readings_the_network_is_asked_where_digits_are(readings, of_readings, monkeypatch):
    known = {reading.scan: reading for reading in readings}
    monkeypatch.setattr("tablesim.reader.load_network", lambda: SimpleNamespace(read=known.__getitem__))
    by_path = compare_pixels(*known, side=SIDE)
    assert by_path.by_region == of_readings.by_region


def test_tiles_are_blanked_with_the_colour_of_the_paper(comparison):
    image = comparison.sight.images[0]
    columns = image.shape[3] // TILE
    blanked = _blanked(image, np.array([0, columns + 1]), columns)
    assert float(image.median()) == pytest.approx(float(blanked[0, :, :TILE, :TILE].median()), abs=1)
    paper = image.flatten(2).median(dim=2).values[0]
    for tile in (blanked[0, :, :TILE, :TILE], blanked[0, :, TILE : 2 * TILE, TILE : 2 * TILE]):
        assert torch.equal(tile, paper[:, None, None].expand_as(tile))
    assert torch.equal(blanked[0, :, :TILE, TILE:], image[0, :, :TILE, TILE:])
    assert not torch.equal(image, blanked)  # the image itself is left as it was


def test_the_similarity_falls_from_what_it_was(comparison):
    found = comparison.faithfulness
    assert found.unit == "tiles"
    assert found.things == comparison.joint.left[0].numel() + comparison.joint.right[0].numel()
    assert found.share.tolist() == list(BLANKED)
    assert found.top[0] == pytest.approx(comparison.similarity, abs=1e-5)
    assert found.random[0] == pytest.approx(comparison.similarity, abs=1e-5)
    assert (found.random[1:] != found.random[0]).all()


def test_json_has_what_the_bigram_network_has(comparison, readings):
    data = json.loads(json.dumps(comparison.to_dict(top=3)))
    assert set(data) == {*compare(*readings).to_dict(top=3), "weights"}
    assert "random weights" in data["weights"]
    assert (data["interval"], data["corpus_rank"], data["bigrams"]) == (None, None, None)
    assert set(data["by_region"]["b"]) == {"digits", "rules", "words", "blank"}
    assert len(data["faithfulness"]["top"]) == len(BLANKED)


def test_the_picture_for_print(comparison, tmp_path):
    figure = comparison.plot(tmp_path / "quiet.png", style="print")
    assert "random weights" in " ".join(text.get_text() for text in figure.texts)
    with pytest.raises(ValueError, match="got style 'loud', expected arcs or print"):
        comparison.plot(style="loud")
