"""Verdicts and corrections under kill -9, from the command line and the workbench side by side."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tablesim.workflow import run
from tests.corpus.fakes import FakeReader, write_corpus

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 6


def test_nothing_that_was_acknowledged_is_lost_and_no_log_is_broken(tmp_path):
    write_corpus(tmp_path / "scans", 2, 3, 0)
    run(tmp_path / "scans", tmp_path / "run", network=FakeReader())
    command = [
        sys.executable,
        str(Path(__file__).with_name("killed_writers.py")),
        str(tmp_path / "run"),
        str(ROUNDS),
        "7",
    ]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["broken"]) == ([], [])
    assert min(found["acknowledged"], found["verdicts"], found["corrections"]) > 0
