"""Reads dates as catalogues and manuscripts have them, in six languages, as ranges of years, and says how.

Roman numerals and those of the Republic, centuries and their parts, about, before, after and between, open figures,
two calendars. Where a date can be meant in several ways the range takes in all of them, and ``ReadDate.how`` says so.
By scanning words of ``date_words`` from left to right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from tablesim.records.dates import YearRange
from tablesim.scans import date_words as words

ABOUT_YEARS = 5
"""Years on either side of "about 1515": by convention, as no catalogue says how many it means."""
SHORTLY_YEARS = 10
"""Years of "shortly after": by convention."""
LAST_YEAR = 2100
"""No date is of a later year: what looks like one is a serial number."""
_COPYRIGHT = 1790
"""Of this year is the first law of the United States, whose libraries write ``c1912``."""
_REPUBLIC = 1791
"""What is added to a year of the French Republic gives the year in which it began, in September."""

ABOUT = f"about a year: {ABOUT_YEARS} years on either side"
ABOUT_SPAN = "about some years: from the first to the last as they stand"
BEFORE = "before a year: up to the year before it, the earliest is open"
AFTER = "after a year: from the next year on, the latest is open"
UNTIL = "a year or earlier: the earliest is open"
SINCE = "a year or later: the latest is open"
SHORTLY = f"shortly before or after a year: {SHORTLY_YEARS} years"
CENTURY = "a century: the 15th from 1401 to 1500, the Quattrocento from 1400 to 1499"
TURN = "the turn of two centuries: ten years on either side"
PART = (
    "a part of a century or decade: halves, thirds and quarters as they are called, beginning, middle and end by thirds"
)
OPEN_FIGURES = "last figures left open: every year that they allow"
DECADE = "a decade"
DECADE_OR_CENTURY = "a decade or a century: the longer of the two"
TWO_CALENDARS = "a year by two calendars (Old Style): either of the two"
MONTH = "a month, since the column has other months"
MONTH_OR_SPAN = "a month or a span of years: the longer of the two"
SEVERAL = "several years: from the first to the last"
DOUBTFUL = f"a year that is doubted (? or a word for it): {ABOUT_YEARS} years on either side"
DOUBTED = "a range that is doubted (? or a word for it): taken as it stands"
CORRECTED = "corrected where it was written: the year after i.e. holds"
COPYRIGHT = "a year of copyright"
REPUBLICAN = "a year of the French Republic, which began in September"
ODD_ROMAN = "a Roman numeral that is not written by the rules"
WORDS_LEFT = "a year among words that are not understood"
ABOUT_OR_BEFORE = f"v. is vor (before) or vers (about): up to {ABOUT_YEARS} years after, the earliest is open"
LONE_ROMAN = "a small Roman numeral alone: a century"
FALLING = "years in falling order: from the earlier to the later"
THREE_FIGURES = "a year of three figures"
NO_YEAR = "no year is named (s. a. and its like): no range"
OTHER_ERA = "years before Christ or of another era: no range"
NOT_UNDERSTOOD = "not understood: no range, the words are kept"

LONGEST = 500
"""Letters: a whole imprint has 200. What is longer is no date, and would take time that grows with its square."""

CERTAIN = frozenset({"", CENTURY, COPYRIGHT})
"""What needs no remark: nothing was assumed."""


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date as it was understood; ``how`` has one of the constants for each thing that was assumed or is odd."""

    years: YearRange
    how: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def read_date(text: str, *, months: bool = False) -> ReadDate:
    """The range of years that ``text`` allows.

    Parameters
    ----------
    text : str
        As it was written; it is kept as ``years.words``.
    months : bool
        Whether ``1504-12`` is the twelfth month of 1504, as in a column that has other months; else it may also be a
        span of years.
    """
    kept = text.strip()
    if not kept:
        return ReadDate(YearRange())
    if len(kept) > LONGEST:
        return ReadDate(YearRange(None, None, kept), (NOT_UNDERSTOOD,))
    plain = _plain(kept)
    simple = _simple(plain, months)
    if simple is not None:
        (first, last), how = simple
        return ReadDate(YearRange(first, last, kept), (how,) if how else ())
    (ends, notes) = _Sentence(plain).read()
    return ReadDate(YearRange(*ends, kept), tuple(dict.fromkeys(notes)))


