"""Decides what the marks in the numbers of a page mean, by the likelihood of whole columns, and gives the values.

A point, a raised point or a comma parts thousands, decimals, or degrees from minutes. Thousands leave groups of three
digits and never begin with a zero; numbers under a thousand have no mark. Decimals are as a rule of one length, mostly
not three; what stands before the first digit parts nothing else. Minutes are two digits below 60. A column decides by
its own numbers where they suffice, else by what the mark means elsewhere in the table, then on the page, else by what
another mark means there; else it stays undecided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from tablesim.digits.fractions_of_page import Fractions, find_fractions
from tablesim.language import stored, to_say
from tablesim.records.counting import counted
from tablesim.records.marks import COMMA, POINT, RAISED_POINT, THIN_SPACE
from tablesim.records.number_parts import PARTING, NumberParts, parse_number
from tablesim.records.number_values import Value
from tablesim.records.reading import ILLEGIBLE, Number

THOUSANDS, DECIMALS, MINUTES = MEANINGS = (
    to_say("thousands"),
    to_say("decimals"),
    to_say("minutes of degrees or hours"),
)
"""What a mark between digits may part."""

DECIDED = 2.5
"""Log-odds from which a meaning is asserted: at even odds before, right 92 times of 100."""

_PRIORS = {
    POINT: (0.3, 0.6, 0.1),
    COMMA: (0.5, 0.45, 0.05),
    RAISED_POINT: (0.01, 0.97, 0.02),
}
"""How often each mark has each meaning, from 16th to 20th century tables: chosen by eye; a raised point hardly ever
parts thousands."""

_MISREAD = 0.03
"""Share of numbers in which a digit or mark was lost or made."""

_LENGTHS = {1: 0.35, 2: 0.3, 3: 0.15}
"""Share of columns of decimals by how many there are; the others have more."""

_OTHER_LENGTH = 0.2

_UNEVEN = 0.05
"""Share of numbers with fewer or more decimals than most of their column."""

_WITH_MARK = {THOUSANDS: (1.0, 0.4), DECIMALS: (9.0, 0.6), MINUTES: (9.0, 0.6)}
"""Beta distribution of the share of a column's numbers that have the mark: those under a thousand have none."""

_BELOW_60 = 0.6
"""Share of two decimals that are below 60 by chance."""

_MOST = 0.5
"""Share of a mark's numbers in a column that must allow a meaning."""

_STILL_POSSIBLE = 4.0
"""Log-odds against a meaning, by a column's own numbers, up to which other columns may decide for it."""

_FEW_FOR_CONTRAST = 4
"""Least numbers of a column for which another mark's meaning decides."""

_NEARLY_ALL = 0.75
"""Share of a column's numbers that have one mark at a place from which another there is taken for it."""

_SPECKS = 0.1
"""Least share of a column's numbers that begin with a mark, from which they are decimals: fewer may be specks."""

SCOPES = (to_say("in the table"), to_say("on the page"))
"""Where else a mark is looked for."""

_NAMES = {
    POINT: to_say("a point"),
    RAISED_POINT: to_say("a raised point"),
    COMMA: to_say("a comma"),
    THIN_SPACE: to_say("a narrow space"),
}

Column = tuple[int | None, int | None]
"""Table and column; for a number outside a table None and its index."""

Floats = NDArray[np.float64]


@dataclass
class _MarkInColumn:
    """What the numbers of a column say about one mark, and what it was decided to mean there."""

    mark: str
    column: Column
    count: int
    odds: Floats
    fitting: Floats
    reasons: tuple[str, str, str]
    begins: bool = False
    meaning: str | None = None
    reason: str = ""

    def possible(self, meaning: str, below: float) -> bool:
        """Whether the column's own numbers speak against a meaning by no more than this."""
        place = MEANINGS.index(meaning)
        return bool(self.odds[place] >= self.odds.max() - below and self.fitting[place] > _MOST)

    def decide(self, meaning: str, reason: str) -> None:
        self.meaning, self.reason = meaning, reason


