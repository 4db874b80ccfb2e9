"""Plain values of data classes, as JSON and CSV hold them: floats rounded, tuples as lists."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def plain(record: Any, digits: int, **digits_of: int) -> dict[str, Any]:
    """The fields of a data class by name; floats to ``digits`` decimals, or to as many as ``digits_of`` says."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    for name, value in values.items():
        if isinstance(value, float):
            values[name] = round(value, digits_of.get(name, digits))
        elif isinstance(value, tuple):
            values[name] = list(value)
    return values
