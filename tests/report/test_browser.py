"""Opens the report from disk in a headless browser without a network."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tablesim.evidence.collation.collation import collate
from tablesim.evidence.figures.match_figure import upright, upright_box
from tablesim.evidence.registration import NotRegistrable
from tablesim.records.dates import YearRange
from tablesim.report import write_report
from tablesim.report.collation_page import collation_page
from tablesim.report.provenance import Provenance
from tests.browsers import PATIENCE, launched
from tests.report.conftest import SURE
from tests.report.pages import page_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with launched() as browser:
        yield browser


@contextmanager
def opened(browser, path: Path, **options) -> Iterator:
    """A page of the report in a tab; at the end it has asked for nothing but files and complained of nothing."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.failure}: {request.url}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    # What was under way when the tab went on to another page is no failure.
    assert [one for one in said if not one.startswith("net::ERR_ABORTED")] == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture
def page(browser, report: Path) -> Iterator:
    """The index."""
    with opened(browser, report) as page:
        yield page


@pytest.fixture
def pair(browser, report: Path) -> Iterator:
    """The page of two editions that differ in three places."""
    with opened(browser, page_of(report, "declination", "1604")) as page:
        yield page


def all_pictures(page) -> list[list[int]]:
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    return page.evaluate("[...document.images].map((image) => [image.naturalWidth, image.naturalHeight])")


@pytest.mark.parametrize(("name", "n"), [("index.html", 4), ("clusters/1.html", 5), ("groups.html", 2)])
def test_pictures_have_their_natural_size(browser, report, name, n):
    with opened(browser, report.parent / name) as page:
        sizes = all_pictures(page)
    assert len(sizes) >= n
    assert all(width > 100 and height > 100 for width, height in sizes)


def test_from_a_cluster_to_its_pair_and_back(page):
    page.locator(".index a").first.click()
    page.wait_for_url("**/clusters/*.html")
    page.locator(".preview .open").first.click()
    page.wait_for_url("**/pairs/*.html")
    score, total = (page.locator(name).inner_text() for name in (".score", ".sum"))
    assert float(score) == float(total) > 10
    assert "The same table" in page.locator(".lede").inner_text()
    page.locator(".kicker a").click()
    page.wait_for_url("**/index.html")
    page.locator(".index a").last.click()
    page.get_by_role("link", name="Compare the two", exact=True).first.click()
    page.wait_for_url("**/pairs/*.html")


def test_the_pictures_of_a_pair_and_its_lines_are_there(pair):
    assert all(width > 60 and height > 60 for width, height in all_pictures(pair))
    lines = pair.locator(".link:not(.loose) path:not(.catch)")
    assert lines.count() > 50
    assert lines.first.evaluate("(line) => line.getTotalLength()") > 50
    box = lines.first.bounding_box()
    assert box is not None
    assert box["width"] > 50


def test_boxes_lie_on_their_pictures(pair):
    stage = pair.locator(".stage").first
    left, right = (image.bounding_box() for image in stage.locator("img").all())
    for group in stage.locator(".link").all()[:20]:
        for rect, picture in zip(group.locator("rect").all(), (left, right), strict=True):
            box = rect.bounding_box()
            assert picture["x"] <= box["x"] <= box["x"] + box["width"] <= picture["x"] + picture["width"]
            assert picture["y"] <= box["y"] <= box["y"] + box["height"] <= picture["y"] + picture["height"]


def test_the_slider_hides_thin_lines_and_says_how_many_are_left(pair):
    figure = pair.locator(".pair")
    slider, said = figure.locator("input[type=range]"), figure.locator("output")
    visible = (
        "(pair) => [...pair.querySelectorAll('.link')].filter((line) => line.getBoundingClientRect().width).length"
    )
    every = figure.evaluate(visible)
    assert f"{every} lines" in said.inner_text()
    slider.focus()
    pair.keyboard.press("End")
    few = figure.evaluate(visible)
    assert 0 <= few < every
    assert f"{few} lines" in said.inner_text()
    pair.keyboard.press("Home")
    assert figure.evaluate(visible) == every


