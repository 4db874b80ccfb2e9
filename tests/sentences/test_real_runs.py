"""Every sentence of finished runs of real pages is recomputed: those in the folder that ``TABLESIM_RUNS`` names.

Each run is copied, its report made anew; no scan is read again. Without the folder this is skipped and says so.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sentences.aloud import clustered_faults, run_faults
from sentences.facts import RunFacts
from sentences.test_every_sentence import first
from tablesim.corpus.store import Corpus
from tablesim.report import write_report

FOLDER = Path(os.environ.get("TABLESIM_RUNS") or "no folder of runs")
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/run.json"))


@pytest.mark.skipif(not NAMES, reason="TABLESIM_RUNS names no folder with finished runs of real pages")
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_every_sentence_of_a_real_run_is_so(name, tmp_path):
    folder = shutil.copytree(FOLDER / name, tmp_path / name)
    clustered = list(clustered_faults(folder))
    write_report(Corpus.open(folder))
    found = run_faults(RunFacts(Corpus.open(folder)), tmp_path)
    assert not first([*clustered, *found], most=60)
