"""Collation: witnesses aligned one after the other (``alignment``), then compared cell by cell (``cells``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tablesim.errors import SettingsError
from tablesim.evidence.collation.alignment import find_patches
from tablesim.evidence.collation.cells import cells_of
from tablesim.evidence.collation.grids import NONE, Panel, TableAlignment, panels_of, witness_of
from tablesim.evidence.collation.merging import merge, mirrored
from tablesim.evidence.collation.stacking import stacked
from tablesim.evidence.collation.values import log_odds
from tablesim.records.address import siglum
from tablesim.records.collation import Cell, Collation, Line, Part, Unaligned, Witness
from tablesim.records.reading import ILLEGIBLE, Reading

if TYPE_CHECKING:
    from tablesim.reader import PageReader

MAX_WITNESSES, MAX_PAGES, MAX_NUMBERS = 64, 64, 20_000
"""More witnesses, pages of a witness or numbers of a witness are refused."""

MIN_EQUAL, MIN_EQUAL_SHARE = 6, 0.06
"""Two pages are said to be aligned from so many equal numbers in matching cells on, and this share of the smaller page.
Of 40 pairs of random tables ``alignment`` finds parts in 12; none of them passes."""

MIN_EQUAL_IN_COLUMN, MIN_AGREEMENT = 3, 0.4
"""Matching columns agree where they have so many equal numbers, and this share of the cells that both fill."""

MAX_MOVED, MIN_AGREEMENT_SHUFFLED = 0.1, 2 / 3
"""Where more rows than this share go back, two columns must agree, and this share of all cells that both fill: rows
that are free to go anywhere make any two columns agree."""

Ints = NDArray[np.int64]
Scan = str | Path | Reading


def collate(*witnesses: Scan | Sequence[Scan], network: PageReader | None = None) -> Collation:
    """Collate witnesses of a table.

    Parameters
    ----------
    *witnesses : path, Reading, or a sequence of these
        A sequence is one witness on several pages. Of one witness alone there are no cells to compare, but
        ``recompute`` examines it.
    network : Network, optional
        Reads the scans; the bundled one when left out. Not needed for readings.

    Returns
    -------
    Collation
        Which rows and columns belong together, and each cell with what every witness has there.

    Raises
    ------
    ScanError
        A scan cannot be opened.
    SettingsError
        No witness, a witness without pages, or too many.

    Examples
    --------
    >>> scans = "data/sample/scans/"
    >>> collation = collate(scans + "1006_tectander_1576_p91.jpg", scans + "1007_morellius_1595_p47.jpg")
    >>> sorted(cell.texts for cell in collation.differences if not cell.doubtful)[:1]
    [('19', '91')]

    A witness on several pages is a list of them.
    """
    if not 1 <= len(witnesses) <= MAX_WITNESSES:
        raise SettingsError(f"collate: got {len(witnesses)} witnesses, expected 1 to {MAX_WITNESSES}")
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
    """Align witnesses and compare them cell by cell; SettingsError for one with more than ``MAX_NUMBERS`` numbers."""
    return collation_of(witnesses, align(witnesses))


def align(witnesses: Sequence[Witness]) -> TableAlignment:
    """Align witnesses; SettingsError for one with more than ``MAX_NUMBERS`` numbers.

    Two witnesses have one alignment, whichever comes first.
    """
    for index, witness in enumerate(witnesses):
        if len(witness.numbers) > MAX_NUMBERS:
            raise SettingsError(
                f"collate: witness {siglum(index)} has {len(witness.numbers)} numbers, "
                f"expected at most {MAX_NUMBERS}; collate a long table in stretches"
            )
    if len(witnesses) == 2 and _identity(witnesses[1]) < _identity(witnesses[0]):
        return mirrored(align(witnesses[::-1]))
    sides = [panels_of(witness, index, len(witnesses)) for index, witness in enumerate(witnesses)]
    transposed = [False] * len(witnesses)
    first, *others = _from_the_nearest(witnesses)
    panels = sides[first]
    for other in others:
        panels, transposed[other] = _joined(panels, sides[other], witnesses)
    return TableAlignment(tuple(sorted(panels, key=lambda panel: panel.beginning)), tuple(transposed))


@dataclass(frozen=True)
class PagePair:
    """Two pages and their alignment, from which collation, registration and assignment follow.

    Parameters
    ----------
    a, b : Reading
    alignment : TableAlignment
        Of the two as witnesses, A first.
    """

    a: Reading
    b: Reading
    alignment: TableAlignment

    @classmethod
    def of(cls, a: Reading, b: Reading) -> PagePair:
        """Align two pages."""
        return cls.of_witnesses(witness_of([a]), witness_of([b]))

    @classmethod
    def of_witnesses(cls, a: Witness, b: Witness, alignment: TableAlignment | None = None) -> PagePair:
        """Two witnesses of one page each, aligned now unless they are."""
        pair = cls(a.readings[0], b.readings[0], align((a, b)) if alignment is None else alignment)
        pair.__dict__["witnesses"] = (a, b)
        return pair

    @cached_property
    def witnesses(self) -> tuple[Witness, Witness]:
        """The two pages as witnesses."""
        return witness_of([self.a]), witness_of([self.b])

    @cached_property
    def collation(self) -> Collation:
        """The two pages cell by cell."""
        return collation_of(self.witnesses, self.alignment)

    @cached_property
    def met(self) -> Ints:
        """Numbers in one cell of a column that agrees, as indices into those of the two readings; shape (n, 2)."""
        return np.concatenate([np.zeros((0, 2), dtype=np.int64), *self._met_by_part])

    @cached_property
    def equal(self) -> Ints:
        """Those that are legible and equal, shape (n, 2)."""
        return np.concatenate([np.zeros((0, 2), dtype=np.int64), *self.equal_by_part])

    @cached_property
    def equal_by_part(self) -> list[Ints]:
        """The same, part by part of the alignment."""
        return [met[self.equal_anywhere[tuple(met.T)]] for met in self._met_by_part]

    @cached_property
    def aligned(self) -> bool:
        """Whether more equal numbers are in matching cells than chance puts there."""
        fewer = min(len(self.a.numbers), len(self.b.numbers))
        return len(self.equal) >= max(MIN_EQUAL, MIN_EQUAL_SHARE * fewer)

    @cached_property
    def equal_anywhere(self) -> NDArray[np.bool_]:
        """Which numbers of A are legible and equal to which of B, wherever they are; shape (n_a, n_b)."""
        texts_a, texts_b = (np.array([n.digits_text for n in page.numbers], dtype=np.str_) for page in (self.a, self.b))
        legible = np.array([ILLEGIBLE not in text for text in texts_a.tolist()], dtype=bool)
        return np.asarray((texts_a[:, None] == texts_b[None, :]) & legible[:, None], dtype=bool)

    @cached_property
    def _met_by_part(self) -> list[Ints]:
        indices_a, indices_b = (np.array(witness.indices, dtype=np.int64) for witness in self.witnesses)
        parts = []
        for panel in self.alignment.panels:
            rows, columns = np.nonzero((panel.numbers != NONE).all(axis=0))
            met = np.stack(
                [indices_a[panel.numbers[0, rows, columns]], indices_b[panel.numbers[1, rows, columns]]], axis=1
            )
            # What a ditto mark repeats is printed nowhere.
            printed = (met != NONE).all(axis=1)
            met, columns = met[printed], columns[printed]
            equal = self.equal_anywhere[tuple(met.T)]
            n_met, n_equal = (
                np.bincount(columns, flags, panel.shape[1]).astype(np.float64) for flags in (np.ones(len(met)), equal)
            )
            agrees = (n_equal >= MIN_EQUAL_IN_COLUMN) & (n_equal >= MIN_AGREEMENT * n_met)
            shared = panel.rows[1, (panel.rows != NONE).all(axis=0)]
            if n_equal[agrees].sum() >= MIN_EQUAL and (in_order(shared) or _surely_shuffled(n_met, n_equal, agrees)):
                parts.append(met[agrees[columns]])
        return parts


def in_order(rows: Ints) -> bool:
    """Whether these rows of one witness, in the order of another, are in their own order, but for a few moved ones."""
    return bool((np.diff(rows) < 0).sum() <= MAX_MOVED * len(rows))


def _surely_shuffled(n_met: NDArray[np.float64], n_equal: NDArray[np.float64], agrees: NDArray[np.bool_]) -> bool:
    """Whether rows in another order are more than what an assignment makes of unrelated columns."""
    return bool(agrees.sum() > 1 and n_equal.sum() >= MIN_AGREEMENT_SHUFFLED * n_met.sum())


def _identity(witness: Witness) -> tuple[str, list[str]]:
    """What decides which of two witnesses is aligned with the other."""
    return witness.name, [reading.sha256 for reading in witness.readings]


def _joined(panels: Sequence[Panel], others: Sequence[Panel], witnesses: Sequence[Witness]) -> tuple[list[Panel], bool]:
    """The panels merged with those of another witness, and whether that had to be turned over."""
    odds = log_odds(panels, others, witnesses)
    patches = find_patches(odds)
    covered = sum(len(patch.rows) * len(patch.columns) for patch in patches)
    smaller = min(sum(int((p.numbers != NONE).any(axis=0).sum()) for p in side) for side in (panels, others))
    if covered < 0.5 * smaller:
        turned = [panel.turned_over() for panel in others]
        odds_turned = log_odds(panels, turned, witnesses)
        patches_turned = find_patches(odds_turned)
        if sum(p.bits for p in patches_turned) > 2 * sum(p.bits for p in patches):
            return merge(panels, turned, patches_turned, odds_turned), True
    return merge(panels, others, patches, odds), False


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


def collation_of(witnesses: Sequence[Witness], alignment: TableAlignment) -> Collation:
    """Compare aligned witnesses cell by cell."""
    rows: list[Line] = []
    columns: list[Line] = []
    parts: list[Part] = []
    cells: list[Cell] = []
    unaligned: list[Unaligned] = []
    for panel in alignment.panels:
        shared_rows = np.flatnonzero((panel.rows != NONE).sum(axis=0) >= 2)
        shared_columns = np.flatnonzero((panel.columns != NONE).sum(axis=0) >= 2)
        unaligned += _unaligned(panel, witnesses, alignment.transposed)
        if not len(shared_rows) or not len(shared_columns):
            continue
        core = panel.part(shared_rows, shared_columns)
        first_row, first_column = len(rows), len(columns)
        cells += cells_of(core, witnesses, first_row, first_column)
        rows += _lines(core.rows)
        columns += _lines(core.columns)
        parts.append(Part((first_row, len(rows)), (first_column, len(columns))))
    return Collation(
        tuple(witnesses),
        tuple(rows),
        tuple(columns),
        stacked(parts, rows, columns, witnesses, alignment.transposed),
        alignment.transposed,
        tuple(cells),
        tuple(unaligned),
    )


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
            shown_kind = {"row": "column", "column": "row"}[kind] if transposed[w] else kind
            found.append(Unaligned(w, shown_kind, int(names[w, at]), texts))
    return found
