"""TIFFs of several pages, of many bits, and of layouts that Pillow gets wrong."""

import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans import tiff
from tablesim.scans.images import load_scan
from tablesim.scans.sources import find_scans, name_pages

tifffile = pytest.importorskip("tifffile")

RAMP = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
WIDE = RAMP.astype(np.uint16) * 257


def write_pages(path, *pages, **options):
    """A TIFF of ``(image, subfiletype)``."""
    with tifffile.TiffWriter(path, **options) as writer:
        for image, kind in pages:
            photometric = "mask" if kind == 4 else "minisblack"
            writer.write(image, photometric=photometric, subfiletype=kind, metadata=None)
    return path


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_thumbnails_and_masks_are_no_pages(tmp_path, options):
    thumbnail = RAMP[::2, ::2].copy()
    path = write_pages(
        tmp_path / "b.tif", (thumbnail, 1), (RAMP, 2), (RAMP[:, ::-1].copy(), 0), (RAMP[:20] > 127, 4), **options
    )
    places = find_scans(tmp_path)
    assert list(name_pages(places)) == ["b_p0001", "b_p0002"]
    assert np.array_equal(load_scan(places[0]).grey, RAMP)
    assert np.array_equal(load_scan(f"{path}#2").grey, RAMP[:, ::-1])
    assert load_scan(places[0]).sha256 != load_scan(places[1]).sha256
    with pytest.raises(ScanError, match=r"b\.tif#3: the file has 2 pages"):
        load_scan(f"{path}#3")
    with pytest.raises(ScanError, match=r"has 2 pages; name one of them, such as .*b\.tif#1"):
        load_scan(path)


def test_a_scan_behind_its_thumbnail_is_the_page(tmp_path):
    write_pages(tmp_path / "b.tif", (RAMP[::2, ::2].copy(), 1), (RAMP, 0))
    assert [str(place) for place in find_scans(tmp_path)] == [str(tmp_path / "b.tif")]
    assert np.array_equal(load_scan(tmp_path / "b.tif").grey, RAMP)


@pytest.mark.parametrize(
    ("name", "values", "options"),
    [
        ("rgb of 16 bits", np.stack([WIDE] * 3, -1), {"photometric": "rgb"}),
        ("its planes apart", np.stack([WIDE] * 3), {"photometric": "rgb", "planarconfig": "separate"}),
        ("planes apart", np.stack([RAMP] * 3), {"photometric": "rgb", "planarconfig": "separate"}),
        ("white is 0", 65535 - WIDE, {"photometric": "miniswhite"}),
        ("white is 0 in 8 bits", 255 - RAMP, {"photometric": "miniswhite"}),
        ("12 of 16 bits", WIDE // 16, {"photometric": "minisblack"}),
        ("10 of 16 bits", WIDE // 64, {"photometric": "minisblack"}),
        ("32 bits", RAMP.astype(np.uint32) * 16843009, {"photometric": "minisblack"}),
        ("fractions", RAMP.astype(np.float32) / 255, {"photometric": "minisblack"}),
        ("floats", RAMP.astype(np.float32), {"photometric": "minisblack"}),
        ("transparency", np.stack([WIDE, WIDE * 0 + 65535], -1), {"photometric": "minisblack", "extrasamples": [2]}),
        ("cmyk of 16 bits", np.stack([0 * WIDE, 0 * WIDE, 0 * WIDE, 65535 - WIDE], -1), {"photometric": "separated"}),
        ("lab", np.stack([RAMP, RAMP * 0, RAMP * 0], -1), {"photometric": "cielab"}),
        ("tiles", np.tile(WIDE, (1, 1)), {"photometric": "minisblack", "tile": (16, 16), "compression": "zlib"}),
        ("one bit", RAMP > 127, {"photometric": "minisblack"}),
        ("one bit, white is 0", RAMP <= 127, {"photometric": "miniswhite"}),
    ],
)
def test_every_layout_has_the_grey_of_the_page(tmp_path, name, values, options):
    tifffile.imwrite(tmp_path / "p.tif", values, metadata=None, **options)
    expected = np.where(RAMP > 127, 255, 0) if values.dtype == bool else RAMP
    grey = load_scan(tmp_path / "p.tif").grey.astype(int)
    assert grey.shape == RAMP.shape
    assert np.abs(grey - expected).max() <= 2, name


def test_an_orientation_in_a_tiff_is_applied(tmp_path):
    tifffile.imwrite(tmp_path / "p.tif", RAMP, metadata=None, extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(load_scan(tmp_path / "p.tif").grey, np.rot90(RAMP, -1))


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    planes = np.stack([WIDE] * 3)
    tifffile.imwrite(tmp_path / "p.tif", planes, photometric="rgb", planarconfig="separate", metadata=None)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtraError, match=r"p\.tif: opening this kind of TIFF needs .*tablesim\[scans\]"):
        load_scan(tmp_path / "p.tif")


def directories(*nexts):
    """A TIFF of empty directories, each with the number of the next one (0 for none)."""
    places = [8 + 6 * at for at in range(len(nexts))]
    out = b"II*\0" + struct.pack("<I", 8)
    for following in nexts:
        out += struct.pack("<HI", 0, places[following - 1] if following else 0)
    return out


def test_directories_that_go_round_end(tmp_path, monkeypatch):
    (tmp_path / "b.tif").write_bytes(directories(2, 3, 1))
    assert tiff.count_pages(tmp_path / "b.tif") == 3
    monkeypatch.setattr(tiff, "MAX_IMAGES", 4)
    (tmp_path / "c.tif").write_bytes(directories(2, 3, 4, 5, 0))
    with pytest.raises(ScanError, match="more than 4 images in one TIFF; split the file"):
        tiff.count_pages(tmp_path / "c.tif")


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"PK"]), st.binary(max_size=80))
def test_bytes_are_a_tiff_or_one_error(tmp_path_factory, head, rest):
    path = tmp_path_factory.mktemp("bytes") / "p.tif"
    path.write_bytes(head + rest)
    try:
        assert tiff.count_pages(path) >= 1
    except ScanError as error:
        assert str(error).startswith(str(path))
    with pytest.raises(ScanError, match=str(path)):
        load_scan(path)