def with_values(numbers: Sequence[Number], *, rotation: int = 0, kinds_known: bool = True) -> tuple[list[Number], str]:
    """Give each number its value, and say what the marks of the page mean and why.

    Parameters
    ----------
    numbers : sequence of Number
        Arranged, with the marks in their texts, in any order.
    rotation : int
        Clockwise degrees (0, 90, 180, 270) that set the page upright.
    kinds_known : bool
        Whether a raised point in a text is known to be one; else it may be a point or a comma as well.

    Returns
    -------
    numbers : list of Number
        The same numbers with ``value``. A fraction is two numbers, a mixed number three: the first of them in reading
        order has the value of them all, and the others None, so that a sum counts it once.
    meaning : str
        One sentence; empty for a page without marks.
    """
    numbers, n_taken = _with_one_mark_a_column(numbers)
    printed = [parse_number(number.text) for number in numbers]
    columns: dict[Column, list[NumberParts]] = defaultdict(list)
    column_of: list[Column] = []
    for index, (number, parts) in enumerate(zip(numbers, printed, strict=True)):
        column_of.append((None, index) if number.table is None else (number.table, number.column))
        if parts is not None:
            columns[column_of[-1]].append(without_spaces(parts))
    marks = _decide(columns, kinds_known=kinds_known)
    meanings = {(mark.mark, mark.column): mark.meaning for mark in marks}
    pointed = {
        column: sum(any(meanings[sign, column] == DECIMALS for sign in set(parts.marks)) for parts in of_column)
        > 0.8 * len(of_column)
        for column, of_column in columns.items()
    }
    values: list[Value | None] = []
    for parts, column in zip(printed, column_of, strict=True):
        # Where all have decimals, what looks like a narrow space is a point that was lost.
        lost = parts is not None and set(parts.marks) == {THIN_SPACE} and pointed[column]
        known = {sign: meanings.get((sign, column)) for sign in PARTING}
        values.append(None if parts is None or lost else value_of(parts, known))
    fractions = find_fractions(numbers, printed, rotation)
    values = _with_fractions(values, fractions)
    valued = [replace(number, value=value) for number, value in zip(numbers, values, strict=True)]
    spaced = sum(parts is not None and THIN_SPACE in parts.marks for parts in printed)
    signs = Counter(parts.sign for parts in printed if parts is not None and parts.sign)
    brackets = sum(parts is not None and parts.bracketed for parts in printed)
    meaning = _sentence(marks, spaced, signs["−"], brackets, len(fractions.parts))
    if n_taken:
        taken = (
            stored("marks of {numbers} taken for that of the column", numbers=_numbers(n_taken))
            if n_taken > 1
            else stored("a mark of {numbers} taken for that of the column", numbers=_numbers(n_taken))
        )
        meaning += f"; {taken}"
    return valued, meaning


def _with_one_mark_a_column(numbers: Sequence[Number]) -> tuple[list[Number], int]:
    """The numbers with the mark that nearly all of their column have at one place, and how many have another now.

    A point and a comma are easily taken for each other, a faint one for a space, and a column has one of them before
    its last two digits.
    """
    kinds: dict[tuple[int, int | None, int], Counter[str]] = defaultdict(Counter)
    places = [_places_of_marks(number.text) for number in numbers]
    for number, of_number in zip(numbers, places, strict=True):
        if number.table is not None:
            for at, behind in of_number:
                kinds[number.table, number.column, behind][number.text[at]] += 1
    usual = {
        place: sign
        for place, counts in kinds.items()
        for sign, count in counts.items()
        if len(counts) > 1 and count >= _FEW_FOR_CONTRAST and count >= _NEARLY_ALL * counts.total()
    }
    out = []
    for number, of_number in zip(numbers, places, strict=True):
        if not of_number:
            out.append(number)
            continue
        text = list(number.text)
        for at, behind in of_number:
            if number.table is not None:
                text[at] = usual.get((number.table, number.column, behind), text[at])
        out.append(replace(number, text="".join(text)))
    return out, sum(before.text != after.text for before, after in zip(numbers, out, strict=True))


