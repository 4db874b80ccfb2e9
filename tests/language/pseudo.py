"""A language that nobody speaks: every message in letters of full width, so that what no message says stands out."""

from __future__ import annotations

import re

from tablesim.language import Catalogue
from tests.language.in_code import all_messages

WIDE = {code: code + 0xFEE0 for code in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1))}
KEPT = re.compile(r"<[^>]*>|\{\w+\}")
"""What a message keeps in every language: tags and values."""


def widened(text: str) -> str:
    """A message in the letters of the language."""
    parts, at = [], 0
    for match in KEPT.finditer(text):
        parts += [text[at : match.start()].translate(WIDE), match[0]]
        at = match.end()
    return "".join([*parts, text[at:].translate(WIDE)])


def pseudo(language: str) -> Catalogue:
    """Its catalogue, under the name of a language."""
    told = {
        key: widened(forms[0]) if len(forms) == 1 else [*map(widened, forms)] for key, forms in all_messages().items()
    }
    return Catalogue(language, told)
