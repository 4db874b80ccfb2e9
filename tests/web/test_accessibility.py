"""axe-core has no serious finding on any screen of the workbench, in any language, by day and by night."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.report.conftest import HOSTILE
from tests.web.test_browser import PAGE, browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

SCREENS = (
    "/",
    "/pages.html",
    "/groups.html",
    "/overview.html",
    "/clusters/1.html",
    f"/pages/{PAGE}.html#t1r2c2",
    f"/pairs/two.html?a={PAGE}&b={quote(HOSTILE)}",
    "/doubts.html",
    f"/doubts.html?page={PAGE}",
    "/queue.html",
    "/again.html",
    "/books.html",
    "/genealogy.html",
    "/history.html",
)


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core; `.ci/run` fetches it."""
    path = os.environ.get("TABLESIM_AXE")
    if not path:
        pytest.skip("TABLESIM_AXE does not say where axe.min.js of npm's axe-core lies; .ci/run fetches it")
    return Path(path).read_text("utf-8")


def findings(page: Any, axe: str) -> list[str]:
    """The serious and critical findings on a page, each with where it is."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{one['id']} at {one['nodes'][0]['target']}: {one['help']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("de", "dark")])
def test_no_screen_has_a_serious_finding(browser, workbench, axe, language, scheme):
    # axe is put into the page from here; the pages themselves let nothing in.
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, locale=language, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(workbench)
    base = workbench.split("/?token=")[0]
    for screen in SCREENS:
        page.goto(base + screen)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert not findings(page, axe), screen
    page.set_content("<img src='data:,'>")
    assert findings(page, axe), "what is wrong is found"
    context.close()
