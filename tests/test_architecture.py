"""The plan of the house, enforced: which room may import which, what an import costs, and one name for one class."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

ROOMS = (
    "version",
    "errors",
    "files",
    "language",
    "records",
    "astronomy",
    "scans",
    "synthesis",
    "digits",
    "bigrams",
    "reader",
    "corpus",
    "evidence",
    "review",
    "workflow",
    "report",
    "export",
    "web",
    "api",
    "cli",
    "__main__",
)
"""From the lowest to the highest: a room imports itself and those before it."""

MAX_LINES = 600
"""One page of thought."""
HEAVY = ("matplotlib", "pandas", "starlette", "uvicorn", "flask", "fastapi", "http.server")

_spec = importlib.util.spec_from_file_location("draw_rooms", REPOSITORY / "docs" / "draw_rooms.py")
draw_rooms = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draw_rooms)
SOURCES, imports, module_of = draw_rooms.SOURCES, draw_rooms.imports, draw_rooms.module_of


def room_of(name: str) -> str | None:
    """The room of a tablesim module; None for the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "tablesim" and len(parts) > 1 else None


def wrong_imports(source: str, module: str, *, package: bool = False) -> list[str]:
    found = []
    for line, name in imports(ast.parse(source), module, package=package):
        if module.split(".")[0] == "bilrp":
            if name.split(".")[0] == "tablesim":
                found.append(f"{module}:{line}: imports {name}; bilrp stands alone")
            continue
        here, there = room_of(module), room_of(name)
        if here is None or there is None or here not in ROOMS:
            continue
        if there not in ROOMS:
            # `from tablesim import x` names something of the package itself, which reaches into every room.
            found.append(f"{module}:{line}: imports {name}; name the module it lives in")
        elif ROOMS.index(there) > ROOMS.index(here):
            found.append(f"{module}:{line}: imports {name}; {here} stands below {there}")
    return found


def test_tablesim_uses_the_public_face_of_bilrp():
    for path in SOURCES:
        for _, name in imports(ast.parse(path.read_text(encoding="utf-8")), module_of(path), package=False):
            if module_of(path).startswith("tablesim"):
                assert not name.startswith("bilrp._"), f"{module_of(path)} imports {name}"


def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions and for types count: data lie below, what draws or writes them above."""
    assert draw_rooms.circles(draw_rooms.module_arrows()) == []


def test_a_circle_would_be_found():
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert draw_rooms.circles(arrows) == [["a", "b", "c"]]


def test_the_picture_of_the_rooms_is_that_of_the_code():
    assert draw_rooms.PICTURE.read_bytes() == draw_rooms.draw(), "run: python docs/draw_rooms.py"


def test_the_rooms_are_those_of_the_plan():
    assert len(SOURCES) > 20
    assert {room_of(module_of(path)) for path in SOURCES} - {None} <= set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_imports_only_rooms_below(path):
    source = path.read_text(encoding="utf-8")
    assert wrong_imports(source, module_of(path), package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("source", "module", "message"),
    [
        ("from tablesim.cli import app", "tablesim.digits.layout", "digits stands below cli"),
        ("def f():\n    import tablesim.corpus.store", "tablesim.bigrams.network", "bigrams stands below corpus"),
        ("from ..report import page", "tablesim.workflow.run", "workflow stands below report"),
        ("from . import reader", "tablesim", None),
        ("from tablesim import compare", "tablesim.cli.compare", "name the module it lives in"),
        ("importlib.import_module('tablesim.cli')", "tablesim.report.html", "report stands below cli"),
        ("from tablesim.records.boxes import Box", "bilrp.joint", "bilrp stands alone"),
        ("from tablesim.records.boxes import Box\nfrom . import peaks", "tablesim.digits.layout", None),
    ],
)
def test_the_check_finds_what_it_looks_for(source, module, message):
    found = wrong_imports(source, module, package=module == "tablesim")
    assert len(found) == (message is not None)
    if message is not None:
        assert message in found[0]


@pytest.mark.parametrize("package", ["tablesim", "bilrp", "tablesim.cli", "tablesim.reader"])
def test_an_import_costs_no_plotting_web_server_or_pandas(package):
    code = f"import sys, {package}; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert package in loaded
    assert [name for name in loaded if name in HEAVY or name.split(".")[0] in HEAVY] == []


def test_what_reads_no_scan_does_not_import_torch():
    """PyTorch takes a second: the command line, the workbench and every command about a run that is read do without."""
    modules = "cli, cli.view, web.app, workflow.running, report.writing, export.formats, review.review, evidence"
    code = f"import sys, tablesim, {', '.join(f'tablesim.{name}' for name in modules.split(', '))}"
    code += "; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_is_short_and_says_what_it_is(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_LINES, "split it by concept"
    assert ast.get_docstring(ast.parse(source)), "a module begins with a docstring"


SAME_NAME: dict[str, str] = {}
"""Public classes of one name, and why that is right."""


def public_classes() -> dict[str, list[str]]:
    """The modules that define each public class name, in both packages."""
    modules: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules.setdefault(node.name, []).append(module_of(path))
    return modules


def test_no_two_public_classes_have_one_name():
    shared = {name: modules for name, modules in public_classes().items() if len(modules) > 1}
    assert {name: modules for name, modules in shared.items() if name not in SAME_NAME} == {}
    assert set(SAME_NAME) <= set(shared), "an exception that is none any more"
