"""A run that nobody disturbed, with which disturbed ones are compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus.fakes import FakeReader, write_corpus

from tablesim.workflow import run


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scans of a small corpus and the run of them, ``scans`` and ``run``; tests do not change them."""
    folder = tmp_path_factory.mktemp("straight")
    write_corpus(folder / "scans", 2, 2, 1)
    run(folder / "scans", folder / "run", network=FakeReader())
    return folder
