"""Lists every package that tablesim stands on, with version and licence as the package itself says: ``licences.md``.

Run ``python docs/list_licences.py`` where all extras are installed; ``--audit`` asks ``pip-audit`` for known holes too,
which needs the network.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).resolve().parent / "licences.md"
PROJECT = PAGE.parents[1] / "pyproject.toml"
OWN, NEEDED = "tablesim", "needed"
NOT_LISTED = ("dev", "all")
"""Extras of those who work on tablesim itself, and of all others."""

HEAD = """# What tablesim stands on, and under which licences

Made by `make licences` from what the installed packages say of themselves; versions are those of `constraints.txt`.
`needed` packages come with `pip install tablesim`, the others with the extra named. Wheels carry libraries of their
own, under the licences in their `*.dist-info`; OpenCV's carries FFmpeg under the LGPL 2.1. Known holes:
`python docs/list_licences.py --audit` asks `pip-audit`, which needs the network.

| package | version | licence | comes with |
|---|---|---|---|
"""


def licence_of(package: Distribution) -> str:
    """The licence in few words: the SPDX expression, else the classifiers, else the first line of the field."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return expression
    classified = [name.rpartition(" :: ")[2] for name in about.get_all("Classifier") or () if "License ::" in name]
    if named := [name for name in classified if name != "OSI Approved"]:
        return ", ".join(dict.fromkeys(named))
    written = (about.get("License") or "").strip().splitlines()
    return written[0][:60] if written else "not said"


def walk(requirements: Iterable[str]) -> Iterator[str]:
    """Every package that some requirements bring, by its name, each once."""
    waiting = [Requirement(line) for line in requirements]
    seen = set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), *sorted(wanted.extras))
        if key in seen or key[0] == OWN:
            continue
        seen.add(key)
        try:
            below = distribution(wanted.name).requires or []
        except PackageNotFoundError:
            continue  # of another system
        yield key[0]
        for requirement in map(Requirement, below):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": one}) for one in wanted.extras or {""}):
                waiting.append(requirement)


def page() -> str:
    """The whole page."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    comes = dict.fromkeys(walk(project["dependencies"]), NEEDED)
    for extra, requirements in project["optional-dependencies"].items():
        if extra not in NOT_LISTED:
            for name in walk(requirements):
                comes.setdefault(name, extra)
    lines = []
    for name in sorted(comes, key=lambda name: (comes[name] != NEEDED, name)):
        package = distribution(name)
        version = re.sub(r"\+.*", "", package.version)  # "+cpu" is the index that it came from
        lines.append(f"| {package.metadata['Name']} | {version} | {licence_of(package)} | {comes[name]} |\n")
    return HEAD + "".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {page().count(chr(10)) - HEAD.count(chr(10))} packages")
    if "--audit" in sys.argv[1:]:
        raise SystemExit(subprocess.run([sys.executable, "-m", "pip_audit"], check=False).returncode)


if __name__ == "__main__":
    main()
