"""What stands under a picture: how much it shows, what biases keep, and whether the explanation is to be believed."""

from __future__ import annotations

from typing import Any


def doubt_of(result: Any) -> str:
    """The doubts of a result's certificate in one line; empty without any."""
    certificate = getattr(result, "certificate", None)
    doubts = certificate.doubts if certificate is not None else ()
    return f"DOUBTFUL: {'; '.join(doubts)}" if doubts else ""


def kept_by_biases(joint: Any) -> str:
    """What no pair received, in words; empty where it would round to nothing."""
    return f"; biases keep {joint.bias_share:.1%}" if abs(joint.bias_share) > 5e-4 else ""


def certified(result: Any) -> str:
    """Amplification of a result, in words."""
    certificate = getattr(result, "certificate", None)
    return "" if certificate is None else f"; amplification {certificate.amplification:.3g}"
