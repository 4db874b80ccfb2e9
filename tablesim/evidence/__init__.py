"""Evidence: why two pages are said to be alike, down to the glyph, and where they differ."""

from tablesim.evidence.assignment import Assignment, Link
from tablesim.evidence.collation import Collation, collate
from tablesim.evidence.comparison import Comparison, compare
from tablesim.evidence.matches import GlyphMatches, Match
from tablesim.evidence.registration import Registration, register
from tablesim.evidence.relevance import PageRelevance, PixelRelevance, explain_pixels

__all__ = [
    "Assignment",
    "Collation",
    "Comparison",
    "GlyphMatches",
    "Link",
    "Match",
    "PageRelevance",
    "PixelRelevance",
    "Registration",
    "collate",
    "compare",
    "explain_pixels",
    "register",
]
