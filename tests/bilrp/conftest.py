"""Fixtures of the bilrp tests: float64 throughout, seeded generators of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Networks drawn at random often deserve the warning; tests of it ask for it by name."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::bilrp.DoubtfulExplanationWarning"), append=False)
