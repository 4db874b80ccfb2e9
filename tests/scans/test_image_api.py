"""What is asked of an image service: one piece as large as it gives, or tiles that cover the image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.scans.image_api import ImageInfo


def first(info, max_pixels=100_000_000):
    return ImageInfo.of(info).in_one_piece("full", 0, max_pixels)[0][0]


@pytest.mark.parametrize(
    ("info", "request_"),
    [
        ({}, "full/full/0/default.jpg"),
        ({"@context": "http://iiif.io/api/image/3/context.json"}, "full/max/0/default.jpg"),
        ({"type": "ImageService3", "maxWidth": 1000}, "full/1000,750/0/default.jpg"),
        ({"type": "ImageService3", "maxArea": 3_000_000}, "full/2000,1500/0/default.jpg"),
        ({"profile": ["level1", {"maxWidth": 2000, "maxHeight": 1000}]}, "full/1333,/0/default.jpg"),
        ({"profile": ["level1", {"maxWidth": 2000}]}, "full/2000,/0/default.jpg"),
        ({"profile": ["level1", {"maxWidth": 2000}], "height": 8000}, "full/1000,/0/default.jpg"),
        ({"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json"}, "full/full/0/native.jpg"),
        ({"profile": "level0", "type": "ImageService3"}, "full/max/0/default.jpg"),
        (
            {"profile": "level0", "sizes": [{"width": 4000, "height": 3000}, {"width": 400, "height": 300}]},
            "full/full/0/default.jpg",
        ),
        ({"width": 40_000, "height": 30_000}, "full/11547,/0/default.jpg"),
        ({"width": None, "height": "many"}, "full/full/0/default.jpg"),
    ],
)
def test_an_image_is_asked_for_as_large_as_its_server_gives_it(info, request_):
    assert first({"width": 4000, "height": 3000, **info}) == request_


@given(
    st.integers(1, 60_000),
    st.integers(1, 60_000),
    st.none() | st.integers(1, 10_000),
    st.none() | st.integers(1, 10**8),
    st.sampled_from([2, 3]),
)
def test_no_limit_of_a_server_is_exceeded(width, height, widest, area, version):
    info = {"width": width, "height": height, "maxWidth": widest, "maxArea": area}
    info["@context"] = f"http://iiif.io/api/image/{version}/context.json"
    size = first(info, 10**7).split("/")[1]
    asked = width if size in ("full", "max") else int(size.split(",")[0])
    assert 1 <= asked <= min(width, widest or width)
    assert asked * asked * height / width <= min(10**7, area or 10**7) + 1 or asked == 1


def test_a_folder_of_files_is_asked_for_the_whole_then_for_the_largest_listed_size_in_every_spelling():
    info = {"profile": "level0", "width": 4000, "height": 3000, "sizes": [{"width": 40, "height": 30}, {"width": 4}]}
    asked = ImageInfo.of(info).in_one_piece("full", 0, 10**8)
    tail = "/0/default.jpg"
    assert asked == [(f"full/full{tail}", f"full/max{tail}"), (f"full/40,{tail}", f"full/40,30{tail}")]
    assert ImageInfo.of(info).in_one_piece("0,0,10,10", 0, 10**8) == []


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(16, 1024),
    st.integers(16, 1024),
    st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=3),
    st.sampled_from([2, 3]),
)
def test_tiles_cover_an_image_once(width, height, across, down, factors, version):
    tiles = [{"width": across, "height": down, "scaleFactors": factors}]
    context = f"http://iiif.io/api/image/{version}/context.json"
    info = {"@context": context, "width": width, "height": height, "tiles": tiles, "profile": "level0"}
    tiling = ImageInfo.of(info).tiling(10**6)
    if tiling is None:
        return
    assert tiling.width * tiling.height <= 10**6
    assert (tiling.width, tiling.height) == (-(-width // tiling.factor), -(-height // tiling.factor))
    assert sum(tile.width * tile.height for tile in tiling.tiles) == tiling.width * tiling.height
    assert len({(tile.left, tile.top) for tile in tiling.tiles}) == len(tiling.tiles)
    for tile in tiling.tiles:
        assert tile.left + tile.width <= tiling.width and tile.top + tile.height <= tiling.height
        x, y, wide, high = (int(value) for value in tile.requests[0].split("/")[0].split(","))
        assert (x, y) == (tile.left * tiling.factor, tile.top * tiling.factor)
        assert x + wide <= width and y + high <= height


def test_tiles_of_a_server_that_cuts_keep_to_its_limits():
    tiling = ImageInfo.of({"width": 1000, "height": 700, "maxWidth": 400, "profile": "level1"}).tiling(10**8)
    assert [(tile.left, tile.top, tile.width, tile.height) for tile in tiling.tiles[:3]] == [
        (0, 0, 400, 400),
        (400, 0, 400, 400),
        (800, 0, 200, 400),
    ]
    assert ImageInfo.of({"width": 1000, "height": 700, "profile": "level0"}).tiling(10**8) is None
    old = {"width": 1000, "height": 700, "tile_width": 512, "tile_height": 256, "scale_factors": [1, 2]}
    assert (
        len(ImageInfo.of({**old, "profile": "http://library.stanford.edu/compliance.html#level0"}).tiling(10**8).tiles)
        == 6
    )