def is_month(text: str) -> bool:
    """Whether a date can be nothing but a month or a day as ISO 8601 writes them: ``1504-03``, ``1504-12-24``."""
    month = _MONTH.fullmatch(text.strip())
    return bool(_ISO_DAY.match(text.strip())) or bool(month and int(month[2]) <= int(month[1][2:]))


_NAMES_OF_PARTS = {"2": "half", "3": "third", "4": "quarter"}
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_ISO_DAY = re.compile(r"(\d{4})[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?!\d)(?:[t ]\d.*)?$", re.IGNORECASE)
_DAY_FIRST = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](\d{4})(?: \d\d?:.*)?")


def _plain(text: str) -> str:
    """Small letters without accents, one kind of dash and of quotation mark, numerals of printers as M and D."""
    for sign, half in (("¹", " 1. half "), ("²", " 2. half ")):
        text = re.sub(rf"(?<=[XVIxvi]){sign}", half, text)
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(sign for sign in text if not unicodedata.combining(sign)).replace("æ", "ae").replace("œ", "oe")
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    text = re.sub(r"[\u2018\u2019\u02bc`]", "'", re.sub("[\u201c\u201d\u201e\u00ab\u00bb]", '"', text))
    text = re.sub(rf"(?<![a-z])(?:{'|'.join(words.IN_PLACE_OF)})", " recte ", text)
    # Manuscripts of the second half are "s. XV/2", of the third quarter "s. XV 3/4".
    text = re.sub(r"(?<=[ivx]) ?([1-4])/([234])(?!\d)", lambda m: f" {m[1]}. {_NAMES_OF_PARTS[m[2]]} ", text)
    text = re.sub(r"(?<=[ivx])/([12])(?![\d.])", r" \1. half ", text)
    # Figures that a cataloguer supplied: [15]15.
    text = re.sub(r"(?<=\d)[\[\]<>()](?=[\d-])", "", text)
    text = re.sub(r"(?<=\d{4}) ?c(?:a|irca)?\.?$", " ~", text)
    # Early printers set M and D as CIƆ and IƆ, typists as (I) and I).
    text = re.sub(r"ↀ|\(i\)|[c(][i1|][ɔↄ)]", "m", text)
    text = re.sub(r"[i1|][ɔↄ]|(?<=m)[\s.]*i\)", "d", text)
    return " ".join(text.split())


def _simple(text: str, months: bool) -> tuple[tuple[int | None, int | None], str] | None:
    """What is settled by the form of the whole; None where words have to be read."""
    if match := _ISO_DAY.match(text) or _DAY_FIRST.fullmatch(text):
        return (int(match[1]), int(match[1])), ""
    if match := _MONTH.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        if month <= year % 100:
            return (year, year), ""
        return ((year, year), MONTH) if months else ((year, year - year % 100 + month), MONTH_OR_SPAN)
    if match := re.fullmatch(r"\[?(\d{4}) ?(?:-|/|/ ?\.\.|\.\.) ?\??\]?", text):
        return (int(match[1]), None), SINCE
    if match := re.fullmatch(r"\[?(?:-|/|\.\. ?/|\.\.) ?(\d{4})\]?", text):
        return (None, int(match[1])), UNTIL
    if match := re.fullmatch(r"([ivx]+)(?:[-/]([ivx]+))?", text):
        first, last = (_roman(numeral)[0] for numeral in (match[1], match[2] or match[1]))
        return ((first * 100 - 99, last * 100), LONE_ROMAN) if 9 <= first <= last <= 21 else None
    if match := re.fullmatch(r"(?:anno |ad |a\.d\. |im jahre? )?(\d{3})(?: ad| n\. ?chr\.?)?", text):
        return (int(match[1]), int(match[1])), THREE_FIGURES
    match = re.fullmatch(r"\[?(c|©|cop\.? ?|p)(\d{4})\]?", text)
    # c1912 is a copyright; before there was any it can only be circa.
    if match and (match[1] != "c" or int(match[2]) >= _COPYRIGHT):
        return (int(match[2]), int(match[2])), COPYRIGHT
    return None


@dataclass(slots=True)
class _Token:
    """A piece of a date: its kind, and what it stands for."""

    kind: str
    text: str
    ends: tuple[int, int] = (0, 0)
    how: str = ""
    part: tuple[int, int] = (0, 0)


