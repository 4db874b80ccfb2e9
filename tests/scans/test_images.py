"""Scans of every kind open upright and grey; the others are refused in one clear line."""

import hashlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tablesim.errors import ScanError
from tablesim.scans import images
from tablesim.scans.images import load_scan, open_image, page_id
from tablesim.scans.locator import Locator
from tablesim.scans.sources import find_scans


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (40, 60), dtype=np.uint8).astype(np.uint8))


def skip_where_pillow_cannot_read_its_own(path):
    """Pillow 12.0 and older take an uncompressed TIFF in YCbCr, which they wrote, for cut off."""
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        pytest.skip(f"this Pillow does not read its own {path.name}")


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp", "jp2", "j2k"])
def test_formats(tmp_path, picture, suffix):
    path = tmp_path / f"page.{suffix}"
    picture.save(path, **({"lossless": True} if suffix == "webp" else {}))
    scan = load_scan(path)
    assert (scan.width, scan.height) == (60, 40)
    assert np.abs(scan.grey.astype(int) - np.asarray(picture).astype(int)).max() <= 2
    assert len(scan.sha256) == 64


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_colour_modes(tmp_path, mode):
    levels = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    if mode == "I;16":
        image = Image.fromarray(levels.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        image = Image.fromarray(levels).convert(mode)
    else:
        image = Image.fromarray(levels).convert("RGB").convert(mode)
    path = tmp_path / "page.tif"
    if mode in ("LA", "P"):
        path = tmp_path / "page.png"
    image.save(path)
    if mode == "YCbCr":
        skip_where_pillow_cannot_read_its_own(path)
    grey = load_scan(path).grey
    assert grey.dtype == np.uint8
    assert grey[:, :5].mean() < 30 < 225 < grey[:, -5:].mean()


@pytest.mark.parametrize("suffix", ["png", "jp2", "tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    levels = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / f"page.{suffix}")
    assert np.abs(load_scan(tmp_path / f"page.{suffix}").grey.astype(int) - levels).max() <= 1


def test_a_small_picture_of_a_large_jpeg_is_decoded_small(tmp_path):
    Image.new("RGB", (800, 400), "white").save(tmp_path / "page.jpg")
    assert open_image(tmp_path / "page.jpg", side=100).size == (200, 100)
    assert open_image(tmp_path / "page.jpg").size == (800, 400)


def test_transparency_is_paper(tmp_path):
    image = Image.new("RGBA", (30, 30), (0, 0, 0, 0))
    image.save(tmp_path / "page.png")
    assert load_scan(tmp_path / "page.png").grey.min() == 255


def test_exif_orientation_is_applied(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "page.jpg", exif=exif, quality=95)
    scan = load_scan(tmp_path / "page.jpg")
    assert (scan.width, scan.height) == (40, 60)


def write(path, data):
    path.write_bytes(data)
    return path


def huge_png():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    ihdr = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    idat = struct.pack(">I", 4) + b"IDAT" + b"abcd" + struct.pack(">I", zlib.crc32(b"IDATabcd"))
    return b"\x89PNG\r\n\x1a\n" + ihdr + idat


def test_files_that_cannot_be_scans_are_refused_by_name(tmp_path, picture):
    packed = io.BytesIO()
    picture.resize((400, 300)).save(packed, "JPEG")
    cases = {
        "empty.jpg": (b"", "the file is empty"),
        "text.jpg": (b"Lorem ipsum dolor sit amet", "not an image that can be read"),
        "short.jpg": (packed.getvalue()[:900], "damaged or cut off"),
        "huge.png": (huge_png(), "60000 x 60000 pixels|larger than"),
    }
    for name, (data, message) in cases.items():
        with pytest.raises(ScanError, match=message) as caught:
            load_scan(write(tmp_path / name, data))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_missing_files_folders_and_specks_are_refused(tmp_path, picture):
    with pytest.raises(ScanError, match="there is no such file"):
        load_scan(tmp_path / "none.jpg")
    with pytest.raises(ScanError, match="is a folder"):
        load_scan(tmp_path)
    picture.resize((5, 5)).save(tmp_path / "speck.png")
    with pytest.raises(ScanError, match="at least 16"):
        load_scan(tmp_path / "speck.png")
    picture.save(tmp_path / "page.png")
    with pytest.raises(ScanError, match="more than the limit of 1,000"):
        load_scan(tmp_path / "page.png", max_pixels=1000)


def test_page_id_is_the_stem():
    assert page_id("a/b/1594_beyer_quaestiones_1550_p101.jpg") == "1594_beyer_quaestiones_1550_p101"


def test_the_hash_of_a_scan_is_that_of_the_bytes_that_were_decoded(tmp_path, picture, monkeypatch):
    picture.save(tmp_path / "p.png")
    assert load_scan(tmp_path / "p.png").sha256 == hashlib.sha256((tmp_path / "p.png").read_bytes()).hexdigest()
    opened = images.open_image

    def replaced_meanwhile(where, max_pixels):
        image = opened(where, max_pixels)
        picture.rotate(180).save(tmp_path / "other.png")
        (tmp_path / "other.png").replace(tmp_path / "p.png")
        return image

    monkeypatch.setattr(images, "open_image", replaced_meanwhile)
    with pytest.raises(
        ScanError, match=r"p\.png: the file was replaced or written to while it was read; give the same"
    ):
        load_scan(tmp_path / "p.png")


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.pdf", "p.tif"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ScanError, match=r"is a pipe, a socket or a device; expected an image file"):
        load_scan(tmp_path / name)
    assert find_scans(tmp_path / name) == [Locator(tmp_path / name)]


def test_no_other_program_is_started_over_a_scan(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(ScanError, match=r"p\.jpg: not an image that can be read \(it begins like PostScript\)"):
        load_scan(write(tmp_path / "p.jpg", page))
    assert not (tmp_path / "started").exists()


def test_every_error_of_a_decoder_is_one_clear_line(tmp_path, picture, monkeypatch):
    picture.save(tmp_path / "p.png")
    for error in (
        struct.error("no"),
        KeyError("IHDR"),
        ZeroDivisionError("x"),
        RuntimeError("two\nlines"),
        zlib.error("z"),
    ):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
        with pytest.raises(ScanError, match=r"p\.png: the image is damaged or cut off \(.*\); fetch") as caught:
            load_scan(tmp_path / "p.png")
        assert "\n" not in str(caught.value)