def test_pointing_at_a_line_and_stepping_with_arrows_name_the_figures(pair):
    figure = pair.locator(".pair")
    reads = figure.locator(".reads")
    figure.locator(".link").first.locator(".catch").dispatch_event("pointerenter")
    figure.locator(".link").last.dispatch_event("pointerenter")
    assert "of the score" in reads.inner_text()
    figure.locator(".stage").focus()
    pair.keyboard.press("Escape")
    assert reads.inner_text() == ""
    pair.keyboard.press("ArrowRight")
    first = reads.inner_text()
    pair.keyboard.press("ArrowRight")
    second = reads.inner_text()
    assert "brings" in first
    assert "brings" in second
    assert figure.locator(".link.hot").count() == 1
    pair.keyboard.press("ArrowLeft")
    assert reads.inner_text() == first


@pytest.mark.parametrize(("figure", "part"), [(".pair", ".stage"), (".over", ".sheets")])
def test_enlarging_widens_a_view(pair, figure, part):
    shown = pair.locator(figure)
    before = shown.locator(part).bounding_box()
    shown.get_by_role("button", name="2×").click()
    after = shown.locator(part).bounding_box()
    assert after["width"] > 1.5 * before["width"]
    assert after["height"] / after["width"] == pytest.approx(before["height"] / before["width"], rel=0.01)
    shown.get_by_role("button", name="1×").click()
    assert shown.locator(part).bounding_box()["width"] == pytest.approx(before["width"], rel=0.01)


# Place by place

IN_VIEW = """(spot) => {
  const [a, b] = [spot, spot.closest('.view')].map((part) => part.getBoundingClientRect());
  return a.width > 15 && a.height > 15 && a.left > b.left && a.right < b.right && a.top > b.top && a.bottom < b.bottom;
}"""
"""Whether the frame of a place is in the view of its page, and large enough."""


def differing(pair):
    return pair.locator(".grid td.differs")


def test_a_place_is_shown_on_both_scans(pair):
    assert [differing(pair).count(), pair.locator(".grid td.doubtful").count()] == [1, 1]
    differing(pair).click()
    assert "57" in differing(pair).inner_text()
    for spot in pair.locator(".spot").all():
        assert spot.evaluate(IN_VIEW)
        assert "guessed" not in spot.get_attribute("class")
    said = pair.locator(".chosen-words").inner_text()
    assert "B has 57; they differ" in said
    assert pair.evaluate("location.hash") == f"#{differing(pair).get_attribute('data-cell')}"


def test_the_frame_lies_on_the_number_of_a_lying_scan(corpus, pair):
    """The scan of 1604 lies on its side, its picture stands upright."""
    reading = corpus.reading("declination_1604")
    assert reading.transform.rotation == 90
    (number,) = [number for number in reading.numbers if (number.row, number.column) == SURE]
    turn = upright(reading.transform)
    (x, y), (width, height) = upright_box(number.box, turn).centre, turn.working_size
    differing(pair).click()
    at = pair.locator(".spot").last.evaluate(
        "(spot) => { const [a, b] = [spot, spot.parentNode].map((x) => x.getBoundingClientRect());"
        " return [(a.x + a.width / 2 - b.x) / b.width, (a.y + a.height / 2 - b.y) / b.height]; }"
    )
    assert at == pytest.approx([x / width, y / height], abs=2e-3)


def test_what_one_page_lacks_is_framed_where_it_should_stand(pair):
    missing = pair.locator(".grid td.missing")
    assert missing.count() == 1
    missing.click()
    spots = pair.locator(".spot").all()
    assert ["guessed" in spot.get_attribute("class") for spot in spots] == [False, True]
    assert "B has nothing; on one page only" in pair.locator(".chosen-words").inner_text()
    assert all(spot.evaluate(IN_VIEW) for spot in spots)


