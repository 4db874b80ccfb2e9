"""The tutorials run from beginning to end, hold no outputs, and use public names only."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import nbformat
import pytest

import bilrp
import tablesim

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
PUBLIC = {"tablesim": set(tablesim.__all__), "bilrp": set(bilrp.__all__)}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(path: Path) -> list[str]:
    """The cells with code, without lines for the notebook itself (``%matplotlib``)."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [re.sub(r"^%.*$", "", cell, flags=re.MULTILINE) for cell in cells]


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_read_and_compare",
        "02_explain_your_own_model",
        "03_cluster_a_corpus",
        "04_history_of_a_corpus",
        "05_collate_two_editions",
        "06_what_does_the_model_look_at",
        "07_train_on_your_corrections",
        "08_the_papers",
    ]


@each
def test_notebook_holds_no_outputs(path):
    for cell in nbformat.read(path, as_version=4)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@each
def test_notebook_uses_public_names_only(path):
    """Imports of a package itself, and attributes of it that stand in its ``__all__``."""
    for cell in code_of(path):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in PUBLIC or node.module in PUBLIC
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in PUBLIC:
                assert node.attr in PUBLIC[node.value.id]


@each
def test_notebook_says_what_it_takes_and_asserts_its_figure(path):
    notebook = nbformat.read(path, as_version=4)
    first = notebook["cells"][0]["source"]
    for word in ("Question", "minute", "memory", "licence"):
        assert word in first
    assert "assert " in code_of(path)[-1]


@each
def test_notebook_runs(path):
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    )
    with warnings.catch_warnings():
        # The kernel's own plumbing warns about event loops and file systems; the notebook's code runs in the kernel.
        warnings.simplefilter("ignore")
        client.execute()
    pictures = [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 2
