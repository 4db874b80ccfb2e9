"""The benchmark of scale runs, and its model of tables is what it says."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "scale.py"


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("scale", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_model_draws_editions_that_are_alike_and_tables_that_are_not(scale):
    h = next(scale.draw(600))
    phi = np.sqrt(h) / np.linalg.norm(np.sqrt(h), axis=1, keepdims=True)
    cosine = phi @ phi.T
    table = np.arange(600) // scale.EDITIONS
    same = table[:, None] == table[None]
    np.fill_diagonal(cosine, -1)
    assert (same[np.arange(600), cosine.argmax(axis=1)]).mean() > 0.95
    assert cosine[same & (cosine >= 0)].mean() > 0.95 > cosine[~same].mean() + 0.1
    np.testing.assert_array_equal(next(scale.draw(100)), h[:100])


def test_exponents_are_slopes(scale):
    assert scale.exponent({10: 3.0, 100: 30.0, 1000: 300.0}) == pytest.approx(1.0)
    assert scale.exponent({10: 1.0, 1000: 10.0}) == pytest.approx(0.5)
    assert np.isnan(scale.exponent({10: 1.0}))


def test_a_drawn_run_can_be_searched_and_found_things_are_editions(scale, tmp_path):
    corpus = scale.write_run(tmp_path / "run", 1500)
    hits = corpus.search("p000000601", top=5)
    assert {hit.page for hit in hits} == {f"p{page:09d}" for page in (600, 602, 603, 604, 605)}
    assert hits[0].surprise.others == 1500 - sum(corpus.page_table.codes("book") == 0) * 2
    assert len(corpus.embedding_shards.files) == 2


@pytest.mark.parametrize("stage", ["indexing", "draw"])
def test_a_stage_gives_its_figures_as_json(stage, tmp_path):
    command = [sys.executable, str(SCRIPT), "--stage", stage, "--folder", str(tmp_path / "x"), "--sizes", "20"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    assert figures["seconds"] > 0 and figures["peak_megabytes"] > 50
