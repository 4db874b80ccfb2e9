"""What all tests share: the real scans where they are, and the settings of hypothesis."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Results are asserted, never seconds: machines differ, and other work may run beside the tests.
# The same examples every time, so that a change is judged by what it changed; the profile "explore" draws new ones.
settings.register_profile("tablesim", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tablesim"))

# Two test processes with two threads each would stand in each other's way.
torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real():
    """The folder of real scans, which is not part of the repository; tests that need it say so and are skipped."""
    folder = REPOSITORY.parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip("the real scans are not here (looked for shared/real beside the repository)")
    return folder


@pytest.fixture(scope="session")
def sample():
    """The bundled sample corpus."""
    return REPOSITORY / "data" / "sample"
