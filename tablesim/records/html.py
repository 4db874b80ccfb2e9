"""Tables of HTML for notebooks, by the standard library alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

MAX_ROWS = 20
"""Rows that a notebook shows of a long table; chosen by eye."""


def html_table(caption: str, headings: Sequence[str], rows: Sequence[Iterable[Any]], *, most: int = MAX_ROWS) -> str:
    """A table under its caption; of more rows than ``most`` the first, and how many more there are."""
    lines = [f"<tr>{''.join(f'<th>{escape(heading)}</th>' for heading in headings)}</tr>"] if headings else []
    lines += [f"<tr>{''.join(f'<td>{escape(_text(value))}</td>' for value in row)}</tr>" for row in rows[:most]]
    more = f"<p>and {len(rows) - most} more</p>" if len(rows) > most else ""
    return f"<table><caption>{escape(caption)}</caption>{''.join(lines)}</table>{more}"


def html_values(caption: str, values: Mapping[str, Any]) -> str:
    """Names and values, a row each."""
    return html_table(
        caption, (), [(name.replace("_", " "), value) for name, value in values.items()], most=len(values)
    )


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
