r"""Many pairs from few factors: all of them one by one, tables of all, the mean of a set of pairs, one against another.

Relevance is bilinear in its factors, :math:`\sum_{(a,b)} L_a^\top R_b`. A sum over all pairs of two groups is the
product of two sums, so the mean explanation of 10,000 pairs of 100 and 100 inputs costs 200 additions; and why a is
nearer to b than to c is the explanation of :math:`\phi_a \cdot (\phi_b - \phi_c)`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bilrp.exceptions import InputError
from bilrp.factors import Factor, checked_factors
from bilrp.joint import MAX_MATRIX, SUMMED, JointRelevance
from bilrp.regions import Region

HELD = 64  # factors of one block in `all_pairs`: read from disk once a block and not once a pair


def similarity_matrix(left: Iterable[Factor], right: Iterable[Factor] | None = None) -> Tensor:
    """The similarity of every pair, of shape (N, N').

    Parameters
    ----------
    left : iterable of Factor
    right : iterable of Factor, optional
        Default: ``left``.
    """

    def embeddings(side: Iterable[Factor]) -> Tensor:
        found = [factor.embedding for factor in checked_factors("similarity_matrix", side)]
        if not found:
            raise InputError("similarity_matrix: got no factors, expected one or more")
        return torch.stack(found)

    first = embeddings(left)
    return first @ (first if right is None else embeddings(right)).T


def all_pairs(
    factors: Sequence[Factor], others: Sequence[Factor] | None = None
) -> Iterator[tuple[int, int, JointRelevance]]:
    """The joint relevance of all pairs, one after the other, at no further pass through the model.

    Parameters
    ----------
    factors : sequence of Factor
        A list, or a folder of `bilrp.load_factors`; of the latter `HELD` are in memory at a time.
    others : sequence of Factor, optional
        The second sides. Default: ``factors``, each unordered pair of different ones once.

    Yields
    ------
    i, j : int
        With i < j where ``others`` is not given.
    joint : JointRelevance
    """
    second = factors if others is None else others
    for start in range(0, len(factors), HELD):
        rows = [factors[i] for i in range(start, min(start + HELD, len(factors)))]
        for other in range(start if others is None else 0, len(second), HELD):
            columns = [second[j] for j in range(other, min(other + HELD, len(second)))]
            for i, left in enumerate(rows, start):
                for j, right in enumerate(columns, other):
                    if others is not None or i < j:
                        yield i, j, left @ right


def pair_tables(factors: Sequence[Factor], others: Sequence[Factor] | None = None) -> Tensor:
    """The joint relevance of all pairs as one tensor, of shape (N, N', *map, *map').

    Parameters
    ----------
    factors : sequence of Factor
        Of maps of one shape, pooled to a few places each.
    others : sequence of Factor, optional
        Default: ``factors``.

    Raises
    ------
    InputError
        When maps differ in shape, or the tensor would have more than 2**27 entries.
    """
    sides = []
    for side in (factors, factors if others is None else others):
        shapes = {factor.shape for factor in checked_factors("pair_tables", side)}
        if len(shapes) != 1:
            raise InputError(f"pair_tables: maps of shapes {sorted(shapes)}, expected one. Pool to as many tiles.")
        sides.append(torch.stack([factor.values for factor in side]))
    n_entries = sides[0][:, 0].numel() * sides[1][:, 0].numel()
    if n_entries > MAX_MATRIX:
        raise InputError(
            f"pair_tables: {n_entries:,} entries, expected at most {MAX_MATRIX:,}. Pool the factors, or use all_pairs."
        )
    tables = torch.einsum("ami,bmj->abij", sides[0].flatten(2), sides[1].flatten(2))
    return tables.reshape(*tables.shape[:2], *sides[0].shape[2:], *sides[1].shape[2:])


def mean_of_pairs(
    factors: Sequence[Factor], others: Sequence[Factor] | None = None, pairs: Iterable[tuple[int, int]] | None = None
) -> JointRelevance:
    """The mean explanation of many pairs, place by place, without forming any of them.

    Parameters
    ----------
    factors : sequence of Factor
        Of maps of one shape; whether a place means the same in all of them is for the caller to know.
    others : sequence of Factor, optional
        The second sides. Default: ``factors``.
    pairs : iterable of (int, int), optional
        Which pairs, a pair that stands there twice counting twice. Default: all; within ``factors`` each unordered
        pair of different ones once.

    Returns
    -------
    JointRelevance
        Its similarity is the mean similarity. Inputs with the same partners are added up before they are joined: for
        all pairs of two groups it has no more rows than one explanation.
    """
    second = factors if others is None else others
    if pairs is None:
        pairs = [(i, j) for i in range(len(factors)) for j in range(0 if others is not None else i + 1, len(second))]
    chosen = list(pairs)
    if not chosen:
        raise InputError("mean_of_pairs: got no pairs")
    by_left = _grouped(chosen)
    by_right = _grouped([(j, i) for i, j in chosen])
    joined = []  # sums of first sides, each with the sum of its partners
    if len(by_left) <= len(by_right):
        for partners, members in by_left.items():
            joined.append((_total(factors, dict.fromkeys(members, 1.0)), _total(second, dict(partners))))
    else:
        for partners, members in by_right.items():
            joined.append((_total(factors, dict(partners)), _total(second, dict.fromkeys(members, 1.0))))
    first = joined[0][0] @ joined[0][1]
    left, right = (torch.cat([pair[side].values for pair in joined]) for side in (0, 1))
    phi, other_phi = (torch.cat([pair[side].embedding for pair in joined]) for side in (0, 1))
    return JointRelevance(
        left / len(chosen),
        right,
        phi / len(chosen),
        other_phi,
        first.left_coverage.with_note(SUMMED),
        first.right_coverage.with_note(SUMMED),
        first.tile,
        {**(first.settings or {}), "pairs": len(chosen)},
        right_tile=first.right_tile,
        left_tokens=first.left_tokens,
        right_tokens=first.right_tokens,
    )


def _grouped(pairs: Sequence[tuple[int, int]]) -> dict[tuple[tuple[int, float], ...], list[int]]:
    """First members by the partners that they have, each with how often."""
    partners: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for i, j in pairs:
        partners[i][j] += 1.0
    groups: dict[tuple[tuple[int, float], ...], list[int]] = defaultdict(list)
    for i, counts in partners.items():
        groups[tuple(sorted(counts.items()))].append(i)
    return groups


def _total(factors: Sequence[Factor], weights: dict[int, float]) -> Factor:
    total: Factor | None = None
    for i, weight in weights.items():
        part = factors[i] if weight == 1 else factors[i] * weight
        total = part if total is None else total + part
    if total is None:
        raise InputError("a sum of no factors")
    return total


@dataclass(frozen=True)
class Contrast:
    """Why one input is nearer to a second than to a third: what `contrast` gives.

    Parameters
    ----------
    nearer, farther : JointRelevance
        The explanations with the second and with the third input; what is explained is the first less the other.
    """

    nearer: JointRelevance
    farther: JointRelevance

    @property
    def similarity(self) -> float:
        """By how much the first similarity is greater."""
        return self.nearer.similarity - self.farther.similarity

    def total(self) -> float:
        """The relevance of all pairs for the second input less that of all pairs for the third."""
        return self.nearer.total() - self.farther.total()

    def left_marginal(self) -> Tensor:
        """What each place of the first input brings to the difference: above 0 it speaks for the second input."""
        return self.nearer.left_marginal() - self.farther.left_marginal()

    def given(self, left: Region) -> tuple[Tensor, Tensor]:
        """What a region of the first input finds in the second and in the third: two maps, for and against."""
        return self.nearer.given(left), self.farther.given(left)

    def top_pairs(self, k: int = 50, *, names: bool = False) -> list[tuple[str, tuple[object, ...]]]:
        """The k pairs that matter most to the difference: ("for" or "against", the pair with its relevance).

        Relevance is that for the difference: pairs of the third input have the sign turned.
        """
        pairs: list[tuple[str, tuple[object, ...]]] = []
        for side, joint, sign in (("for", self.nearer, 1.0), ("against", self.farther, -1.0)):
            found = joint.top_pairs(k, by="magnitude", names=names)
            pairs += [(side, (*place, sign * value)) for *place, value in found]
        return sorted(pairs, key=lambda pair: -abs(float(str(pair[1][-1]))))[:k]

    def __repr__(self) -> str:
        return f"Contrast(difference={self.similarity:.6g}, total={self.total():.6g})"


def contrast(f: Factor, g: Factor, h: Factor) -> Contrast:
    """Why f is nearer to g than to h: the explanation of their two similarities' difference.

    Parameters
    ----------
    f, g, h : Factor
        Of any shapes. Where g and h have the same places, ``f @ (g - h)`` gives one joint relevance instead.
    """
    f, g, h = checked_factors("contrast", (f, g, h))
    return Contrast(f @ g, f @ h)
