"""A smoke training: it learns, it resumes after a kill, and the same seed gives the same weights."""

import json
import multiprocessing
import os
import signal
import time

import pytest
import torch

from tablesim.digits.network import load_weights
from tablesim.digits.training import TrainingSettings, train
from tablesim.errors import SettingsError

TINY = TrainingSettings(steps=4, batch=2, pool=8, seed=3)


def weights(folder):
    return load_weights(folder / "digits.safetensors")[0].state_dict()


def equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_settings_name_what_is_wrong():
    with pytest.raises(SettingsError, match="unknown stepz"):
        TrainingSettings.from_dict({"stepz": 3})
    with pytest.raises(SettingsError, match="steps: got 0, expected 1 or more"):
        TrainingSettings(steps=0)


def test_the_pool_moves_with_the_steps_alone():
    settings = TrainingSettings(steps=1000, batch=8, pool=100, pages_per_step=0.5)
    assert settings.pages_at(0) == range(0, 32)
    assert settings.pages_at(100) == range(0, 82)
    assert settings.pages_at(400) == range(132, 232)


def _train_and_stall(folder):
    """Train; hang after the first checkpoint, so that the parent can kill the process."""

    def stall(progress):
        (folder / "stalled").touch()
        time.sleep(60)

    train(folder, TINY, on_progress=stall, checkpoint_every=2)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seen = []
    train(whole, TINY, on_progress=seen.append, checkpoint_every=2)
    assert [progress.step for progress in seen] == [2, 4]
    killed.mkdir()
    process = multiprocessing.get_context("spawn").Process(target=_train_and_stall, args=(killed,))
    process.start()
    deadline = time.monotonic() + 120
    while not (killed / "stalled").exists():
        assert time.monotonic() < deadline and process.is_alive()
        time.sleep(0.1)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not (killed / "digits.safetensors").exists()
    train(killed, TINY, checkpoint_every=2)
    assert equal(weights(whole), weights(killed))
    log = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 4]
    assert all(entry["digits"] > 0 for entry in log)


def test_a_folder_keeps_to_its_settings(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"steps": 4, "batch": 2, "seed": 9}))
    with pytest.raises(SettingsError, match="holds a training with other settings"):
        train(tmp_path, TINY)
