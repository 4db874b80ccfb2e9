import numpy as np
import torch

from tablesim.bigrams.pooled import FLOOR, cells_between, pooled_histogram
from tablesim.records.bins import bin_of


def by_loops(a, distances):
    """The equation, one place at a time."""
    h = np.zeros(110)
    _, rows, columns = a.shape
    for y in range(rows):
        for x in range(columns):
            near = [x + side * tau for tau in distances for side in (1, -1) if 0 <= x + side * tau < columns]
            beside = max((a[:, y, other].max() for other in near), default=0.0)
            for j in range(10):
                h[j] += max(0.0, a[j, y, x] - beside - FLOOR)
                for k in range(10):
                    least = [min(a[j, y, x], a[k, y, x + tau]) for tau in distances if x + tau < columns]
                    h[10 + 10 * j + k] += max(0.0, max(least, default=0.0) - FLOOR)
    return h


def test_the_pooled_histogram_is_the_published_equation():
    a = np.random.default_rng(0).random((10, 4, 9)).astype(np.float32) ** 3
    np.testing.assert_allclose(pooled_histogram(torch.from_numpy(a), (2, 3)), by_loops(a, (2, 3)), atol=1e-4)


def test_clean_peaks_are_counted_once_each():
    a = np.zeros((10, 5, 20), dtype=np.float32)
    a[4, 1, 3] = a[5, 1, 6] = 1.0
    a[7, 3, 15] = 1.0
    h = pooled_histogram(torch.from_numpy(a), (3,))
    assert set(np.flatnonzero(h)) == {bin_of("45"), bin_of("7")}
    np.testing.assert_allclose(h[[bin_of("45"), bin_of("7")]], 1 - FLOOR, atol=1e-6)


def test_a_map_narrower_than_the_distance_has_isolated_digits_alone():
    h = pooled_histogram(torch.ones((10, 2, 1)), (3,))
    assert h[10:].sum() == 0
    assert h[:10].min() > 0


def test_distances_follow_the_size_of_digits():
    assert cells_between(14, 2) == (4, 5, 6)
    assert cells_between(1, 2) == (1,)
