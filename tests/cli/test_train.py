"""``tablesim train`` hands over what it was asked, and says what of the annotations is used."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import tablesim
from tablesim.cli import app
from tablesim.digits.training.train import TrainingProgress, TrainingSettings
from tablesim.digits.training.validation import ValidationSettings
from tablesim.errors import SettingsError
from tablesim.reader import BUNDLED_WEIGHTS
from tablesim.records.truth import PageTruth
from tests.digits.training.annotated import write_digits

PAGE = "1032_fontanus_1586_p56"


@pytest.fixture
def trained(monkeypatch):
    """What the command would have trained with; two checkpoints are reported."""
    seen = SimpleNamespace()

    def train(folder, settings, *, on_progress, **kwargs):
        seen.folder, seen.settings, seen.kwargs = folder, settings, kwargs
        for step in (1, 2):
            point = {"precision": 0.9, "recall": 0.8, "f1_digits": 0.85, "f1_numbers": 0.7}
            on_progress(TrainingProgress(step, 2, 1.5, 0.4, 0.2, 0.1, 9.0, practice=point))

    monkeypatch.setattr("tablesim.api.train_on_pages", train)
    return seen


def run(*words):
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_a_training_from_nothing_has_the_usual_settings(tmp_path, trained):
    result = run("--out", tmp_path / "t", "--workers", 2)

    assert result.exit_code == 0, result.output
    assert trained.settings == TrainingSettings()
    assert trained.folder == tmp_path / "t"
    assert (trained.kwargs["start"], trained.kwargs["annotations"], trained.kwargs["workers"]) == (None, [], 2)
    assert result.stdout.splitlines() == [
        f"weights: {tmp_path / 't' / 'digits.safetensors'}",
        f"report: {tmp_path / 't' / 'report.md'}",
    ]


def test_annotations_go_on_from_the_bundled_weights_in_small_steps(tmp_path, trained, sample):
    write_digits(tmp_path / "a.csv", [PageTruth.load(sample / "truth" / f"{PAGE}.json")])
    with (tmp_path / "a.csv").open("a", encoding="utf-8") as file:
        file.write('x,0,"1,2,30,40",^5$,x,5.0,,none_p1.jpg\nx,0,"1,2,30,40",five,x,5.0,,none_p1.jpg\n')
    words = ("--out", tmp_path / "t", "--annotations", tmp_path / "a.csv", "--scans", sample / "scans")
    result = run(*words, "--share", "0.25", "--held-out", "0", "--steps", "7", "--json")

    assert result.exit_code == 0, result.output
    settings = trained.settings
    assert (settings.steps, settings.learning_rate, settings.annotated_share, settings.held_out) == (7, 4e-4, 0.25, 0)
    assert trained.kwargs["start"] == BUNDLED_WEIGHTS
    assert [page.page for page in trained.kwargs["annotations"]] == [PAGE]
    assert trained.kwargs["checkpoint_every"] == 7
    assert [json.loads(line)["step"] for line in result.stdout.splitlines()] == [1, 2]
    assert "left out, the label is not ^d, d, d$ or ^d$: 1 (none_p1 five)" in result.stderr
    assert "1 pages left out, no scan of this name (none_p1)" in result.stderr
    assert "1 pages of 1 books have their scans" in result.stderr


@pytest.mark.parametrize(
    ("words", "start"), [(("--start", "none"), None), (("--start", "bundled"), BUNDLED_WEIGHTS), ((), None)]
)
def test_where_a_training_starts(tmp_path, trained, words, start):
    assert run("--out", tmp_path / "t", *words).exit_code == 0
    assert trained.kwargs["start"] == start
    assert trained.settings.steps == (TrainingSettings().steps if start is None else 1500)


def test_what_cannot_be_trained_is_one_line(tmp_path, trained):
    result = run("--out", tmp_path / "t", "--annotations", tmp_path / "none.csv", "--scans", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("tablesim: ")
    assert "none.csv: there is no such file" in result.stderr
    assert run("--out", tmp_path / "t", "--learning-rate", "0").exit_code == 1


def test_weights_that_are_none_are_named(tmp_path):
    result = run("--out", tmp_path / "t", "--start", tmp_path / "none.safetensors", "--steps", "1", "--workers", "0")
    assert result.exit_code == 1
    assert "none.safetensors: there is no such weights file" in result.stderr


def test_python_says_on_how_many_pages_a_network_is_validated(tmp_path, trained):
    tablesim.train(tmp_path / "t", on_progress=lambda progress: None, validation={"practice": 2, "quick": 0})
    assert trained.kwargs["validation"] == ValidationSettings(practice=2, quick=0)
    with pytest.raises(SettingsError, match="got hole, expected fields of ValidationSettings"):
        tablesim.train(tmp_path / "t", validation={"hole": 2})
