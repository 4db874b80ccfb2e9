"""The documentation site: every page is in it and has something that ran, every public name is in its reference."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

import bilrp
import tablesim
from tablesim.cli import COMMANDS

DOCS = Path(__file__).resolve().parent.parent / "docs"


def module_of(name: str):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = module_of("examples")
check_site = module_of("check_site")


@pytest.fixture(scope="module")
def site_pages():
    pytest.importorskip("mkdocs", reason="the site is built with the extra docs")
    return module_of("site_pages")


def pages_of(nav) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [
        page
        for item in nav
        for value in (item.values() if isinstance(item, dict) else [item])
        for page in pages_of(value)
    ]


NAV = pages_of(yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
MADE = {"reference/commands.md", "reference/python.md", "reference/bilrp.md"}


def test_every_page_is_in_the_navigation_once(site_pages):
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(NAV) == sorted(written | MADE | set(site_pages.COPIES))


TEXT_ALONE = {"glossary.md", "architecture.md", "scaling.md", "metadata.md", "licences.md"}
"""Pages that define or measure, with the command of each figure beside it, or are made by running the code."""


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_page_shows_something_that_is_run(page):
    name = page.relative_to(DOCS).as_posix()
    if name not in TEXT_ALONE and not name.startswith("bilrp/"):
        assert page in examples.pages(), f"{name} has no block of console or python"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_links_between_pages_lead_to_files(page, site_pages):
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if ":" not in link:
            target = (page.parent / link).resolve()
            assert target.exists() or target.relative_to(DOCS).as_posix() in MADE | set(site_pages.COPIES), link


def test_every_command_and_every_public_name_is_in_the_reference(site_pages):
    commands = site_pages.command_page()
    assert [name for name in COMMANDS if f"\n## tablesim {name}\n" not in commands] == []
    python = site_pages.python_page()
    assert [name for name in tablesim.__all__ if f".{name}\n" not in python and name != "__version__"] == []
    ours = site_pages.bilrp_page()
    named = [name for name in bilrp.__all__ if not name.startswith("__")]
    assert [name for name in named if not re.search(rf"::: bilrp\S*\.{name}\n", ours)] == []


def test_equations_become_mathml(site_pages):
    class Page:
        class file:
            src_uri = "explanation/method.md"

    text = site_pages.on_page_markdown("with $a_j$ and $$x = 1$$ for 5$", Page)
    assert text.count("<math") == 2
    assert text.endswith("5$")


def test_a_dead_link_and_a_foreign_script_are_found(tmp_path):
    (tmp_path / "index.html").write_text(
        '<a href="a.html#here">x</a><a href="a.html#gone">x</a><a href="b.html">x</a><script src="https://e.org/x.js"></script>'
    )
    (tmp_path / "a.html").write_text('<p id="here">')
    assert check_site.faults(tmp_path) == [
        "index.html: a.html#gone leads to no place of its page",
        "index.html: b.html leads nowhere",
        "index.html: loads https://e.org/x.js",
    ]


def test_what_a_page_shows_is_compared_with_what_is_printed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ tablesim --version\nsomething else\n```\n\n```python\nx = 1\n```\n")
    text = examples.run_page(page)
    assert f"$ tablesim --version\ntablesim {tablesim.__version__}\n```" in text
    assert examples.words_of(text) != examples.words_of(page.read_text())
    page.write_text("```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError):
        examples.run_page(page)
