"""The map in a real browser: made where it is missing, pages chosen by a line around them, the same after a reload."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.test_browser import browser, name, tab

__all__ = ["browser"]

pytestmark = pytest.mark.browser


def test_a_missing_map_is_made_and_pages_are_chosen_by_a_line_around_them(browser, workbench, folder):
    with tab(browser, workbench) as screen:
        page = screen("/overview.html")
        assert page.locator("canvas").count() == 0
        name(page, "Anna")
        page.get_by_role("button", name="Make the map").click()
        page.wait_for_selector("canvas[data-ready]", timeout=60_000)
        page.wait_for_selector(".pen[data-ready]", state="attached")
        assert (folder / "map.parquet").is_file()
        # Left half of the map, drawn with the hand: fewer pages than around all of it.
        page.locator("canvas").scroll_into_view_if_needed()
        page.get_by_role("button", name="Choose pages").click()
        chosen = []
        for width in (0.5, 0.98):
            box = page.locator("canvas").bounding_box()
            corners = [(0.01, 0.01), (width, 0.01), (width, 0.98), (0.01, 0.98), (0.01, 0.01)]
            x, y = box["x"] + 0.01 * box["width"], box["y"] + 0.01 * box["height"]
            page.mouse.move(x, y)
            page.mouse.down()
            for across, down in corners:
                page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=12)
            page.mouse.up()
            chosen.append(page.locator("#map .within a").all_inner_texts())
        assert 0 < len(chosen[0]) < len(chosen[1]) and set(chosen[0]) < set(chosen[1])
        with page.expect_download() as taken:
            page.get_by_role("button", name="Download them as CSV").click()
        assert Path(taken.value.path()).read_text("utf-8-sig").count("\n") == len(chosen[1]) + 1
        assert "around=" in page.url
        page.select_option("select[name=facet]", "book")
        page.reload()
        page.wait_for_selector("canvas[data-ready]")
        assert sorted(page.locator("#map .within a").all_inner_texts()) == sorted(chosen[1])
        assert page.input_value("select[name=facet]") == "book"
        # Pictures stand beside the points where few are in sight.
        page.locator("canvas").focus()
        page.keyboard.press("ArrowRight")
        with page.expect_response("**/thumb?page=*"):
            for _ in range(4):
                page.get_by_role("button", name="Larger").click()
        assert "view=" in page.url
        page.get_by_role("link", name="Collate them").click()
        page.wait_for_url("**/collation.html?**")
        page.wait_for_selector(".pen[data-ready]", state="attached")
