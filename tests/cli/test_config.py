"""Defaults of options from a file: which file, what comes first, what is refused and what is said."""

import json

import pytest
from corpus.fakes import FakeReader, write_corpus
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.workflow import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    write_corpus(folder / "scans", 2, 2, 0)
    run(folder / "scans", folder / "run", network=FakeReader())
    return folder / "run"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder where commands are given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TABLESIM_CONFIG", raising=False)
    return tmp_path


def hits(*words):
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return len(json.loads(result.stdout)), result.stderr


def search(made, *words, before=()):
    return hits(*before, "search", str(made), "k0_e0", *words)


def test_the_command_line_comes_before_the_file_and_the_file_before_the_program(here, made):
    assert search(made) == (3, "")
    (here / "tablesim.toml").write_text("[search]\ntop = 2\n[run]\nworkers = 4\n")
    n, said = search(made)
    assert (n, said) == (2, "tablesim.toml: defaults for search: --top 2\n")
    assert search(made, "--top", "1")[0] == 1


def test_a_file_that_is_named_comes_before_one_that_is_here(here, made, monkeypatch):
    for name, top in (("tablesim.toml", 3), ("variable.toml", 2), ("given.toml", 1)):
        (here / name).write_text(f"[search]\ntop = {top}\n")
    assert search(made)[0] == 3
    monkeypatch.setenv("TABLESIM_CONFIG", "variable.toml")
    assert search(made)[0] == 2
    assert search(made, before=("--config", "given.toml"))[0] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serch]\n", "no command 'serch'; did you mean search?"),
        ("[search]\ntopp = 2\n", "search: no option 'topp'; did you mean top?"),
        ("[search]\nforce = true\n", "search: --force has to be given on the command line"),
        ("search = 5\n", "search: got 5, expected options below a line [search]"),
        ("[search\n", "no TOML"),
        ("[search.top]\na = 1\n", "top: got a table, expected a value"),
        ("a = " + "[" * 5000, "no TOML"),
        ("#" * 200_000, "more than 100,000 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(here, made, text, said):
    (here / "tablesim.toml").write_text(text)
    result = CliRunner().invoke(app, ["search", str(made), "k0_e0"])
    assert result.exit_code == 1
    assert result.stderr.startswith("tablesim: tablesim.toml: ") and said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_value_of_the_wrong_kind_and_a_file_that_is_not_there(here, made):
    (here / "tablesim.toml").write_text('[search]\ntop = "many"\n')
    result = CliRunner().invoke(app, ["search", str(made), "k0_e0"])
    assert result.exit_code == 2 and "many" in result.stderr
    result = CliRunner().invoke(app, ["--config", "none.toml", "search", str(made), "k0_e0"])
    assert result.exit_code == 1 and "none.toml: cannot be read" in result.stderr


def test_the_doctor_shows_all_of_it(here, made):
    (here / "tablesim.toml").write_text("[search]\ntop = 2\n[run]\nworkers = 4\n")
    result = CliRunner().invoke(app, ["doctor", str(made)])
    assert "defaults for search: --top 2" in result.stderr and "defaults for run: --workers 4" in result.stderr
    shown = json.loads(CliRunner().invoke(app, ["doctor", str(made), "--json"]).stdout)["config"]
    assert shown == {"file": "tablesim.toml", "defaults": {"search": {"top": 2}, "run": {"workers": 4}}}
