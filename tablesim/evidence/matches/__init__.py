"""Which glyphs make two pages alike, how sure that is, and how it stands among all pages."""

from tablesim.evidence.matches.glyphs import GlyphMatches, Match

__all__ = ["GlyphMatches", "Match"]
