"""Evidence in German and Italian: every phrase in both, with the same figures, and none that Python makes left out."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from tests.web.test_browser import browser

__all__ = ["browser"]

PHRASES = {
    name: json.loads((files("tablesim.web") / "front" / "words" / f"evidence.{name}.json").read_text("utf-8"))
    for name in ("de", "it")
}


def holes(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_every_phrase_with_its_figures():
    assert PHRASES["de"].keys() == PHRASES["it"].keys()
    for phrases in PHRASES.values():
        for english, told in phrases.items():
            assert holes(english) == holes(told) and told != english, english


@pytest.mark.browser
@pytest.mark.parametrize(("language", "agree"), [("de", "Zellen überein"), ("it", "celle su")])
def test_what_two_pages_have_in_common_is_said_in_the_language_of_the_reader(browser, workbench, language, agree):
    shown = {}
    for locale in ("en", language):
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.goto(workbench)
        page.goto(workbench.split("/?token=")[0] + "/pairs/two.html?a=declination_1543&b=declination_1604")
        page.wait_for_selector(".pen[data-ready]", state="attached")
        shown[locale] = page.inner_text(".lede"), page.inner_text(".counts")
        context.close()
    for english, told in zip(shown["en"], shown[language], strict=True):
        assert re.findall(r"[\d.,]*\d", english) == re.findall(r"[\d.,]*\d", told), "the figures are the same"
        assert not re.search(r"\b(cells|cell|agree|differs?|the|chance)\b", told), told
    assert agree in shown[language][0]
