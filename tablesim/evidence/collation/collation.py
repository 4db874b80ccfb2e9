"""Witnesses of a table collated: what stands in each place of each of them, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tablesim.errors import SettingsError
from tablesim.evidence.collation.alignment import find_patches
from tablesim.evidence.collation.cells import cells_of
from tablesim.evidence.collation.grids import NONE, Panel, panels_of, witness_of
from tablesim.evidence.collation.merging import merge
from tablesim.evidence.collation.values import evidence
from tablesim.records.collation import Cell, Collation, Line, Part, Unaligned, Witness, siglum
from tablesim.records.reading import Reading

if TYPE_CHECKING:
    from tablesim.reader import PageReader

MAX_WITNESSES, MAX_PAGES, MAX_NUMBERS = 64, 64, 20_000
"""More witnesses, pages of a witness or numbers of a witness are refused."""

Scan = str | Path | Reading


def collate(*witnesses: Scan | Sequence[Scan], network: PageReader | None = None) -> Collation:
    """Collate witnesses of a table.

    Parameters
    ----------
    *witnesses : path, Reading, or a sequence of these
        Two or more; a sequence is one witness on several pages.
    network : Network, optional
        Reads the scans; the bundled one when left out. Not needed for readings.

    Returns
    -------
    Collation
        Which rows and columns belong together, and each place with what every witness has there.

    Raises
    ------
    ScanError
        A scan cannot be opened.
    SettingsError
        Fewer than two witnesses, a witness without pages, or too many.

    Examples
    --------
    >>> collation = collate("edition_1585.jpg", ["edition_1604_a.jpg", "edition_1604_b.jpg"])  # doctest: +SKIP
    >>> [cell.texts for cell in collation.differences]  # doctest: +SKIP
    [('14', '41')]
    """
    if not 2 <= len(witnesses) <= MAX_WITNESSES:
        raise SettingsError(f"collate: got {len(witnesses)} witnesses, expected 2 to {MAX_WITNESSES}")
    pages = [[witness] if isinstance(witness, str | Path | Reading) else list(witness) for witness in witnesses]
    for number, group in enumerate(pages):
        if not 1 <= len(group) <= MAX_PAGES:
            raise SettingsError(
                f"collate: witness {siglum(number)} has {len(group)} pages, expected 1 to {MAX_PAGES}; "
                "collate a long table in stretches"
            )
    if network is None and any(not isinstance(page, Reading) for group in pages for page in group):
        from tablesim.reader import load_network

        network = load_network()
    return collate_witnesses([witness_of([_reading(page, network) for page in group]) for group in pages])


def _reading(page: Scan, network: PageReader | None) -> Reading:
    if isinstance(page, Reading):
        return page
    assert network is not None
    return network.read(page)


def collate_witnesses(witnesses: Sequence[Witness]) -> Collation:
    """Collate what was read; SettingsError for a witness with more than ``MAX_NUMBERS`` numbers."""
    for number, witness in enumerate(witnesses):
        if len(witness.numbers) > MAX_NUMBERS:
            raise SettingsError(
                f"collate: witness {siglum(number)} has {len(witness.numbers)} numbers, "
                f"expected at most {MAX_NUMBERS}; collate a long table in stretches"
            )
    sides = [panels_of(witness, number, len(witnesses)) for number, witness in enumerate(witnesses)]
    transposed = [False] * len(witnesses)
    first, *others = _from_the_nearest(witnesses)
    panels = sides[first]
    for other in others:
        panels, transposed[other] = _laid_over(panels, sides[other], witnesses)
    return _collation(tuple(witnesses), sorted(panels, key=_place), tuple(transposed))


def _laid_over(
    panels: Sequence[Panel], others: Sequence[Panel], witnesses: Sequence[Witness]
) -> tuple[list[Panel], bool]:
    """The panels with those of another witness, and whether that had to be turned over."""
    given = evidence(panels, others, witnesses)
    patches = find_patches(given)
    covered = sum(len(patch.rows) * len(patch.columns) for patch in patches)
    smaller = min(sum(int((p.numbers != NONE).any(axis=0).sum()) for p in side) for side in (panels, others))
    if covered < 0.5 * smaller:
        turned = [panel.turned_over() for panel in others]
        given_turned = evidence(panels, turned, witnesses)
        patches_turned = find_patches(given_turned)
        if sum(p.bits for p in patches_turned) > 2 * sum(p.bits for p in patches):
            return merge(panels, turned, patches_turned, given_turned), True
    return merge(panels, others, patches, given), False


def _from_the_nearest(witnesses: Sequence[Witness]) -> list[int]:
    """The order in which witnesses are joined: the two that share most, then always the nearest to one that is in."""
    if len(witnesses) == 2:
        return [0, 1]
    counts = [Counter(witness.texts) for witness in witnesses]
    shared = np.array([[(a & b).total() / max(1, min(a.total(), b.total())) for b in counts] for a in counts])
    np.fill_diagonal(shared, -1.0)
    joined = sorted(int(i) for i in np.unravel_index(int(np.argmax(shared)), shared.shape))
    while len(joined) < len(witnesses):
        rest = [i for i in range(len(witnesses)) if i not in joined]
        joined.append(max(rest, key=lambda i: (shared[joined, i].max(), -i)))
    return joined


def _place(panel: Panel) -> tuple[int, ...]:
    """Where a panel begins, by the first witness that has it."""
    for rows, columns in zip(panel.rows.tolist(), panel.columns.tolist(), strict=True):
        named_rows, named_columns = [r for r in rows if r != NONE], [c for c in columns if c != NONE]
        if named_rows and named_columns:
            return 0, min(named_rows), min(named_columns)
    return 1, 0, 0


def _collation(witnesses: tuple[Witness, ...], panels: Sequence[Panel], transposed: tuple[bool, ...]) -> Collation:
    rows: list[Line] = []
    columns: list[Line] = []
    parts: list[Part] = []
    cells: list[Cell] = []
    unaligned: list[Unaligned] = []
    for panel in panels:
        shared_rows = np.flatnonzero((panel.rows != NONE).sum(axis=0) >= 2)
        shared_columns = np.flatnonzero((panel.columns != NONE).sum(axis=0) >= 2)
        unaligned += _unaligned(panel, witnesses, transposed)
        if not len(shared_rows) or not len(shared_columns):
            continue
        core = panel.part(shared_rows, shared_columns)
        cells += cells_of(core, witnesses, len(rows), len(columns))
        first = len(rows), len(columns)
        rows += _lines(core.rows)
        columns += _lines(core.columns)
        parts.append(Part((first[0], len(rows)), (first[1], len(columns))))
    return Collation(witnesses, tuple(rows), tuple(columns), tuple(parts), transposed, tuple(cells), tuple(unaligned))


def _lines(names: np.ndarray[Any, Any]) -> list[Line]:
    return [tuple(None if name == NONE else name for name in line) for line in names.T.tolist()]


def _unaligned(panel: Panel, witnesses: Sequence[Witness], transposed: Sequence[bool]) -> list[Unaligned]:
    """The rows and columns of a panel that one witness alone has; a panel of one witness is told by its rows."""
    found = []
    kinds = (
        ("row", "column") if len({w for w in range(len(witnesses)) if (panel.rows[w] != NONE).any()}) > 1 else ("row",)
    )
    for kind in kinds:
        names = panel.rows if kind == "row" else panel.columns
        for at in np.flatnonzero((names != NONE).sum(axis=0) == 1):
            w = int(np.argmax(names[:, at] != NONE))
            numbers = panel.numbers[w, at] if kind == "row" else panel.numbers[w, :, at]
            texts = tuple(witnesses[w].texts[i] for i in numbers.tolist() if i != NONE)
            told = {"row": "column", "column": "row"}[kind] if transposed[w] else kind
            found.append(Unaligned(w, told, int(names[w, at]), texts))
    return found
