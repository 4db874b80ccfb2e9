"""The page to point at, in a real browser without a network: what it shows is what `given` returns."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bilrp import Coverage, InputError, JointRelevance
from bilrp.plotting import interactive
from tests.browsers import PATIENCE, launched

EVIL = "</script><img src=x onerror=alert(1)>"


def joint_of(*shapes: tuple[int, ...], **options: Any) -> JointRelevance:
    rng = torch.Generator().manual_seed(0)
    left, right = (torch.randn(3, *shape, generator=rng, dtype=torch.float64) for shape in shapes)
    sums = (side.flatten(1).sum(1) for side in (left, right))
    return JointRelevance(left, right, *sums, Coverage(()), Coverage(()), **options)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A tab that at the end has asked for nothing and complained of nothing."""
    context = browser.new_context(viewport={"width": 1000, "height": 700}, offline=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def signs(page: Any, side: int, rows: int, columns: int) -> np.ndarray:
    """The sign and strength that the canvas of a side shows in the middle of each tile."""
    canvas = page.locator(".side").nth(side).locator("canvas")
    encoded = canvas.evaluate("c => c.toDataURL('image/png')").split(",")[1]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"), dtype=float)
    height, width, _ = pixels.shape
    places = np.ix_(
        ((np.arange(rows) + 0.5) * height / rows).astype(int),
        ((np.arange(columns) + 0.5) * width / columns).astype(int),
    )
    red, _, blue, alpha = np.moveaxis(pixels[places], -1, 0)
    return np.where(red > blue, 1, -1) * alpha / 255


@pytest.mark.browser
def test_pointing_at_a_tile_shows_what_answers_to_it(tab: Any, tmp_path: Path) -> None:
    joint = joint_of((4, 5), (3, 4), tile=8)
    left, right = (torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1)) for size in ((32, 40), (24, 32)))
    tab.goto(interactive(joint, left, right).save(tmp_path / "pair.html").as_uri())
    marginal = joint.right_marginal().numpy()
    np.testing.assert_allclose(signs(tab, 1, 3, 4), marginal / np.abs(marginal).max() * 0.9, atol=0.02)

    def point(side: int, row: int, column: int, shape: tuple[int, int]) -> None:
        box = tab.locator(".picture").nth(side).bounding_box()
        tab.mouse.move(
            box["x"] + (column + 0.5) / shape[1] * box["width"], box["y"] + (row + 0.5) / shape[0] * box["height"]
        )

    for row, column in ((0, 0), (3, 4), (1, 2)):
        point(0, row, column, (4, 5))
        answer = joint.given((8 * column, 8 * row, 8, 8)).numpy()
        np.testing.assert_allclose(signs(tab, 1, 3, 4), answer / np.abs(answer).max() * 0.9, atol=0.02)
    assert f"carry {answer.sum():.3g}" in tab.locator("#state").inner_text()
    point(1, 2, 1, (3, 4))
    answer = joint.swapped().given((8, 16, 8, 8)).numpy()
    np.testing.assert_allclose(signs(tab, 0, 4, 5), answer / np.abs(answer).max() * 0.9, atol=0.02)
    tab.mouse.click(*tab.evaluate("() => [innerWidth - 2, 2]"))
    tab.mouse.move(1, 600)
    np.testing.assert_allclose(signs(tab, 1, 3, 4), marginal / np.abs(marginal).max() * 0.9, atol=0.02)
    assert tab.locator("img").count() == 2


@pytest.mark.browser
def test_a_click_holds_a_place_and_arrow_keys_move_it(tab: Any, tmp_path: Path) -> None:
    joint = joint_of((4, 5), (3, 4), tile=8)
    tab.goto(interactive(joint).save(tmp_path / "pair.html").as_uri())
    box = tab.locator(".picture").first.bounding_box()
    tab.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    tab.mouse.move(1, 600)
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    answer = joint.given((8, 0, 8, 8)).numpy()
    np.testing.assert_allclose(signs(tab, 1, 3, 4), answer / np.abs(answer).max() * 0.9, atol=0.02)


@pytest.mark.browser
def test_a_notebook_shows_it_in_frames_and_text_stays_text(tab: Any, tmp_path: Path) -> None:
    tokens = ("[CLS]", EVIL, "a & b"), ("x", "y")
    joint = joint_of((3,), (2,), left_tokens=tokens[0], right_tokens=tokens[1])
    notebook = tmp_path / "notebook.html"
    cells = [joint._repr_html_(), joint_of((4, 5), (3, 4))._repr_html_()]
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{''.join(cells)}", encoding="utf-8")
    tab.goto(notebook.as_uri())
    frame = tab.frame_locator("iframe").first
    words = frame.locator(".side").first.locator(".word")
    assert words.all_inner_texts() == list(tokens[0])
    words.nth(2).hover()
    table = joint.matrix().numpy()
    strongest = int(np.abs(table[2]).argmax())
    alphas = (
        frame.locator(".side")
        .nth(1)
        .locator(".word")
        .evaluate_all("spans => spans.map(s => getComputedStyle(s).backgroundColor)")
    )
    shown = [float(colour.split(",")[3].rstrip(")")) for colour in alphas]
    assert int(np.argmax(shown)) == strongest
    assert shown[strongest] == pytest.approx(0.6, abs=0.01)
    assert tab.frame_locator("iframe").nth(1).locator("canvas").count() == 2


def test_the_page_is_bounded_and_self_contained() -> None:
    joint = joint_of((60, 80), (60, 80))
    image = torch.rand(3, 60, 80, generator=torch.Generator().manual_seed(1))
    plot = interactive(joint, image, image)
    assert len(plot.page) < 1_200_000
    assert "http" not in plot.page.replace("http-equiv", "")
    assert len(joint._repr_html_()) < 400_000
    with pytest.raises(InputError, match="max_pairs is 0"):
        interactive(joint, max_pairs=0)
    with pytest.raises(InputError, match="does not fit a map"):
        interactive(joint, image[:, :30], image)
    with pytest.raises(InputError, match="needs maps"):
        interactive(joint_of((3, 4, 4), (3, 4, 4)))
    assert joint_of((3, 4, 4), (3, 4, 4))._repr_html_().startswith("<pre>JointRelevance(")
    with pytest.raises(InputError, match="join words"):
        interactive(joint_of((30,), (40,)), max_pairs=1000)
