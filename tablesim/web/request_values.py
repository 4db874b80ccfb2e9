"""What a request asks, checked: texts of bounded length, numbers within bounds, no more names than are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tablesim.errors import SettingsError

LONGEST = 2_000
"""Characters of a text at most: page ids have up to 255, reasons a few lines."""

MOST_VALUES = 64
"""Values of one name at most."""


@dataclass(frozen=True)
class RequestValues:
    """The values of a request by name: of its address, or of its JSON body.

    Parameters
    ----------
    values : dict of str to sequence
        Every value of each name, in their order.
    """

    values: Mapping[str, Sequence[Any]]

    @classmethod
    def of_query(cls, pairs: Iterable[tuple[str, str]]) -> RequestValues:
        """What stands behind the question mark of an address."""
        values: dict[str, list[Any]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return cls(values)

    @classmethod
    def of_body(cls, body: object) -> RequestValues:
        """A JSON object; SettingsError for anything else."""
        if not isinstance(body, dict):
            raise SettingsError(f"body: got {type(body).__name__}, expected a JSON object")
        return cls({name: value if isinstance(value, list) else [value] for name, value in body.items()})

    def texts(self, name: str) -> list[str]:
        """Every text of a name."""
        values = self.values.get(name, ())
        if len(values) > MOST_VALUES:
            raise SettingsError(f"{name}: got {len(values)} values, expected {MOST_VALUES} at most")
        for value in values:
            if not isinstance(value, str) or len(value) > LONGEST:
                raise SettingsError(f"{name}: expected a text of up to {LONGEST} characters")
        return list(values)

    def text(self, name: str, default: str | None = None) -> str:
        """One text; SettingsError where it is missing and there is no ``default``."""
        values = self.texts(name)
        if len(values) > 1 or (not values and default is None):
            raise SettingsError(f"{name}: got {len(values)} values, expected one")
        return values[0] if values else str(default)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds."""
        given = self.values.get(name, [default])
        try:
            value = int(given[0])
        except (TypeError, ValueError):
            value = least - 1
        if len(given) != 1 or not least <= value <= most:
            raise SettingsError(f"{name}: got {given!r}, expected a whole number from {least} to {most}")
        return value

    def numbers(self, name: str, least: int, most: int) -> list[int]:
        """Every whole number of a name, each between two bounds."""
        given = self.values.get(name, ())
        if len(given) > MOST_VALUES:
            raise SettingsError(f"{name}: got {len(given)} values, expected {MOST_VALUES} at most")
        return [RequestValues({name: [value]}).whole(name, least, least, most) for value in given]

    def number(self, name: str) -> float:
        """A number; its bounds are those of what it is for."""
        given = self.values.get(name, ())
        if len(given) != 1 or isinstance(given[0], bool) or not isinstance(given[0], int | float):
            raise SettingsError(f"{name}: got {list(given)!r}, expected a number")
        return float(given[0])
