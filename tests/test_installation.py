"""What a stranger installs: everything is in the wheel, the bounds are those of the constraints, shells complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tablesim.errors import MissingExtraError

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONSTRAINTS = dict(
    line.lower().split("==")
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel as the container file builds it, from what that copies and nothing else, unpacked."""
    pytest.importorskip("hatchling", reason="the wheel is built by hatchling (extra dev)")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    text = (REPOSITORY / "release" / "Containerfile").read_text(encoding="utf-8")
    for names, target in re.findall(r"^COPY (?!--)(.+) /(source\S*)$", text, flags=re.MULTILINE):
        for name in names.split():
            place = folder / target
            if (REPOSITORY / name).is_dir():
                shutil.copytree(REPOSITORY / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(exist_ok=True)
                shutil.copy(REPOSITORY / name, place)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_everything_that_is_not_code_is_in_the_wheel_too(unpacked):
    for package in ("tablesim", "bilrp"):
        ours = [
            path for path in (REPOSITORY / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        ]
        assert [path for path in ours if not (unpacked / path.relative_to(REPOSITORY)).is_file()] == []
    sample = REPOSITORY / "data" / "sample"
    assert [
        path
        for path in sample.rglob("*")
        if path.is_file() and not (unpacked / "tablesim" / "data" / "sample" / path.relative_to(sample)).is_file()
    ] == []


def test_the_wheel_reads_its_own_sample_away_from_the_checkout(unpacked, tmp_path):
    code = (
        "import tablesim; from tablesim.workflow.sample import sample_folder; "
        "scan = sample_folder() / 'scans' / '1006_tectander_1576_p91.jpg'; "
        "print(sample_folder()); print(len(tablesim.load_network().read(scan).numbers))"
    )
    away = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=away, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder, numbers = done.stdout.split()
    assert Path(folder) == unpacked / "tablesim" / "data" / "sample"
    assert int(numbers) > 100


def all_requirements() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    return [Requirement(line) for line in lines if not line.startswith("tablesim")]


def test_every_requirement_has_a_lower_bound_that_the_pinned_version_keeps():
    for requirement in all_requirements():
        assert any(each.operator == ">=" for each in requirement.specifier), f"{requirement} has no lower bound"
        pinned = CONSTRAINTS[requirement.name.lower()]
        assert requirement.specifier.contains(pinned), f"{requirement}: constraints.txt has {pinned}"


CONDA_NAMES = {"torch": "pytorch", "opencv-python-headless": "py-opencv", "matplotlib": "matplotlib-base"}
"""What conda-forge calls a package where it has another name there."""


def test_the_conda_recipe_asks_for_what_the_wheel_asks_for():
    text = (REPOSITORY / "release" / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    run = text.partition("  run:\n")[2].partition("  run_constraints:\n")[0]
    asked = {Requirement(line.strip().removeprefix("- ")).name for line in run.splitlines()} - {"python"}
    ours = [Requirement(line) for line in PROJECT["dependencies"]]
    assert asked == {CONDA_NAMES.get(each.name, each.name) for each in ours}
    for each in ours:
        name = CONDA_NAMES.get(each.name, each.name)
        (line,) = [line for line in run.splitlines() if line.strip().startswith(f"- {name} ")]
        theirs = Requirement(line.strip().removeprefix("- ")).specifier
        assert str(theirs) == str(each.specifier) or name == "py-opencv"  # a build of the wheel, 4.10.0.84
    assert f'version: "{PROJECT["version"]}"' in text


def test_the_conda_recipe_bounds_what_the_extras_ask_for():
    text = (REPOSITORY / "release" / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    lines = text.partition("  run_constraints:\n")[2].partition("tests:\n")[0].splitlines()
    bounded = {str(Requirement(line.strip().removeprefix("- "))) for line in lines}
    (everything,) = (Requirement(line) for line in EXTRAS["all"])
    assert bounded == {str(Requirement(line)) for extra in everything.extras - {"notebook"} for line in EXTRAS[extra]}


def test_pythons_to_come_are_not_shut_out():
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_extra_all_has_every_extra_that_is_for_users():
    (everything,) = (Requirement(line) for line in EXTRAS["all"])
    other = {"jxl"}  # under the GPL
    assert everything.extras == set(EXTRAS) - {"all", "dev", "docs"} - other


def test_what_needs_an_extra_names_it_and_its_packages_in_one_line():
    message = str(MissingExtraError("reading PDFs", "scans"))
    assert message.startswith(
        "reading PDFs needs an optional part of tablesim; install it with: pip install 'tablesim["
    )
    assert "'tablesim[scans]'" in message
    assert "\n" not in message
    if "which is the same as" in message:  # the metadata of the installed package
        assert "pypdfium2" in message and "tifffile" in message and "openpyxl" not in message


def completed(words: str) -> list[str]:
    """What a shell offers for the last of the words."""
    environment = {
        **os.environ,
        "_TABLESIM_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    code = "from tablesim.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    return done.stdout.split()


def test_a_shell_completes_commands_and_their_options():
    assert completed("tablesim co") == ["compare", "collate", "correct"]
    assert {"--metadata", "--max-pixels"} <= set(completed("tablesim run --m"))
