import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.clustering.test_pipeline import corpus_of, names
from tablesim.corpus.clustering.constraints import ConstrainedUnionFind, Constraints, consistent
from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.errors import SettingsError


def clustered(h, k="auto", **pairs):
    return cluster_pages(names(len(h)), h, [True] * len(h), k, constraints=Constraints(**pairs))


def sets(found):
    return {frozenset(cluster.pages) for cluster in found.clusters}


def test_pages_that_are_the_same_bring_their_clusters_together():
    h, _ = corpus_of((3, 2, 2))
    found = clustered(h, same=(("p000", "p003"),))
    assert sets(found) == {frozenset(["p000", "p001", "p002", "p003", "p004"]), frozenset(["p005", "p006"])}


def test_a_page_that_is_rejected_leaves_alone_and_a_split_divides():
    h, _ = corpus_of((5,))
    found = clustered(h, apart=(("p001", "p000"),))
    assert sets(found) == {frozenset(["p001"]), frozenset(names(5)) - {"p001"}}
    lumped, _ = corpus_of((3, 2))
    found = clustered(lumped, 1, split=(("p000", "p004"),))
    assert sets(found) == {frozenset(["p000", "p001", "p002"]), frozenset(["p003", "p004"])}


def test_a_rejected_page_joins_a_cluster_that_is_near_enough():
    h, _ = corpus_of((6,))
    found = clustered(h, 2, apart=(("p002", "p000"), ("p003", "p001")))
    for a, b in (("p002", "p000"), ("p003", "p001")):
        assert found.label_of(a) != found.label_of(b)


def test_joining_does_not_bring_together_what_is_kept_apart():
    h, _ = corpus_of((3, 3))
    found = clustered(h, same=(("p000", "p003"),), apart=(("p004", "p001"),))
    assert found.label_of("p000") == found.label_of("p003")
    assert found.label_of("p004") != found.label_of("p001")
    assert found.label_of("p004") == found.label_of("p005")


def test_pages_that_are_not_here_are_passed_over():
    h, _ = corpus_of((2, 2))
    assert sets(clustered(h, same=(("p000", "gone"), ("gone", "p002")), apart=(("gone", "p000"),)[:0])) == sets(
        clustered(h)
    )


def test_what_contradicts_itself_is_refused():
    h, _ = corpus_of((3, 2))
    with pytest.raises(SettingsError, match="p000 and p002 are kept apart, and other pairs say that they are the same"):
        clustered(h, same=(("p000", "p001"), ("p001", "p002")), apart=(("p000", "p002"),))


def test_only_pairs_that_agree_with_the_constraints_are_added():
    known = Constraints(same=(("a", "b"),), apart=(("b", "c"),))
    assert consistent(known, [("a", "c"), ("c", "d"), ("d", "a")]).same == (("a", "b"), ("c", "d"))


def reference(pairs, n):
    """Groups by repeated merging of plain sets."""
    parts = [{i} for i in range(n)]
    for a, b in pairs:
        one, other = (next(p for p in parts if x in p) for x in (a, b))
        if one is not other:
            parts.remove(other)
            one |= other
    return {frozenset(p) for p in parts}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_groups_are_those_of_plain_sets(pairs):
    groups = ConstrainedUnionFind()
    for a, b in pairs:
        assert groups.join(str(a), str(b))
    found = {}
    for i in range(8):
        found.setdefault(groups.find(str(i)), set()).add(i)
    assert {frozenset(p) for p in found.values()} == reference(pairs, 8)


@given(st.integers(0, 1000))
def test_every_constraint_that_can_be_kept_is_kept(seed):
    rng = np.random.default_rng(seed)
    h, _ = LARGER
    groups, same, apart = ConstrainedUnionFind(), [], []
    for _ in range(8):
        a, b = rng.choice(names(len(h)), 2, replace=False)
        if rng.random() < 0.5:
            if groups.join(a, b):
                same.append((a, b))
        elif groups.forbid(a, b):
            apart.append((a, b))
    found = clustered(h, 3, same=tuple(same), apart=tuple(apart))
    assert all(found.label_of(a) != found.label_of(b) for a, b in apart)
    assert all(found.label_of(a) == found.label_of(b) for a, b in same)


LARGER = corpus_of((4, 3, 3), rows=15)