def test_an_address_with_a_place_leads_to_it(browser, report):
    path = page_of(report, "declination", "1604")
    with opened(browser, path) as page:
        name = differing(page).get_attribute("data-cell")
        page.goto(f"{path.as_uri()}#{name}")
        page.reload()
        assert page.locator("td.chosen").get_attribute("data-cell") == name
        assert "57" in page.locator(".chosen-words").inner_text()
        page.locator(".differences a").last.click()  # the browser tells of the new address later
        page.locator(f"td.chosen:not([data-cell='{name}'])").wait_for()


def test_the_places_are_walked_with_the_keyboard(pair):
    first = pair.locator(".grid td[tabindex='0']")
    assert first.count() == 1
    first.focus()
    pair.keyboard.press("ArrowRight")
    pair.keyboard.press("ArrowDown")
    assert pair.locator("td.chosen").get_attribute("data-cell") == "t1r2c2"
    assert pair.evaluate("document.activeElement.dataset.cell") == "t1r2c2"
    assert pair.locator(".grid td[tabindex='0']").count() == 1
    pair.get_by_role("button", name="next difference").click()
    assert pair.locator("td.chosen.agrees").count() == 0
    pair.get_by_label("only rows with differences").check()
    assert pair.locator(".grid tbody tr:visible").count() == 3


FRAMES = """() => new Promise((done) => {
  const wait = (n) => (n ? requestAnimationFrame(() => wait(n - 1)) : done());
  wait(3);
})"""
"""What follows from scrolling is done when these frames are."""


def centre_of(pane) -> list[float]:
    return pane.locator(".view").evaluate(
        "(view) => [(view.scrollLeft + view.clientWidth / 2) / view.scrollWidth,"
        " (view.scrollTop + view.clientHeight / 2) / view.scrollHeight]"
    )


def test_both_pages_move_and_grow_together(pair):
    one, other = pair.locator(".pane").all()
    larger = pair.get_by_role("button", name="Larger")
    for _ in range(4):
        larger.click()
    assert pair.locator(".zoom").inner_text() == "4×"
    before = centre_of(other)
    one.locator(".view").focus()
    for _ in range(6):
        pair.keyboard.press("ArrowDown")
    pair.evaluate(FRAMES)
    after = centre_of(other)
    assert after[1] > before[1] + 0.02
    pair.get_by_label("both pages move together").uncheck()
    for _ in range(6):
        pair.keyboard.press("ArrowUp")
    pair.evaluate(FRAMES)
    assert centre_of(other) == pytest.approx(after, abs=1e-3)
    one.locator(".view").focus()
    pair.keyboard.press("-")
    assert pair.locator(".zoom").inner_text() == "3×"


def test_pages_that_cannot_be_registered_say_so(browser, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tablesim.evidence.comparison.register_pages", lambda *_: NotRegistrable("for the sake of <the> test")
    )
    report = write_report(corpus, tmp_path / "apart")
    with opened(browser, page_of(report, "declination", "1604")) as page:
        assert page.locator(".over").count() == 0
        assert "could not be registered: for the sake of <the> test" in page.locator("#over").inner_text()
        assert page.get_by_label("both pages move together").is_disabled()
        differing(page).click()
        assert all(spot.is_visible() for spot in page.locator(".spot").all())
        page.locator(".grid td.missing").click()
        assert [spot.is_visible() for spot in page.locator(".spot").all()] == [True, False]


# One upon the other


def test_blinking_stops_and_goes_on(pair):
    figure = pair.locator(".over")
    figure.get_by_label("blink").check()
    upper = figure.locator(".ink.a")
    for seen in ("hidden", "visible"):
        is_seen = "seen => getComputedStyle(document.querySelector('.over .ink.a')).visibility === seen"
        pair.wait_for_function(is_seen, arg=seen)
    figure.get_by_role("button", name="stop").click()
    still = upper.evaluate("(part) => getComputedStyle(part).visibility")
    pair.wait_for_timeout(1000)
    assert upper.evaluate("(part) => getComputedStyle(part).visibility") == still
    figure.locator(".scroller").focus()
    pair.keyboard.press(" ")
    assert upper.evaluate("(part) => getComputedStyle(part).visibility") != still
    assert figure.locator(".shown").inner_text() in ("A is shown", "B is shown")
    assert figure.get_by_role("button", name="go on").is_visible()


