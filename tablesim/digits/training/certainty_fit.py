"""Fits how sure whole numbers are by logistic regression, and calibrates it on kinds of pages that were left out.

A model fitted on some kinds of pages is too sure on others. Each kind is therefore left out once, its numbers are
judged by a model of the other kinds (leave-one-group-out cross-validation; Stone, "Cross-validatory choice and
assessment of
statistical predictions", J. R. Stat. Soc. B 36, 1974), and Platt's line through these answers, from kinds that their
models had not seen, brings the model of all kinds to what it will be worth on the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tablesim.digits.calibration import (
    Calibration,
    ReliabilityBin,
    expected_calibration_error,
    reliability,
)
from tablesim.digits.certainty import DOUBTED, FEATURES, SPEAKS_FOR, Certainty
from tablesim.digits.evaluation.alignment import Alignment
from tablesim.digits.number_features import NumbersOfPage
from tablesim.records.reading import Reading

Floats = NDArray[np.float64]

PRACTICE = "practice"
"""The kind of practice pages: exercises of all kinds, which are in every fit."""

PRACTICE_WEIGHT = 0.3
"""Weight of a number of a practice page beside one of a whole page: nine in ten errors stand there, and few of them are
of the sort that books have. Of 1, 0.3 and 0.1 it left whole pages and real ones nearest to what was said of them."""

PRACTICE_GROUPS = 4
"""Groups into which practice pages are divided, to be judged by a model without them."""

SHRINKAGE = 10.0
"""Strength of the ridge penalty on standardised weights; between 1 and 100 it changes nothing of note."""

SURE = 0.99
"""Numbers at least so sure are counted apart."""


@dataclass(frozen=True)
class JudgedPage:
    """The numbers of one page with truth.

    Attributes
    ----------
    kind : str
        Kind of the page: the same table, or the same sort of page.
    features : float64 array of shape (n, len(FEATURES))
    right : bool array of shape (n,)
        Whether each whole number is right.
    """

    kind: str
    features: Floats
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, kind: str, page: NumbersOfPage, reading: Reading, alignment: Alignment) -> JudgedPage:
        """The numbers of ``page`` that can be judged; ``reading`` has the same numbers in the same order."""
        index = {id(number): k for k, number in enumerate(reading.numbers)}
        answers = alignment.answers()
        rows = np.array([index[id(number)] for number, _ in answers], dtype=np.intp)
        return cls(kind, page.features[rows], np.array([right for _, right in answers], dtype=bool))


@dataclass(frozen=True)
class CertaintyFit:
    """A certainty, and what it is worth on kinds of whole pages that the fit had not seen.

    Attributes
    ----------
    certainty : Certainty
        Fitted on all pages.
    error : float
        Expected calibration error, 10 equal-count bins, on kinds that were left out.
    bins : tuple of ReliabilityBin
    sure_right : float
        Share of numbers at least `SURE` that are right, on kinds that were left out.
    wrong_doubted, right_doubted : float
        Shares of wrong and of right numbers there that are less sure than ``DOUBTED``.
    """

    certainty: Certainty
    error: float
    bins: tuple[ReliabilityBin, ...]
    sure_right: float
    wrong_doubted: float
    right_doubted: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, shares to four decimals."""
        return {
            "error": round(self.error, 4),
            "sure_right": round(self.sure_right, 4),
            "wrong_doubted": round(self.wrong_doubted, 4),
            "right_doubted": round(self.right_doubted, 4),
            "bins": [each.to_dict() for each in self.bins],
        }


def fit_certainty(pages: Sequence[JudgedPage]) -> CertaintyFit | None:
    """The certainty under which the numbers of some pages are most likely right and wrong; None without wrong ones.

    Parameters
    ----------
    pages : sequence of JudgedPage
        Of two kinds or more, practice pages among them or not.
    """
    features = np.concatenate([page.features for page in pages])
    right = np.concatenate([page.right for page in pages])
    lengths = [len(page.right) for page in pages]
    practice = np.repeat([page.kind == PRACTICE for page in pages], lengths)
    groups = np.repeat(
        [f"{page.kind} {n % PRACTICE_GROUPS}" if page.kind == PRACTICE else page.kind for n, page in enumerate(pages)],
        lengths,
    )
    weight = np.where(practice, PRACTICE_WEIGHT, 1.0)
    if right.all() or not right.any() or len(set(groups)) < 2:
        return None
    scale = features.std(axis=0) + 1e-6
    left_out = np.zeros(len(right))
    for group in sorted(set(groups)):
        others = groups != group
        if right[others].all() or not right[others].any():
            return None
        weights, intercept = _regression(features[others] / scale, right[others], weight[others])
        left_out[~others] = features[~others] / scale @ weights + intercept
    # Without a penalty: the line through the answers on kinds that were left out.
    slope, shift = _regression(left_out[:, None], right, weight, shrinkage=0.0)
    line = Calibration(max(0.1, float(slope[0])), shift)
    weights, intercept = _regression(features / scale, right, weight)
    certainty = Certainty(
        weights=line.slope * weights / scale,
        typical=np.median(features[right], axis=0),
        intercept=line.slope * intercept + line.shift,
    )
    confidence, is_right = line.of_logit(left_out)[~practice], right[~practice]
    return CertaintyFit(
        certainty,
        expected_calibration_error(confidence, is_right),
        reliability(confidence, is_right),
        sure_right=_share(is_right[confidence >= SURE]),
        wrong_doubted=_share(confidence[~is_right] < DOUBTED),
        right_doubted=_share(confidence[is_right] < DOUBTED),
    )


def _regression(
    features: Floats, right: NDArray[np.bool_], weight: Floats, shrinkage: float = SHRINKAGE
) -> tuple[Floats, float]:
    """Weights, each in the sense of its feature, and intercept of a logistic regression with a ridge penalty.

    By L-BFGS-B (Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16, 1995), which keeps the bounds.
    """
    from scipy.optimize import minimize

    def loss(point: Floats) -> tuple[float, Floats]:
        logits = features @ point[:-1] + point[-1]
        off = weight * (expit(logits) - right)
        surprise = weight @ (np.logaddexp(0, logits) - right * logits)
        penalty = shrinkage * point[:-1]
        return float(surprise + penalty @ point[:-1] / 2), np.append(off @ features + penalty, off.sum())

    n_for = len(SPEAKS_FOR) if features.shape[1] == len(FEATURES) else features.shape[1]
    bounds = [(0, None)] * n_for + [(None, 0)] * (features.shape[1] - n_for) + [(None, None)]
    point = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(point[:-1], dtype=np.float64), float(point[-1])


def _share(answers: NDArray[np.bool_]) -> float:
    return float(answers.mean()) if len(answers) else 1.0
