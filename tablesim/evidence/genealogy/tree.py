"""The stemma of maximum likelihood, by a minimum arborescence over the costs of links, with lost witnesses.

What a link costs is the negative logarithm of its likelihood. A copy errs in a share mu of the cells, and each error
is made of its model's text with the probability of that slip; a wrong text of the model is kept, but for a share kappa
that the copy has right. mu and kappa are those that fit the tree best. A copy may also share errors with another
witness because both were set from a lost one: that has the errors they share and no others, so that nothing has to be
corrected, but one witness more has to be believed in, which costs the errors that it would have made and did not. The
tree hangs on a lost witness without errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tablesim.evidence.genealogy.copying_errors import UNKNOWN, CopyingErrors, Floats, Ints
from tablesim.records.dates import Year, as_range


def cheapest_tree(cost: Floats, root: int) -> list[int]:
    """The parent of each node in the spanning tree from ``root`` of least sum (Chu and Liu 1965, Edmonds 1967).

    Parameters
    ----------
    cost : float64 array of shape (n, n)
        From parent to child; inf where a link cannot be. Every node must be reachable from the root.
    root : int
        Its own parent in the result.
    """
    n = len(cost)
    cost = cost.copy()
    np.fill_diagonal(cost, np.inf)
    parent = [root if node == root else int(np.argmin(cost[:, node])) for node in range(n)]
    circle = _circle(parent, root)
    if not circle:
        return parent
    # The circle becomes one node: to enter it at a node costs what that node's link in the circle need not cost.
    outside = [node for node in range(n) if node not in circle]
    saved = np.array([cost[parent[node], node] for node in circle])
    size = len(outside)
    small = np.full((size + 1, size + 1), np.inf)
    small[:size, :size] = cost[np.ix_(outside, outside)]
    enter = cost[np.ix_(outside, circle)] - saved
    leave = cost[np.ix_(circle, outside)]
    small[:size, size], small[size, :size] = enter.min(axis=1), leave.min(axis=0)
    solved = cheapest_tree(small, outside.index(root))
    for at, node in enumerate(outside):
        if node != root:
            parent[node] = circle[int(np.argmin(leave[:, at]))] if solved[at] == size else outside[solved[at]]
    entered = circle[int(np.argmin(enter[solved[size]]))]
    parent[entered] = outside[solved[size]]
    return parent


def _circle(parent: list[int], root: int) -> list[int]:
    """The nodes of a circle of parents, empty where there is none."""
    for start in range(len(parent)):
        seen: list[int] = []
        node = start
        while node != root and node not in seen:
            seen.append(node)
            node = parent[node]
        if node != root:
            return seen[seen.index(node) :]
    return []


Bools = NDArray[np.bool_]

LOST = 8.0
"""The most that a lost witness costs; the errors expected of a copy where these are fewer. A careful printer makes few:
with 8 and `SELDOM` two errors of a model that its copy has not leave open whether it is the model."""

SELDOM, OFTEN = 0.03, 0.2
"""Bounds of kappa. What the reader misreads in the model looks corrected in the copy, so that it is never nothing."""

PRIOR_ERRORS, PRIOR_CORRECTIONS = (0.5, 50.0), (0.3, 10.0)
"""What is known of mu and kappa before: so many errors in so many cells, so many corrections of so many errors."""

N_ROUNDS = 5
"""Rounds of right texts and tree in turn; they settle after two or three."""


@dataclass(frozen=True)
class Rates:
    """Errors that a copy makes for each cell, and errors of its model that it has right, for each of them."""

    errors: float
    corrections: float


@dataclass(frozen=True)
class Costs:
    """What links cost.

    Parameters
    ----------
    copied : float64 array of shape (witnesses + 1, witnesses, ...)
        From each model, the last of which is the root, to each copy.
    related : float64 array of shape (witnesses, witnesses, ...)
        That both were set from a lost one; without the cost of that.
    """

    copied: Floats
    related: Floats


@dataclass(frozen=True)
class Tree:
    """Models of the witnesses.

    Parameters
    ----------
    models : tuple of int
        Of each witness; the number of witnesses where it hangs on the root.
    lost : tuple of bool
        For each witness whether it shares a lost one with that, instead of being set from it.
    cost : float
    """

    models: tuple[int, ...]
    lost: tuple[bool, ...]
    cost: float


def costs_of(texts: Ints, right: Ints, slips: Floats, rates: Rates) -> Costs:
    """What each event costs on each link.

    Parameters
    ----------
    texts : int64 array of shape (witnesses, events)
    right : int64 array of shape (events,)
    slips : float64 array of shape (events, texts, texts)
    rates : Rates
    """
    with_root = np.concatenate([texts, right[None]])
    events = np.arange(texts.shape[1])
    model, copy = with_root[:, None], texts[None, :]
    known = (model != UNKNOWN) & (copy != UNKNOWN)
    made = -np.log(rates.errors * slips)
    from_model = made[events, np.maximum(model, 0), np.maximum(copy, 0)]
    corrected = -np.log(rates.corrections)
    cost = np.where(copy == right, corrected, from_model)
    copied = np.where(known & (model != copy), cost, 0.0)
    of_right = made[events, np.maximum(right, 0), np.maximum(copy, 0)]
    related = np.where((known & (model != copy) & (copy != right))[:-1], of_right, 0.0)
    return Costs(copied, related)


def possible(years: tuple[Year, ...]) -> Bools:
    """Which witness, or the root, can be the model of which by their years, shape (witnesses + 1, witnesses).

    Of two ranges a direction is impossible only where no year that is allowed permits it.
    """
    dates = [as_range(year) for year in years]
    allowed = [[not model.cannot_precede(copy) for copy in dates] for model in dates]
    return np.vstack([np.array(allowed, dtype=bool), np.ones(len(years), dtype=bool)])


def lost_costs(rates: Rates, n_cells: float) -> float:
    """What believing in a lost witness costs."""
    return min(LOST, rates.errors * n_cells)


def likeliest(costs: Costs, allowed: Bools, lost: float, noise: Floats | None = None) -> Tree:
    """The cheapest tree, for costs summed over the events; ``noise``, two of the shape of ``allowed``, parts equals."""
    n = costs.copied.shape[1]
    copied = np.where(allowed, costs.copied, np.inf)
    related = np.concatenate([costs.related + lost, np.full((1, n), np.inf)])
    np.fill_diagonal(related, np.inf)
    if noise is not None:
        copied, related = copied + noise[0], related + noise[1]
    both = np.minimum(copied, related)
    parents = cheapest_tree(np.column_stack([both, np.full(n + 1, np.inf)]), n)
    models = tuple(parents[:n])
    of = list(range(n))
    return Tree(models, tuple((related < copied)[models, of].tolist()), float(both[models, of].sum()))


class Fitted:
    """The rates and the right texts with which the errors are likeliest, and the trees that come near to it.

    Parameters
    ----------
    errors : CopyingErrors
    years : tuple of int, YearRange or None
    """

    N_KEPT = 6
    """So many assignments of right texts are kept."""

    WITHIN = 6.0
    """They cost at most so much more than the likeliest, in nats."""

    def __init__(self, errors: CopyingErrors, years: tuple[Year, ...]) -> None:
        self.errors, self.allowed = errors, possible(years)
        wrong = (errors.texts != errors.right) & (errors.texts != UNKNOWN)
        made = min(wrong.any(axis=0).sum(), max(1, wrong.sum()))
        n = len(errors.texts)
        self.rates = Rates(float(np.clip(made / (n * errors.n_cells), 1e-4, 0.1)), SELDOM)
        self.rights: list[Ints] = []
        for _ in range(2):
            self.rights = self._solve()
            self.rates = self._rates(self.rights[0], self._tree(self.rights[0]))

    def _tree(self, right: Ints) -> Tree:
        costs = costs_of(self.errors.texts, right, self.errors.slips, self.rates)
        summed = Costs(costs.copied.sum(axis=2), costs.related.sum(axis=2))
        return likeliest(summed, self.allowed, lost_costs(self.rates, self.errors.n_cells))

    def _solve(self) -> list[Ints]:
        """What may be right at all events, the likeliest first; one array where functions say it everywhere.

        Open cells begin with what most witnesses have, or with what one witness has, and go on to what the tree that
        follows makes cheapest.
        """
        is_open = self.errors.right == UNKNOWN
        found: dict[bytes, tuple[float, Ints]] = {}
        for start in self._starts(is_open):
            right, tree = start, self._tree(start)
            for _ in range(N_ROUNDS):
                better = self._right_for(tree, right, is_open)
                if np.array_equal(better, right):
                    break
                right, tree = better, self._tree(better)
            found.setdefault(right.tobytes(), (tree.cost, right))
        ordered = sorted(found.values(), key=lambda entry: entry[0])
        return [right for cost, right in ordered[: self.N_KEPT] if cost <= ordered[0][0] + self.WITHIN]

    def _starts(self, is_open: Bools) -> list[Ints]:
        texts, right = self.errors.texts, self.errors.right
        majority = right.copy()
        for at in np.flatnonzero(is_open):
            present = texts[:, at][texts[:, at] != UNKNOWN]
            majority[at] = np.bincount(present).argmax() if len(present) else 0
        if not is_open.any():
            return [majority]
        return [majority, *(np.where(is_open & (own != UNKNOWN), own, majority) for own in texts)]

    def _right_for(self, tree: Tree, right: Ints, is_open: Bools) -> Ints:
        """For the open cells the text that costs least on the links of a tree."""
        n = len(self.errors.texts)
        least = np.full(len(right), np.inf)
        best = right.copy()
        for choice in range(self.errors.slips.shape[1]):
            stands = (self.errors.texts == choice).any(axis=0)
            tried = np.where(is_open & stands, choice, right)
            costs = costs_of(self.errors.texts, tried, self.errors.slips, self.rates)
            total = np.zeros(len(right))
            for copy, (model, lost) in enumerate(zip(tree.models, tree.lost, strict=True)):
                total += costs.related[model, copy] if lost and model < n else costs.copied[model, copy]
            better = is_open & stands & (total < least - 1e-9)
            least, best = np.where(better, total, least), np.where(better, tried, best)
        return best

    def _rates(self, right: Ints, tree: Tree) -> Rates:
        """The shares of errors made and corrected on the links of a tree."""
        texts = self.errors.texts
        with_root = np.concatenate([texts, right[None]])
        made = corrected = kept = 0
        for copy, (model, lost) in enumerate(zip(tree.models, tree.lost, strict=True)):
            source, own = with_root[model], texts[copy]
            known = (source != UNKNOWN) & (own != UNKNOWN)
            made += int((known & (own != source) & (own != right)).sum())
            if not lost:
                corrected += int((known & (source != right) & (own == right)).sum())
                kept += int((known & (source != right) & (own == source)).sum())
        errors = (made + PRIOR_ERRORS[0]) / (len(texts) * self.errors.n_cells + PRIOR_ERRORS[1])
        corrections = (corrected + PRIOR_CORRECTIONS[0]) / (corrected + kept + PRIOR_CORRECTIONS[1])
        return Rates(float(np.clip(errors, 1e-4, 0.1)), float(np.clip(corrections, SELDOM, OFTEN)))
