from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tablesim.corpus.clustering.constraints import ConstrainedUnionFind
from tablesim.review.changes import moves
from tablesim.review.constraints import known_constraints, verdicts_status, write_hashes
from tablesim.review.verdicts import ANSWERS, Verdict, VerdictLog
from tablesim.workflow.clustering import recluster


def said(*words):
    return [Verdict(page, other, decision, who) for page, other, decision, who in words]


def test_verdicts_become_pairs():
    found = known_constraints(
        said(("b", "a", "accept", "x"), ("c", "a", "reject", "x"), ("d", "e", "merge", "x"), ("f", "a", "unsure", "x"))
    )
    assert found.constraints.same == (("a", "b"), ("e", "d"))
    assert found.constraints.apart == (("c", "a"),)
    assert (found.contradicted, found.disputed) == ((), ())


def test_the_newest_verdict_holds_and_what_it_rules_out_is_named():
    found = known_constraints(said(("a", "b", "accept", "x"), ("b", "c", "accept", "x"), ("c", "a", "reject", "y")))
    assert found.constraints.apart == (("c", "a"),)
    assert found.constraints.same == (("c", "b"),)
    assert [v.pair for v in found.contradicted] == [("a", "b")]
    found = known_constraints(said(("a", "b", "accept", "x"), ("b", "a", "reject", "y")))
    assert (found.constraints.same, found.constraints.apart) == ((), (("b", "a"),))
    assert found.disputed == (("a", "b"),)
    taken_back = known_constraints(said(("a", "b", "accept", "x"), ("b", "a", "reject", "x")))
    assert taken_back.disputed == ()


pages = st.sampled_from("abcdef")


@given(st.lists(st.tuples(pages, pages, st.sampled_from(ANSWERS)).filter(lambda w: w[0] != w[1]), max_size=20))
def test_what_is_known_never_contradicts_itself(words):
    found = known_constraints(said(*((a, b, decision, "x") for a, b, decision in words)))
    groups = ConstrainedUnionFind()
    assert all(groups.join(a, b) for a, b in found.constraints.same)
    assert all(groups.forbid(a, b) for a, b in found.constraints.forbidden)


def test_verdicts_change_the_next_clustering_and_the_changes_are_told(run):
    before = recluster(run, 4).clustering
    number = before.number_of("mixed")
    medoid = next(c.medoid for c in before.clusters if c.number == number)
    VerdictLog.of_run(run.folder).append(said(("mixed", medoid, "reject", "x"), ("t2_0", "t3_0", "merge", "x")))
    found = recluster(run, 4)
    assert found.clustering.number_of("mixed") != number
    assert found.clustering.label_of("t2_0") == found.clustering.label_of("t3_1")
    moved = {move.page: (move.before, move.after) for move in found.moves}
    assert moved["mixed"] == (number, found.clustering.number_of("mixed"))
    # The larger of the two that were merged keeps its number: only the pages of the other have moved.
    assert set(moved) == {"mixed", "t3_0", "t3_1"}
    lines = (run.folder / "clusters" / "changes.csv").read_text().splitlines()
    assert len(lines) == 1 + 3
    assert recluster(run, 4).moves == ()


def test_moves_name_companions():
    class Fake:
        def __init__(self, sets):
            self.sets, self.pages = sets, tuple(sorted(page for pages in sets.values() for page in pages))
            self.clusters = [type("C", (), {"number": number, "pages": pages}) for number, pages in sets.items()]

        def number_of(self, page):
            return next((number for number, pages in self.sets.items() if page in pages), None)

    found = moves(Fake({0: ("a", "b", "c")}), Fake({0: ("a", "b"), 1: ("c", "d")}))
    assert [(m.page, m.before, m.after, m.with_before, m.with_after) for m in found] == [
        ("c", 0, 1, ("a", "b"), ("d",)),
        ("d", None, 1, (), ("c",)),
    ]


def test_verdicts_of_0_1_0_without_hashes_hold_by_name_until_the_hashes_are_written_down(run):
    log = VerdictLog.of_run(run.folder)
    log.append(said(("t0_0", "t1_0", "merge", "x"), ("gone", "t1_0", "merge", "x")))
    status = verdicts_status(run)
    assert status.counts() == {"verdicts": 2, "verdicts_holding": 1}
    remarks = list(status.remarks())
    assert len(remarks) == 2
    assert "names: 1 (merge gone t1_0 (x))" in remarks[0]
    assert "these names have: 1" in remarks[1]
    assert write_hashes(run) == remarks[1:]
    assert write_hashes(run) == []
    assert [(v.page, bool(v.page_sha256), v.decided_at == v.moment) for v in log.all()] == [
        ("gone", False, False),
        ("t0_0", True, True),
    ]
    after = verdicts_status(run)
    assert (after.taken_over, len(after.holding), len(after.unassigned)) == (0, 1, 1)


def test_every_page_of_a_scan_is_meant_and_the_names_are_those_of_now():
    verdict = Verdict("a", "b", "merge", "x", page_sha256="A", other_sha256="B")
    found = known_constraints([verdict], {"A": ("a2", "a3"), "B": ("b",)})
    assert found.constraints.same == (("a2", "a3"), ("b", "a2"))
    taken_back = replace(verdict, page="b", other="a2", page_sha256="B", other_sha256="A", decision="reject", who="y")
    found = known_constraints([verdict, taken_back], {"A": ("a2", "a3"), "B": ("b",)})
    assert found.constraints.apart == (("b", "a2"),)
    assert found.disputed == (("a2", "b"),)
