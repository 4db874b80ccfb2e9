import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.long_tables import (
    TableRun,
    position_of,
    stored_tables_over_pages,
    table_runs,
    tables_over_pages,
    write_tables_over_pages,
)
from workflow.kinds import TILTS, run_of_kinds


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return run_of_kinds(tmp_path_factory.mktemp("kinds"))


def test_a_table_over_two_pages_is_found_in_each_pair_of_books(corpus):
    found = tables_over_pages(RunAlignments(corpus))
    assert len(found) == 3 * len(TILTS)
    for one in found:
        assert len(one.run.pages_a) == len(one.run.pages_b) == 2
        assert one.run.pages_a[0][3:5] == one.run.pages_b[0][3:5]
        assert one.containment > 0.95 and one.similarity > 0.95
        assert one.agreement > 0.95 and one.cells > 100


def test_only_pages_that_a_run_could_go_through_are_aligned(corpus, monkeypatch):
    monkeypatch.setattr(RunAlignments, "verify", lambda *_: pytest.fail("aligned for nothing"))
    lone = {row["page"]: {**row, "page": row["page"].replace("_p11", "_p17")} for row in corpus.pages}
    monkeypatch.setattr(type(corpus), "page", lambda self, page: lone[page])
    assert tables_over_pages(RunAlignments(corpus)) == []


def test_so_many_pairs_are_aligned_and_the_same_again(corpus, monkeypatch):
    whole = tables_over_pages(RunAlignments(corpus))
    # What others aligned counts nothing, or a second report would find more than the first.
    monkeypatch.setattr("tablesim.workflow.long_tables.LEAST_NEW", 4)
    monkeypatch.setattr("tablesim.workflow.long_tables.SHARE_NEW", 0)
    told, found = [], []
    for _ in range(2):
        found.append(tables_over_pages(RunAlignments(corpus), on_event=told.append))
    remarks = [event.message for event in told if event.kind == "remark"]
    assert len(remarks) == 2 and all("are not collated; `tablesim collate" in remark for remark in remarks)
    assert 0 < len(found[0]) < len(whole) and found[1] == found[0]


def test_the_run_keeps_the_list(corpus):
    assert stored_tables_over_pages(corpus) == []
    found = write_tables_over_pages(RunAlignments(corpus))
    assert stored_tables_over_pages(corpus) == [one.to_dict() for one in found]
    before = (corpus.folder / "tables_over_pages.csv").read_bytes()
    write_tables_over_pages(RunAlignments(corpus))
    assert (corpus.folder / "tables_over_pages.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("pairs", "runs"),
    [
        ([("a_p9", "b_p20"), ("a_p10", "b_p21")], [(("a_p9", "a_p10"), ("b_p20", "b_p21"))]),
        ([("b_p20", "a_p9"), ("a_p10", "b_p21")], [(("a_p9", "a_p10"), ("b_p20", "b_p21"))]),
        (
            [("a_p1", "b_p1"), ("a_p1", "b_p2"), ("a_p2", "b_p2"), ("a_p2", "b_p3")],
            [(("a_p1", "a_p2"), ("b_p1", "b_p2", "b_p3"))],
        ),
        (
            [("a_p1", "b_p1"), ("a_p2", "b_p9"), ("a_p1", "c_p1")],
            [(("a_p1",), ("b_p1",)), (("a_p1",), ("c_p1",)), (("a_p2",), ("b_p9",))],
        ),
        ([("x", "y")], [(("x",), ("y",))]),
    ],
)
def test_runs_of_pages(pairs, runs):
    found = table_runs(pairs)
    assert [(run.pages_a, run.pages_b) for run in found] == runs
    assert sum(len(run.pairs) for run in found) == len(pairs)


def test_two_pages_with_one_number_are_no_run():
    places = {"x": ("a", 1), "w": ("a", 1), "y": ("b", 7), "z": ("b", 7)}
    assert all(len(run.pages_a) == 1 for run in table_runs([("x", "y"), ("w", "z")], places.__getitem__))


def test_runs_go_by_the_places_that_are_given():
    places = {"x": ("a", 1), "w": ("a", 2), "y": ("b", 7), "z": ("b", 8)}
    pairs = [("x", "y"), ("z", "w")]
    assert table_runs(pairs, places.__getitem__) == [TableRun(("x", "w"), ("y", "z"), (("x", "y"), ("w", "z")))]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"page": "1002_sacrobosco_1531_p34"}, ("1002_sacrobosco_1531", 34)),
        ({"page": "1002_sacrobosco_1531_p34", "book": "1002"}, ("1002", 34)),
        ({"page": "ms_p0012_2"}, ("ms", 12)),
        ({"page": "book_p0012", "scan": "in/book.pdf#12"}, ("in/book.pdf", 12)),
        ({"page": "book_p0012", "scan": "in/book.pdf#12", "book": "b"}, ("b", 12)),
        ({"page": "img_0034", "book": "b"}, ("b", 34)),
        ({"page": "fol-12v", "book": "b"}, ("b", 25)),
        ({"page": "fol-13r.old", "book": "b"}, ("b", 26)),
        ({"page": "img_0034", "book": "b", "extra": {"Page_Number": "7"}}, ("b", 7)),
        ({"page": "img_0034", "book": "b", "extra": {"image": "none", "folio": "3 verso"}}, ("b", 7)),
        ({"page": "img_0034"}, ("img_0034", 0)),
        ({"page": "frontispiece", "book": "b"}, ("frontispiece", 0)),
    ],
)
def test_where_in_which_book_a_page_stands(row, place):
    blank = {"scan": f"in/{row['page']}.jpg", "book": None, "extra": {}}
    assert position_of({**blank, **row}) == place


def test_status_counts_what_was_compared(corpus):
    write_tables_over_pages(RunAlignments(corpus))
    told = json.loads(CliRunner().invoke(app, ["status", str(corpus.folder), "--json"]).stdout)
    assert told["tables_over_pages"] == 3 * len(TILTS)
    assert told["collated_pairs"] >= 2 * 3 * len(TILTS)


pages = st.tuples(st.sampled_from("abc"), st.integers(1, 6)).map(lambda at: f"{at[0]}_p{at[1]}")


@given(st.sets(st.tuples(pages, pages).filter(lambda pair: pair[0][0] < pair[1][0]), max_size=20))
def test_runs_hold_every_pair_once_and_their_pages_follow_each_other(pairs):
    found = table_runs(pairs)
    assert sorted(pair for run in found for pair in run.pairs) == sorted(pairs)
    for run in found:
        for side, at in ((run.pages_a, 0), (run.pages_b, 1)):
            numbers = [int(page[3:]) for page in side]
            assert len({page[0] for page in side}) == 1
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert set(side) == {pair[at] for pair in run.pairs}
    sizes = [len(run.pages_a) + len(run.pages_b) for run in found]
    assert sizes == sorted(sizes, reverse=True)
