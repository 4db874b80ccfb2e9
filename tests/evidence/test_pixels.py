import json

import numpy as np
import pytest
from PIL import Image

from tablesim.errors import ScanError, WeightsError
from tablesim.evidence.pixels import TILE, compare_pixels

SIDE = 32  # pixels: what the network sees in these tests


@pytest.fixture
def scans(tmp_path):
    rng = np.random.default_rng(3)
    paths = []
    for name, size in (("a", (120, 90)), ("b", (160, 130))):
        grey = np.full(size, 230, np.uint8)
        grey[::20] = 30
        grey[:, ::25] = 30
        grey[20:40, 25:50] = rng.integers(0, 120, (20, 25))
        Image.fromarray(grey).save(tmp_path / f"{name}.png")
        paths.append(tmp_path / f"{name}.png")
    return paths


def test_total_and_bias_part_are_the_score(scans):
    comparison = compare_pixels(*scans, side=SIDE)
    data = json.loads(json.dumps(comparison.to_dict(top=10)))
    assert data["model"] == "vgg16"
    assert data["containment"] is None
    assert data["relevance_total"] + data["bias_share"] * data["score"] == pytest.approx(data["score"], rel=1e-4)
    assert -1 <= data["similarity"] <= 1
    assert len(data["matches"]) == 10
    assert {match["bigram"] for match in data["matches"]} == {None}
    relevance = [match["relevance"] for match in data["matches"]]
    assert relevance == sorted(relevance, reverse=True)


def test_the_listed_matches_are_the_strongest_of_all(scans):
    comparison = compare_pixels(*scans, side=SIDE)
    every = comparison.joint.matrix().flatten().sort(descending=True).values
    assert comparison.relevance_total == pytest.approx(float(every.sum()), rel=1e-4)
    listed = [match["relevance"] for match in comparison.to_dict(top=20)["matches"]]
    np.testing.assert_allclose(listed, every[:20], rtol=1e-4)  # float32, summed in another order


def test_a_page_is_most_like_itself(scans):
    assert compare_pixels(scans[0], scans[0], side=SIDE).similarity == pytest.approx(1, abs=1e-6)


def test_tiles_lie_on_the_scans(scans):
    comparison = compare_pixels(*scans, side=SIDE)
    assert comparison.joint.tile == TILE
    for match in comparison.matches:
        for box, (width, height) in zip((match.a, match.b), comparison.sizes, strict=True):
            assert box.x >= 0
            assert box.y >= 0
            assert box.right <= width + 1e-6
            assert box.bottom <= height + 1e-6


def test_plot_says_which_weights(scans, tmp_path):
    figure = compare_pixels(*scans, side=SIDE).plot(tmp_path / "pixels.png")
    assert "random weights" in " ".join(text.get_text() for text in figure.texts)
    assert (tmp_path / "pixels.png").is_file()


def test_bad_weights_and_scans_are_named(scans, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        compare_pixels(*scans, tmp_path / "none.pt", side=SIDE)
    with pytest.raises(ScanError, match="no such file"):
        compare_pixels(scans[0], tmp_path / "none.png", side=SIDE)
