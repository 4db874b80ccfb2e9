"""Whose error? What the arithmetic of a table and its astronomy say of its numbers."""

from tablesim.evidence.recomputation.examination import examine, propose

__all__ = ["examine", "propose"]
