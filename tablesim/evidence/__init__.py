"""Evidence: why two pages are said to be alike, down to the glyph."""

from tablesim.evidence.assignment import Assignment, Link
from tablesim.evidence.comparison import Comparison, compare
from tablesim.evidence.matches import GlyphMatches, Match
from tablesim.evidence.registration import Registration, register

__all__ = ["Assignment", "Comparison", "GlyphMatches", "Link", "Match", "Registration", "compare", "register"]
