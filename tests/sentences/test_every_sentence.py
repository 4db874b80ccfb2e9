"""Every sentence with a number, wherever tablesim writes one, is recomputed; one that nobody recomputes fails."""

from __future__ import annotations

import shutil
from itertools import chain

import pytest

from sentences.aloud import bundle_of, compare_faults, files_faults, history_of
from sentences.conftest import NAMES
from sentences.exports import export_faults
from sentences.facts import RunFacts
from sentences.in_terminal import (
    cluster_faults,
    numbers_faults,
    review_faults,
    search_faults,
    status_faults,
)
from sentences.report import report_faults
from sentences.saying import Masks, Where, faults
from sentences.terminal import lines_of
from tablesim.corpus.store import Corpus
from tablesim.workflow.witnesses import collate_from_run


def first(faults, most=12):
    """The faults in few lines, for a message."""
    found = list(faults)
    return "\n".join([f"{len(found)} faults", *found[:most]]) if found else ""


@pytest.mark.parametrize("name", NAMES)
def test_the_report_says_nothing_that_is_not_so(three, name):
    run = three[name]
    assert not first(report_faults(run, run.corpus.folder / "report"))


def test_a_false_number_and_a_new_sentence_are_found(three, tmp_path):
    """Else nothing would be tested."""
    run = three["words"]
    html = (run.corpus.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "None of 2 pages" in html
    (tmp_path / "index.html").write_text(html.replace("None of 2 pages", "None of 3 pages"), encoding="utf-8")
    assert "FALSE 'None of 3 pages" in first(report_faults(run, tmp_path))
    (tmp_path / "index.html").write_text(html.replace("</main>", "<p>All 17 of them.</p></main>"), encoding="utf-8")
    assert "a sentence nobody recomputes" in first(report_faults(run, tmp_path))


def sentences_faults(run, lines, kind, **more):
    """The faults of lines that are sentences, not rows of a table."""
    at = Where(run, kind, more=more)
    masks = Masks(run)
    return chain.from_iterable(faults(line, at, masks) for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_status_says_nothing_that_is_not_so(three, name):
    run = three[name]
    assert not first(status_faults(run, lines_of("status", run.corpus.folder)))


@pytest.mark.parametrize(
    ("name", "page", "options"),
    [
        ("editions", "chords_1515", ()),
        ("editions", "chords_1549", ("--verify", "--across-books")),
        ("sample", "1001_coruinus_1531_p13", ("--verify",)),
    ],
)
def test_search_says_nothing_that_is_not_so(three, name, page, options):
    run = three[name]
    lines = lines_of("search", run.corpus.folder, page, *options)
    table = [line for line in lines if line.lstrip().startswith(("rank ", *"123456789"))]
    assert len(table) > 4
    assert not first(search_faults(run, page, table))


@pytest.mark.parametrize(
    ("name", "numbers"), [("editions", "0 30"), ("editions", "22 30 22"), ("sample", "13 12"), ("words", "1")]
)
def test_search_for_numbers_says_nothing_that_is_not_so(three, name, numbers):
    run = three[name]
    lines = lines_of("search", run.corpus.folder, "--numbers", numbers)
    (sentence,) = [line for line in lines if line.startswith("looked for")]
    assert not first(sentences_faults(run, [sentence], "numbers", numbers=numbers.split()))
    table = [line for line in lines if line.lstrip().startswith(("rank ", *"123456789"))]
    assert not first(numbers_faults(run, numbers.split(), table))


WITNESSES = [
    ("editions", ("chords_1515", "chords_1549"), ("--laws",)),
    ("editions", ("chords_1515", "chords_1549", "chords_1604"), ()),
    ("editions", ("chords_half", "chords_1604"), ()),
    ("editions", ("sun_1543_p10+sun_1543_p11", "sun_1561_p10+sun_1561_p11"), ("--laws",)),
    ("editions", ("chords_1604",), ("--laws",)),
    ("editions", ("sevens_nines",), ("--laws",)),
    ("editions", ("sines", "tilted"), ()),
    ("sample", ("1001_coruinus_1531_p13", "1002_fontanus_1549_p232"), ("--laws",)),
]


@pytest.mark.parametrize(("name", "witnesses", "options"), WITNESSES)
def test_a_collation_says_nothing_that_is_not_so(three, name, witnesses, options):
    run = three[name]
    lines = lines_of("collate", *witnesses, "--run", run.corpus.folder, *options)
    collation = collate_from_run(run.corpus, list(witnesses), print)
    assert not first(sentences_faults(run, lines, "collate", collation=collation))


def test_what_cluster_prints_is_so(three, tmp_path):
    folder = shutil.copytree(three["editions"].corpus.folder, tmp_path / "editions")
    lines = lines_of("cluster", folder)
    run = RunFacts(Corpus.open(folder))
    rest = [line for line in lines if not line.lstrip().startswith(("cluster ", *"123456789"))]
    assert not first(chain(cluster_faults(run, lines), sentences_faults(run, rest, "cluster")))


def test_what_review_lists_is_so(three):
    run = three["editions"]
    assert not first(review_faults(run, lines_of("review", run.corpus.folder, "--list", "--top", 12)))


@pytest.mark.parametrize("form", ["collation-html", "collation-xlsx", "tei", "ris", "bibtex", "csl-json"])
def test_an_exported_collation_says_nothing_that_is_not_so(three, tmp_path, form):
    run, pages = three["editions"], ("chords_1515", "chords_1549")
    lines_of("export", run.corpus.folder, *pages, "--format", form, "--out", tmp_path)
    collation = collate_from_run(run.corpus, list(pages), print)
    kind = "collate" if "collation" in form or form == "tei" else "export"
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert not first(export_faults(run, file, kind, pages, collation=collation))


@pytest.mark.parametrize("form", ["xlsx", "page-tei"])
def test_an_exported_page_says_nothing_that_is_not_so(three, tmp_path, form):
    run = three["editions"]
    lines_of("export", run.corpus.folder, "chords_1549", "--format", form, "--out", tmp_path)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert not first(export_faults(run, file, "export", ("chords_1549",), page="chords_1549"))


def test_annotations_say_nothing_that_is_not_so(three, tmp_path):
    run, pages = three["sample"], ("1001_coruinus_1531_p13", "1002_fontanus_1549_p232")
    lines_of("export", run.corpus.folder, *pages, "--format", "iiif", "--out", tmp_path)
    collation = collate_from_run(run.corpus, list(pages), print)
    files = sorted(tmp_path.rglob("*.json"))
    found = [export_faults(run, file, "export", pages, collation=collation, page=pages[0]) for file in files]
    assert files and not first(chain.from_iterable(found))


def test_a_genealogy_a_comparison_and_a_history_say_nothing_that_is_not_so(three, tmp_path):
    run, pages = three["editions"], ("chords_1515", "chords_1549", "chords_1585", "chords_1604")
    lines = lines_of("collate", *pages, "--run", run.corpus.folder, "--genealogy", tmp_path / "tree.csv")
    assert any(" was set from " in line for line in lines)
    collation = collate_from_run(run.corpus, list(pages), print)
    said = [line for line in lines if not line.startswith("written: ")]
    assert not first(sentences_faults(run, said, "collate", collation=collation))
    assert not first(chain(compare_faults(run, *pages[:2]), compare_faults(run, "sines", "tilted")))
    for by in ("year", "place"):
        assert not first(history_of(run, by))


def test_files_for_programs_have_every_number_of_a_page_and_a_bundle_every_page(three, tmp_path):
    run = three["editions"]
    assert not first(files_faults(run, "chords_1549", tmp_path))
    assert not first(bundle_of(run, tmp_path / "bundle.zip"))


def test_a_group_of_the_same_kind_is_among_the_runs(three):
    assert three["editions"].kinds
