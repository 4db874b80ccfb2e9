"""The page of licences has every requirement in the version that is pinned."""

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| ([\w.-]+) \| ([\w.]+) \| (.+) \| (\w+) \|$", re.MULTILINE)


def test_every_requirement_stands_there_with_its_licence_and_pinned_version():
    text = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = {name.lower().replace("_", "-"): (version, licence) for name, version, licence, _ in ROW.findall(text)}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(one for extra in extras if extra not in ("dev", "all") for one in extras[extra]),
    ]
    names = {re.split(r"[\[<>=; ]", one)[0].lower() for one in wanted} - {"tablesim"}
    assert len(names) > 20 and sorted(names - set(rows)) == []
    assert [name for name in rows if rows[name][1] == "not said"] == []
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE))
    pinned = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    assert {name: rows[name][0] for name in rows if rows[name][0] != pinned.get(name, rows[name][0])} == {}
