"""Every manifest of `shapes`: each page at full size, or smaller and said, or with the reason why it is not there."""

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from scans.library import status
from scans.services import HEIGHT, WIDTH, Service, page
from scans.shapes import SHAPES, canvas_2, image_2, manifest_2, put
from tablesim.scans.canvases import CANVAS_PART, SMALLER, fetch_pages
from tablesim.scans.images import load_scan, size_of
from tablesim.scans.sources import find_pages
from tablesim.scans.web import FetchPolicy, Web

NEAR = 4.0
"""Grey levels by which a page differs from its picture on average: JPEG takes one or two, another page is 60 away."""

WHOLE = {(WIDTH, HEIGHT), (HEIGHT, WIDTH), (WIDTH // 2, HEIGHT)}


@pytest.fixture
def patient(library, tmp_path):
    return Web(tmp_path / "cache", policy=FetchPolicy(timeout=60, attempts=2), sleep=lambda seconds: None)


def test_there_are_sixty_and_more():
    assert len(SHAPES) >= 60


@pytest.mark.parametrize("name", SHAPES)
def test_each_page_comes_whole_or_says_why_not(library, patient, name):
    address, expected = SHAPES[name](library, "book")
    pages = fetch_pages([address], patient)
    assert len(pages) == len(expected)
    for found, wanted in zip(pages, expected, strict=True):
        if isinstance(wanted, str):
            assert re.search(wanted, found.problem), found.problem
            continue
        assert not found.problem
        scan = load_scan(found.locator)
        assert (scan.width, scan.height) == wanted.size
        assert np.abs(scan.grey - np.asarray(wanted, np.float32)).mean() < NEAR
        assert (SMALLER in found.metadata.extra) == (wanted.size not in WHOLE)
    # Everything is kept: the second time nothing of it is asked for.
    asked = {path for path in library.asked if path.endswith(".jpg")}
    library.asked.clear()
    again = fetch_pages([address], Web(patient.cache, offline=True))
    assert [found.locator for found in again if not found.problem] == [f.locator for f in pages if not f.problem]
    assert not asked & set(library.asked)


def test_all_of_them_are_one_job(library, patient):
    addresses, expected = zip(*(shape(library, f"b{at}") for at, shape in enumerate(SHAPES.values())), strict=True)
    pages = find_pages(addresses, patient)
    wanted = [page for pages_of in expected for page in pages_of]
    # The host that refuses images refuses one alone, so that the others still come.
    assert len(pages.scans) == len(wanted)
    assert len(pages.missing) == sum(isinstance(page, str) for page in wanted)


def test_halves_of_one_image_do_not_take_each_others_tiles_away(library, patient):
    halves = SHAPES["halves by percent, level 0"]
    addresses = [halves(library, f"book{at}")[0] for at in range(12)]
    assert not find_pages(addresses, patient).missing


def problems(addresses, cache):
    """What a job of its own could not fetch."""
    web = Web(cache, policy=FetchPolicy(timeout=60, attempts=1), sleep=lambda seconds: None)
    return [page.problem for page in fetch_pages(addresses, web) if page.problem]


def test_two_jobs_on_one_cache_do_not_take_each_others_tiles_away(library, tmp_path):
    halves = SHAPES["halves by percent, level 0"]
    addresses = [halves(library, f"book{at}")[0] for at in range(8)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        jobs = [pool.submit(problems, addresses, tmp_path / "cache") for _ in range(2)]
        assert [job.result(180) for job in jobs] == [[], []]
    asked = [count for path, count in library.asked.items() if "/128,0,128,128/" in path]
    # No half is put together twice; a tile in the middle is in both.
    assert asked and max(asked) <= 2
    assert not list((tmp_path / "cache").rglob("tile.jpg"))


def test_where_an_image_covers_a_part_of_its_canvas_it_is_kept(library, patient):
    address, _ = SHAPES["several images on a canvas"](library, "book")
    parts = [found.metadata.extra.get(CANVAS_PART) for found in fetch_pages([address], patient)]
    assert parts == ["0,0,150,420", None]


def test_tiles_that_were_fetched_before_a_job_was_stopped_are_not_fetched_again(library, patient):
    base = library.service("s", Service(page(1), level=0, whole=False, tile=128))
    address = put(library, "b", manifest_2([canvas_2(image_2(base))]))
    missing = [f"/service/s/256,384,44,36/{size}/0/default.jpg" for size in ("44,", "44,36")]
    for path in missing:
        library.put(path, status(404))
    assert "HTTP 404" in fetch_pages([address], patient)[0].problem
    for path in missing:
        del library.answers[path]
    library.asked.clear()
    assert not fetch_pages([address], Web(patient.cache))[0].problem
    assert [path for path in library.asked if "/0,0,128,128/" in path] == []
    assert not list(patient.cache.rglob("tile.jpg"))


def test_a_picture_of_many_tiles_is_asked_for_at_a_smaller_scale(library, patient, monkeypatch):
    monkeypatch.setattr("tablesim.scans.image_api.MAX_TILES", 8)
    base = library.service("s", Service(page(2), level=0, whole=False, tile=100, factors=[1, 2]))
    found = fetch_pages([put(library, "b", manifest_2([canvas_2(image_2(base))]))], patient)[0]
    assert found.metadata.extra[SMALLER] == "150 x 210 of 300 x 420 pixels"
    assert size_of(found.locator.file) == (150, 210)
