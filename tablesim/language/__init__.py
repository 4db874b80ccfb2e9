"""What people read on a screen, in the language that is asked for: one catalogue a language (after GNU gettext).

A message is written once, in English, where it is said; ``de.json`` and ``it.json`` have it in the other languages.
Python, templates and scripts say it in the same way: `messages`, the globals of `report.presentation`, ``say.js``.
"""

from tablesim.language.messages import (
    ENGLISH,
    LANGUAGES,
    Catalogue,
    forms,
    grouped,
    language,
    listed,
    retold,
    said_here,
    say,
    say_n,
    speaking,
    stored,
    to_say,
)

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Catalogue",
    "forms",
    "grouped",
    "language",
    "listed",
    "retold",
    "said_here",
    "say",
    "say_n",
    "speaking",
    "stored",
    "to_say",
]
