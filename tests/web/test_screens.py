"""The workbench shows the pages of the report, of the run as it is now; what others wrote never becomes markup."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from tablesim.web.access import HEADERS
from tablesim.web.pages import PageList
from tablesim.web.request_values import RequestValues
from tests.report.conftest import HOSTILE

ROOT = ("", "index.html", "pages.html", "groups.html", "overview.html", "clusters/1.html", "data/pages-0.js")


@pytest.mark.parametrize("path", ROOT)
def test_every_page_of_the_report_is_answered(browser, path):
    answer = browser.get(f"/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/")
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


def test_links_and_pictures_of_every_screen_lead_somewhere(browser):
    seen, open_paths = set(), ["/index.html"]
    while open_paths:
        path = open_paths.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html") or path.startswith("/pairs/"):
            continue
        for link in re.findall(r'(?:href|src)="([^"#]+)', answer.text):
            link = (
                link.replace("&amp;", "&")
                .replace("&#39;", "'")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&#34;", '"')
            )
            if not link.startswith(("http", "data:", "file:")):
                target = str(answer.url.join(link)).removeprefix("http://127.0.0.1:8737")
                open_paths.append(target)
    assert {"/pages.html", "/groups.html", "/overview.html"} <= seen
    assert sum(path.startswith("/pages/") for path in seen) == 9
    assert any(path.startswith("/pairs/") for path in seen)
    assert sum(path.startswith("/scan?") for path in seen) >= 8


def test_the_page_is_of_the_run_as_it_is_now(browser, post):
    shown = browser.get("/api/page", params={"id": "sines_1543"}).json()
    number = shown["reading"]["numbers"][3]
    assert "corrected by people" not in browser.get("/pages/sines_1543.html").text
    box = {side: number[side] for side in ("x", "y", "width", "height")}
    post(
        "/api/correct",
        page="sines_1543",
        sha256=shown["sha256"],
        **box,
        expected=number["text"],
        correct="77",
        who="Anna",
    )
    page = browser.get("/pages/sines_1543.html").text
    assert "1 corrected by people" in page
    assert "Anna" in page


def test_a_shared_run_has_no_pen(printed, tmp_path):
    from starlette.testclient import TestClient

    from tablesim.web.access import Access
    from tablesim.web.app import make_app
    from tablesim.web.live import LiveRun

    access = Access.of(["127.0.0.1"], 1, "t", may_write=False)
    shared = TestClient(make_app(LiveRun(printed), access, tmp_path), base_url="http://127.0.0.1:1")
    shared.cookies.set("tablesim-1", "t")
    for path in ("/", "/pages/alone.html"):
        assert 'data-may="read"' in shared.get(path).text


def test_the_pen_is_there_for_those_who_may_write(browser):
    html = browser.get("/").text
    assert 'data-may="write"' in html
    for address in re.findall(r'front/[^"]+', html):
        answer = browser.get(f"/{address}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_names_that_would_be_markup_are_text(browser):
    hostile = browser.get("/api/pages", params={"q": "sines<i>"}).json()["pages"]
    assert [page["page"] for page in hostile] == [HOSTILE]
    for path in ("/", "/pages.html", "/clusters/1.html", "/clusters/2.html"):
        text = browser.get(path).text
        assert "<i>" not in text
        assert "</script><b>" not in text
    pair = browser.get("/pairs/two.html", params={"a": HOSTILE, "b": "sines_1543"})
    assert pair.status_code == 200
    assert "<i>" not in pair.text
    assert "</script><b>" not in pair.text


@pytest.mark.parametrize(
    "path",
    [
        "/assets/..%2f..%2frun.json",
        "/assets/%2e%2e/run.json",
        "/assets/pages.parquet",
        "/..%2frun.json",
        "/pages/..%2f..%2frun.json",
        "/data/../../run.json",
        "/run.json",
        "/verdicts.sqlite",
        "/pages/none.html",
        "/clusters/99.html",
        "/clusters/x.html",
        "/assets/%00.webp",
        "/tile/99/0/0?page=alone",
        "/tile/0/0/0?page=../../etc/passwd",
        "/pairs/two.html?a=alone",
        "/pairs/two.html?a=alone&b=../../etc/passwd",
    ],
)
def test_no_path_of_a_request_touches_the_disk(browser, path):
    answer = browser.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "PAR1" not in answer.text
    assert "error" in answer.json()


def test_a_shown_list_is_searched_filtered_and_sorted(browser):
    def ids(**asked):
        return [page["page"] for page in browser.get("/api/pages", params=asked).json()["pages"]]

    assert len(ids()) == 9
    assert ids(q="sines 1543") == ["sines_1543"]
    assert ids(q="SINES paris") == ["sines_1561"]
    assert ids(kind="problems") == ["broken"]
    assert {"declination_1561", "sines_1561"} == set(ids(**{"facet.place": "Paris"}))
    assert {"declination_1543", "sines_1543"} == set(ids(**{"from": 1500, "to": 1550}))
    years = [page["year"] for page in browser.get("/api/pages", params={"sort": "-year"}).json()["pages"]]
    dated = [year for year in years if year is not None]
    assert dated == sorted(dated, reverse=True)
    assert years[: len(dated)] == dated, "pages without a year come last"
    assert dict(browser.get("/api/pages").json()["facets"]["place"])["Venice"] == 2
    assert browser.get("/api/pages", params={"limit": 10**9}).status_code == 400


def test_no_answer_names_a_folder_of_this_machine(browser, live):
    folder = str(live.folder.parent)
    asked = {"a": "sines_1543", "b": "sines_1561"}
    answers = [
        browser.get("/api/run"),
        browser.get("/api/pages"),
        browser.get("/api/page", params={"id": "sines_1543"}),
        browser.get("/api/compare", params=asked),
        browser.get("/api/collation", params={"w": list(asked.values())}),
        browser.get("/api/groups"),
        browser.get("/api/questions"),
        browser.get("/"),
        browser.get("/pages/broken.html"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert folder not in answer.text
        assert "/scans/" not in answer.text, answer.url
    summary = answers[4].json()["summary"]
    assert summary
    assert answers[3].json()["similarity"] > 0.9


@pytest.mark.parametrize("address", ["/api/collation", "/collation.html", "/collation.csv"])
def test_a_file_of_the_disk_is_no_witness(browser, live, tmp_path, address):
    readable = tmp_path / "secret.csv"
    readable.write_text("1,2\n3,4\n")
    scan = live.corpus.page("sines_1543")["scan"]
    for path in (str(readable), scan, f"sines_1561+{readable}"):
        answer = browser.get(address, params={"w": ["sines_1543", path], "wait": "yes"})
        assert answer.status_code in (400, 404), path


def test_looking_changes_nothing_in_the_run(browser, folder):
    def state():
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".search" not in path.parts}

    before = state()
    for path in ("/", "/pages.html", "/pages/alone.html", "/clusters/1.html"):
        assert browser.get(path).status_code == 200
    # Two pages that nobody aligned before.
    assert browser.get("/api/compare", params={"a": "alone", "b": "sines_1543"}).status_code == 200
    assert browser.get("/api/collation", params={"w": ["alone", "declination_1543"]}).status_code == 200
    assert browser.get("/pairs/two.html", params={"a": "alone", "b": "sines_1561"}).status_code == 200
    assert state() == before


def test_a_page_is_in_the_years_that_its_date_may_be(live):
    """As in the report's list: "um 1549 (1544-1554)" is asked for by any of its years."""
    corpus = live.corpus
    dates = {"declination_1543": (1530, None, "nach 1530"), "sines_1543": (1544, 1554, "um 1549")}
    ends = [dates.get(page, (None, None, None)) for page in corpus]
    columns = zip(("year", "year_latest", "date"), zip(*ends, strict=True), ("int32", "int32", "string"), strict=True)
    with corpus.lock():
        corpus.change_pages({name: pa.array(values, kind) for name, values, kind in columns})
    pages = PageList(corpus)

    def found(first, last):
        asked = RequestValues.of_query([("from", str(first)), ("to", str(last))])
        return [pages.ids[row].as_py() for row in pages.rows(asked).tolist()]

    assert found(1553, 1600) == ["declination_1543", "sines_1543"]
    assert found(1555, 1600) == ["declination_1543"] and found(1500, 1529) == []
