"""A typed query for numbers as a pattern of cells: sequences along rows and columns, places of a value, wildcards.

``0 24 / 0 48`` are two rows below each other, ``39;1`` a value in units and sixtieths, ``3/8`` a fraction, ``1?`` and
``1*`` numbers of which some figures are open, ``*`` alone any one number. A slash with a blank beside it parts rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tablesim.errors import SettingsError
from tablesim.language import say
from tablesim.records.marks import BAR, COMMA, KIND_OF, MINUS, PLUS
from tablesim.records.number_parts import PARTING

ANY = "*"
"""One number, whatever it is; in a number any figures, or none."""

ONE = "?"
"""One figure, whatever it is."""

ROW, COLUMN = "row", "column"

NEAR_FROM = 4
"""Numbers of a sequence from which pages are found that hold all but one of them: three say little without a fourth."""

_FIGURES = r"[0-9?*]+"
_PLACES = re.compile(rf"(?P<sign>[+{MINUS}]?)(?P<first>{_FIGURES});(?P<rest>{_FIGURES}(?:,{_FIGURES})*)")
_FRACTION = re.compile(r"(?P<top>[0-9]+)/(?P<bottom>0*[1-9][0-9]*)")
_NUMBER = re.compile(
    rf"\(?(?P<sign>[+{MINUS}]?)(?P<figures>{_FIGURES}(?:[{re.escape(''.join(PARTING))}]{_FIGURES})*)[°'*)]*"
)
_DEGREES = re.compile(rf"({_FIGURES})\s*°\s*({_FIGURES})\s*'(?:\s*({_FIGURES})\s*(?:\"|''|″))?")
_EXPECTED = "expected numbers such as '0 24 / 0 48', '39;1 39;20', '3/8' or '12 * 1?'"


def key_of(digits_text: str) -> str:
    """What two equal numbers have in common: their figures without zeros before them."""
    return digits_text.lstrip("0") or "0"


def fraction_key(value: Fraction) -> str:
    """The key of a cell that holds a fraction."""
    return f"{value.numerator}/{value.denominator}"


@dataclass(frozen=True, slots=True)
class AskedNumber:
    """One number of a query.

    Parameters
    ----------
    typed : str
        As it was typed.
    keys : tuple of str
        Of the cells that hold it when its places have a column each; one for a number without places.
    alone : str, optional
        Of the one cell that holds all places of a value.
    """

    typed: str
    keys: tuple[str, ...]
    alone: str | None = None


@dataclass(frozen=True, slots=True)
class PatternCell:
    """A cell of a pattern and how one comes to it.

    Parameters
    ----------
    key : str
        What it holds; `ANY`, or figures with wildcards.
    term : int
        Which number of the query it belongs to, counted through all rows.
    parent : int
        The step from which it is reached; -1 for the first.
    down : bool
        Whether it is the next number below the parent's, else the next to its right.
    place : bool
        Whether it is the next place of the parent's value.
    """

    key: str
    term: int
    parent: int = -1
    down: bool = False
    place: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """Cells that hold a query, or all but one of its numbers.

    Parameters
    ----------
    steps : tuple of PatternCell
        Each behind its parent.
    direction : str
        `ROW` where what was typed as a row stands in one, `COLUMN` where it stands in a column.
    terms : tuple of AskedNumber
        The numbers that the steps count.
    open_term : int, optional
        The number that may be another one.
    missing : bool
        Whether that number is not there at all.
    """

    steps: tuple[PatternCell, ...]
    direction: str
    terms: tuple[AskedNumber, ...]
    open_term: int | None = None
    missing: bool = False


@dataclass(frozen=True)
class NumberQuery:
    """What is looked for.

    Parameters
    ----------
    text : str
        As it was typed.
    forms : tuple of tuple of tuple of AskedNumber
        The rows of the query; more than one form where ``12 3/8`` is two numbers or one.
    """

    text: str
    forms: tuple[tuple[tuple[AskedNumber, ...], ...], ...]

    @property
    def terms(self) -> tuple[AskedNumber, ...]:
        """The numbers of the first form, row by row."""
        return tuple(term for line in self.forms[0] for term in line)

    def sentence(self, *, any_order: bool = False) -> str:
        """How the query was understood."""
        lines = [", ".join(term.typed for term in line) for line in self.forms[0]]
        if any_order:
            return say("looked for {numbers} in any order, anywhere on a page", numbers=", ".join(lines))
        if len(self.terms) == 1:
            return say("looked for {numbers}", numbers=lines[0])
        if len(lines) == 1:
            return say("looked for {numbers} in a row or in a column", numbers=lines[0])
        return say("looked for {n} rows below each other: {numbers}", n=len(lines), numbers=" / ".join(lines))

    def patterns(self) -> Iterator[Pattern]:
        """The cells that hold the whole query, each way in which it may be printed."""
        seen = set()
        for form in self.forms:
            for alone in (False, True) if any(term.alone for line in form for term in line) else (False,):
                lines = [[(term.alone,) if alone and term.alone else term.keys for term in line] for line in form]
                for direction in (ROW, COLUMN):
                    steps = _steps(lines, direction)
                    if steps not in seen:
                        yield Pattern(steps, direction, tuple(term for line in form for term in line))
                    seen.add(steps)

    def near_patterns(self) -> Iterator[Pattern]:
        """The cells that hold all numbers of a sequence but one, which is another or missing; none for short ones."""
        lines = self.forms[0]
        if len(self.terms) < NEAR_FROM:
            return
        for direction in (ROW, COLUMN):
            for at, term in enumerate(self.terms):
                keys = [[t.keys for t in line] for line in lines]
                line, place = next(
                    (row, at - start)
                    for row, start in enumerate(_starts(lines))
                    if start <= at < start + len(lines[row])
                )
                keys[line][place] = (ANY,) * len(term.keys)
                steps = _steps(keys, direction)
                yield Pattern(steps, direction, self.terms, at)
                if len(lines) == 1:
                    yield Pattern(_without(steps, at), direction, self.terms, at, missing=True)


def parse_numbers(text: str) -> NumberQuery:
    """The query in a text.

    Raises
    ------
    SettingsError
        There is no figure in it, or something that is no number.
    """
    written = "".join(_vulgar(sign) if not sign.isascii() else sign for sign in text.strip())
    written = "".join(KIND_OF.get(sign, sign) for sign in written)
    written = _DEGREES.sub(lambda m: f"{m[1]};{','.join(filter(None, (m[2], m[3])))}", written)
    lines = [line for line in re.split(r"\n|(?<=\s)/|/(?=\s)|^/|/$", written) if line.strip()]
    parsed = tuple(tuple(_terms(line)) for line in lines)
    parsed = tuple(line for line in parsed if line)
    if not any(any(sign.isdigit() for sign in key) for line in parsed for term in line for key in term.keys):
        raise SettingsError(f"numbers: got {text!r}, {_EXPECTED}")
    merged = tuple(_with_mixed(line) for line in parsed)
    return NumberQuery(text, (parsed,) if merged == parsed else (parsed, merged))


def _vulgar(sign: str) -> str:
    """``½`` written out: `` 1/2``."""
    plain = unicodedata.normalize("NFKC", sign)
    return f" {plain.replace(chr(0x2044), '/')}" if chr(0x2044) in plain else sign


def _terms(line: str) -> Iterator[AskedNumber]:
    for word in re.split(r"[\s|]+", line):
        word = word.strip(",.:")
        if not word:
            continue
        if (match := _PLACES.fullmatch(word)) is not None:
            keys = tuple(_wild(key) for key in (match["first"], *match["rest"].split(",")))
            alone = None if any(set(key) & set(ANY + ONE) for key in keys) else f"{keys[0]};{','.join(keys[1:])}"
            yield AskedNumber(word, keys, alone)
        elif (match := _FRACTION.fullmatch(word)) is not None:
            yield AskedNumber(word, (fraction_key(Fraction(int(match["top"]), int(match["bottom"]))),))
        elif word.count(COMMA) > 1 and any(len(group) != 3 for group in word.split(COMMA)[1:]):
            # No thousands: numbers that commas part.
            yield from _terms(word.replace(COMMA, " "))
        elif (match := _NUMBER.fullmatch(word)) is not None:
            yield AskedNumber(word, (_wild(re.sub(rf"[{re.escape(''.join(PARTING))}]", "", match["figures"])),))
        else:
            raise SettingsError(f"numbers: got {word!r}, {_EXPECTED}")


def _wild(figures: str) -> str:
    figures = re.sub(r"\*+", ANY, figures)
    return figures if set(figures) & set(ANY + ONE) else key_of(figures)


def _with_mixed(line: Sequence[AskedNumber]) -> tuple[AskedNumber, ...]:
    """``12 3/8`` as one number."""
    out: list[AskedNumber] = []
    for term in line:
        before = out[-1] if out else None
        if before is not None and BAR in term.keys[0] and len(before.keys) == 1 and before.keys[0].isdigit():
            value = int(before.keys[0]) + Fraction(term.keys[0])
            out[-1] = AskedNumber(f"{before.typed} {term.typed}", (fraction_key(value),))
        else:
            out.append(term)
    return tuple(out)


def _starts(lines: Sequence[Sequence[AskedNumber]]) -> list[int]:
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line))
    return starts


def _steps(lines: Sequence[Sequence[tuple[str, ...]]], direction: str) -> tuple[PatternCell, ...]:
    """The cells of rows of numbers, as they stand or with rows for columns; places of a value go to the right."""
    steps: list[PatternCell] = []
    term, first_of_line = 0, -1
    for line in lines:
        before = first_of_line
        for at, keys in enumerate(line):
            # Along a row one goes on behind the last place, down a column below the first; from line to line
            # it is the other way round.
            down = (direction == COLUMN) == (at > 0) and before >= 0
            parent = before
            if before >= 0 and not down:
                parent = _last_place(steps, before)
            first = len(steps)
            steps.append(PatternCell(keys[0], term, parent, down))
            for key in keys[1:]:
                steps.append(PatternCell(key, term, len(steps) - 1, place=True))
            if at == 0:
                first_of_line = first
            before = first
            term += 1
    return tuple(steps)


def _last_place(steps: Sequence[PatternCell], first: int) -> int:
    last = first
    while last + 1 < len(steps) and steps[last + 1].place:
        last += 1
    return last


def _without(steps: Sequence[PatternCell], term: int) -> tuple[PatternCell, ...]:
    """The steps without those of one number; what followed it follows what it followed."""
    gone = [index for index, step in enumerate(steps) if step.term == term]
    parent_of_gone = steps[gone[0]].parent
    kept = [index for index in range(len(steps)) if index not in gone]
    new = {index: at for at, index in enumerate(kept)} | dict.fromkeys(gone, -1)
    if parent_of_gone >= 0:
        new |= dict.fromkeys(gone, new[parent_of_gone])
    out = []
    for index in kept:
        step = steps[index]
        out.append(
            PatternCell(step.key, step.term, new[step.parent] if step.parent >= 0 else -1, step.down, step.place)
        )
    return tuple(out)


def sign_of(typed: str) -> str:
    """The sign that was typed before a number, or nothing."""
    return typed[0] if typed[:1] in (PLUS, MINUS) else ""