def test_nothing_blinks_for_who_wants_no_motion(browser, report):
    with opened(browser, page_of(report, "declination", "1604"), reduced_motion="reduce") as page:
        page.get_by_label("blink").check()
        assert page.locator(".over").get_by_role("button", name="go on").is_visible()


def test_fading_and_swiping(pair):
    figure = pair.locator(".over")
    upper, slider = figure.locator(".ink.a"), figure.locator("input[type=range]")
    assert not slider.is_visible()
    figure.get_by_label("fade").check()
    slider.focus()
    pair.keyboard.press("End")
    assert upper.evaluate("(part) => getComputedStyle(part).opacity") == "0"
    figure.get_by_label("swipe").check()
    assert upper.evaluate("(part) => getComputedStyle(part).opacity") == "1"
    assert "100%" in upper.evaluate("(part) => getComputedStyle(part).clipPath")
    slider.focus()
    pair.keyboard.press("Home")
    assert upper.evaluate("(part) => getComputedStyle(part).clipPath") in ("inset(0px)", "inset(0px 0px 0px 0%)")
    figure.get_by_label("two colours").check()
    assert not slider.is_visible()
    assert upper.evaluate("(part) => getComputedStyle(part).mixBlendMode") == "multiply"


def test_the_two_inks_lie_upon_each_other(pair):
    """Where both pages have ink the picture is dark, and most of the ink of one lies upon that of the other."""
    sheets = pair.locator(".over .sheets")
    sheets.scroll_into_view_if_needed()
    pair.wait_for_function("[...document.querySelectorAll('.ink img')].every((image) => image.complete)")
    with Image.open(io.BytesIO(sheets.screenshot())) as shot:
        red, _, blue = (np.asarray(band, dtype=float) for band in shot.convert("RGB").split())
    dark = ((red < 110) & (blue < 110)).sum()
    assert dark > 500
    assert ((blue - red > 90) | (red - blue > 90)).sum() > 100


# The citation


