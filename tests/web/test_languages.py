"""Every screen in the language of who asks: nothing is left in English, and the figures are the same in all of them."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.language import ENGLISH, LANGUAGES, Catalogue
from tablesim.report import write_report
from tablesim.web.languages import asked_language
from tests.language.pseudo import pseudo
from tests.web.conftest import HOST
from tests.web.test_browser import PAGE
from tests.web.test_browser import browser as chromium

__all__ = ["chromium"]

THREE = "&".join(f"w=declination_{year}" for year in (1543, 1561, 1604))
SCREENS = (
    "/",
    "/pages.html",
    "/pages.html?numbers=1+2",
    "/groups.html",
    "/overview.html",
    "/history.html",
    "/clusters/1.html",
    f"/pages/{PAGE}.html#t1r2c2",
    "/pages/words.html",
    "/pages/broken.html",
    "/pairs/two.html?a=declination_1543&b=declination_1604#t1r5c3",
    f"/pairs/two.html?a={PAGE}&b=alone",
    "/doubts.html",
    f"/doubts.html?page={PAGE}",
    "/queue.html",
    "/again.html?clusters=auto",
    "/books.html",
    f"/genealogy.html?{THREE}",
    f"/collation.html?{THREE}",
)

READ = """() => {
  const texts = [], left = "script, style, code, pre, kbd";
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest(left)) texts.push(node.data);
  }
  for (const part of document.querySelectorAll("[aria-label], [title], [alt], [placeholder]")) {
    for (const name of ["aria-label", "title", "alt", "placeholder"]) texts.push(part.getAttribute(name) || "");
  }
  return texts.map((text) => text.trim()).filter(Boolean);
}"""


def words_of(corpus: Corpus) -> set[str]:
    """The words that a run is made of: ids, metadata, names of files, hashes, what run.json says."""
    shown = [name for name in PAGE_SCHEMA.names if name != "note"]
    columns = [corpus.page_table.column(name).to_pylist() for name in shown]
    return set(re.findall(r"[A-Za-z]+", f"{columns} {dict(corpus.run)} {corpus.folder.name}"))


OWN = {"tablesim", "CSV", "XLSX", "JSON", "TEI", "SVG", "GRAPHML", "SHA", "px", *LANGUAGES.values()}
"""Names that are the same in every language."""


def unsaid(texts: list[str], known: set[str]) -> list[str]:
    """The texts with a word in the letters of English that is no word of the run."""
    words = re.compile(r"(?<![\w.])[A-Za-z]{2,}(?!\w)")
    return [text for text in texts if set(words.findall(text)) - known - OWN]


@pytest.fixture(scope="module")
def invented() -> Catalogue:
    """The language that nobody speaks, made before a server starts.

    CPython 3.11 counts the depth of what it parses for all threads together, and the thread of a server that loads
    PyTorch parses too: that is waited for.
    """
    import_module("tablesim.bigrams.network")
    return pseudo("de")


@pytest.mark.browser
def test_no_screen_says_anything_that_no_catalogue_has(invented, chromium, workbench, live, monkeypatch):
    said = {"de": invented, ENGLISH: Catalogue(ENGLISH, {})}
    monkeypatch.setattr(Catalogue, "of", staticmethod(said.__getitem__))
    known = words_of(live.corpus)
    context = chromium.new_context(locale="de", viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(workbench)
    base = workbench.split("/?token=")[0]
    for screen in SCREENS:
        page.goto(base + screen)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        page.wait_for_load_state("networkidle")
        texts = page.evaluate(READ)
        assert len(texts) > 10
        assert unsaid(texts, known) == [], screen
    page.evaluate("document.querySelector('main').append('a word of English')")
    assert unsaid(page.evaluate(READ), known) == ["a word of English"], "what is left is found"
    context.close()


class Texts(HTMLParser):
    """The texts of a page as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.append(data)


