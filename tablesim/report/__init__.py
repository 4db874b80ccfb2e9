"""The static report of a run: one page of HTML beside its pictures, opened from disk, without a network."""

from tablesim.report.writing import write_report

__all__ = ["write_report"]