def test_the_citation_is_copied(pair):
    pair.context.grant_permissions(["clipboard-read", "clipboard-write"])
    pair.get_by_role("button", name="Copy the citation").click()
    pair.wait_for_function("document.querySelector('#citation output').textContent")
    said = pair.locator("#citation output").inner_text()
    assert said in ("copied", "marked: copy it with the keyboard")
    if said == "copied":
        assert pair.evaluate("navigator.clipboard.readText()") == pair.locator("#cite").inner_text()


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_sticks_out_sideways(page, pair, width):
    for shown in (page, pair):
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_without_script_everything_can_be_read_all_the_same(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(page_of(report, "declination", "1604").as_uri())
    assert page.locator(".link path:not(.catch)").first.bounding_box()["width"] > 50
    assert not page.locator(".controls").first.is_visible()
    assert not page.locator(".panes").is_visible()
    assert page.locator(".grid td.differs").is_visible()
    assert page.locator(".differences img").first.is_visible()
    context.close()


def test_on_paper_there_is_what_can_be_read(pair):
    pair.emulate_media(media="print")
    assert not pair.locator(".controls").first.is_visible()
    assert not pair.locator(".panes").is_visible()
    assert pair.locator(".grid td.differs").is_visible()
    assert pair.locator(".differences img").first.is_visible()


# The lists, the page of a page, the overview


def test_the_list_of_pages_is_searched_filtered_and_sorted_and_its_address_says_so(browser, report):
    with opened(browser, report.parent / "pages.html") as page:
        page.wait_for_selector("[data-list][data-ready]")
        rows = page.locator(".rows tbody tr")
        assert rows.count() == 9
        page.get_by_role("searchbox").fill("sines koln")
        page.wait_for_selector("[data-asked='sines koln']")
        assert rows.count() == 1
        assert page.evaluate("location.hash") == "#search=sines+koln"
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("button", name="Year").click()
        page.get_by_role("button", name="Year").click()
        assert "1604" in rows.first.inner_text()
        assert page.locator("th[aria-sort=descending]").inner_text().startswith("Year")
        page.goto((report.parent / "pages.html").as_uri() + "#from=1600&to=1610")
        page.reload()
        page.wait_for_selector("[data-list][data-ready]")
        assert rows.count() == 2


def test_a_number_is_found_on_the_scan_and_on_the_table_by_its_address(browser, report):
    path = report.parent / "pages" / "declination_1543.html"
    with opened(browser, path) as page:
        assert page.locator(".over rect").count() == page.locator("td[id]").count() > 100
        page.goto(f"{path.as_uri()}#t1r3c2")
        page.reload()
        assert page.locator("td.chosen").get_attribute("id") == "t1r3c2"
        assert page.locator("rect.hot").count() == 1
        assert "row 3, column 2: " in page.locator(".reads").inner_text()
        page.locator("td.chosen").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.id") == "t1r4c2"
        page.get_by_label("what was read").check()
        assert page.locator(".figures text").count() == page.locator(".over rect").count()
        assert page.evaluate("document.querySelectorAll('[style]').length") == 0


def test_new_pages_run_under_a_strict_policy(browser, report):
    """No script and no style stands in them: a server may forbid both."""
    for name in ("pages.html", "groups.html", "overview.html", "pages/declination_1543.html"):
        html = (report.parent / name).read_text(encoding="utf-8")
        assert " style=" not in html and "<style" not in html and " onclick" not in html
        assert html.count("<script") == html.count("<script src=") + html.count('<script type="application/json"')


def test_every_page_says_what_it_may_load_and_a_script_put_into_it_does_not_run(browser, report):
    for path in report.parent.rglob("*.html"):
        assert path.read_text(encoding="utf-8").count('http-equiv="Content-Security-Policy"') == 1, path
    evil = report.parent / "evil.html"
    marks = '<script>document.title = "ran"</script><img src="none.png" onerror="document.title = 1"></main>'
    evil.write_text(report.read_text(encoding="utf-8").replace("</main>", marks), encoding="utf-8")
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(evil.as_uri())
    title = page.title()
    page.close()
    evil.unlink()
    assert title not in ("ran", "1")
    assert sum("Content Security Policy" in text for text in said) == 2


def test_a_page_of_one_file_shows_in_its_own_style(browser, corpus, tmp_path):
    readings = [corpus.reading(page) for page in ("declination_1543", "declination_1561")]
    page = tmp_path / "collation.html"
    page.write_text(collation_page(collate(*readings), Provenance.of_run(corpus, ())), encoding="utf-8")
    with opened(browser, page) as tab:
        assert tab.evaluate("document.styleSheets[0].cssRules.length") > 10


def test_differences_are_filtered_by_state_and_column(pair):
    boxes = pair.locator("#differences .browse input")
    cells = pair.locator(".differences > li, .differing tbody tr")
    assert boxes.count() > 1
    n = cells.count()
    name = boxes.last.get_attribute("id").removeprefix("f-")
    boxes.last.uncheck()
    assert pair.locator(f".differences > li.{name}:visible, .differing tr.{name}:visible").count() == 0
    left = pair.locator(".differences > li:visible, .differing tbody tr:visible").count()
    assert left < n and pair.locator("#differences .tally").text_content() == f"{left} of {n} shown."
    boxes.last.check()
    assert pair.locator(".differences > li:visible, .differing tbody tr:visible").count() == n


@pytest.mark.parametrize(("start", "end"), [(1500, 1550), (1560, 1600), (1604, 1604), (1, 1400), (1400, 2000)])
def test_the_list_and_python_have_one_rule_for_years(browser, corpus, report, start, end):
    held = [row["page"] for row in corpus.pages if YearRange.of_row(row).overlaps(start, end)]
    with opened(browser, report.parent / "pages.html") as page:
        page.goto(f"{(report.parent / 'pages.html').as_uri()}#from={start}&to={end}")
        page.reload()
        page.wait_for_selector("[data-list][data-ready]")
        assert page.locator(".rows tbody tr").count() == len(held)
