"""No screen is wider than the window, from a phone to a large desk; what is pressed is large enough for a finger."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.report.conftest import HOSTILE
from tests.web.test_browser import PAGE, browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "tablet": (820, 1180), "laptop": (1280, 720), "4k": (3840, 2160)}
SEVERAL = f"w={PAGE}&w=sines_1561&w={quote(HOSTILE)}"
SCREENS = (
    "/",
    "/pages.html",
    "/groups.html",
    "/overview.html",
    "/history.html",
    "/queue.html",
    "/again.html",
    "/books.html",
    f"/genealogy.html?{SEVERAL}",
    f"/collation.html?{SEVERAL}&wait=yes",
    "/clusters/1.html",
    f"/pages/{PAGE}.html",
    f"/pairs/two.html?a={PAGE}&b=sines_1561",
    "/doubts.html",
)

WIDER = """() => {
  const inBox = (part) => {
    for (let up = part.parentElement; up; up = up.parentElement) {
      const { overflowX } = getComputedStyle(up);
      const page = up === document.documentElement || up === document.body;
      if (!page && ["auto", "scroll", "hidden", "clip"].includes(overflowX)) return true;
    }
    return false;
  };
  const wide = document.documentElement.clientWidth;
  const parts = [...document.body.querySelectorAll("*")].filter((part) => {
    const { left, right, width } = part.getBoundingClientRect();
    return width && right > wide + 1 && left < 4 * wide && !inBox(part) && !part.closest(".skip, svg");
  });
  return [document.documentElement.scrollWidth - wide, parts.slice(0, 3).map((part) => part.outerHTML.slice(0, 120))];
}"""

SMALL = """() => [...document.querySelectorAll("button, select, input")]
  .filter((part) => !["range", "checkbox", "radio"].includes(part.type))
  .map((part) => [part.getBoundingClientRect(), part])
  .filter(([{ width, height }]) => width && height && (height < 24 || width < 24))
  .map(([{ width, height }, part]) => `${Math.round(width)} x ${Math.round(height)}: ${part.outerHTML.slice(0, 80)}`)"""


def test_no_screen_is_wider_than_the_window(browser, workbench):
    context = browser.new_context(has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(workbench)
    base = workbench.split("/?token=")[0]
    problems = []
    for path in SCREENS:
        page.goto(base + path)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            over, parts = page.evaluate(WIDER)
            if over > 0:
                problems.append(f"{path}, {size}: {over} px wider: {parts}")
            if size in ("phone", "tablet"):
                problems += [f"{path}, {size}: {small}" for small in page.evaluate(SMALL)]
    context.close()
    assert problems == []
