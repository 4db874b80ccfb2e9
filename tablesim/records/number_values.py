"""The value that a number means, as plain text and as plain JSON, exact in both directions.

A value is an int, a Decimal (decimals are printed) or a Fraction (numerator and denominator are printed); None where it
is undecided what a mark in the number means.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

Value = int | Decimal | Fraction


def value_to_text(value: Value | None) -> str | None:
    """Plain notation, such as ``-8889``, ``34.60`` or ``7/8``; None for None."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else f"{value.numerator}/{value.denominator}"


def value_from_text(text: str | None) -> Value | None:
    """The inverse of ``value_to_text``."""
    if text is None:
        return None
    if "/" in text:
        return Fraction(text)
    return Decimal(text) if "." in text else int(text)


def value_to_json(value: Value | None) -> int | float | str | None:
    """A JSON number; text for a fraction and for decimals that no float holds."""
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    return value if isinstance(value, int) else value_to_text(value)


def value_from_json(plain: int | float | str | None) -> Value | None:
    """The inverse of ``value_to_json``, equal in value."""
    if isinstance(plain, float):
        return Decimal(repr(plain))
    return plain if isinstance(plain, int) else value_from_text(plain)
