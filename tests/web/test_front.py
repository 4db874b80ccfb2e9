"""The front end is small, its words are complete in every language, and nothing in it is inline or from elsewhere."""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files

import pytest

from tablesim.report.site import ASSETS
from tablesim.web.front_files import FrontFiles

FRONT = files("tablesim.web") / "front"
WORDS = {name: json.loads((FRONT / "words" / f"{name}.json").read_text("utf-8")) for name in ("en", "de", "it")}
SCRIPTS = {name: gzip.decompress(data).decode() for name, data in FrontFiles.all().compressed.items()}
OWN = {name: text for name, text in SCRIPTS.items() if name.endswith(".js") and not name.startswith("vendor/")}

MOST_BYTES = 400_000


def test_the_front_end_with_the_reports_scripts_weighs_little_compressed():
    report = files("tablesim.report") / "templates"
    own = sum(map(len, FrontFiles.all().compressed.values()))
    assert own + sum(len(gzip.compress((report / name).read_bytes())) for name in ASSETS) <= MOST_BYTES


@pytest.mark.parametrize("language", ["de", "it"])
def test_every_language_says_everything_with_the_same_values(language):
    assert WORDS[language].keys() == WORDS["en"].keys()
    for key, sentence in WORDS["en"].items():
        assert sorted(re.findall(r"{\w+}", WORDS[language][key])) == sorted(re.findall(r"{\w+}", sentence)), key


def test_what_is_said_is_in_the_catalogue_and_nothing_in_it_is_unused():
    templates = "".join(path.read_text("utf-8") for path in (files("tablesim.web") / "templates").iterdir())
    used = {key for text in OWN.values() for key in re.findall(r'say\(\s*(?:[^"()]*\? )?"([\w.]+)"', text)}
    used |= {key for text in OWN.values() for key in re.findall(r': "([\w.]+)"', text) if key in WORDS["en"]}
    used |= set(re.findall(r'"([a-z]+\.\w+)"', templates)) & WORDS["en"].keys()
    used |= {f"compare.{value}" for value in re.findall(r'"(\w+)"', OWN["compare.js"])} & WORDS["en"].keys()
    used |= {f"card.{name}" for name in re.findall(r'field\("(\w+)"', OWN["card.js"])}
    assert used == WORDS["en"].keys()


@pytest.mark.parametrize("name", OWN)
def test_a_module_is_small_and_says_what_it_does(name):
    lines = OWN[name].splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 450
    assert "innerHTML" not in OWN[name]
    assert "eval(" not in OWN[name]
