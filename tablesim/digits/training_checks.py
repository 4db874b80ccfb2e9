"""How a network is tried while it is trained and when the training is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tablesim.digits.annotated_pages import AnnotatedPage
from tablesim.digits.calibration import calibration_in
from tablesim.digits.detection import DigitReader
from tablesim.digits.held_out import HeldOutScore, measure
from tablesim.digits.network import DigitNetwork, load_weights
from tablesim.digits.numbers import Thresholds
from tablesim.digits.validation import (
    FIRST_SEED,
    N_WHOLE_PAGES,
    validate,
    validate_scans,
    validate_whole_pages,
    validation_pages,
)
from tablesim.errors import SettingsError
from tablesim.synthesis.ageing import SimulatedScan
from tablesim.synthesis.practice import practice_page

_GLANCE_SEED, _GLANCE_SIDE = FIRST_SEED + 10_000_000, 640


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """On how many pages a network is tried.

    Parameters
    ----------
    practice : int
        Practice pages at the end; the activations are calibrated on them.
    whole : int
        Whole synthesized pages at the end; the confidences that leave the reader are calibrated on them.
    glance : int
        Practice pages, and annotated pages that are held out, at each checkpoint; 0 for none.
    """

    practice: int = 60
    whole: int = N_WHOLE_PAGES
    glance: int = 8

    def __post_init__(self) -> None:
        for name, least in (("practice", 1), ("whole", 1), ("glance", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"ValidationSettings.{name}: got {getattr(self, name)}, expected {least} or more")


class Validator:
    """Tries networks, always on the same pages."""

    def __init__(self, checks: ValidationSettings, held_out: Sequence[AnnotatedPage]) -> None:
        self.checks = checks
        self.held_out = held_out

    @cached_property
    def _few_pages(self) -> list[SimulatedScan]:
        return [practice_page(_GLANCE_SEED + n, _GLANCE_SIDE) for n in range(self.checks.glance)]

    def glance(self, network: DigitNetwork) -> dict[str, dict[str, float] | None]:
        """How a folded network reads a few practice pages and a few held-out ones: a point of the learning curve."""
        if not self.checks.glance:
            return {"practice": None, "held_out": None}
        found = validate_scans(network, self._few_pages)
        few = self.held_out[: self.checks.glance]
        return {
            "practice": {
                "precision": round(found.precision, 4),
                "recall": round(found.recall, 4),
                "f1_digits": round(found.f1_digits, 4),
                "f1_numbers": round(found.f1_numbers, 4),
            },
            "held_out": _point(measure(network, found.calibration, few)) if few else None,
        }

    def examine(self, network: DigitNetwork, start: str | Path | None) -> dict[str, Any]:
        """All figures of a finished network, plain values: what its weights file records beside the settings.

        ``calibration`` is for its activations, ``digit_calibration`` and ``number_calibration`` for the confidences of
        whole pages; ``held_out`` compares it with the weights it started from.
        """
        found = validate(network, seeds=range(FIRST_SEED, FIRST_SEED + self.checks.practice))
        whole = validate_whole_pages(
            DigitReader(network, found.calibration, Thresholds()), validation_pages(self.checks.whole)
        )
        record: dict[str, Any] = {
            "calibration": asdict(found.calibration),
            "digit_calibration": asdict(whole.digits.line),
            "number_calibration": asdict(whole.numbers.line),
            "validation": found.to_dict(),
            "whole_pages": whole.to_dict(),
        }
        if self.held_out:
            record["held_out"] = {
                "books": sorted({page.book for page in self.held_out}),
                "pages": len(self.held_out),
                "before": _before(start, self.held_out),
                "after": measure(network, found.calibration, self.held_out).to_dict(),
            }
        return record


def _before(start: str | Path | None, pages: Sequence[AnnotatedPage]) -> dict[str, Any] | None:
    """How the weights that a training started from read the same pages; None without such weights."""
    if start is None:
        return None
    network, record = load_weights(start)
    return measure(network, calibration_in(record, "calibration", start), pages).to_dict()


def _point(found: HeldOutScore) -> dict[str, float]:
    return {
        "precision": round(found.digits.precision, 4),
        "recall": round(found.digits.recall, 4),
        "f1_digits": round(found.digits.f1, 4),
        "numbers_right": round(found.numbers.recall, 4),
    }
