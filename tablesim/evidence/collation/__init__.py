"""Witnesses of a table cell by cell: where they agree, where they differ, and how doubtful that is."""

from tablesim.evidence.collation.collation import Collation, collate, collate_witnesses

__all__ = ["Collation", "collate", "collate_witnesses"]
