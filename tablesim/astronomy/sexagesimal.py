"""Base sixty, the arithmetic of the tables: a whole number followed by sixtieths, sixtieths of sixtieths and so on.

Rounding is to the nearest last place, halves upward, as a careful computer of tables would do. The number that
is written 84;51,10 has the places ``(84, 51, 10)``.
"""

from __future__ import annotations

import math
from fractions import Fraction


def sexagesimal(whole: int, *sixtieths: int) -> Fraction:
    """The exact number with these places: ``sexagesimal(0, 30)`` is a half. ValueError unless 0 <= sixtieths < 60."""
    value = Fraction(whole)
    for place, part in enumerate(sixtieths, start=1):
        if not 0 <= part < 60:
            raise ValueError(f"sexagesimal: got a place of {part}, expected 0 to 59")
        value += Fraction(part, 60**place)
    return value


def parts_of(number: float, places: int) -> tuple[int, ...]:
    """Whole number and ``places`` sixtieths of a number in units of its lowest place: ``parts_of(90, 1)`` is 1;30."""
    rest, parts = round(number), []
    for _ in range(places):
        rest, part = divmod(rest, 60)
        parts.append(part)
    return (rest, *reversed(parts))


def places_of(value: Fraction | float | int, places: int, modulus: int | None = None) -> tuple[int, ...]:
    """Whole number and ``places`` sixtieths of a value of zero or more, rounded, then reduced by ``modulus``.

    ``places_of(359.9999, 1, 360)`` is ``(0, 0)``: the reduction comes after the rounding.
    """
    number = math.floor(Fraction(value) * 60**places + Fraction(1, 2))
    if modulus is not None:
        number %= modulus * 60**places
    if number < 0:
        raise ValueError(f"places_of: got {value}, expected zero or more")
    return parts_of(number, places)


def sexagesimal_text(value: Fraction | float | int, places: int = 1) -> str:
    """A value as historians write it, rounded to ``places`` sixtieths: ``sexagesimal_text(23.483)`` is ``23;29``."""
    whole, *sixtieths = places_of(abs(Fraction(value)), places)
    sign = "-" if value < 0 and (whole or any(sixtieths)) else ""
    return f"{sign}{whole}" + (";" + ",".join(map(str, sixtieths)) if sixtieths else "")
