import numpy as np
import pytest

from corpus.clustering.test_pipeline import corpus_of
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.map import load_map, make_map
from tablesim.errors import RunError, SettingsError


def run_of(folder, sizes):
    h, kinds = corpus_of(sizes)
    pages = [f"p{at:03d}" for at in range(len(h))]
    return corpus_of_histograms(folder, {**dict(zip(pages, h, strict=True)), "prose": np.zeros(110)}), kinds


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    corpus, kinds = run_of(tmp_path_factory.mktemp("map") / "run", (8,) * 5)
    return corpus, kinds, make_map(corpus, seed=3)


def nearest_of_kind(found, kinds):
    """Share of pages whose nearest page on the map is of their table."""
    distance = np.linalg.norm(found.positions[:, None] - found.positions[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return (kinds[distance.argmin(axis=1)] == kinds).mean()


def test_pages_of_one_table_lie_together(placed):
    _, kinds, found = placed
    assert nearest_of_kind(found, kinds) > 0.95
    assert np.abs(found.positions).max() == pytest.approx(1.0)
    assert found.settings["trustworthiness"] > 0.8
    assert "prose" not in found.pages


def test_a_map_is_stored_with_what_it_hangs_on(placed):
    corpus, _, found = placed
    again = load_map(corpus)
    np.testing.assert_array_equal(again.positions, found.positions)
    assert (again.pages, again.settings) == (found.pages, found.settings)
    assert again.settings["seed"] == 3
    assert set(again.settings["versions"]) == {"tablesim", "scikit-learn", "numpy"}


def test_pages_beside_the_landmarks_lie_with_their_like(placed):
    corpus, kinds, _ = placed
    found = make_map(corpus, seed=3, landmarks=20)
    assert found.landmark.sum() == 20
    assert nearest_of_kind(found, kinds) > 0.9
    np.testing.assert_array_equal(found.positions, make_map(corpus, seed=3, landmarks=20).positions)


@pytest.mark.parametrize("size", [1, 3])
def test_a_handful_of_pages_has_places_too(tmp_path, size):
    corpus, _ = run_of(tmp_path / "run", (size,))
    found = make_map(corpus)
    assert found.positions.shape == (size, 2)
    assert len(np.unique(found.positions, axis=0)) == size


def test_what_cannot_be_mapped(tmp_path):
    corpus, _ = run_of(tmp_path / "run", (2,))
    with pytest.raises(RunError, match="no map yet"):
        load_map(corpus)
    with pytest.raises(SettingsError, match="got 3, expected 10 or more"):
        make_map(corpus, landmarks=3)
