"""What all tests share: the real scans where they are, and the settings of hypothesis."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Test processes with two threads each would stand in each other's way, and so would the programs that tests start:
# the libraries look at this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

# Results are asserted, never seconds: machines differ, and other work may run beside the tests.
# The same examples every time, so that a change is judged by what it changed; the profile "explore" draws new ones.
settings.register_profile("tablesim", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tablesim"))

torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
"""Real scans and published numbers, which are not part of the repository."""

LONGEST = ("test_end_to_end.py", "test_notebooks.py")
"""Files with tests of a minute: a test process that began one last would work alone at the end."""


@pytest.fixture(scope="session")
def real():
    """The folder of real scans; tests that need it are skipped where it is not there."""
    return _shared("real")


@pytest.fixture(scope="session")
def reference():
    """The folder of numbers that the published code gives; tests that need it are skipped where it is not there."""
    return _shared("reference")


def _shared(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"shared/{name} is not beside the repository")
    return SHARED / name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; and what needs data from outside is marked, so that the end can say how much that is."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if {"real", "reference"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("shared")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line how many tests need data from outside the repository, and whether they had it."""
    lists = terminalreporter.stats
    ran = {
        r.nodeid for kind in ("passed", "failed") for r in lists.get(kind, ()) if "shared" in getattr(r, "keywords", ())
    }
    skipped = {r.nodeid for r in lists.get("skipped", ()) if "shared" in getattr(r, "keywords", ())}
    if ran or skipped:
        state = f"{len(ran)} were run" + (f", {len(skipped)} were not: it is not here" if skipped else "")
        terminalreporter.write_line(f"{len(ran) + len(skipped)} tests need ../shared (real scans, numbers): {state}")


@pytest.fixture(scope="session")
def sample():
    """The bundled sample corpus."""
    return REPOSITORY / "data" / "sample"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Makes a folder that takes long in the first test process that wants it; all share it. Tests change a copy."""
    ours = tmp_path_factory.getbasetemp()
    shared = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours

    def made_once(name: str, make: Callable[[Path], object]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.made").exists():
                make(shared / name)
                (shared / f"{name}.made").touch()
        return shared / name

    return made_once


@pytest.fixture(scope="session")
def demo(made_once):
    """The run that `tablesim demo` writes, and beside it ``demo.json``, what the command printed."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "tablesim", "demo", "--out", folder, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        folder.with_name("demo.json").write_text(done.stdout)

    return made_once("demo", make)
