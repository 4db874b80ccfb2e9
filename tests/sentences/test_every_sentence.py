"""Every sentence with a number, wherever tablesim writes one, is recomputed; one that nobody recomputes fails."""

from __future__ import annotations

import pytest

from sentences.conftest import NAMES
from sentences.report import report_faults


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
