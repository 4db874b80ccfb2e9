"""The SLURM recipe of docs/cluster.md, run on this machine: ``sbatch`` and ``srun`` are played by two scripts."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tablesim.corpus.store import Corpus

REPOSITORY = Path(__file__).resolve().parents[2]
SCANS = ("1006_tectander_1576_p91.jpg", "1007_morellius_1595_p47.jpg")

SRUN = """#!/bin/bash
# Starts two of the tasks that were asked for, as a node of two cores would.
[ "$1" = --overlap ] && [[ "$2" = --ntasks=* ]] || { echo "srun: $*" >&2; exit 2; }
shift 2
"$@" & "$@" & wait
"""
SBATCH = """#!/bin/bash
# As SLURM does: no TMPDIR, the number of the job, and everything of the job is ended with it.
unset TMPDIR
SLURM_JOB_ID=77 exec bash "$1"
"""


def recipe(shared: Path) -> str:
    """The batch script of the documentation with ``/shared`` elsewhere."""
    text = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
    (script,) = [block for block in re.findall(r"```bash\n(.*?)```", text, re.S) if "#SBATCH" in block]
    return script.replace("/shared", str(shared))


@pytest.fixture
def shared(tmp_path):
    """What the recipe expects on the disk of the cluster."""
    (tmp_path / "scans").mkdir()
    for name in SCANS:
        shutil.copy(REPOSITORY / "data" / "sample" / "scans" / name, tmp_path / "scans")
    lines = ["page,book,year", *(f"{Path(name).stem},{name[:4]},15{at}0" for at, name in enumerate(SCANS))]
    (tmp_path / "pages.csv").write_text("\n".join(lines) + "\n")
    programs = tmp_path / "tablesim" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f'export PATH="{programs}:$PATH"\n')
    for name, text in {
        "srun": SRUN,
        "sbatch": SBATCH,
        "dask": f'#!/bin/bash\nexec "{sys.executable}" -m dask "$@"\n',
        "tablesim": f'#!/bin/bash\nexec "{sys.executable}" -m tablesim "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "tablesim.sbatch").write_text(recipe(tmp_path))
    return tmp_path


def test_the_slurm_recipe_reads_on_its_workers_and_leaves_no_process(shared):
    pytest.importorskip("distributed")
    # The workers are processes of another program and find tablesim where this test does.
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [shared / "tablesim" / "bin" / "sbatch", shared / "tablesim.sbatch"]
    done = subprocess.run(command, env=env, cwd=shared, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    status = Corpus.open(shared / "myrun").status()
    assert (status["read"], status["finished"], status["report"]) == (2, True, True)
    events = [json.loads(line) for line in (shared / "myrun" / "events.jsonl").read_text().splitlines()]
    (host_and_job,) = {(line["host"], line["pid"]) for line in events if line["kind"] == "job"}
    workers = {line["worker"] for line in events if line["kind"] == "page" and line["stage"] == "read"}
    assert workers and ":".join(map(str, host_and_job)) not in workers
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "scheduler-77.json" not in left
