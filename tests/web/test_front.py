"""The front end is small, in every language, and nothing in it is inline or from elsewhere."""

from __future__ import annotations

import gzip
from importlib.resources import files

import pytest

from tablesim.language import LANGUAGES, speaking
from tablesim.report.presentation import catalogue_script
from tablesim.report.site import ASSETS
from tablesim.web.front_files import FrontFiles

SCRIPTS = {name: gzip.decompress(data).decode() for name, data in FrontFiles.all().compressed.items()}
OWN = {name: text for name, text in SCRIPTS.items() if name.endswith(".js") and not name.startswith("vendor/")}

MOST_BYTES = 400_000


def test_the_front_end_with_the_reports_scripts_weighs_little_compressed():
    report = files("tablesim.report") / "templates"
    own = sum(map(len, FrontFiles.all().compressed.values()))
    own += sum(len(gzip.compress((report / name).read_bytes())) for name in ASSETS)
    catalogues = []
    for name in LANGUAGES:
        with speaking(name):
            catalogues.append(len(gzip.compress(catalogue_script().encode())))
    assert own + max(catalogues) <= MOST_BYTES


@pytest.mark.parametrize("name", OWN)
def test_a_module_is_small_and_says_what_it_does(name):
    lines = OWN[name].splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 450
    assert "innerHTML" not in OWN[name]
    assert "eval(" not in OWN[name]
