"""Public names come from one table, as does the stub for type checkers: ``python tests/test_public_names.py``."""

import importlib
import tomllib
from pathlib import Path

import pytest

import bilrp
import tablesim

REPOSITORY = Path(__file__).resolve().parent.parent
STUB = REPOSITORY / "tablesim" / "__init__.pyi"


def stub() -> str:
    """What type checkers are told: the same table as imports."""
    lines = [
        f"from {module} import {name} as {name}"
        for name, module in sorted(tablesim._PUBLIC.items(), key=lambda item: (item[1], item[0]))
    ]
    return "\n".join(
        ["# Made from the table in __init__.py by tests/test_public_names.py", *lines, "", "__all__: list[str]", ""]
    )


def test_the_stub_is_that_of_the_table():
    assert STUB.read_text(encoding="utf-8") == stub(), "make it again: python tests/test_public_names.py"


def test_names_are_listed_once_and_loaded_from_the_module_that_defines_them():
    assert set(tablesim.__all__) == set(dir(tablesim)) == set(tablesim._PUBLIC)
    assert tablesim.__all__ == sorted(set(tablesim.__all__))
    assert len(bilrp.__all__) == len(set(bilrp.__all__))
    for name, module in tablesim._PUBLIC.items():
        value = getattr(tablesim, name)
        assert value is getattr(importlib.import_module(module), name)
        assert getattr(value, "__module__", module) == module, f"{name} is defined in {value.__module__}"


@pytest.mark.parametrize(("old", "new"), tablesim._RENAMED.items())
def test_an_old_name_works_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=f"tablesim.{old} is now tablesim.{new}"):
        value = getattr(tablesim, old)
    assert value is getattr(tablesim, new)


def test_a_wrong_name_suggests_the_nearest():
    with pytest.raises(AttributeError, match="no attribute 'colate'; did you mean collate\\?"):
        _ = tablesim.colate
    with pytest.raises(AttributeError, match="'xyzzy'; it has Collation, Comparison"):
        _ = tablesim.xyzzy


def test_the_version_is_written_in_one_place():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert tablesim.__version__ == bilrp.__version__ == project["version"]


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
