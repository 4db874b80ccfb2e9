"""Evidence: why two pages are said to be alike, down to the glyph, and where they differ.

`comparison` is one pair of pages, `matches` the glyphs and the ink that make it alike. `collation` aligns tables and
goes cell by cell, `registration` brings one page onto the other, `figures` draws. `recomputation` says whose error a
difference is, `genealogy` who copied whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tablesim.evidence.collation import Collation, collate
from tablesim.evidence.comparison import Comparison, compare
from tablesim.evidence.matches import GlyphMatches, Match
from tablesim.evidence.matches.assignment import Assignment, GlyphLink
from tablesim.evidence.registration import PageMap, register_pages

if TYPE_CHECKING:
    from tablesim.evidence.matches.ink_relevance import PageRelevance, PixelRelevance, explain_pixels

__all__ = [
    "Assignment",
    "Collation",
    "Comparison",
    "GlyphLink",
    "GlyphMatches",
    "Match",
    "PageMap",
    "PageRelevance",
    "PixelRelevance",
    "collate",
    "compare",
    "explain_pixels",
    "register_pages",
]


def __getattr__(name: str) -> Any:
    """What needs PyTorch is loaded when it is asked for."""
    if name in ("PageRelevance", "PixelRelevance", "explain_pixels"):
        from tablesim.evidence.matches import ink_relevance

        return getattr(ink_relevance, name)
    raise AttributeError(f"module 'tablesim.evidence' has no attribute {name!r}", name=name, obj=None)
