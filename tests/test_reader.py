"""The page reader: what it imports, and the fingerprint by which equal readings are known."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tablesim.errors import ScanError, SettingsError, WeightsError
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


def test_the_fingerprint_tells_the_precision_of_readings():
    half, full = load_network(bfloat16=True).fingerprint, load_network(bfloat16=False).fingerprint
    assert half.partition("/")[0] == full.partition("/")[0]
    assert (half.partition("/")[2], full.partition("/")[2]) == ("bfloat16", "float32")
    assert fingerprint(precision="bfloat16 on cuda").endswith("/bfloat16 on cuda")


SAMPLE = Path(__file__).parent.parent / "data" / "sample" / "scans"


def test_many_scans_are_read_as_each_alone_and_a_bad_one_harms_none(tmp_path):
    network = load_network()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    scans = [*sorted(SAMPLE.glob("*.jpg"))[:2], bad]
    alone = [network.read(scan) for scan in scans[:2]]
    for threads in (1, 2):
        *readings, error = network.read_many(scans, threads=threads)
        assert readings == alone
        assert isinstance(error, ScanError)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused_with_a_remedy():
    with pytest.raises(SettingsError, match=r"device: got 'cuda', which cannot be used here .*; give cpu"):
        load_network(device="cuda")


def test_bfloat16_can_be_switched_off(monkeypatch):
    assert load_network(bfloat16=True).digit_reader.bfloat16
    monkeypatch.setenv("TABLESIM_FLOAT32", "1")
    assert not load_network().digit_reader.bfloat16
