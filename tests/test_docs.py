"""What is written about the project is true and complete: help, README, docstrings, citation."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import tomllib
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

import bilrp
import tablesim
from tablesim.cli import COMMANDS, app, function_of

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def help_of(name: str) -> str:
    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return result.output


def before_options(text: str) -> str:
    """The prose of a help page: what stands above its lists of arguments and options."""
    return re.split(r"^(?:Arguments|Options):", text, flags=re.MULTILINE)[0].rstrip()


def examples(text: str) -> list[str]:
    return [
        line.strip().removeprefix("Example: ") for line in text.splitlines() if line.strip().startswith("Example: ")
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example_of_it(name):
    prose = before_options(help_of(name))
    last = prose.splitlines()[-1].strip()
    assert last.startswith(f"Example: tablesim {name}"), last


def command_of(name: str) -> Any:
    single = typer.Typer(rich_markup_mode=None)
    single.command(name=name)(function_of(name))
    return typer.main.get_command(single)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_parses_as_the_command_it_shows(name):
    (example,) = examples(before_options(help_of(name)))
    context = command_of(name).make_context(name, shlex.split(example)[2:], resilient_parsing=False)
    assert context.info_name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_says_what_it_does(name):
    for parameter in command_of(name).params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


def test_the_readmes_table_of_commands_has_the_commands_that_exist():
    rows = re.findall(r"^\| (`tablesim .*?) \|", README, flags=re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`tablesim ([a-z]+)", row)]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_make_targets_that_the_readme_shows_exist():
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"^\s*\$?\s*make ([a-z]+)", README, flags=re.MULTILINE)) <= targets


PUBLIC = [(package, name) for package in (tablesim, bilrp) for name in package.__all__]


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda value: getattr(value, "__name__", value))
def test_a_public_name_exists_and_has_a_docstring(package, name):
    value = getattr(package, name)
    if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, types.ModuleType)):
        return  # a constant says what it is where it is defined
    text = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert text and text.strip(), f"{package.__name__}.{name} has no docstring"
    assert not text.startswith(f"{name}("), f"{package.__name__}.{name} has only the docstring that dataclasses make"
    if inspect.isroutine(value):
        missing = [each for each in inspect.signature(value).parameters if each not in ("self", "args", "kwargs")]
        if len(missing) >= 3:
            assert "Parameters\n" in text, f"{package.__name__}.{name} does not list its parameters"


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(demo, tmp_path, monkeypatch):
    """A folder in which the README's code runs: the sample corpus, and the demo as `make demo` leaves it."""
    (tmp_path / "data").symlink_to(REPOSITORY / "data", target_is_directory=True)
    shutil.copytree(demo, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_readme_runs(workplace, capsys):
    ours, of_bilrp = python_blocks(README)
    exec(compile(ours, "README.md", "exec"), {})
    assert (workplace / "pair.png").stat().st_size > 10_000
    assert "1007_morellius_1595_p47" in capsys.readouterr().out
    # What the README presupposes: a model of images, and two of them.
    torch.manual_seed(0)  # a draw whose biases hold most of the similarity would be doubtful
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Conv2d(4, 5, 3), nn.Flatten()
    model = nn.Sequential(OrderedDict(features=nn.Sequential(*layers)))  # named as in a VGG, for which the preset is
    given = {"model": model, "x": torch.rand(1, 3, 16, 16), "y": torch.rand(1, 3, 16, 16)}
    exec(compile(of_bilrp, "README.md", "exec"), given)
    assert given["tiles"].total() == pytest.approx(given["joint"].total(), rel=1e-4)


def shown_commands() -> list[tuple[str, str]]:
    """Every line of a shell block in README and docs that calls ``tablesim``, with the file that shows it."""
    found = []
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))):
        blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        calls = [re.search(r'(?:^|[ /])(tablesim [a-z](?:"[^"]*"|[^|;&"])*)', line.split(" #")[0]) for line in lines]
        found += [(path.name, call[1].strip()) for call in calls if call]
    return found


@pytest.mark.parametrize(("file", "line"), shown_commands())
def test_a_shown_command_parses(file, line):
    _, name, *words = shlex.split(line.replace("$", ""))
    assert name in COMMANDS, file
    with command_of(name).make_context(name, words, resilient_parsing=False) as context:
        assert context.info_name == name


def citation_lines() -> list[tuple[int, str, str]]:
    """Indentation, key and value of each line of CITATION.cff; a list item's dash is counted as indentation."""
    lines = []
    for number, line in enumerate((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8").splitlines(), start=1):
        assert "\t" not in line, f"CITATION.cff:{number}: a tab"
        assert line == line.rstrip(), f"CITATION.cff:{number}: blanks at the end"
        match = re.fullmatch(r"((?:  )*(?:- )?)(?:([a-z][a-z-]*): ?)?(.*)", line)
        assert match, f"CITATION.cff:{number}: not of the form 'key: value': {line!r}"
        lines.append((len(match[1]), match[2] or "", match[3]))
    return lines


def test_the_citation_has_the_keys_that_its_format_asks_for():
    lines = citation_lines()
    top = {key: value for indent, key, value in lines if indent == 0 and key}
    assert {"cff-version", "message", "title", "authors", "version", "license", "references", "type"} <= set(top)
    assert top["cff-version"] == "1.2.0"
    assert top["type"] == "software"
    assert (top["license"], top["authors"], top["references"]) == ("MIT", "", "")
    entries = [(key, value) for indent, key, value in lines if indent == 4 and key]
    for key in ("title", "journal", "year", "volume"):
        assert sum(name == key for name, _ in entries) == 2, key
    # A plain value may not hold a colon and a blank, or begin with a sign of its own.
    for _, key, value in lines:
        if key and value and value[0] not in "\"'>|":
            assert ": " not in value, f"CITATION.cff: quote the value of {key}"
            assert not re.match(r"[&*!%@`#\[\]{}]", value), f"CITATION.cff: quote the value of {key}"


def test_the_citation_agrees_with_the_package():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    top = {key: value for indent, key, value in citation_lines() if indent == 0}
    assert top["version"] == project["version"]
    assert top["license"] == project["license"]
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert "2003.05431" in text
    assert "10.1126/sciadv.adj1719" in text


def test_the_answers_of_the_architecture_page_exist():
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row for row in text.split("## Ten questions")[1].splitlines() if row.startswith("| ") and "?" in row]
    assert len(rows) == 10
    for row in rows:
        answer = row.split("|")[2]
        paths = [name for name in re.findall(r"`([\w/.]+)`", answer) if "/" in name]
        assert paths, row
        assert all((REPOSITORY / path).exists() for path in paths), row
        source = "".join(
            file.read_text(encoding="utf-8") for path in paths if (file := REPOSITORY / path).suffix == ".py"
        )
        for name in re.findall(r"`([A-Za-z_]+)`", row):
            if name not in ("bilrp", "tablesim"):
                assert re.search(rf"^(class |def |){name}\b", source, re.MULTILINE), name


def test_names_of_the_glossary_exist():
    text = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([A-Z][A-Za-z]+)`", text))
    assert names
    sources = "".join(
        path.read_text(encoding="utf-8")
        for package in ("tablesim", "bilrp")
        for path in (REPOSITORY / package).rglob("*.py")
    )
    assert [name for name in sorted(names) if not re.search(rf"^class {name}\b", sources, re.MULTILINE)] == []
