"""A smoke training: it learns, it resumes after a kill, and the same seed gives the same weights."""

import functools
import json
import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from tablesim.digits.network import load_weights
from tablesim.digits.training import train as training
from tablesim.digits.training.annotated_pages import AnnotatedCrops
from tablesim.digits.training.train import TrainingSettings, train
from tablesim.digits.training.validation import ValidationSettings
from tablesim.errors import SettingsError
from tablesim.reader import BUNDLED_WEIGHTS
from tests.digits.training.annotated import sample_pages

TINY = TrainingSettings(steps=4, batch=2, pool=8, seed=3)
FEW = ValidationSettings(practice=1, whole=1, quick=1)
NONE = replace(FEW, quick=0)


@pytest.fixture(scope="module")
def made():
    """Practice pages by their seed: every training here begins with the same ones."""
    return functools.cache(training.make_practice_page)


@pytest.fixture(autouse=True)
def _pages_are_made_once(made, monkeypatch):
    monkeypatch.setattr(training, "make_practice_page", made)


@pytest.fixture
def undrawn(monkeypatch):
    """Of a training in this block the weights alone are wanted: its report is not drawn."""

    @contextmanager
    def undrawn():
        with monkeypatch.context() as patched:
            patched.setattr(training, "write_training_report", lambda *_: None)
            yield

    return undrawn


@pytest.fixture(scope="module")
def pages(sample):
    return sample_pages(sample, ("1002_fontanus_1549_p232", "1032_fontanus_1586_p56"))


def weights(folder):
    return load_weights(folder / "digits.safetensors")[0].state_dict()


def equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_settings_name_what_is_wrong():
    with pytest.raises(SettingsError, match="unknown stepz"):
        TrainingSettings.from_dict({"stepz": 3})
    with pytest.raises(SettingsError, match="steps: got 0, expected 1 or more"):
        TrainingSettings(steps=0)
    with pytest.raises(SettingsError, match="annotated_share: got 0, expected more than 0"):
        TrainingSettings(annotated_share=0)
    with pytest.raises(SettingsError, match="whole: got 0, expected 1 or more"):
        ValidationSettings(whole=0)


def test_settings_of_earlier_trainings_are_known():
    kept = {"steps": 8500, "batch": 8, "learning_rate": 0.004, "seed": 20, "pages_per_step": 0.5, "pool": 1500}
    settings = TrainingSettings.from_dict({**kept, "averaging": 0.999})
    assert (settings.steps, settings.pages_per_step, settings.averaging) == (8500, 0.5, 0.999)
    assert (settings.start, settings.annotations) == ("", "")


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

    train(folder, TINY, on_progress=stall, checkpoint_every=2, validation=FEW)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, undrawn):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seen = []
    # The checks only look: a training without them comes to the same weights.
    with undrawn():
        train(whole, TINY, workers=0, on_progress=seen.append, checkpoint_every=2, validation=NONE)
    assert [progress.step for progress in seen] == [2, 4]
    assert seen[-1].practice is None
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
    # Where the pages are made changes nothing.
    train(killed, TINY, workers=0, checkpoint_every=2, validation=FEW)
    assert equal(weights(whole), weights(killed))
    log = [json.loads(line) for line in (killed / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 4]
    assert all(entry["digits"] > 0 for entry in log)
    assert all(set(entry["practice"]) == {"precision", "recall", "f1_digits", "f1_numbers"} for entry in log)
    _, record = load_weights(killed / "digits.safetensors")
    assert set(record) >= {"training", "calibration", "digit_calibration", "number_calibration", "whole_pages"}
    assert "held_out" not in record
    assert (killed / "report.md").is_file()


def test_torch_is_left_as_it_was(tmp_path):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()

    def interrupt(progress):
        assert torch.get_num_threads() == threads + 1
        raise Interrupted

    with pytest.raises(Interrupted):
        train(
            tmp_path, TINY, workers=0, threads=threads + 1, on_progress=interrupt, checkpoint_every=2, validation=NONE
        )
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


class Interrupted(Exception):
    pass


def test_weights_are_tuned_on_annotations_and_measured_on_other_books(tmp_path, pages, undrawn):
    settings = replace(TINY, learning_rate=1e-4, held_out=0.5)

    def go(folder, **kwargs):
        given = {"annotations": pages, "start": BUNDLED_WEIGHTS, "validation": FEW, **kwargs}
        return train(folder, settings, workers=0, checkpoint_every=2, **given)

    go(tmp_path / "whole")
    _, record = load_weights(tmp_path / "whole" / "digits.safetensors")
    held_out = record["held_out"]
    assert len(held_out["books"]) == held_out["pages"] == 1
    assert held_out["before"]["f1_digits"] > 0.9
    # Four small steps of a running average change little, but they change it.
    assert held_out["after"]["f1_digits"] == pytest.approx(held_out["before"]["f1_digits"], abs=0.05)
    assert not equal(weights(tmp_path / "whole"), load_weights(BUNDLED_WEIGHTS)[0].state_dict())
    log = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [0, 2, 4]
    assert all(entry["held_out"]["f1_digits"] > 0.8 for entry in log)
    assert "books that were held out" in (tmp_path / "whole" / "report.md").read_text(encoding="utf-8")

    def interrupt(progress):
        raise Interrupted

    with pytest.raises(Interrupted):
        go(tmp_path / "broken", on_progress=interrupt)
    with pytest.raises(SettingsError, match="holds a training with other annotated pages"):
        go(tmp_path / "broken", annotations=pages[:1])
    with pytest.raises(SettingsError, match="holds a training with other weights to start from"):
        go(tmp_path / "broken", start=None)
    with undrawn():
        go(tmp_path / "broken", validation=NONE)
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


def test_annotated_crops_are_learned(pages):
    network, _ = load_weights(BUNDLED_WEIGHTS)
    network.train()
    rng = np.random.default_rng(0)
    # Every 1 is to be a 7 from now on: only learning brings the loss down.
    crops = []
    for crop in (AnnotatedCrops(pages).draw(rng, training.CROP) for _ in range(2)):
        values = np.where(crop.true_digits.values == 1, 7, crop.true_digits.values)
        crops.append(replace(crop, true_digits=replace(crop.true_digits, values=values)))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    losses = [training._update(network, optimizer, crops, "float32")[0] for _ in range(12)]
    assert losses[-1] < 0.6 * losses[0]


def test_a_folder_keeps_to_its_settings(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"steps": 4, "batch": 2, "seed": 9}))
    with pytest.raises(SettingsError, match="holds a training with other settings"):
        train(tmp_path, TINY)


def test_annotations_of_one_book_leave_none_to_measure_on(tmp_path, pages):
    with pytest.raises(SettingsError, match="annotations of one book"):
        train(tmp_path, TINY, annotations=pages[:1])
