"""Cleaning evens out light and paper."""

import numpy as np
import pytest

from tablesim.scans.cleaning import clean


def page(paper=200.0, ink=40.0, slope=0.0):
    grey = np.full((200, 300), paper) * np.linspace(1, 1 - slope, 300)
    for x in range(20, 280, 20):
        grey[40:160:12, x : x + 8] *= ink / paper
    return grey.astype(np.uint8)


def test_paper_becomes_nothing_and_ink_one():
    ink = clean(page())
    assert ink.dtype == np.float32
    assert ink[40, 22:26].min() > 0.95
    assert ink[105:110, 100:140].max() < 0.05


@pytest.mark.parametrize("change", [{"paper": 120.0, "ink": 24.0}, {"slope": 0.5}, {"paper": 250.0, "ink": 150.0}])
def test_light_paper_and_faintness_do_not_matter(change):
    assert np.abs(clean(page(**change)) - clean(page())).mean() < 0.03


def test_blank_paper_stays_blank():
    rng = np.random.default_rng(0)
    grey = (200 + rng.normal(0, 3, (120, 120))).astype(np.uint8)
    assert clean(grey).mean() < 0.15


def test_only_flat_pictures_are_taken():
    with pytest.raises(ValueError, match="expected \\(height, width\\)"):
        clean(np.zeros((4, 4, 3), dtype=np.uint8))
