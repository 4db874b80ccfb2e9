"""An emendation in one line of text, as XML of other programs can carry it, and back: what for, by whom, when."""

from __future__ import annotations

import re

from tablesim.records.reading import Number

_NOTE = re.compile(r"emendation(?: by (?P<by>.*?))?(?:, (?P<at>\d{4}-\d\d-\d\d\S*))?", re.DOTALL)

_SIC = re.compile(r"\bsic\s*\{(?P<values>[^{}]*)\}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def emendation_note(number: Number) -> str:
    """Says that a text is an emendation: "emendation by Anna, 2026-11-28T09:12:00Z"."""
    by = f" by {number.emended_by}" if number.emended_by else ""
    return f"emendation{by}" + (f", {number.emended_at}" if number.emended_at else "")


def of_note(note: str) -> tuple[str, str] | None:
    """Who made an emendation and when, by its note; None for another note."""
    found = _NOTE.fullmatch(note.strip())
    return None if found is None else (found["by"] or "", found["at"] or "")


def sic_tag(number: Number, offset: int) -> str:
    """An emendation as Transkribus tags it in ``custom``; ``offset`` is where the number begins in its text."""
    values = {"offset": offset, "length": len(number.printed), "correction": number.emendation}
    values |= {name: text for name, text in (("who", number.emended_by), ("when", number.emended_at)) if text}
    return f"sic {{{' '.join(f'{name}:{_escape(str(value))};' for name, value in values.items())}}}"


def of_custom(custom: str) -> tuple[str, str, str] | None:
    """The emendation that Transkribus tagged a word with, who made it and when; None without one."""
    found = _SIC.search(custom)
    if found is None:
        return None
    pairs = (part.split(":", 1) for part in found["values"].split(";") if ":" in part)
    values = {name.strip(): _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text.strip()) for name, text in pairs}
    return (values["correction"], values.get("who", ""), values.get("when", "")) if values.get("correction") else None


def _escape(text: str) -> str:
    """What the syntax parts by, and backslashes, by their code."""
    return "".join(f"\\u{ord(sign):04x}" if sign in "\\{};: " else sign for sign in text)
