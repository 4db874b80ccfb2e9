"""What notebooks and the prompt show of a result: short, escaped, made without anything heavy."""

import subprocess
import sys

import pytest
from corpus.fakes import FakeReader, reading_of, write_corpus

import tablesim
from tablesim.records.html import html_table
from tablesim.workflow import run
from tablesim.workflow.alignments import RunAlignments


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    labels = write_corpus(folder / "scans", 2, 2, 1)
    (folder / "labels.csv").write_text("page,label\n" + "".join(f"{p},{t}\n" for p, t in labels.items()))
    return run(folder / "scans", folder / "run", network=FakeReader())


def test_a_table_of_html_is_escaped_and_says_how_much_it_leaves_out():
    text = html_table("a & b", ("x",), [(n,) for n in ("<script>", None, 0.5, ("p", "q"))], most=3)
    assert "<caption>a &amp; b</caption>" in text
    assert "&lt;script&gt;" in text
    assert "<td></td>" in text
    assert "<td>0.5000</td>" in text
    assert text.endswith("<p>and 1 more</p>")


def test_results_are_short_at_the_prompt_and_tables_in_notebooks(corpus):
    a, b = (corpus.reading(page) for page in ("k0_e0", "k0_e1"))
    results = {
        "Reading(": a,
        "Comparison(": tablesim.compare(a, b),
        "Collation(": tablesim.collate(a, b),
        "Corpus(": corpus,
        "Clustering(": corpus.clusters,
        "Evaluation(": tablesim.evaluate(corpus, corpus.folder.parent / "labels.csv"),
    }
    for start, result in results.items():
        assert repr(result).startswith(start)
        assert len(repr(result)) < 600
        page = result._repr_html_()
        assert page.startswith("<table><caption>")
        assert page.count("<tr>") > 1


def test_what_is_found_is_short_in_a_line(corpus):
    groups, hits = corpus.groups, corpus.search("k0_e0")
    answer = corpus.search_numbers("1 / 2 / 3")
    pair = RunAlignments(corpus, keep=False).pair("k0_e0", "k0_e1")
    found = [hits[0], answer, answer.hits[0], corpus.clusters.clusters[0], groups, groups.tables[0], pair]
    assert [len(repr(one)) for one in found if len(repr(one)) > 300] == []
    assert repr(hits[0]) == f"Hit('k0_e1', rank 1, similarity {hits[0].similarity:.4f})"
    assert repr(groups.tables[0]) == "TableGroup('Table 1: the same table on 2 pages')"
    assert repr(pair.alignment).startswith("TableAlignment(2 witnesses: 40 rows x ")


def test_a_reading_stands_as_it_is_printed():
    reading = reading_of("p", [["1", "12"], ["2", "13"], ["3"]])
    assert "<tr><td>1</td><td>12</td></tr><tr><td>2</td><td>13</td></tr><tr><td>3</td><td></td></tr>" in (
        reading._repr_html_()
    )
    assert repr(reading) == "Reading('p', a table, 5 numbers, legibility 0.90)"


def test_a_run_is_a_collection_of_pages_and_a_frame(corpus):
    pandas = pytest.importorskip("pandas")
    assert (len(corpus), list(corpus)) == (5, ["k0_e0", "k0_e1", "k1_e0", "k1_e1", "prose_0"])
    assert "k0_e0" in corpus and "k9" not in corpus and 3 not in corpus
    frame = corpus.to_frame()
    assert list(frame.index) == list(corpus)
    assert frame.loc["k0_e0", "cluster"] == frame.loc["k0_e1", "cluster"] != frame.loc["k1_e0", "cluster"]
    assert frame.loc["prose_0", "cluster"] is pandas.NA
    assert frame["n_numbers"].dtype.kind == "i"


def test_what_is_shown_imports_nothing_heavy():
    code = "import sys, tablesim.records.html; print({'torch', 'jinja2', 'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