def _either(expressions: tuple[str, ...]) -> str:
    """Any of some expressions, where a word begins and ends."""
    longest_first = sorted(expressions, key=len, reverse=True)
    return "|".join(rf"(?<![a-z0-9])(?:{e})(?![a-z])" if e[0].isalpha() else f"(?:{e})" for e in longest_first)


@lru_cache(maxsize=1)
def _lexicon() -> list[tuple[str, re.Pattern[str], Callable[[re.Match[str]], _Token]]]:
    """Kinds of tokens in the order in which they are tried, each with what makes it."""

    def plain(kind: str) -> Callable[[re.Match[str]], _Token]:
        return lambda match: _Token(kind, match[0])

    def of(kind: str, expressions: tuple[str, ...]) -> tuple[str, str, Callable[[re.Match[str]], _Token]]:
        return kind, _either(expressions), plain(kind)

    def part(number: int, n_parts: int) -> Callable[[re.Match[str]], _Token]:
        return lambda match: _Token("part", match[0], part=(n_parts if number < 0 else number, n_parts))

    century = [
        ("ordinal", rf"(?<![a-z])(?:{'|'.join(names)})(?![a-z])", lambda m, n=n: _Token("ordinal", m[0], (n, n)))
        for n, names in words.CENTURY_WORDS.items()
    ]
    named = rf"(?<![a-z])(?:{'|'.join(words.NAMED_CENTURIES)})(?![a-z])"
    entries = [
        of("era", words.ERAS),
        of("calendar", words.CALENDARS),
        ("plusminus", r"(?<!\d)(\d{4}) ?\(?(?:±|\+ ?/? ?-) ?(\d{1,3})(?!\d)\)?", _plus_minus),
        ("value", r"(?<!\d)(\d{3})0(?:'?s(?![a-z])|-?er(?![a-z])(?: jahren?)?)", _decade),
        ("value", rf"(?:{'|'.join(words.DECADE_BEFORE)}) (?:de )?(\d{{3}})0(?!\d)", _decade),
        ("value", r"(?<!\d)(\d{2})(\d?)([-._*xu]{1,2}|\?{1,2})\??(?![\da-z])", _open_figures),
        ("value", r"(?<!\d)(\d{4}) ?([-/]) ?(\d{4}|\d{1,2})(?!\d)", _span),
        ("value", r"(?<!\d)(?<!\d[.,])(\d{4})(?:[.,]0+)?(?!\d)(?![.,]\d)", _year),
        (
            "value",
            r"'([3-9])00(?!\d)",
            lambda m: _Token("value", m[0], (1000 + int(m[1] + "00"), 1099 + int(m[1] + "00")), CENTURY),
        ),
        ("in place of", "recte", plain("in place of")),
        ("about or before", r"(?<![a-z])v\.(?= ?\d)", plain("about or before")),
        ("part", _either(words.MIDDLE), part(2, 3)),
        *(("part", _either((expression,)), part(number, n)) for expression, number, n in words.pieces()),
        *century,
        ("value", named, _named_century),
        ("republic", rf"(?<![a-z])(?:{'|'.join(words.REPUBLIC)}) ([ivx]+|\d{{1,2}})(?![a-z\d])", _republican),
        (
            "value",
            r"(?<![a-z])(m[\s.,·:]*(?:[mdclxvij]+(?![a-z])[\s.,·:]*)*[mdclxvij]*|m[mdclxvij]*)(?![a-z])",
            _roman_year,
        ),
        ("ordinal", r"(?<![a-z\d])(\d{1,2})(?:\.|th|st|nd|rd|e|eme|º|°|ª)?(?=[ \-/.]|$)", _ordinal),
        ("ordinal", r"(?<![a-z])([ivx]+)(?:e|eme|o|º|°)?(?![a-z])", _roman_ordinal),
        of("no year", words.NO_YEAR),
        of("until", words.UNTIL),
        of("since", words.SINCE),
        of("shortly", words.SHORTLY),
        of("about", words.ABOUT),
        of("before", words.BEFORE),
        of("after", words.AFTER),
        of("between", words.BETWEEN),
        ("part", _either(words.BEGINNING), part(1, 3)),
        ("part", _either(words.END), part(3, 3)),
        of("turn", words.TURN),
        (
            "or later",
            r"ff?\.|et seq\.?|oder (?:etwas |wenig )?spater|or later|ou plus tard|o piu tardi|o dopo|sqq?\.",
            plain("or later"),
        ),
        ("or earlier", r"oder fruher|or earlier|or before|ou avant|o prima", plain("or earlier")),
        of("century", words.CENTURY),
        ("century", r"(?<=th )c\.?(?![a-z])", plain("century")),
        of("doubt", words.DOUBT),
        of("to", words.TO),
        of("and", words.AND),
        of("harmless", words.HARMLESS),
    ]
    return [(kind, re.compile(expression), make) for kind, expression, make in entries]


