"""What relates the pages of a run: the same scan, the same table, a part of it, the same kind."""

import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_scan
from evidence.pages import declinations

from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.verification import Verification
from tablesim.records.relations import PART_OF, SAME_KIND, SAME_SCAN, SAME_TABLE
from tablesim.report.writing import write_report
from tablesim.review.review import Review
from tablesim.workflow import run
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.clustering import cluster
from tablesim.workflow.groups import keep_relations


def diary(seed):
    """A month of cloud amounts: the day and six numbers from 0 to 10, most of them 10."""
    amounts = np.minimum(np.random.default_rng(seed).integers(0, 16, (31, 6)), 10)
    return [[str(day), *map(str, row)] for day, row in enumerate(amounts, 1)]


def prices(seed, rows=60):
    """A table of numbers that no other has."""
    return [
        [str(row), *map(str, line)] for row, line in enumerate(np.random.default_rng(seed).integers(0, 999, (rows, 4)))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two editions and a copy of a scan, a crop of them, two months of a diary, and a table alone."""
    folder = tmp_path_factory.mktemp("related")
    sun = declinations(23.5)
    edition = [row[:] for row in sun]
    edition[4][2] = "59"
    whole = prices(1)
    pages = {
        "sun_a": sun,
        "sun_b": edition,
        "diary_1": diary(1),
        "diary_2": diary(2),
        "whole": whole,
        "crop": whole[:24],
    }
    for shade, (name, rows) in enumerate({**pages, "alone": prices(2, 40)}.items()):
        write_scan(folder / "scans" / f"{name}.png", rows, shade)
    for ending in (".png", ".txt"):
        shutil.copy(folder / "scans" / f"sun_b{ending}", folder / "scans" / f"twin{ending}")
    run(folder / "scans", folder / "run", network=FakeReader())
    return folder / "run"


@pytest.fixture
def corpus(folder, tmp_path):
    return Corpus.open(shutil.copytree(folder, tmp_path / "run"))


def test_each_page_is_related_as_it_should_be(corpus):
    groups = corpus.groups
    assert groups.relation("sun_a", "sun_b") == groups.relation("sun_a", "twin") == SAME_TABLE
    assert groups.relation("sun_b", "twin") == SAME_SCAN
    assert groups.relation("crop", "whole") == PART_OF
    assert groups.relation("diary_1", "diary_2") == SAME_KIND
    assert groups.alone == ("alone",)
    assert sorted(table.scans for table in groups.tables) == [("sun_a", "sun_b"), ("whole", "crop")]
    assert [kind.pages for kind in groups.kinds] in ([("diary_1", "diary_2")], [("diary_2", "diary_1")])
    assert groups.counts.copies == 1


def test_the_file_of_clusters_and_the_report_say_the_same(corpus):
    write_report(corpus)
    lines = {line["page"]: line for line in pq.read_table(corpus.folder / "clusters" / "auto.parquet").to_pylist()}
    counted = {name: sum(line["relation"] == name for line in lines.values()) for name in (SAME_KIND, SAME_SCAN)}
    carry = {page for page, line in lines.items() if line["table"] is not None and line["relation"] != SAME_SCAN}
    index = (corpus.folder / "report" / "index.html").read_text(encoding="utf-8")
    lede = re.search(r'<p class="lede">(.*?)</p>', index, re.S)[1]
    assert f"Of 7 pages with a table, {len(carry)} carry the same table as another" in lede
    assert f"{counted[SAME_KIND]} pages are of the same kind as others" in lede
    assert f"{counted[SAME_SCAN]} more scan is byte for byte the same" in lede
    assert "1 page stands alone" in lede
    alone = index[index.index('<section id="alone">') :]
    assert not any(f'id="page-{page}"' in alone[: alone.index("</section>")] for page in lines if page != "alone")


def test_a_partner_that_is_found_later_is_kept(corpus, monkeypatch):
    assert corpus.groups.relation("diary_1", "diary_2") == SAME_KIND
    alignments = RunAlignments(corpus)
    known = Verification(200, 10, 0, 210, (217, 217), 1.0, 60.0)
    pairs = [*alignments.verified(), ("alone", "diary_1", known)]
    monkeypatch.setattr(RunAlignments, "verified", lambda *_, **__: iter(pairs))
    assert keep_relations(alignments).alone == ()
    again = Corpus.open(corpus.folder).groups
    assert again.relation("alone", "diary_1") == SAME_TABLE and again.alone == ()


def test_people_are_asked_first(corpus):
    review = Review(corpus)
    review.say("sun_a", "sun_b", "split", "Anna")
    review.say("diary_1", "diary_2", "merge", "Anna")
    groups = cluster(corpus).groups
    assert groups.relation("diary_1", "diary_2") == SAME_TABLE
    assert groups.table_of("sun_a") is None
    assert groups.relation("twin", "sun_b") == SAME_SCAN


def test_what_collation_showed_makes_a_cluster_stable(corpus):
    counted = {c.pages: c.stability for c in corpus.cluster("auto", keep=False).clusters}
    verified = {c.pages: c for c in corpus.clusters.clusters}
    for pages in counted.keys() & verified.keys():
        assert verified[pages].stability >= counted[pages] - 1e-9
    sun = next(c for c in verified.values() if "sun_a" in c.pages)
    assert sun.stability == 1.0
    assert (
        sun.stability_sentence.startswith("Stability 1.00: ") and "share 1.00 of their pages" in sun.stability_sentence
    )


def test_words_of_pages_and_clusters_count_what_they_say(corpus):
    groups = corpus.groups
    assert groups.words_of("crop") == "It holds part of table 2, verified cell by cell, which is also on whole." or (
        groups.words_of("crop") == "It holds part of table 1, verified cell by cell, which is also on whole."
    )
    assert groups.words_of("twin") == "Its scan is byte for byte that of sun_b."
    assert groups.words_of("alone") == "It is like no other page."
    assert "no page was shown to carry the same table" in groups.words_of("diary_1")
    words = " ".join(groups.words_of_cluster(groups.cluster_of("sun_a")))
    assert words.startswith("All its 2 pages carry table ")
    together = groups.cluster_of("diary_1") == groups.cluster_of("diary_2")
    diary_words = " ".join(groups.words_of_cluster(groups.cluster_of("diary_1")))
    assert ("Its 2 pages are of the same kind; no two" in diary_words) == together
