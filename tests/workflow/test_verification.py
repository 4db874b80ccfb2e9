import json
import shutil

import pytest
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.errors import RunError
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.long_tables import write_tables_over_pages
from tablesim.workflow.verification import different_tables, same_tables, verified_search
from workflow.kinds import EDITIONS, TILTS, run_of_kinds


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return run_of_kinds(tmp_path_factory.mktemp("kinds"))


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
    groups = same_tables(RunAlignments(corpus), pages)
    assert sorted(groups) == [[f"b{copy}_t{at}_p10" for copy in range(3)] for at in range(len(TILTS))]


def test_a_cluster_of_a_kind_is_to_fall_into_its_tables(corpus):
    pages = tuple(sorted(f"b{copy}_t{at}_p10" for at in range(len(TILTS)) for copy in range(3)))
    found = different_tables(RunAlignments(corpus), [pages, pages[:1], ()])
    assert len(found.split) == len(TILTS) * (len(TILTS) - 1) / 2
    assert len({page[3:5] for pair in found.split for page in pair}) == len(TILTS)
    assert len(found.same) == 2 * len(TILTS) and all(a[3:5] == b[3:5] for a, b in found.same)
    one = different_tables(RunAlignments(corpus), [pages[:1], [page for page in pages if "t0" in page]])
    assert (len(one.same), one.split) == (EDITIONS - 1, ())


def test_search_with_verify(corpus):
    result = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--verify", "--top", "3", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert [hit["verification"]["same_table"] for hit in found] == [True, True, False]
    words = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--verify", "--top", "3"]).output
    assert [" ".join(line.split()[3:5]) for line in words.splitlines()[1:4]] == ["same table"] * 2 + ["same kind"]
    assert "cells agree; by chance" in words and "%" not in words
    refused = CliRunner().invoke(app, ["search", str(corpus.folder), "--numbers", "12", "--verify"])
    assert refused.exit_code == 2


def test_search_says_what_the_run_knows_already(corpus):
    write_tables_over_pages(RunAlignments(corpus))
    result = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--top", "30", "--json"])
    found = {hit["page"]: hit for hit in json.loads(result.output)}
    assert found["b1_t0_p10"]["verification"]["same_table"]
    assert found["b1_t0_p10"]["table_over_pages"]["pages"] == ["b1_t0_p10", "b1_t0_p11"]
    assert found["b1_t0_p10"]["table_over_pages"]["of_query"] == ["b0_t0_p10", "b0_t0_p11"]
    assert not found["b1_t1_p10"]["verification"]["same_table"]
    assert found["b2_t2_p11"]["table_over_pages"] is None
    words = CliRunner().invoke(app, ["search", str(corpus.folder), "b0_t0_p10", "--top", "2"]).stdout.splitlines()
    assert "runs over" in words[0] and "b1_t0_p10+b1_t0_p11" in "".join(words[1:])
    typed = CliRunner().invoke(app, ["search", str(corpus.folder), "--numbers", "12 40"]).stdout.splitlines()
    assert "relation" not in typed[0] and "runs over" not in typed[0]


def test_search_aligns_nothing_unless_asked(corpus, tmp_path, monkeypatch):
    copy = shutil.copytree(corpus.folder, tmp_path / "run")
    (copy / "alignments.parquet").unlink(missing_ok=True)
    monkeypatch.setattr("tablesim.evidence.collation.collation.align", None)
    result = CliRunner().invoke(app, ["search", str(copy), "b0_t0_p10", "--json"])
    assert result.exit_code == 0, result.output
    assert {hit["verification"] is None for hit in json.loads(result.output)} == {True}