def _year(match: re.Match[str]) -> _Token:
    year = int(match[1])
    return _Token("value" if year <= LAST_YEAR else "unknown", match[0], (year, year))


def _plus_minus(match: re.Match[str]) -> _Token:
    year, width = int(match[1]), int(match[2])
    return _Token("value", match[0], (year - width, year + width))


def _decade(match: re.Match[str]) -> _Token:
    start = int(match[1]) * 10
    is_wide = start % 100 == 0 and "s" in match[0]
    return _Token("value", match[0], (start, start + (99 if is_wide else 9)), DECADE_OR_CENTURY if is_wide else DECADE)


def _open_figures(match: re.Match[str]) -> _Token:
    known, n_open = match[1] + match[2], 4 - len(match[1] + match[2])
    if n_open < len(match[3]) or (n_open == 2 and len(match[3]) == 1 and match[3] != "-"):
        return _Token("unfit", match[0])
    start = int(known) * 10**n_open
    return _Token("value", match[0], (start, start + 10**n_open - 1), OPEN_FIGURES)


def _span(match: re.Match[str]) -> _Token:
    text, sign, end = match[1], match[2], match[3]
    first, last = int(text), int(text[: 4 - len(end)] + end)
    if (last - first) % 10 ** len(end) == 1:
        last = first + 1  # 1499/1500 shortened to 1499/0 or 1499/00
    if last <= first:
        return _Token("unfit", match[0])
    return _Token("value", match[0], (first, last), TWO_CALENDARS if sign == "/" and last == first + 1 else "span")


def _named_century(match: re.Match[str]) -> _Token:
    start = (words.NAMED_CENTURIES[match[0]] - 1) * 100
    return _Token("value", match[0], (start, start + 99), CENTURY)


def _republican(match: re.Match[str]) -> _Token:
    number = int(match[1]) if match[1].isdigit() else _roman(match[1])[0]
    if not 1 <= number <= 14:
        return _Token("unfit", match[0])
    return _Token("value", match[0], (_REPUBLIC + number, _REPUBLIC + number + 1), REPUBLICAN)


def _ordinal(match: re.Match[str]) -> _Token:
    return _Token("ordinal", match[0], (int(match[1]), int(match[1])))


def _roman_ordinal(match: re.Match[str]) -> _Token:
    number, _ = _roman(match[1])
    return _Token("ordinal", match[0], (number, number))


def _roman_year(match: re.Match[str]) -> _Token:
    number, by_rules = _roman(re.sub(r"[^mdclxvij]", "", match[1]))
    if not 1000 < number <= LAST_YEAR or not (by_rules or len(match[1]) > _LONG_NUMERAL):
        return _Token("unfit", match[0])
    return _Token("value", match[0], (number, number), "" if by_rules else ODD_ROMAN)