def _places_of_marks(text: str) -> list[tuple[int, int]]:
    """Where points, commas and spaces stand in a text, and how many digits follow each."""
    return [
        (at, sum(sign.isdigit() or sign == ILLEGIBLE for sign in text[at:]))
        for at, sign in enumerate(text)
        if sign in PARTING or sign == THIN_SPACE
    ]


def value_of(printed: NumberParts, meanings: dict[str, str | None]) -> Value | None:
    """The value of a number, given what each mark in it means; None where that is undecided or does not fit.

    What stands in brackets may be negative, doubtful or a note: it is undecided.
    """
    if not printed.legible or printed.bracketed or printed.numerator:
        return None
    if any(mark == THIN_SPACE for mark in printed.marks) and not _spaces_fit(printed):
        return None
    parts = without_spaces(printed)
    known = [meanings.get(mark) for mark in parts.marks]
    if None in known:
        return None
    first_other = next((i for i, meaning in enumerate(known) if meaning != THOUSANDS), len(known))
    tail = known[first_other:]
    whole, rest = parts.groups[: first_other + 1], parts.groups[first_other + 1 :]
    if parts.pointed and tail != [DECIMALS]:
        return None
    if len(whole) > 1 and not (len(whole[0]) <= 3 and all(len(group) == 3 for group in whole[1:])):
        return None
    head = int("".join(whole) or 0)
    value: Value | None
    if not tail:
        value = head
    elif tail == [DECIMALS]:
        value = Decimal(f"{head}.{rest[0]}")
    elif set(tail) == {MINUTES} and len(tail) <= 2 and all(len(group) <= 2 and int(group) < 60 for group in rest):
        value = head + sum(Fraction(int(group), 60 ** (place + 1)) for place, group in enumerate(rest))
    else:
        return None
    return -value if printed.sign == "−" else value


def without_spaces(printed: NumberParts) -> NumberParts:
    """The same number with the groups that narrow spaces part put together."""
    groups, marks = [printed.groups[0]], []
    for mark, group in zip(printed.marks, printed.groups[1:], strict=True):
        if mark == THIN_SPACE:
            groups[-1] += group
        else:
            marks.append(mark)
            groups.append(group)
    return replace(printed, groups=tuple(groups), marks=tuple(marks))


def _spaces_fit(printed: NumberParts) -> bool:
    """Whether narrow spaces part groups of three: before a mark counted from its right, after it from its left."""
    sizes = [[len(printed.groups[0])]]
    for mark, group in zip(printed.marks, printed.groups[1:], strict=True):
        if mark == THIN_SPACE:
            sizes[-1].append(len(group))
        else:
            sizes.append([len(group)])
    whole, others = sizes[0], sizes[1:]
    fits = whole[0] <= 3 and all(size == 3 for size in whole[1:]) if len(whole) > 1 else True
    return fits and all(all(size == 3 for size in part[:-1]) and part[-1] <= 3 for part in others if len(part) > 1)


def _decide(columns: dict[Column, list[NumberParts]], *, kinds_known: bool) -> list[_MarkInColumn]:
    """Every mark of every column with what it means there."""
    marks = [
        _weighed(mark, column, printed, kinds_known=kinds_known)
        for column, printed in columns.items()
        for mark in PARTING
        if any(mark in parts.marks for parts in printed)
    ]
    for mark in marks:
        order = np.argsort(mark.odds)
        # A mark that is a speck in most of its numbers means nothing.
        if mark.begins:
            mark.decide(DECIMALS, to_say("no digit stands before it"))
        elif mark.odds[order[-1]] - mark.odds[order[-2]] >= DECIDED and mark.fitting[order[-1]] > _MOST:
            mark.decide(MEANINGS[order[-1]], mark.reasons[order[-1]])
    for scope in SCOPES:
        _by_the_same_mark(marks, scope)
    for scope in SCOPES:
        _by_other_marks(marks, scope)
    return marks


