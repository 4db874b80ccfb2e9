"""Three runs with their reports, made once; tests do not change them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentences import runs
from sentences.facts import RunFacts
from tablesim.report import write_report

NAMES = ("editions", "sample", "words")


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, sample) -> Iterator[dict[str, RunFacts]]:
    """The runs by name; few pairs have a page, so that the reports say how many have none."""
    folder = tmp_path_factory.mktemp("three")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tablesim.report.pair_pages.MAX_PAIRS", 3)
        patch.setattr("tablesim.report.pair_pages.MAX_CUT", 2)
        made = {
            "editions": runs.editions_run(folder / "a"),
            "sample": runs.sample_run(folder / "b", sample),
            "words": runs.run_without_tables(folder / "c"),
        }
        for corpus in made.values():
            write_report(corpus)
    yield {name: RunFacts(corpus) for name, corpus in made.items()}
