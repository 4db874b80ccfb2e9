"""Exact arithmetic in base sixty, the arithmetic of the tables.

A value is a whole number followed by sixtieths, sixtieths of sixtieths and so on; it is written ``84;51,10``. Rounding
is to the nearest last place, halves upward, as a careful computer of tables would do.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

_PATTERN = re.compile(r"(-?)(\d+)(?:;(\d{1,2}(?:,\d{1,2})*))?")


@dataclass(frozen=True, slots=True)
class Sexagesimal:
    """A number in base sixty, held exactly.

    Parameters
    ----------
    numerator : int
        The value in units of its last place.
    places : int
        How many sexagesimal places follow the whole number, zero or more.
    """

    numerator: int
    places: int = 0

    def __post_init__(self) -> None:
        if self.places < 0:
            raise ValueError(f"Sexagesimal.places: got {self.places}, expected 0 or more")

    @classmethod
    def nearest(cls, value: Fraction | float | int, places: int) -> Sexagesimal:
        """``value`` rounded to ``places`` sexagesimal places, halves upward."""
        return cls(math.floor(Fraction(value) * 60**places + Fraction(1, 2)), places)

    @classmethod
    def of(cls, whole: int, *sixtieths: int) -> Sexagesimal:
        """The number with these places: ``of(84, 51, 10)`` is 84;51,10. ValueError unless 0 <= sixtieths < 60."""
        numerator = whole
        for part in sixtieths:
            if not 0 <= part < 60:
                raise ValueError(f"Sexagesimal.of: got a place of {part}, expected 0 to 59")
            numerator = numerator * 60 + part
        return cls(numerator, len(sixtieths))

    @classmethod
    def parse(cls, text: str) -> Sexagesimal:
        """The number written as ``84;51,10``; ValueError for anything else."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"Sexagesimal.parse: got {text!r}, expected a number such as 84;51,10")
        sign, whole, rest = match.groups()
        value = cls.of(int(whole), *(int(part) for part in rest.split(",")) if rest else ())
        return -value if sign else value

    @property
    def value(self) -> Fraction:
        return Fraction(self.numerator, 60**self.places)

    @property
    def parts(self) -> tuple[int, ...]:
        """The whole number and its sixtieths; of a negative number, the parts of its magnitude."""
        rest, parts = abs(self.numerator), []
        for _ in range(self.places):
            rest, part = divmod(rest, 60)
            parts.append(part)
        return (rest, *reversed(parts))

    def rounded(self, places: int) -> Sexagesimal:
        return Sexagesimal.nearest(self.value, places)

    def __neg__(self) -> Sexagesimal:
        return Sexagesimal(-self.numerator, self.places)

    def __add__(self, other: Sexagesimal) -> Sexagesimal:
        places = max(self.places, other.places)
        total = self.numerator * 60 ** (places - self.places) + other.numerator * 60 ** (places - other.places)
        return Sexagesimal(total, places)

    def __sub__(self, other: Sexagesimal) -> Sexagesimal:
        return self + -other

    def __mul__(self, other: Sexagesimal | int) -> Sexagesimal:
        """Exact: the product has the places of both factors."""
        if isinstance(other, int):
            return Sexagesimal(self.numerator * other, self.places)
        return Sexagesimal(self.numerator * other.numerator, self.places + other.places)

    def __mod__(self, modulus: int) -> Sexagesimal:
        return Sexagesimal(self.numerator % (modulus * 60**self.places), self.places)

    def __str__(self) -> str:
        whole, *rest = self.parts
        sign = "-" if self.numerator < 0 else ""
        return f"{sign}{whole};{','.join(map(str, rest))}" if rest else f"{sign}{whole}"


def places_of(value: Fraction | float | int, places: int, modulus: int | None = None) -> tuple[int, ...]:
    """Whole number and ``places`` sixtieths of a value of zero or more, rounded, then reduced by ``modulus``.

    ``places_of(359.9999, 1, 360)`` is ``(0, 0)``: the reduction comes after the rounding.
    """
    number = Sexagesimal.nearest(value, places)
    if modulus is not None:
        number = number % modulus
    if number.numerator < 0:
        raise ValueError(f"places_of: got {value}, expected zero or more")
    return number.parts
