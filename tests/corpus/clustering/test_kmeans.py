import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from tablesim.corpus.clustering import kmeans
from tablesim.corpus.clustering.kmeans import LazyRows, assign, fit, lloyd, sums_by_label, unit_roots


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    return (rng.normal(size=(12, 1, 6)) * 4 + rng.normal(size=(12, 30, 6))).reshape(-1, 6)


def test_from_the_same_centers_it_is_the_k_means_of_scikit_learn(rows):
    start = rows[::30]
    theirs = KMeans(12, init=start, n_init=1, tol=0, max_iter=100).fit(rows)
    centers, labels = lloyd(rows, start, 100)
    assert (labels == theirs.labels_).all()
    np.testing.assert_allclose(centers, theirs.cluster_centers_, atol=1e-9)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_seed_decides_whatever_the_threads(n_threads):
    many = np.random.default_rng(4).dirichlet(np.full(20, 0.3), 5000).astype(np.float32)
    with threadpool_limits(n_threads):
        centers, labels = fit(many, 40, seed=1)
    again = fit(many, 40, seed=1)
    assert labels.tobytes() == again[1].tobytes()
    assert centers.tobytes() == again[0].tobytes()


def test_a_start_of_its_own_is_about_as_good_as_theirs(rows):
    centers, labels = fit(rows, 12, seed=0)
    inertia = ((rows - centers[labels]) ** 2).sum()
    assert inertia <= 1.3 * KMeans(12, n_init=10, random_state=0).fit(rows).inertia_


def test_a_sample_to_start_from_is_enough(rows, monkeypatch):
    many = np.concatenate([rows + shift for shift in np.linspace(0, 0.01, 40)])
    monkeypatch.setattr(kmeans, "SAMPLED_PER_CENTER", 5)
    monkeypatch.setattr(kmeans, "SAMPLED_AT_LEAST", 60)
    centers, labels = fit(many, 12, seed=0)
    again, _ = lloyd(many, centers, 50)
    np.testing.assert_allclose(centers, again, atol=0.2)
    assert len(labels) == len(many)


def test_no_cluster_is_empty_even_from_equal_centers():
    rows = np.arange(10.0)[:, None]
    centers, labels = lloyd(rows, np.zeros((4, 1)), 50)
    assert np.bincount(labels, minlength=4).min() >= 1
    assert len(np.unique(centers)) == 4


@pytest.mark.parametrize("k", [1, 3, 5])
def test_as_many_clusters_as_different_rows(k):
    rows = np.repeat(np.eye(5)[:k], 4, axis=0).astype(np.float32)
    labels = fit(rows, k, seed=0)[1]
    assert sorted(np.bincount(labels)) == [4] * k


def test_sums_and_nearest_by_hand():
    rows = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    assert sums_by_label(rows, np.array([1, 1, 0]), 2).tolist() == [[0, 5], [4, 0]]
    assert assign(rows, np.array([[0.0, 4.0], [2.0, 0.0], [2.0, 0.0]])).tolist() == [1, 1, 0]


def test_picked_rows_are_made_when_asked_for():
    h = np.array([[0, 0], [4, 0], [9, 16]], dtype=np.float32)
    view = LazyRows(h, np.array([2, 0]), unit_roots)
    assert len(view) == 2
    np.testing.assert_allclose(view[0:2], [[0.6, 0.8], [0, 0]], atol=1e-6)
    assert view[0:1].dtype == np.float32
