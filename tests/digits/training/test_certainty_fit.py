"""How sure numbers are is fitted on some kinds of pages and holds on others."""

import numpy as np
import pytest
from scipy.special import expit

from tablesim.digits.certainty import FEATURES
from tablesim.digits.training.certainty_fit import PRACTICE, JudgedPage, fit_certainty

PRODUCT, DARK = FEATURES.index("product"), FEATURES.index("dark_left")


def page(rng: np.random.Generator, kind: str, steeper: float = 1.0, count: int = 1500) -> JudgedPage:
    features = np.zeros((count, len(FEATURES)))
    features[:, PRODUCT] = rng.normal(3, 2, count)
    features[:, DARK] = rng.random(count) < 0.2
    logits = steeper * features[:, PRODUCT] - 3 * features[:, DARK]
    return JudgedPage(kind, features, rng.random(count) < expit(logits))


def test_the_fit_finds_what_speaks_against_numbers():
    rng = np.random.default_rng(3)
    fit = fit_certainty([page(rng, kind) for kind in ("a", "b", "c", PRACTICE)])
    assert fit is not None
    assert fit.certainty.weights[PRODUCT] == pytest.approx(1.0, abs=0.15)
    assert fit.certainty.weights[DARK] == pytest.approx(-3.0, abs=0.5)
    assert fit.error < 0.03
    assert fit.wrong_doubted > 0.7 > fit.right_doubted


def test_a_weight_keeps_the_sense_of_its_feature():
    rng = np.random.default_rng(4)
    pages = [page(rng, kind) for kind in "abc"]
    turned = [JudgedPage(p.kind, p.features, p.right | (p.features[:, DARK] > 0)) for p in pages]
    fit = fit_certainty(turned)
    assert fit is not None
    assert fit.certainty.weights[DARK] == 0


def test_kinds_that_differ_make_the_certainty_more_careful():
    rng = np.random.default_rng(5)
    alike = fit_certainty([page(rng, kind) for kind in "abcd"])
    differing = fit_certainty([page(rng, kind, steeper) for kind, steeper in zip("abcd", (3, 3, 3, 0.3), strict=True)])
    assert alike is not None
    assert differing is not None
    sure = np.zeros((1, len(FEATURES)))
    sure[0, PRODUCT] = 6.0
    assert differing.certainty.of(sure)[0] < alike.certainty.of(sure)[0]


def test_without_wrong_numbers_or_with_one_kind_nothing_is_fitted():
    rng = np.random.default_rng(6)
    one = page(rng, "a")
    assert fit_certainty([one]) is None
    assert fit_certainty([JudgedPage(kind, one.features, np.ones(len(one.right), bool)) for kind in "ab"]) is None
