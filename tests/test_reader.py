"""The page reader: what it imports, and the fingerprint by which equal readings are known."""

import subprocess
import sys

import pytest

from tablesim.errors import WeightsError
from tablesim.reader import BUNDLED_WEIGHTS, fingerprint, load_network


def test_reading_imports_no_simulator():
    code = "import sys, tablesim.reader, tablesim.digits.evaluation.alignment; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "tablesim.digits.page" in loaded
    assert [name for name in loaded if name.startswith(("tablesim.synthesis", "tablesim.digits.training"))] == []


def test_the_fingerprint_needs_no_network(tmp_path):
    assert fingerprint() == fingerprint(BUNDLED_WEIGHTS) == load_network().fingerprint
    other = tmp_path / "other.safetensors"
    other.write_bytes(BUNDLED_WEIGHTS.read_bytes()[:1000])
    assert fingerprint(other) != fingerprint()
    with pytest.raises(WeightsError, match=r"none\.safetensors: cannot be read"):
        fingerprint(tmp_path / "none.safetensors")
