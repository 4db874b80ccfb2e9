"""Who copied whom, by the errors that witnesses share."""

from tablesim.evidence.genealogy.genealogy import Genealogy, genealogy

__all__ = ["Genealogy", "genealogy"]
