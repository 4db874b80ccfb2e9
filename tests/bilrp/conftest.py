"""What the bilrp tests share: random numbers that are the same each time, in whatever order tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

torch.manual_seed(0)  # PyTorch begins with another seed in each process: what tests draw when they are collected


@pytest.fixture(autouse=True)
def _same_draws() -> Iterator[None]:
    """What a test draws without a seed depends neither on the process nor on the tests before it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Networks drawn at random often deserve the warning; tests of it ask for it by name."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::bilrp.DoubtfulExplanationWarning"), append=False)
