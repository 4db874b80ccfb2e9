"""A collation as one page to read and to print: the table, and for every difference what each scan shows.

The page is one file that needs nothing else: pictures and style are in it, and it asks for nothing from anywhere.
"""

from __future__ import annotations

from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.collation.verification import witness_pairs
from tablesim.records.collation import AGREES, DIFFERS, ILLEGIBLE_STATE, MISSING, Collation
from tablesim.report.presentation import environment
from tablesim.report.provenance import Provenance
from tablesim.report.shown_cells import DOUBTFUL, ShownCollation

MAX_SHOWN = 500
"""Differences that are shown with their cut-outs, and as many cells that are missing or illegible: about 10 kB each
for two witnesses. The table has them all."""

MAX_PAIRED = 5
"""Every two of so many witnesses are compared in words: ten lines."""


def collation_page(collation: Collation, provenance: Provenance, cutter: Cutter | None = None) -> str:
    """A collation as an HTML page.

    Parameters
    ----------
    collation : Collation
        Its scans are opened for the cut-outs. One that has gone leaves the numbers as read, and the page says so.
    provenance : Provenance
        Software, network and scans, with the citation.
    cutter : Cutter, optional
        Opens the scans.

    Returns
    -------
    str
        A whole document in UTF-8 without anything from outside.
    """
    cutter = Cutter() if cutter is None else cutter
    shown = ShownCollation(collation, cutter)
    differences = shown.differences((DIFFERS, DOUBTFUL), MAX_SHOWN)
    unsettled = shown.differences((MISSING, ILLEGIBLE_STATE), MAX_SHOWN)
    return (
        environment()
        .get_template("collation.html")
        .render(
            c=collation,
            shown=shown,
            provenance=provenance,
            differences=differences,
            unsettled=unsettled,
            n_differences=collation.summary[DIFFERS],
            n_doubtful=sum(cell.doubtful for cell in collation.differences),
            n_unsettled=len(collation.cells) - collation.summary[AGREES] - collation.summary[DIFFERS],
            grids=shown.grids(own_numbers=True),
            turned=[s for s, flag in zip(collation.sigla, collation.transposed, strict=True) if flag],
            anchors={one.shown.anchor for one in (*differences, *unsettled)},
            problems=[cutter.problems[r.scan] for r in collation.readings if r.scan in cutter.problems],
            pairs=witness_pairs(collation) if len(collation.witnesses) <= MAX_PAIRED else [],
        )
    )
