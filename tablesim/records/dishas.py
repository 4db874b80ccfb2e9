"""The words of DISHAS tables that the export writes and the reader of other people's tables knows."""

from __future__ import annotations

BLANK = "**"
"""A place of a number that is not there, or that nobody can read."""

OWN = "tablesim"
"""Where a table of ours says which columns of which table of the page it was."""