_LONG_NUMERAL = 4
"""Letters that are no numeral by the rules must be more than these to be one all the same."""
_ROMAN = {"i": 1, "j": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_BY_RULES = re.compile(r"m{0,3}(cm|cd|d?c{0,4})(xc|xl|l?x{0,4})(ix|iv|v?i{0,3}[ij]?)")
"""With four equal signs, as printers set them, and a last i with a tail."""


def _roman(text: str) -> tuple[int, bool]:
    """The number, a smaller sign before a larger one taken from it, and whether it is written by the rules."""
    values = [_ROMAN[sign] for sign in text]
    total = sum(-a if a < max(values[at + 1 :], default=0) else a for at, a in enumerate(values))
    return total, bool(_BY_RULES.fullmatch(text))


@dataclass
class _Part:
    """A range that was read, and the words before it that it is subject to."""

    first: int | None
    last: int | None
    is_year: bool
    how: list[str] = field(default_factory=list)


class _Sentence:
    """The tokens of a date, read from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.kinds = {token.kind for token in self.tokens}
        self.notes: list[str] = []

    def read(self) -> tuple[tuple[int | None, int | None], list[str]]:
        if "era" in self.kinds:
            return (None, None), [OTHER_ERA]
        self._find_centuries()
        parts = self._parts()
        left = [token.text for token in self.tokens if token.kind in ("unknown", "unfit")]
        if not parts:
            return (None, None), [NO_YEAR if not left else NOT_UNDERSTOOD]
        doubted = "doubt" in self.kinds
        notes = [note for part in parts for note in part.how]
        if doubted and len(parts) == 1 and parts[0].is_year:
            parts[0].first, parts[0].last = _widened(parts[0].first, parts[0].last, ABOUT_YEARS)
            notes.append(DOUBTFUL)
        elif doubted:
            notes.append(DOUBTED)
        if "calendar" in self.kinds and parts[-1].is_year and parts[-1].last is not None:
            parts[-1].last += 1
            notes.append(TWO_CALENDARS)
        if left:
            notes.append(WORDS_LEFT)
        if "turn" in self.kinds and len(parts) == 2 and all(CENTURY in part.how for part in parts):
            return (parts[0].last - 9, parts[1].first + 9), [TURN]  # type: ignore[operator]
        ends, several = _joined(parts)
        if several and not self._is_span():
            notes.append(SEVERAL)
        if len(parts) == 2 and None not in (parts[0].first, parts[1].first) and parts[0].first > parts[1].first:  # type: ignore[operator]
            notes.append(FALLING)
        return ends, notes

    def _is_span(self) -> bool:
        return bool(self.kinds & {"between", "to", "century"}) or {"before", "after"} <= self.kinds

    def _find_centuries(self) -> None:
        """Ordinals are centuries where the word is there too, and what else they may be where it is not."""
        ordinals = [token for token in self.tokens if token.kind == "ordinal" and 1 <= token.ends[0] <= 21]
        has_word = bool({"century", "part"} & self.kinds and ordinals)
        in_roman = any(token.text[0] in "ivx" for token in ordinals)
        for at, token in enumerate(self.tokens):
            if token.kind == "ordinal":
                number = token.ends[0]
                if has_word and 1 <= number <= 21 and not (in_roman and token.text[0].isdigit()):
                    token.kind, token.ends, token.how = "value", (number * 100 - 99, number * 100), CENTURY
                else:
                    # The day of a month, or a number of something else.
                    token.kind = "harmless" if 1 <= number <= 31 and self._beside_month(at) else "unknown"
            elif token.kind == "century" and not has_word:
                token.kind = "unknown"

    def _beside_month(self, at: int) -> bool:
        beside = self.tokens[max(0, at - 2) : at] + self.tokens[at + 1 : at + 3]
        return any(token.kind == "harmless" and len(token.text) >= 3 for token in beside)

    def _parts(self) -> list[_Part]:
        parts: list[_Part] = []
        before: list[str] = []
        piece: tuple[int, int] | None = None
        for at, token in enumerate(self.tokens):
            if token.kind == "value":
                parts.append(self._part(token, piece, before, parts))
                before, piece = [], None
            elif token.kind == "part":
                if parts and self._closes(at):
                    parts[-1] = self._cut(parts[-1], token.part)
                else:
                    piece = token.part
            elif (
                token.kind == "harmless"
                and token.text == "in"
                and parts
                and self._closes(at)
                and CENTURY in parts[-1].how
            ):
                parts[-1] = self._cut(parts[-1], (1, 3))
            elif token.kind == "in place of" and parts:
                parts.clear()
                self.notes.append(CORRECTED)
                before.append(CORRECTED)
            elif token.kind == "about" and parts and self._closes(at):
                _apply("about", parts[-1])
            elif token.kind in ("or later", "or earlier") and parts:
                _apply("since" if token.kind == "or later" else "until", parts[-1])
            elif token.kind in ("about", "before", "after", "until", "since", "shortly", "about or before"):
                before.append(token.kind)
        return parts

    def _closes(self, at: int) -> bool:
        """Whether a word belongs to what stands before it: no year comes after it before a connection does."""
        for token in self.tokens[at + 1 :]:
            if token.kind in ("to", "and", "between"):
                return True
            if token.kind == "value":
                return False
        return True

    def _part(self, token: _Token, piece: tuple[int, int] | None, before: list[str], parts: list[_Part]) -> _Part:
        first, last = token.ends
        is_year = first == last or token.how in (TWO_CALENDARS, REPUBLICAN)
        part = _Part(first, last, is_year, [token.how] * (token.how not in ("", "span")))
        if piece is not None and not is_year:
            part = self._cut(part, piece)
        # Between two years "bis" and "von" connect; elsewhere they leave an end open.
        connects = bool(parts) and "until" in before and not {"before", "after", "since"} & set(before)
        starts = "since" in before and self._goes_on(token)
        relations = [b for b in before if not (b == "until" and connects) and not (b == "since" and starts)]
        if CORRECTED in relations:
            part.how.append(CORRECTED)
        if "shortly" in relations and {"before", "after"} & set(relations):
            part.how.append(SHORTLY)
        if "about" in relations:
            # What is before or after about a year may be of that year too.
            inclusive = {"before": "until", "after": "since", "about": "about"}
            relations = ["about", *(inclusive.get(r, r) for r in relations if r != "about")]
        for relation in relations:
            _apply(relation, part, shortly="shortly" in relations)
        if connects or starts:
            self.kinds.add("between")
        return part

    def _goes_on(self, token: _Token) -> bool:
        """Whether another year comes after a token, with something that connects the two."""
        after = self.tokens[self.tokens.index(token) + 1 :]
        kinds = [other.kind for other in after]
        return "value" in kinds and bool({"to", "until", "and"} & set(kinds[: kinds.index("value")]))

    @staticmethod
    def _cut(part: _Part, piece: tuple[int, int]) -> _Part:
        if part.first is None or part.last is None or part.last - part.first < 9:
            return part
        number, n_pieces = piece
        length = part.last - part.first + 1
        first, last = (part.first + round(length * edge / n_pieces) for edge in (number - 1, number))
        how = [note for note in part.how if note not in (CENTURY, DECADE)]
        return _Part(first, last - 1, False, [*how, PART])


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        for _, pattern, make in _lexicon():
            match = pattern.match(text, at)
            if match and match.end() > at:
                token = make(match)
                if token.kind == "unfit":
                    continue
                yield token
                at = match.end()
                break
        else:
            word = re.compile(r"\w+|\W").match(text, at)
            assert word is not None
            if word[0].isalnum() or word[0].isdigit():
                yield _Token("unknown", word[0])
            at = word.end()


def _apply(relation: str, part: _Part, *, shortly: bool = False) -> None:
    """Move the ends of a range by a word before it."""
    first, last = part.first, part.last
    if relation == "about":
        is_widened = part.is_year or bool({CENTURY, PART} & set(part.how))
        part.how.append(ABOUT if is_widened else ABOUT_SPAN)
        if is_widened:
            part.first, part.last = _widened(first, last, ABOUT_YEARS)
    elif relation == "about or before":
        part.first, part.last = None, None if last is None else last + ABOUT_YEARS
        part.how.append(ABOUT_OR_BEFORE)
    elif relation in ("before", "until") and first is not None and last is not None:
        end = first - 1 if relation == "before" else last
        part.first, part.last = (end - SHORTLY_YEARS + 1 if shortly else None), end
        part.how += [] if shortly else [BEFORE if relation == "before" else UNTIL]
    elif relation in ("after", "since") and first is not None and last is not None:
        start = last + 1 if relation == "after" else first
        part.first, part.last = start, (start + SHORTLY_YEARS - 1 if shortly else None)
        part.how += [] if shortly else [AFTER if relation == "after" else SINCE]
    part.is_year = part.is_year and relation not in ("about", "before", "after", "until", "since", "about or before")


def _widened(first: int | None, last: int | None, years: int) -> tuple[int | None, int | None]:
    return None if first is None else first - years, None if last is None else last + years


def _joined(parts: list[_Part]) -> tuple[tuple[int | None, int | None], bool]:
    """One range for several: between "after" and "before" what both allow, else from the earliest to the latest."""
    if len(parts) == 1:
        return (parts[0].first, parts[0].last), False
    starts = [part.first for part in parts if part.last is None]
    ends = [part.last for part in parts if part.first is None]
    if len(parts) == 2 and starts and ends:
        start, end = starts[0], ends[0]
        if start is not None and end is not None and start <= end:
            return (start, end), False
    firsts, lasts = [part.first for part in parts], [part.last for part in parts]
    first = None if None in firsts else min(year for year in firsts if year is not None)
    last = None if None in lasts else max(year for year in lasts if year is not None)
    return (first, last), True
