import json

import pytest
from corpus.fakes import FakeReader, write_scan
from evidence.pages import declinations
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.errors import RunError
from tablesim.workflow import run
from tablesim.workflow.verifying import (
    TableRun,
    different_tables,
    same_tables,
    table_runs,
    tables_over_pages,
    verified_search,
)

TILTS = (23.0, 23.5, 24.0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three tables of one kind in three editions, each over two pages: b1_t0_p10, b1_t0_p11, b2_t0_p10, ..."""
    folder = tmp_path_factory.mktemp("kinds")
    for at, tilt in enumerate(TILTS):
        for copy in range(3):
            rows = declinations(tilt)
            for page, part in enumerate((rows[:16], rows[16:])):
                noisy = [row[:] for row in part]
                noisy[(at + copy) % 10][2] = str(60 + copy)
                write_scan(
                    folder / "scans" / f"b{copy}_t{at}_p{10 + page}.png", noisy, shade=100 * at + 10 * copy + page
                )
    (folder / "meta.csv").write_text(
        "page,book\n"
        + "".join(f"b{c}_t{t}_p{p},b{c}_t{t}\n" for c in range(3) for t in range(len(TILTS)) for p in (10, 11))
    )
    return run(folder / "scans", folder / "run", metadata=folder / "meta.csv", network=FakeReader())


def test_pages_of_the_same_table_come_first(corpus):
    for page in ("b0_t0_p10", "b1_t1_p11", "b2_t2_p10"):
        found = verified_search(corpus, page, top=4)
        assert [one.hit.rank for one in found] == [1, 2, 3, 4]
        kin = {f"b{copy}{page[2:]}" for copy in range(3)} - {page}
        assert {one.hit.page for one in found if one.verification.same} == kin
        assert {one.hit.page for one in found[:2]} == kin


def test_an_unknown_page_is_refused(corpus):
    with pytest.raises(RunError, match="nowhere"):
        verified_search(corpus, "nowhere")


def test_pages_of_a_kind_fall_into_their_tables(corpus):
    pages = [f"b{copy}_t{at}_p10" for at in range(len(TILTS)) for copy in range(3)]
    groups = same_tables(corpus, pages)
    assert sorted(groups) == [[f"b{copy}_t{at}_p10" for copy in range(3)] for at in range(len(TILTS))]


def test_a_cluster_of_a_kind_is_to_fall_into_its_tables(corpus):
    pages = tuple(sorted(f"b{copy}_t{at}_p10" for at in range(len(TILTS)) for copy in range(3)))
    found = different_tables(corpus, [pages, pages[:1], ()])
    assert len(found.split) == len(TILTS) * (len(TILTS) - 1) / 2
    assert len({page[3:5] for pair in found.split for page in pair}) == len(TILTS)
    assert len(found.same) == 2 * len(TILTS) and all(a[3:5] == b[3:5] for a, b in found.same)
    assert not different_tables(corpus, [pages[:1], [page for page in pages if "t0" in page]])


def test_a_table_over_two_pages_is_found_in_each_pair_of_books(corpus):
    found = tables_over_pages(corpus)
    assert len(found) == 3 * len(TILTS)
    for one in found:
        assert len(one.run.pages_a) == len(one.run.pages_b) == 2
        assert one.run.pages_a[0][3:5] == one.run.pages_b[0][3:5]
        assert one.containment > 0.95 and one.similarity > 0.95


@pytest.mark.parametrize(
    ("pairs", "runs"),
    [
        ([("a_p9", "b_p20"), ("a_p10", "b_p21")], [TableRun(("a_p9", "a_p10"), ("b_p20", "b_p21"))]),
        ([("b_p20", "a_p9"), ("a_p10", "b_p21")], [TableRun(("a_p9", "a_p10"), ("b_p20", "b_p21"))]),
        (
            [("a_p1", "b_p1"), ("a_p1", "b_p2"), ("a_p2", "b_p2"), ("a_p2", "b_p3")],
            [TableRun(("a_p1", "a_p2"), ("b_p1", "b_p2", "b_p3"))],
        ),
        (
            [("a_p1", "b_p1"), ("a_p2", "b_p9"), ("a_p1", "c_p1")],
            [TableRun(("a_p1",), ("b_p1",)), TableRun(("a_p1",), ("c_p1",)), TableRun(("a_p2",), ("b_p9",))],
        ),
        ([("x", "y")], [TableRun(("x",), ("y",))]),
    ],
)
def test_runs_of_pages(pairs, runs):
    assert table_runs(pairs) == runs


def test_search_with_verify(corpus):
    result = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--verify", "--top", "3", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert [hit["verification"]["same_table"] for hit in found] == [True, True, False]
    words = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--verify", "--top", "3"]).output
    assert [line.split()[1] == "same" for line in words.splitlines()[1:]] == [True, True, False]
    refused = CliRunner().invoke(app, ["search", str(corpus.folder), "--numbers", "12", "--verify"])
    assert refused.exit_code == 2
