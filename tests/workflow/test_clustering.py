"""Clusters whose pages agree place by place become one; pages of one kind that do not agree stay apart."""

import numpy as np
import pytest
from corpus.fakes import FakeReader, table, write_scan

from tablesim.corpus.clustering.constraints import Constraints
from tablesim.evidence.collation.verification import Verification
from tablesim.workflow import cluster, run
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.clustering import candidates, verified_constraints


def another_of_the_kind(kind, seed):
    """A table with the digits of ``kind`` in other places, as two months of one observatory are."""
    rng = np.random.default_rng(seed)
    figures = [text for row in table(kind) for text in row[1:]]
    digits = rng.permutation(list("".join(figures)))
    pairs = ["".join(digits[i : i + 2]) for i in range(0, len(digits), 2)]
    return [[str(row + 1), *pairs[3 * row : 3 * row + 3]] for row in range(len(pairs) // 3)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A table, its reprint with two more columns, another table of its kind, and a table of another kind."""
    folder = tmp_path_factory.mktemp("verified")
    first, added = table(1), table(7, places=2)
    reprint = [[*row, *more[1:]] for row, more in zip(first, added, strict=True)]
    for shade, (name, rows) in enumerate(
        {"first": first, "reprint": reprint, "kindred": another_of_the_kind(1, 3), "other": table(2)}.items()
    ):
        write_scan(folder / "scans" / f"{name}.png", rows, shade)
    return run(folder / "scans", folder / "out", network=FakeReader())


def test_counting_alone_leaves_the_reprint_apart(corpus):
    counted = corpus.cluster("auto")
    assert counted.label_of("first") != counted.label_of("reprint")
    assert ("first", "reprint") in candidates(corpus, counted)


def test_pages_that_agree_place_by_place_are_joined(corpus):
    counted = corpus.cluster("auto").k
    found = cluster(corpus)
    assert found.label_of("first") == found.label_of("reprint")
    assert found.k == counted - 1
    assert corpus.clusters.k == found.k


@pytest.mark.parametrize(
    ("found", "joined"),
    [
        (Verification(270, 30, 0, 300, (316, 316), 1.0, 20), True),
        (Verification(255, 45, 0, 300, (300, 300), 1.0, 20), False),  # for a neighbouring value
        (Verification(285, 15, 0, 300, (361, 361), 1.0, 20), False),  # the next page, which begins before this one ends
        (Verification(270, 30, 0, 300, (316, 316), 1.0, 250), False),  # chance gives as much
        (Verification(5, 0, 0, 5, (5, 5), 1.0, 0), False),
    ],
)
def test_what_counting_keeps_apart_is_joined_when_it_surely_is_one_table(corpus, monkeypatch, found, joined):
    monkeypatch.setattr(RunAlignments, "verify", lambda *_: found)
    counted = corpus.cluster("auto", keep=False)
    same = verified_constraints(RunAlignments(corpus), counted, Constraints()).same
    assert (("first", "reprint") in same) == joined


def test_an_extract_is_not_the_table(tmp_path, monkeypatch):
    rows = table(1)
    for shade, (name, part) in enumerate({"whole": rows, "extract": rows[: len(rows) * 3 // 4]}.items()):
        write_scan(tmp_path / "scans" / f"{name}.png", part, shade)
    corpus = run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    assert RunAlignments(corpus).verify("whole", "extract").same
    monkeypatch.setattr("tablesim.workflow.clustering.candidates", lambda *_: [("extract", "whole")])
    found = verified_constraints(RunAlignments(corpus), corpus.cluster(2, keep=False), Constraints())
    assert ("extract", "whole") not in found.same


def test_only_the_same_numbers_at_the_same_places_agree(corpus):
    assert RunAlignments(corpus).verify("first", "reprint").same
    assert not RunAlignments(corpus).verify("first", "kindred").same
    assert not RunAlignments(corpus).verify("first", "other").same


def test_a_number_of_clusters_that_was_asked_for_is_kept(corpus):
    assert cluster(corpus, 4).k == 4


def test_the_same_pages_give_the_same_clusters(corpus):
    assert cluster(corpus).to_table() == cluster(corpus).to_table()


def test_a_cluster_that_holds_several_tables_is_split(tmp_path, monkeypatch):
    """Four tables of one kind in three editions, where counting does not tell kindred tables apart."""
    for rule in ("SEPARATION", "SEPARATION_FEW"):
        monkeypatch.setattr(f"tablesim.corpus.clustering.linkage.{rule}", np.inf)
    rng = np.random.default_rng(5)
    for at, seed in enumerate((11, 12, 13, 14)):
        rows = another_of_the_kind(1, seed)
        for copy in range(3):
            printed = [row[:] for row in rows]
            printed[int(rng.integers(len(rows)))][1] = "99"
            write_scan(tmp_path / "scans" / f"t{at}_e{copy}.png", printed, 10 * at + copy)
    corpus = run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    counted = corpus.cluster("auto", keep=False)
    assert counted.k < 4
    found = cluster(corpus)
    assert sorted(tuple(sorted(group.pages)) for group in found.clusters) == [
        tuple(f"t{at}_e{copy}" for copy in range(3)) for at in range(4)
    ]
