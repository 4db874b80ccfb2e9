"""The same scans give the same bytes: the run, its report and its exports, wherever they lie."""

import re

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.export.formats import export_run
from tablesim.export.kinds import Format
from tablesim.report import write_report
from tablesim.workflow import run
from workflow.test_killed import contents

MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?")
"""When an export was made."""


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """The files of two runs of the same scans, with their reports and exports."""
    folder = tmp_path_factory.mktemp("twice")
    write_corpus(folder / "scans", 1, 2, 1)
    made = []
    for name in ("one", "two"):
        out = folder / name / "myrun"
        corpus = run(folder / "scans", out, network=FakeReader())
        write_report(corpus)
        for form in (Format.json, Format.csv, Format.page_tei, Format.tei, Format.collation_html, Format.bibtex):
            export_run(corpus, form, ["k0_e0", "k0_e1"], out / "export" / form.value)
        made.append({file: MOMENT.sub(b"TIME", data) for file, data in contents(out).items()})
    return made


def test_two_runs_their_reports_and_exports_are_equal(two_runs):
    one, other = two_runs
    assert len(one) > 30 and one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_no_page_of_the_report_names_a_folder_of_this_machine(two_runs):
    pages = {name: data for name, data in two_runs[0].items() if name.startswith("report/") and name.endswith(".html")}
    assert pages
    assert [name for name, data in pages.items() if b"/one/" in data or b"twice" in data] == []
