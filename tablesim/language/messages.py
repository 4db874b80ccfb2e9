"""Messages by their English, in the language of the context: whole sentences with named places and plural forms.

As in GNU gettext the English is the key, so that code reads as what it says, and what has no translation stays English.
A message with a number has two forms, for one and for other numbers, which is what English, German and Italian have.
The language is asked for once, around all that is made in it (``speaking``); without that it is English: what terminal,
files and tests hear.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "English", "de": "Deutsch", "it": "Italiano"}
"""Each language with the name that it has in itself."""

ENGLISH = "en"

Messages = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The messages of one language.

    Parameters
    ----------
    language : str
        As in ``LANGUAGES``, or another one that a caller brings.
    messages : mapping of str to str or two of them
        By the English: what is said instead, or its forms for one and for many.
    """

    language: str
    messages: Messages

    @staticmethod
    @cache
    def of(language: str) -> Catalogue:
        """The catalogue of one of ``LANGUAGES``, read once for a process; KeyError for any other name."""
        if LANGUAGES[language] and language == ENGLISH:
            return Catalogue(ENGLISH, {})
        text = (files("tablesim.language") / f"{language}.json").read_text("utf-8")
        return Catalogue(language, json.loads(text))


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
    told = said_here().messages.get(message, message)
    text = told if isinstance(told, str) else told[-1]
    return text.format_map(values) if values else text


def say_n(n: int, one: str, many: str, /, **values: object) -> str:
    """A message with a count: ``one`` for 1, ``many`` for all others; ``{n}`` in it is the count.

    Examples
    --------
    >>> say_n(1, "{n} page", "{n} pages"), say_n(1204, "{n} page", "{n} pages")
    ('1 page', '1,204 pages')
    """
    told = said_here().messages.get(one)
    forms = (one, many) if told is None else told
    return forms[n != 1].format_map({"n": number(n)} | values)


def to_say(message: str) -> str:
    """The message as it is: it is in the catalogues, and said where it is shown."""
    return message


def number(value: int) -> str:
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
