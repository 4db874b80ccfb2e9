"""What is written about the project is true and complete: help, README, docstrings, citation."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import tomllib
import types
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import bilrp
import tablesim
from tablesim.cli import COMMANDS, app

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PLANNED = {"demo", "run", "read", "compare", "search", "cluster", "evaluate", "report", "status", "train", "synthesize"}


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


def test_the_planned_commands_are_there():
    assert set(COMMANDS) >= PLANNED


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example_of_it(name):
    prose = before_options(help_of(name))
    last = prose.splitlines()[-1].strip()
    assert last.startswith(f"Example: tablesim {name}"), last


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_parses_as_the_command_it_shows(name):
    (example,) = examples(before_options(help_of(name)))
    module, function = COMMANDS[name][0].split(":")
    single = typer.Typer(rich_markup_mode=None)
    single.command(name=name)(getattr(importlib.import_module(module), function))
    command = typer.main.get_command(single)
    context = command.make_context(name, shlex.split(example)[2:], resilient_parsing=False)
    assert context.info_name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_says_what_it_does(name):
    module, function = COMMANDS[name][0].split(":")
    single = typer.Typer(rich_markup_mode=None)
    single.command(name=name)(getattr(importlib.import_module(module), function))
    for parameter in typer.main.get_command(single).params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_mentions_every_command(name):
    assert re.search(rf"\btablesim {name}\b|`{name}`|\bmake {name}\b", README), f"README.md says nothing of {name}"


def test_the_commands_and_targets_that_the_readme_shows_exist():
    shown = set(re.findall(r"^\s*\$?\s*(?:\.venv/bin/)?tablesim ([a-z]+)", README, flags=re.MULTILINE))
    assert shown <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"^\s*\$?\s*make ([a-z]+)", README, flags=re.MULTILINE)) <= targets


PUBLIC = [(package, name) for package in (tablesim, bilrp) for name in package.__all__]


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda value: getattr(value, "__name__", value))
def test_a_public_name_exists_and_has_a_docstring(package, name):
    value = getattr(package, name)
    if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, types.ModuleType)):
        return  # a constant says what it is where it is defined
    said = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert said and said.strip(), f"{package.__name__}.{name} has no docstring"
    assert not said.startswith(f"{name}("), f"{package.__name__}.{name} has only the docstring that dataclasses make"


def test_public_names_are_listed_once_and_a_wrong_one_is_named():
    for package in (tablesim, bilrp):
        assert len(package.__all__) == len(set(package.__all__))
    with pytest.raises(AttributeError, match="nosuch"):
        _ = tablesim.nosuch


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_the_python_of_the_readme_names_what_exists():
    for block in python_blocks(README):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                package = {"tablesim": tablesim, "bilrp": bilrp}.get(node.value.id)
                if package is not None:
                    assert hasattr(package, node.attr), f"README.md: {ast.unparse(node)}"


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
