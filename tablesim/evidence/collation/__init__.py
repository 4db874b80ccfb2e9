"""Witnesses of a table cell by cell: where they agree, where they differ, and how doubtful that is."""

from tablesim.evidence.collation.collation import collate, collate_witnesses
from tablesim.records.collation import Collation

__all__ = ["Collation", "collate", "collate_witnesses"]