def figures(page: Path) -> Counter[str]:
    """The numbers on a page, however their thousands are parted."""
    texts = Texts()
    texts.feed(page.read_text("utf-8"))
    plain = re.sub(r"(?<=\d)[,\u202f](?=\d{3}\b)", "", " ".join(texts.texts))
    return Counter(re.findall(r"\d+(?:\.\d+)?", plain))


@pytest.fixture
def reports(live: object, folder: Path, tmp_path: Path) -> dict[str, Path]:
    """The report of the run in every language."""
    corpus = Corpus.open(folder)
    return {name: write_report(corpus, tmp_path / name, language=name).parent for name in LANGUAGES}


def test_reports_in_all_languages_have_the_same_pages_with_the_same_figures(reports):
    pages = sorted(page.relative_to(reports[ENGLISH]) for page in reports[ENGLISH].rglob("*.html"))
    assert len(pages) > 15
    for name in reports:
        assert sorted(page.relative_to(reports[name]) for page in reports[name].rglob("*.html")) == pages
        for page in pages:
            text = (reports[name] / page).read_text("utf-8")
            assert f'<html lang="{name}">' in text
            assert figures(reports[name] / page) == figures(reports[ENGLISH] / page), (name, page)
            assert (f"catalogue-{name}.js" in text) == (name != ENGLISH)
    assert "dieselbe Tabelle" in (reports["de"] / "index.html").read_text("utf-8")
    assert "stessa tavola" in (reports["it"] / "index.html").read_text("utf-8")


def test_a_report_in_a_language_without_a_catalogue_is_refused(live, tmp_path):
    with pytest.raises(SettingsError, match="language: got 'fr', expected one of en, de, it"):
        write_report(live.corpus, tmp_path / "fr", language="fr")
    assert not (tmp_path / "fr").exists()


@pytest.mark.parametrize(
    ("accept", "cookie", "default", "spoken"),
    [
        ("", "", "", "en"),
        ("de-DE,de;q=0.9,en;q=0.8", "", "", "de"),
        ("fr,it;q=0.5", "", "", "it"),
        ("fr", "", "", "en"),
        ("it", "de", "", "de"),
        ("it", "fr", "", "it"),
        ("it", "", "de", "de"),
        ("it", "en", "de", "en"),
    ],
)
def test_what_was_chosen_goes_before_what_the_browser_likes(accept, cookie, default, spoken):
    headers = {"accept-language": accept, "cookie": f"tablesim-language={cookie}"}
    assert asked_language(Headers({name: value for name, value in headers.items() if value}), default) == spoken


def test_an_address_can_name_a_language_which_is_then_kept(browser):
    assert '<html lang="en">' in browser.get("/").text
    answer = browser.get("/?language=it")
    assert '<html lang="it">' in answer.text and "stessa tavola" in answer.text
    assert browser.get("/groups.html").text.count('<html lang="it">') == 1
    assert '<html lang="it">' in browser.get("/?language=xx").text


def test_what_is_kept_and_taken_away_is_the_same_in_every_language(browser, live):
    three = {"w": ["declination_1543", "declination_1561", "declination_1604"]}
    english = browser.get("/collation.csv", params=three).content
    genealogy = browser.get("/stemma.csv", params=three).content
    browser.cookies.set("tablesim-language", "de")
    assert "Zeile" in browser.get("/collation.html", params=three | {"wait": "yes"}).text
    assert browser.get("/collation.csv", params=three).content == english
    assert browser.get("/stemma.csv", params=three).content == genealogy
    before = {path: path.read_bytes() for path in live.folder.glob("*.csv")}
    answer = browser.post(
        "/api/table",
        json={"page": "words", "is_table": "yes", "who": "Anna"},
        headers={"origin": f"http://{HOST}"},
    )
    assert answer.status_code == 200
    written = {
        path.name: path.read_bytes() for path in live.folder.glob("*.csv") if before.get(path) != path.read_bytes()
    }
    assert written and not any(b"Tabelle" in text or b"Seite" in text for text in written.values())
