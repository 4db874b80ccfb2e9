"""What a person reads: block by block of HTML, line by line of a terminal, cell by cell of sheets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import html
from lxml.etree import _Comment, _Element

BLOCKS = frozenset(
    "address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form h1 h2 "
    "h3 h4 h5 h6 header label legend li main nav ol option output p pre section summary svg table tbody td text tfoot "
    "th thead title tr ul".split()
)
SAID_IN = ("aria-label", "title", "alt", "placeholder")
APART = frozenset(("span", "small", "strong", "button", "h4"))
"""Inside a block, with room around them."""

UNREAD = frozenset(("script", "style", "noscript"))


def blocks(path: Path) -> Iterator[tuple[_Element, str]]:
    """Each block of a page with the text in it and in no block inside it, and each attribute that is read."""
    root = html.document_fromstring(path.read_bytes())
    for element in root.iter():
        if isinstance(element, _Comment) or element.tag in UNREAD:
            continue
        for name in SAID_IN:
            if element.get(name):
                yield element, tidy(element.get(name))
        if element.tag in BLOCKS and (text := tidy(own_text(element))):
            yield element, text


def own_text(element: _Element) -> str:
    """The text of an element without that of the blocks inside it; what stands apart on the screen is parted."""
    parts = [element.text or ""]
    for child in element:
        inside = not isinstance(child, _Comment) and child.tag not in BLOCKS | UNREAD
        text = own_text(child) if inside else ""
        parts += [f" {text} " if inside and child.tag in APART else text if inside else " ", child.tail or ""]
    return "".join(parts)


def whole_text(element: _Element) -> str:
    """All of its text."""
    return "".join(element.itertext())


def tidy(text: str) -> str:
    """Without thin spaces in numbers, other blanks as one and none before a stop."""
    return re.sub(r" (?=[:;,.])", "", re.sub(r"\s+", " ", text.replace("\u202f", "")).strip())
