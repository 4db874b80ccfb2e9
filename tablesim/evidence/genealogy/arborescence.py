"""The cheapest tree of models and copies: each node but the root has one model, and no node is its own forebear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
