"""Who copied whom, by the errors that witnesses share."""

from tablesim.evidence.genealogy.genealogy import genealogy
from tablesim.evidence.genealogy.links import Genealogy

__all__ = ["Genealogy", "genealogy"]
