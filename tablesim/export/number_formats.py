"""Number formats of spreadsheets (ECMA-376, part 1, 18.8.31) that show a value as it is printed: its marks, its zeros.

One format serves every number of a kind, and each shows another value rightly too, should somebody write one: the
marks are added to the value, never put in its place. Decimals have the sign of the reader's country.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tablesim.records.marks import BAR, CLOSE, OPEN, PLUS
from tablesim.records.number_parts import NumberParts, parse_number
from tablesim.records.number_values import Value
from tablesim.records.reading import Number

GENERAL = "General"


def number_format(text: str, value: Value) -> str:
    """The format under which ``value`` is shown as ``text``; ``General`` where that is its plain notation."""
    if isinstance(value, Fraction):
        return _of_fraction(text, value)
    parts = parse_number(text)
    if parts is None or not parts.legible:
        return GENERAL
    before, after = _around(parts)
    if isinstance(value, Decimal):
        n_decimals = max(0, -int(value.as_tuple().exponent))
        whole = "" if parts.pointed else "#,##0" if len(parts.groups) > 2 else "0"
        core = f"{whole}.{'0' * n_decimals}" if n_decimals else whole
        return _signed(f"{before}{core}{after}", parts)
    if parts.marks:
        return _of_thousands(parts, value, before, after)
    zeros = len(parts.groups[0]) if parts.groups[0].startswith("0") and len(parts.groups[0]) > 1 else 1
    form = _signed(f"{before}{'0' * zeros}{after}", parts)
    return GENERAL if form == "0" else form


def printed_form(number: Number) -> str:
    """What a cell shows of a number, for the width of its column."""
    value = number.value
    if isinstance(value, Fraction):
        whole, rest = divmod(abs(value), 1)
        return f"{int(whole)} {rest.numerator}/{rest.denominator}"
    return number.printed


def _of_fraction(text: str, value: Fraction) -> str:
    """Whole number and fraction under the denominator that is printed, else under the least that there is."""
    printed = text.rpartition("/")[2]
    denominator = printed if printed.isdecimal() and int(printed) % value.denominator == 0 else value.denominator
    signs = "?" * len(str(denominator))
    return f"# {signs}/{denominator}" if abs(value) > 1 else f"{signs}/{denominator}"


def _of_thousands(parts: NumberParts, value: int, before: str, after: str) -> str:
    grouped = len(set(parts.marks)) == 1 and all(len(group) == 3 for group in parts.groups[1:])
    if not grouped:
        return GENERAL
    if value < 0 or parts.sign == PLUS:
        # Programs differ in the sign that they put before a number under a condition.
        return _signed(f"{before}#,##0{after}", parts)
    mark = _literal(parts.marks[0])
    thousands, millions = f"0{mark}000", f"0{mark}000{mark}000"
    if value >= 1_000_000_000:
        return f"{before}#,##0{after}"
    return f"[>=1000000]{before}{millions}{after};[>=1000]{before}{thousands}{after};{before}0{after}"


def _around(parts: NumberParts) -> tuple[str, str]:
    """What stands before and after the digits, as literals: an opening bracket, degrees, notes, a closing bracket."""
    after = parts.after.replace(BAR, "")
    opens = parts.bracketed and CLOSE in after
    return (_literal(OPEN) if opens else ""), _literal(after)


def _signed(form: str, parts: NumberParts) -> str:
    return f"+{form};-{form};{form}" if parts.sign == PLUS else form


def _literal(text: str) -> str:
    return f'"{text}"' if text else ""
