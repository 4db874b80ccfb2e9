"""What `make fuzz` found stays mended, and a few mutations of each kind of file are read on every run of the tests."""

import random
from pathlib import Path

import pytest

from fuzz.mutations import mutated
from fuzz.targets import TARGETS, Target, wrong_with
from fuzz.targets_of_runs import OF_RUNS

INPUTS = Path(__file__).parent / "inputs"
FOUND = sorted(path for path in INPUTS.rglob("*") if path.is_file())
SLOW = ("pdf", "weights", "relevance")


@pytest.mark.parametrize("path", FOUND, ids=[str(path.relative_to(INPUTS)) for path in FOUND])
def test_a_finding_stays_mended(path, tmp_path):
    target = (TARGETS | OF_RUNS)[path.parent.name]
    _, parse = target.prepare(tmp_path)
    copy = tmp_path / f"input{target.suffix}"
    copy.write_bytes(path.read_bytes())
    assert wrong_with(parse, copy, target) == ""


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in SLOW])
def test_mutated_files_give_a_reading_or_an_error_that_says_where(name, tmp_path):
    target = TARGETS[name]
    seeds, parse = target.prepare(tmp_path)
    for seed in seeds:
        path = tmp_path / f"input{target.suffix}"
        path.write_bytes(seed)
        assert wrong_with(parse, path, target) == ""
    for number in range(25):
        path = tmp_path / f"input{number}{target.suffix}"
        path.write_bytes(mutated(random.Random(number), seeds, target.words))
        assert wrong_with(parse, path, target) == ""


def test_a_parser_that_is_not_careful_is_found(tmp_path):
    path = tmp_path / "input.txt"
    path.write_bytes(b"x")

    def careless(path: Path) -> None:
        raise KeyError("x")

    target = Target(".txt", lambda folder: ([b"x"], careless))
    assert wrong_with(careless, path, target).splitlines()[0].endswith("KeyError")
