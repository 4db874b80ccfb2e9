"""Every message that code, templates and scripts say, found by reading them; prints what a catalogue lacks.

``python -m tests.language.in_code de`` prints the messages that ``de.json`` lacks, to be translated, and those in it
that nothing says any more.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import nodes

from tablesim.language import Catalogue
from tablesim.report.presentation import environment

PACKAGE = Path(__file__).resolve().parents[2] / "tablesim"
TEXT = r'"((?:[^"\\]|\\.)*)"'
CONDITION = r"(?:[^\"()]*(?:\([^\"()]*\))?[^\"()]*\? )?"
IN_SCRIPTS = re.compile(
    rf"\b(?:say|toSay)\(\s*{CONDITION}{TEXT}(?:\s*:\s*{TEXT})?|\bsayN\((?:[^\"]*?),\s*{TEXT},\s*{TEXT}"
)

Message = tuple[str, ...]
"""A message, or its forms for one and for many."""


def in_python(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            texts = tuple(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
            if node.func.id in ("say", "to_say", "stored") and texts:
                yield texts[:1]
            if node.func.id == "say_n":
                assert len(texts) == 2, ast.unparse(node)
                yield texts


def in_template(source: str) -> Iterator[Message]:
    for call in environment("tablesim.web").parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("say", "say_n"):
            texts = tuple(a.value for a in call.args if isinstance(a, nodes.Const) and isinstance(a.value, str))
            if call.node.name == "say_n":
                assert len(texts) == 2, texts
            if texts:
                yield texts


def in_script(source: str) -> Iterator[Message]:
    for match in IN_SCRIPTS.finditer(source):
        one, other, first, many = (None if text is None else json.loads(f'"{text}"') for text in match.groups())
        if first is not None:
            yield first, many
        else:
            yield from ((text,) for text in (one, other) if text is not None)


@cache
def all_messages() -> dict[str, Message]:
    """By its key in the catalogues: each message with its forms."""
    found: dict[str, Message] = {}
    for path in sorted(PACKAGE.rglob("*")):
        read = {".py": in_python, ".html": in_template, ".js": in_script}.get(path.suffix)
        if read is None or "vendor" in path.parts:
            continue
        for message in read(path.read_text("utf-8")):
            found["|".join(message)] = message
    return found


if __name__ == "__main__":
    catalogue = Catalogue.of(sys.argv[1]).messages
    messages = all_messages()
    lacking = {
        english: english if len(forms) == 1 else list(forms)
        for english, forms in messages.items()
        if english not in catalogue
    }
    print(json.dumps(lacking, ensure_ascii=False, indent=1))
    print(*(f"nothing says: {english}" for english in catalogue if english not in messages), sep="\n")