def _by_the_same_mark(marks: Sequence[_MarkInColumn], scope: str) -> None:
    """Columns in doubt follow those of their table, or of the page, that are in none and agree."""
    decided = [mark for mark in marks if mark.meaning is not None]
    for mark in [mark for mark in marks if mark.meaning is None]:
        meanings = {
            other.meaning for other in decided if other.mark == mark.mark and _in_scope(mark, other, scope)
        } or {
            # A raised point and one on the line are easily taken for each other.
            other.meaning
            for other in decided
            if {other.mark, mark.mark} == {POINT, RAISED_POINT} and _in_scope(mark, other, scope)
        }
        meaning = next(iter(meanings), None)
        if len(meanings) == 1 and meaning is not None and mark.possible(meaning, _STILL_POSSIBLE):
            mark.decide(meaning, stored("as elsewhere {scope}", scope=scope))


def _by_other_marks(marks: Sequence[_MarkInColumn], scope: str) -> None:
    """Of two marks one parts thousands and the other decimals."""
    decided = [mark for mark in marks if mark.meaning is not None]
    for mark in [mark for mark in marks if mark.meaning is None and mark.count >= _FEW_FOR_CONTRAST]:
        others = [
            other
            for other in decided
            if other.mark != mark.mark
            and {other.mark, mark.mark} != {POINT, RAISED_POINT}
            and _in_scope(mark, other, scope)
        ]
        of_mark = [other for other in decided if other.mark == mark.mark and _in_scope(mark, other, scope)]
        meanings = {other.meaning for other in others}
        if len(meanings) != 1 or of_mark or not meanings <= {THOUSANDS, DECIMALS}:
            continue
        meaning = DECIMALS if THOUSANDS in meanings else THOUSANDS
        if mark.possible(meaning, DECIDED):
            mark.decide(
                meaning,
                stored(
                    "as {mark} parts {meaning} {scope}",
                    mark=_NAMES[others[0].mark],
                    meaning=others[0].meaning,
                    scope=scope,
                ),
            )


def _in_scope(mark: _MarkInColumn, other: _MarkInColumn, scope: str) -> bool:
    return scope == SCOPES[1] or mark.column[0] == other.column[0] is not None


def _weighed(mark: str, column: Column, printed: Sequence[NumberParts], *, kinds_known: bool) -> _MarkInColumn:
    """Log-likelihoods of the three meanings of a mark in a column, with what each has for it."""
    marked = [parts for parts in printed if mark in parts.marks]
    unmarked = [parts for parts in printed if not parts.marks]
    fits = np.array([_fits(parts, mark) for parts in marked])
    odds = np.log(_PRIORS[mark if kinds_known or mark != RAISED_POINT else POINT])
    odds = odds + np.sum(np.log(np.where(fits, 1 - _MISREAD, _MISREAD)), axis=0)
    n, under = len(marked), sum(len(parts.groups[0]) <= 3 for parts in unmarked)
    for place, meaning in enumerate(MEANINGS):
        a, b = _WITH_MARK[meaning]
        odds[place] += betaln(n + a, under + b) - betaln(a, b)
    # A thousand without its mark stands only where four digits are set without one.
    shortest = min((len(parts.groups[0]) for parts, fit in zip(marked, fits, strict=True) if fit[0]), default=1)
    odds[0] += np.log(0.1) * sum(len(parts.groups[0]) > 3 + (shortest > 1) for parts in unmarked)
    lengths = Counter(len(parts.groups[-1]) for parts in marked)
    usual, count = lengths.most_common(1)[0]
    odds[1] += np.log(_LENGTHS.get(usual, _OTHER_LENGTH)) + (n - count) * np.log(_UNEVEN)
    sixtieths = {(parts.groups[0], parts.groups[-1]) for parts, fit in zip(marked, fits, strict=True) if fit[2]}
    if np.mean(fits[:, 2]) > 0.9:
        odds[1] += len({head for head, _ in sixtieths}) * np.log(_BELOW_60)
    several = any(parts.marks.count(mark) > 1 for parts in marked)
    zero = any(parts.groups[0].startswith("0") for parts in marked)
    zero = zero and usual == 3
    follow = stored("1 digit follows") if usual == 1 else stored("{n} digits follow", n=usual)
    reasons = (
        stored("groups of three digits, several in one number") if several else stored("groups of three digits"),
        stored("3 digits follow, a zero stands before") if zero else follow,
        stored("two digits below 60 follow"),
    )
    begins = sum(parts.pointed for parts in marked)
    decimal = begins > n / 2 and begins >= _SPECKS * len(printed)
    return _MarkInColumn(mark, column, n, odds, fits.mean(axis=0), reasons, begins=decimal)


