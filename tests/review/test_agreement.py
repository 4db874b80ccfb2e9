import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from tablesim.errors import RunError
from tablesim.review.agreement import agreement, precision
from tablesim.review.questions import audit_sample
from tablesim.review.verdicts import Verdict, VerdictLog


def said(*words):
    return [Verdict(page, other, decision, who) for page, other, decision, who in words]


def test_precision_with_exact_limits(run):
    sample = audit_sample(run, 10, seed=3)
    decisions = ["accept"] * 6 + ["reject"] + ["unsure"] * 2
    VerdictLog.of_run(run.folder).append(
        [q.answered(decision, "x") for q, decision in zip(sample, decisions, strict=False)]
    )
    found = precision(VerdictLog.of_run(run.folder).all(), sample[0].audit)
    exact = binomtest(6, 7).proportion_ci(0.95, "exact")
    assert (found.precision, found.low, found.high) == pytest.approx((6 / 7, exact.low, exact.high))
    assert (found.worst, found.best, found.unsure, found.open, found.memberships) == (0.6, 0.9, 2, 1, 11)
    with pytest.raises(RunError, match="nobody has accepted or rejected"):
        precision([], sample[0].audit)


def test_the_limits_hold_in_most_samples():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        right = rng.random(40) < 0.9
        verdicts = [
            Verdict(f"p{i}", "m", "accept" if ok else "reject", "x", audit="c:0:40:400") for i, ok in enumerate(right)
        ]
        found = precision(verdicts, "c:0:40:400")
        inside += found.low <= 0.9 <= found.high
    assert inside / 300 >= 0.95


def test_kappa_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    a = rng.choice(["accept", "reject", "unsure"], 60, p=[0.6, 0.3, 0.1])
    b = np.where(rng.random(60) < 0.7, a, rng.permutation(a))
    verdicts = said(
        *((f"p{i}", "m", d, "Anna") for i, d in enumerate(a)), *((f"p{i}", "m", d, "Bela") for i, d in enumerate(b))
    )
    verdicts += said(("only", "m", "accept", "Anna"))
    found = agreement(verdicts, "Anna", "Bela")
    assert found.kappa == pytest.approx(cohen_kappa_score(a, b))
    assert found.pairs == 60
    assert found.low < found.kappa < found.high < 1
    with pytest.raises(RunError, match="Anna and Carla have no pair in common; readers: Anna, Bela"):
        agreement(verdicts, "Anna", "Carla")


def test_readers_who_always_say_the_same_agree():
    verdicts = said(*((f"p{i}", "m", "accept", who) for i in range(5) for who in ("Anna", "Bela")))
    assert agreement(verdicts, "Anna", "Bela").kappa == 1.0
