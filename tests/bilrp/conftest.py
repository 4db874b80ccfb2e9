"""Fixtures of the bilrp tests: float64 throughout, seeded generators of their own."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20)