def _fits(parts: NumberParts, mark: str) -> tuple[bool, bool, bool]:
    """Whether a mark of a number can part thousands, decimals, minutes."""
    places = [place for place, sign in enumerate(parts.marks) if sign == mark]
    after = [parts.groups[place + 1] for place in places]
    from_the_head = places == list(range(len(places)))
    thousands = (
        from_the_head
        and len(parts.groups[0]) <= 3
        and not parts.pointed
        and not parts.groups[0].startswith("0")
        and all(len(group) == 3 for group in after)
    )
    decimals = len(places) == 1 and places[0] == len(parts.marks) - 1
    minutes = (
        from_the_head
        and not parts.pointed
        and len(places) <= 2
        and all(len(group) == 2 and group.isdigit() and int(group) < 60 for group in after)
    )
    return thousands, decimals, minutes


def _with_fractions(values: Sequence[Value | None], fractions: Fractions) -> list[Value | None]:
    """Values with those of fractions at the first of their numbers."""
    out = list(values)
    for whole, numerator, denominator in fractions.parts:
        top, bottom = fractions.values[numerator], fractions.values[denominator]
        first = numerator if whole is None else whole
        value = None
        if top is not None and bottom and (whole is None or isinstance(values[whole], int)):
            base = 0 if whole is None else values[whole]
            assert isinstance(base, int)
            value = base + Fraction(top, bottom) if base >= 0 else base - Fraction(top, bottom)
        out[numerator] = out[denominator] = None
        out[first] = value
    return out


def _sentence(marks: Sequence[_MarkInColumn], spaced: int, minus: int, brackets: int, n_fractions: int) -> str:
    clauses = []
    for sign in PARTING:
        by_meaning: dict[str, list[_MarkInColumn]] = defaultdict(list)
        for mark in marks:
            if mark.mark == sign:
                by_meaning[mark.meaning or ""].append(mark)
        for meaning, of_meaning in sorted(by_meaning.items(), key=lambda item: (not item[0], item[0])):
            count = sum(mark.count for mark in of_meaning)
            if meaning:
                # A column's own reason says more than that of one that followed it.
                reason = max(of_meaning, key=lambda mark: (mark.reason in mark.reasons, mark.count)).reason
                clauses.append(
                    stored(
                        "{mark} parts {meaning} in {numbers} ({reason})",
                        mark=_NAMES[sign],
                        meaning=meaning,
                        numbers=_numbers(count),
                        reason=reason,
                    )
                )
            else:
                reason = max(of_meaning, key=lambda mark: mark.count).reasons[1]
                clauses.append(
                    stored(
                        "what {mark} parts is undecided in {numbers} ({reason})",
                        mark=_NAMES[sign],
                        numbers=_numbers(count),
                        reason=reason,
                    )
                )
    if spaced:
        clauses.append(
            stored("a narrow space parts thousands in {numbers} (three digits follow)", numbers=_numbers(spaced))
        )
    if minus:
        clauses.append(stored("a minus stands before {numbers}", numbers=_numbers(minus)))
    if brackets:
        clauses.append(stored("what brackets around {numbers} mean is undecided", numbers=_numbers(brackets)))
    if n_fractions:
        clauses.append(
            stored("{n} fractions are two numbers each", n=n_fractions)
            if n_fractions > 1
            else stored("1 fraction is two numbers each")
        )
    text = "; ".join(clauses)
    return text[:1].upper() + text[1:]


def _numbers(count: int) -> str:
    return counted(count, "number")
