"""Tiles put together are the scan; nothing outside of it is cut; few scans are kept open."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from tablesim.errors import ScanError
from tablesim.web import tiles
from tablesim.web.tiles import TILE, Pyramid, ScanTiles


def scan(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def together(pyramid: Pyramid, level: int) -> np.ndarray:
    image = pyramid.levels[level]
    whole = np.zeros((image.height, image.width), dtype=np.uint8)
    for y in range(-(-image.height // TILE)):
        for x in range(-(-image.width // TILE)):
            tile = np.asarray(Image.open(io.BytesIO(pyramid.tile(level, x, y))).convert("L"))
            whole[y * TILE : y * TILE + tile.shape[0], x * TILE : x * TILE + tile.shape[1]] = tile
    return whole


@pytest.mark.parametrize(("width", "height"), [(1300, 700), (512, 512), (100, 2000), (1, 1), (513, 1)])
def test_tiles_put_together_are_the_scan_at_every_level(width, height):
    image = scan(width, height)
    pyramid = Pyramid.of(image)
    assert pyramid.levels[-1].size == (width, height)
    for level in range(len(pyramid.levels)):
        expected = np.asarray(pyramid.levels[level], dtype=float)
        # WebP loses a little; a tile at a wrong place would lose all.
        assert np.abs(together(pyramid, level).astype(float) - expected).mean() < 6
    for small, large in zip(pyramid.levels, pyramid.levels[1:], strict=False):
        assert small.size == tuple(-(-side // 2) for side in large.size), "what the viewer expects of a pyramid"


@pytest.mark.parametrize("where", [(-1, 0, 0), (9, 0, 0), (2, 3, 0), (2, 0, 2), (2, -1, 0)])
def test_there_is_nothing_outside(where):
    with pytest.raises(ScanError, match=r"expected|outside"):
        Pyramid.of(scan(1000, 700)).tile(*where)


def test_only_some_scans_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tiles, "KEPT_BYTES", 300_000)
    opened = []
    real = tiles.open_image
    monkeypatch.setattr(tiles, "open_image", lambda *a: opened.append(a[0]) or real(*a))
    keeper = ScanTiles(10_000_000)
    for name in "abc":
        scan(400, 400, ord(name)).save(tmp_path / f"{name}.png")
    for name in "aabca":
        keeper.pyramid(str(tmp_path / f"{name}.png"), name)
    assert [path[-5] for path in opened] == ["a", "b", "c", "a"], "the second time it was kept, later it had to go"


def test_a_scan_that_is_gone_is_said_to_be(browser, live):
    answer = browser.get("/tile/0/0/0", params={"page": "broken"})
    assert answer.status_code == 404
    assert "broken" in answer.json()["error"]
    page = next(iter(live.corpus))
    picture = browser.get("/tile/0/0/0", params={"page": page})
    assert picture.headers["content-type"] == "image/webp"
    assert "immutable" in picture.headers["cache-control"]


def test_a_scan_is_given_as_it_is_on_the_disk(browser, live):
    page = "sines_1543"
    answer = browser.get("/scan", params={"page": page})
    assert answer.headers["content-type"] == "image/png"
    assert hashlib.sha256(answer.content).hexdigest() == live.corpus.page(page)["sha256"]
    assert browser.get("/scan", params={"page": "broken"}).status_code == 404, "no image, whatever it is called"
    assert browser.get("/scan", params={"page": "../x"}).status_code == 404
