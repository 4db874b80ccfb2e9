"""Messages by their English, in the language of the context: whole sentences with named places and plural forms.

As in GNU gettext the English is the key, so that code reads as what it says, and what has no translation stays English.
A message with a number has two forms, for one and for other numbers, which is what English, German and Italian have.
The language is asked for once, around all that is made in it (``speaking``); without that it is English: what terminal,
files and tests hear.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any

LANGUAGES = {"en": "English", "de": "Deutsch", "it": "Italiano"}
"""Each language with the name that it has in itself."""

ENGLISH = "en"

LEAST_OWN = 6
"""Letters beside its values that a message has to have to be known again in a text: shorter ones fit anything."""

KEPT = 4096
"""Texts told again that are kept: notes of pages are few, and stand in many lines."""

Messages = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The messages of one language.

    Parameters
    ----------
    language : str
        As in ``LANGUAGES``, or another one that a caller brings.
    messages : mapping of str to str or two of them
        By the English: what is said instead; by both its forms, with a bar between, those for one and for many.
    """

    language: str
    messages: Messages

    @cached_property
    def again(self) -> Callable[[str], str]:
        """An English text that messages make, in this language; what was asked for last is kept, lists repeat it."""
        return lru_cache(KEPT)(self._again)

    def _again(self, text: str) -> str:
        if not any(map(str.isalpha, text)):
            return text
        phrase = text[:1].lower() + text[1:]
        for one in (text, phrase):
            if isinstance(told := self.messages.get(one), str):
                return told if one == text else told[:1].upper() + told[1:]
        for pattern, translation in self._patterns:
            if match := pattern.fullmatch(text) or pattern.fullmatch(phrase):
                # What stands in it may be made of messages too, such as a reason in brackets.
                values = {name: self.again(value) for name, value in match.groupdict().items()}
                again = translation.format_map(values)
                return again if match.string == text else again[:1].upper() + again[1:]
        return "; ".join(map(self.again, text.split("; "))) if "; " in text else text

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Messages with values as expressions with groups; those that say most by themselves come first."""
        pairs: list[tuple[str, str]] = []
        for english, told in self.messages.items():
            pairs += [(english, told)] if isinstance(told, str) else zip(english.split("|"), told, strict=True)
        found = [(_expression(one), told) for one, told in pairs if "{" in one and _own(one) >= LEAST_OWN]
        return sorted(found, key=lambda pair: -len(pair[0].pattern))

    @staticmethod
    @cache
    def of(language: str) -> Catalogue:
        """The catalogue of one of ``LANGUAGES``, read once for a process; KeyError for any other name."""
        if LANGUAGES[language] and language == ENGLISH:
            return Catalogue(ENGLISH, {})
        text = (files("tablesim.language") / f"{language}.json").read_text("utf-8")
        return Catalogue(language, json.loads(text))


def _own(message: str) -> int:
    """Letters of a message beside its values."""
    return sum(letter.isalpha() for letter in re.sub(r"\{\w+\}", "", message))


def _expression(message: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", message)
    names: set[str] = set()
    pattern = ""
    for at, part in enumerate(parts):
        if at % 2 == 0:
            pattern += re.escape(part)
        else:
            pattern += f"(?P={part})" if part in names else f"(?P<{part}>.+?)"
            names.add(part)
    return re.compile(pattern, re.DOTALL)


_spoken: ContextVar[Catalogue] = ContextVar("spoken")
_ENGLISH = Catalogue.of(ENGLISH)


@contextmanager
def speaking(asked: str | Catalogue) -> Iterator[None]:
    """All that is said within is said in this language."""
    before = _spoken.set(Catalogue.of(asked) if isinstance(asked, str) else asked)
    try:
        yield
    finally:
        _spoken.reset(before)


def said_here() -> Catalogue:
    """The catalogue of the language that is spoken now: to go on with in another process."""
    return _spoken.get(_ENGLISH)


def language() -> str:
    """The language that is spoken now."""
    return said_here().language


def say(message: str, /, **values: object) -> str:
    """A message in the language that is spoken, with its values.

    Examples
    --------
    >>> say("{a} and {b} carry the same table.", a="A", b="B")
    'A and B carry the same table.'
    """
    text: str = said_here().messages.get(message, message)
    return text.format_map(values) if values else text


def say_n(n: int, one: str, many: str, /, **values: object) -> str:
    """A message with a count: ``one`` for 1, ``many`` for all others; ``{n}`` in it is the count.

    Examples
    --------
    >>> say_n(1, "{n} page", "{n} pages"), say_n(1204, "{n} page", "{n} pages")
    ('1 page', '1,204 pages')
    """
    return forms(one, many)[n != 1].format_map({"n": grouped(n)} | values)


def forms(one: str, many: str) -> Sequence[str]:
    """The two forms of a message with a count; catalogues have them under both of the English, with a bar between."""
    found: Sequence[str] = said_here().messages.get(f"{one}|{many}", (one, many))
    return found


def to_say(message: str) -> str:
    """The message as it is: it is in the catalogues, and said where it is shown."""
    return message


def stored(message: str, /, **values: object) -> str:
    """A message that is kept in a run: in English, whoever speaks; ``retold`` says it again where it is shown."""
    return message.format_map(values) if values else message


def retold(text: str) -> str:
    """What was kept in English, in the language that is spoken, with its values; as it is where no message fits.

    Examples
    --------
    >>> retold("probably not whole")
    'probably not whole'
    """
    told = said_here()
    return told.again(text) if told.messages and text else text


def grouped(value: int) -> str:
    """A count with its thousands apart: by a comma in English, else by a thin space, which no language misreads."""
    return f"{value:,}" if language() == ENGLISH else f"{value:,}".replace(",", "\u202f")


def listed(parts: Sequence[str]) -> str:
    """Several things in a row.

    Examples
    --------
    >>> listed(["A", "B", "C"])
    'A, B and C'
    """
    if len(parts) < 2:
        return "".join(parts)
    return say("{these} and {last}", these=", ".join(parts[:-1]), last=parts[-1])
