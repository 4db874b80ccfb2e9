"""What stands under a picture of a result: its certificate, and whether the explanation is to be believed."""

from __future__ import annotations

from typing import Any


def doubt_of(result: Any) -> str:
    """The doubts of a result's certificate in one line; empty without any."""
    certificate = getattr(result, "certificate", None)
    doubts = certificate.doubts if certificate is not None else ()
    return f"DOUBTFUL: {'; '.join(doubts)}" if doubts else ""


def certified(result: Any) -> str:
    """The line of a result's certificate: rules, amplification, what biases keep, how it was computed."""
    certificate = getattr(result, "certificate", None)
    return "" if certificate is None else str(certificate.caption).removesuffix(" · DOUBTFUL")
