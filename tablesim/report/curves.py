"""The curves of a pair as paths that a template can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.matches.faithfulness import Faithfulness

LEFT, RIGHT, TOP, BOTTOM = 40.0, 350.0, 10.0, 190.0
"""Where shares 0 and 1 and similarities 1 and 0 stand."""


@dataclass(frozen=True)
class Curve:
    """How the similarity falls when matches are taken away, as paths of SVG.

    Parameters
    ----------
    top : str
        The most relevant first.
    random, band : str
        Any: their mean, and the area from the least to the greatest.
    """

    top: str
    random: str
    band: str


def curve_of(found: Faithfulness) -> Curve:
    """The paths of the curves of two pages."""
    low, high = _points(found.share, found.random_low), _points(found.share, found.random_high)
    return Curve(
        f"M{_points(found.share, found.top)}",
        f"M{_points(found.share, found.random)}",
        f"M{high}L{' '.join(reversed(low.split(' ')))}Z",
    )


def _points(share: NDArray[np.float64], similarity: NDArray[np.float64]) -> str:
    """Points of a path, "x,y x,y ..."."""
    x = LEFT + (RIGHT - LEFT) * share
    y = BOTTOM - (BOTTOM - TOP) * np.clip(similarity, 0, 1)
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in zip(x.tolist(), y.tolist(), strict=True))
