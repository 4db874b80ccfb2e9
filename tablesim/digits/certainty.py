"""How sure a whole number is: a logistic regression over its features, fitted on pages with truth, kept as weights.

The weights stand in the record of the network, one a feature, so that every confidence can be taken apart: what speaks
against a number most is said as its doubts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tablesim.errors import WeightsError
from tablesim.language import to_say

Floats = NDArray[np.float64]

SPEAKS_FOR = (
    "product",
    "weakest_digit",
    "weakest_join",
    "left_end",
    "right_end",
    "on_step",
    "second_agrees",
    "page_digits",
    "page_tables",
)
"""Features that speak for a number where they are large; see `number_features`."""

SPEAKS_AGAINST = (
    "point",
    "rival",
    "corrected",
    "strange",
    "dark_left",
    "dark_right",
    "tall_left",
    "tall_right",
    "pale_left",
    "pale_right",
    "inside",
    "near_left",
    "near_right",
    "longer",
    "shorter",
    "aside",
    "off_step",
    "second_changed",
    "second_differs",
    "height",
    "tight",
    "wide",
    "level",
    "alone",
    "stroke_or_ring",
    "more_digits",
    "outside_table",
    "page_weak",
    "page_ink",
)
"""Features that speak against it. A fit may weigh a feature in its own sense alone: on kinds of pages that no fit has
seen, a weight that happens to have the other sign does great harm."""

FEATURES = SPEAKS_FOR + SPEAKS_AGAINST
"""Names of all features, in the order of the columns that `number_features` gives."""

DOUBTED = 0.9
"""Confidence below which the doubts of a number are said."""

SURELY_TALL, SURELY_LONGER = 0.6, 0.5
"""Share of its height that unexplained ink beside a number takes, and share of its neighbours that have more digits,
above which it is not whole."""

NOT_WHOLE = to_say("probably not whole")
SECOND_LOOK = to_say("a second look read otherwise")

REASONS: dict[str, tuple[str, ...]] = {
    NOT_WHOLE: ("dark_left", "dark_right", "tall_left", "tall_right", "pale_left", "pale_right", "longer"),
    to_say("a digit is unclear"): ("product", "weakest_digit", "rival", "corrected", "strange", "inside"),
    to_say("where it ends is unclear"): ("weakest_join", "left_end", "right_end", "near_left", "near_right", "point"),
    SECOND_LOOK: ("second_changed", "second_differs"),
    to_say("unlike its column"): ("shorter", "aside", "off_step"),
    to_say("its digits are uneven"): ("height", "tight", "wide", "level"),
}
"""What is said of a number, by the features that speak against it."""

LEAST_WEIGHT = 0.5
"""A reason is said when it takes this much from the logit of a number's confidence."""


@dataclass(frozen=True)
class Certainty:
    """From features to the probability that a whole number is right: sigmoid(intercept + weights . features).

    Attributes
    ----------
    weights : float64 array of shape (len(FEATURES),)
    typical : float64 array of shape (len(FEATURES),)
        Median of each feature over numbers that are right: what speaks against a number is told from there.
    intercept : float
    """

    weights: Floats = field(default_factory=lambda: np.zeros(len(FEATURES)))
    typical: Floats = field(default_factory=lambda: np.zeros(len(FEATURES)))
    intercept: float = 0.0

    def of(self, features: Floats) -> Floats:
        """Probability of each number, shape (n,), from features of shape (n, len(FEATURES))."""
        return np.asarray(expit(features @ self.weights + self.intercept), dtype=np.float64)

    def doubts(self, features: Floats, confidence: Floats) -> list[tuple[str, ...]]:
        """What speaks against each number that is less sure than `DOUBTED`, the weightiest reason first.

        However clear its digits are, a number with ink as tall as a digit beside it, in a column of longer ones, is
        said to be not whole, and one that a second look changed is said to be changed.
        """
        against = -(features - self.typical) * self.weights
        amounts = np.column_stack(
            [np.maximum(against[:, _columns(names)], 0).sum(axis=1) for names in REASONS.values()]
        )
        tall = np.maximum(*(features[:, _columns((name,))[0]] for name in ("tall_left", "tall_right")))
        longer = features[:, _columns(("longer",))[0]]
        not_whole = (tall > SURELY_TALL) & (longer >= SURELY_LONGER)
        changed = features[:, _columns(("second_changed",))[0]] > 0
        reasons = list(REASONS)
        doubts = []
        for amount, sure, *certain in zip(amounts, confidence >= DOUBTED, not_whole, changed, strict=True):
            strongest = [] if sure else [reasons[k] for k in np.argsort(-amount) if amount[k] >= LEAST_WEIGHT]
            first = [reason for reason, holds in zip((NOT_WHOLE, SECOND_LOOK), certain, strict=True) if holds]
            doubts.append((*first, *(reason for reason in strongest if reason not in first)))
        return doubts

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the record of a network keeps them."""
        return {
            "intercept": round(self.intercept, 5),
            "weights": {name: round(float(w), 5) for name, w in zip(FEATURES, self.weights, strict=True)},
            "typical": {name: round(float(t), 5) for name, t in zip(FEATURES, self.typical, strict=True)},
        }


def _columns(names: tuple[str, ...]) -> list[int]:
    return [FEATURES.index(name) for name in names]


def certainty_in(record: Mapping[str, object], path: str | Path) -> Certainty | None:
    """The certainty that the weights file ``path`` records; None where it has none.

    Raises
    ------
    WeightsError
        It was fitted to other features than those of this version, or is damaged.
    """
    recorded = record.get("number_certainty")
    if recorded is None:
        return None
    try:
        assert isinstance(recorded, Mapping)
        vectors = [np.array([float(recorded[key][name]) for name in FEATURES]) for key in ("weights", "typical")]
        intercept = float(recorded["intercept"])
        known = set(recorded["weights"]) == set(FEATURES)
    except (AssertionError, KeyError, TypeError, ValueError):
        known = False
    if not known or not (np.isfinite(vectors).all() and math.isfinite(intercept)):
        raise WeightsError(
            f"{path}: its number_certainty is not one of this version, expected a weight for each of "
            f"{', '.join(FEATURES)}; fit it again with: python benchmarks/calibrate.py {path}"
        )
    return Certainty(vectors[0], vectors[1], intercept)
