"""Every kind of damage to the files of a run is named with what to do, stops nothing else, and is mended where it can.

`benchmarks/damages.py` gives the run again after each of them alone; here those that are mended come all at once.
"""

import json
import re
from pathlib import Path

import pytest
from corpus.fakes import FakeReader
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.workflow import run
from workflow.damages import DAMAGES, HARMLESS, REMADE, RUN, SCANS, TOLD, build, copy, promised

DOCS = Path(__file__).resolve().parents[2] / "docs" / "damaged-runs.md"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damages")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def found(base):
    return pages_of(said("search", base / RUN, "k0_e0", "--json")[1])


def pages_of(answer):
    return [(hit["page"], hit["similarity"]) for hit in json.loads(answer)]


def said(*words):
    """Exit code and words of a command, which ends with a line and not with a traceback."""
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.name for damage in DAMAGES])
def test_each_kind_is_named_or_does_no_harm(damage, base, found, tmp_path):
    folder = copy(base, tmp_path / "copy")
    path = damage(folder)
    code, doctor = said("doctor", folder / RUN)
    status, searched = said("search", folder / RUN, "k0_e0", "--json")
    if damage.outcome == HARMLESS:
        assert (code, status, pages_of(searched)) == (0, 0, found), doctor
    else:
        assert code == 1
        assert path.name in doctor or f"{path.parent.name}:" in doctor
        assert re.search("restore|give the same|move the|choose|remove", doctor)


def test_what_can_be_made_again_is_made_again(base, tmp_path):
    assert len(DAMAGES) >= 40 and {damage.outcome for damage in DAMAGES} == {REMADE, TOLD, HARMLESS}
    folder = copy(base, tmp_path / "copy")
    before = promised(folder / RUN)
    done = set()
    for damage in DAMAGES:
        # One of each file, and never a folder with the file in it.
        if damage.outcome == REMADE and damage.file not in (*done, "readings", "embeddings"):
            damage(folder)
            done.add(damage.file)
    assert len(done) >= 9
    for _ in range(3):  # where one file cannot be read, others are not looked at yet
        said("doctor", folder / RUN, "--repair")
        try:
            run(base / SCANS, folder / RUN, network=FakeReader())
        except RunError:
            continue
    assert promised(folder / RUN) == before
    assert said("doctor", folder / RUN)[0] == 0


def test_decisions_that_are_gone_are_remarked_once_by_the_next_run(base, tmp_path):
    folder = copy(base, tmp_path / "copy")
    (folder / RUN / "corrections.csv").unlink()
    remarks = []
    run(base / SCANS, folder / RUN, network=FakeReader(), on_event=lambda event: remarks.append(event.message))
    (told,) = [remark for remark in remarks if "corrections.csv" in remark]
    assert "1 of 1 lines are missing that were there before; restore the file from a copy" in told
    assert json.loads((folder / RUN / "run.json").read_text())["decisions"]["corrections.csv"] == 0


def test_a_missing_table_of_pages_is_no_empty_run(base, tmp_path):
    folder = copy(base, tmp_path / "copy")
    (folder / RUN / "pages.parquet").unlink()
    with pytest.raises(RunError, match=r"pages\.parquet: this file of the run is missing; give the same"):
        len(Corpus.open(folder / RUN))


def test_the_documented_table_has_every_kind():
    words = DOCS.read_text(encoding="utf-8")
    for file in {damage.file for damage in DAMAGES}:
        assert f"`{file}`" in words, file
