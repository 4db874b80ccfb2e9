"""Every image format that people have: the same grey page out of each, or words of what is wrong."""

import shutil
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from scans.test_images import skip_where_pillow_cannot_read_its_own
from tablesim.errors import MissingExtraError, ScanError
from tablesim.scans.formats import FORMATS
from tablesim.scans.images import load_scan
from tablesim.scans.locator import IMAGE_SUFFIXES, looks_like
from tablesim.scans.sources import list_scans, name_pages

GREY = np.asarray(Image.fromarray(np.arange(0, 252, 3, dtype=np.uint8).reshape(12, 7)).resize((70, 120), 0))

LOSSLESS = "bmp dib gif jp2 pbm pcx pgm png pnm ppm tga tif tiff webp apng".split()
LOSSY = "jpg jpeg jpe jfif mpo avif".split()
EXTRAS = {"heic": "pillow_heif", "heif": "pillow_heif", "jxl": "pillow_jxl"}


def save(path, grey=GREY, **more):
    picture = Image.fromarray(grey)
    suffix = path.suffix[1:]
    if suffix == "pbm":
        picture = picture.convert("1", dither=Image.Dither.NONE)
    elif suffix in ("avif", "heic", "heif", "mpo", "ppm", "webp", "jxl"):
        picture = picture.convert("RGB")
    more |= {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix in LOSSY else {}
    named = {"apng": "PNG", "jfif": "JPEG", "jpe": "JPEG", "dib": "DIB", "jp2": "JPEG2000"}.get(suffix)
    picture.save(path, named, **more)
    return path


@pytest.mark.parametrize("suffix", [*LOSSLESS, *LOSSY])
def test_a_page_is_the_same_in_every_format(tmp_path, suffix):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    path = save(tmp_path / f"p.{suffix}")
    wanted = np.where(GREY > 127, 255, 0) if suffix == "pbm" else GREY
    apart = np.abs(load_scan(path).grey.astype(int) - wanted)
    assert apart.max() <= (40 if suffix in LOSSY else 0) and apart.mean() < 3
    # Found in a folder, and known for what it is whatever its ending.
    assert path.suffix in IMAGE_SUFFIXES
    assert [scan.file for scan in list_scans(tmp_path).scans] == [path]
    if suffix not in ("tga", "pcx", "dib"):
        shutil.copy(path, tmp_path / "other.jpg")
        assert load_scan(tmp_path / "other.jpg").width == 70


@pytest.mark.parametrize("suffix", EXTRAS)
def test_formats_of_phones_need_an_extra_and_name_it(tmp_path, monkeypatch, suffix):
    heads = {"jxl": b"\0\0\0\x0cJXL \r\n\x87\n"}
    path = tmp_path / f"p.{suffix}"
    path.write_bytes(heads.get(suffix, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"))
    monkeypatch.setitem(sys.modules, EXTRAS[suffix], None)
    with pytest.raises(MissingExtraError, match=rf"p\.{suffix}: opening a .* image needs .*tablesim\[(heif|jxl)\]"):
        load_scan(path)
    assert [scan.file for scan in list_scans(tmp_path).scans] == [path]


@pytest.mark.parametrize("suffix", EXTRAS)
def test_formats_of_phones_with_their_extra(tmp_path, suffix):
    plugin = pytest.importorskip(EXTRAS[suffix])
    if suffix != "jxl":
        plugin.register_heif_opener()
    path = save(tmp_path / f"p.{suffix}", quality=95)
    for name in (path, path.rename(tmp_path / "phone.jpg")):
        if name.exists():
            assert np.abs(load_scan(name).grey.astype(int) - GREY).mean() < 3
    (tmp_path / f"cut.{suffix}").write_bytes((tmp_path / "phone.jpg").read_bytes()[:200])
    with pytest.raises(ScanError, match=r"damaged or cut off|not an image"):
        load_scan(tmp_path / f"cut.{suffix}")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_an_animation_is_as_many_pages_as_it_has_pictures(tmp_path, suffix):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    pages = [np.full((120, 70), value, np.uint8) for value in (250, 130, 10)]
    path = save(tmp_path / f"a.{suffix}", pages[0], save_all=True, append_images=[*map(Image.fromarray, pages[1:])])
    save(tmp_path / f"b.{suffix}")
    scans = list_scans(tmp_path).scans
    assert list(name_pages(scans)) == ["a_p0001", "a_p0002", "a_p0003", "b"]
    assert [round(float(load_scan(scan).grey.mean()), -1) for scan in scans[:3]] == [250, 130, 10]
    assert len({load_scan(scan).sha256 for scan in scans}) == 4
    with pytest.raises(ScanError, match=rf"a\.{suffix}: the file has 3 pages; name one of them, such as .*#1"):
        load_scan(path)
    with pytest.raises(ScanError, match=rf"a\.{suffix}#4: the file has 3 pages"):
        load_scan(f"{path}#4")


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I;16B", "I", "F", "LAB", "YCbCr"]
)
def test_a_page_is_the_same_in_every_mode(tmp_path, suffix, mode):
    grey = Image.fromarray(GREY)
    if mode.startswith("I;16"):
        made = Image.fromarray((GREY.astype(np.uint16) * 257).astype(">u2" if mode == "I;16B" else "<u2"))
    elif mode == "I":
        made = Image.fromarray(GREY.astype(np.int32) * 257)
    elif mode == "F":
        made = Image.fromarray(GREY.astype(np.float32) / 255)
    elif mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        made = ImageCms.applyTransform(grey.convert("RGB"), to_lab)
    elif mode in ("RGBA", "LA"):
        made = grey.convert(mode)
        made.putalpha(
            Image.fromarray(np.where(np.arange(70) < 35, 255, 0).astype(np.uint8) * np.ones((120, 1), np.uint8))
        )
    else:
        made = grey.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr") else grey.convert(mode)
    try:
        made.save(tmp_path / f"p.{suffix}")
    except (OSError, KeyError):
        pytest.skip(f"{suffix} has no {mode}")
    if mode == "YCbCr" and suffix == "tif":
        skip_where_pillow_cannot_read_its_own(tmp_path / "p.tif")
    read = load_scan(tmp_path / f"p.{suffix}").grey.astype(int)
    if mode == "1":
        assert set(np.unique(read)) == {0, 255}
    elif mode in ("RGBA", "LA"):
        assert np.abs(read[:, :35] - GREY[:, :35]).max() <= 1 and (read[:, 35:] == 255).all()
    else:
        assert np.abs(read - GREY).mean() < (12 if mode == "LAB" else 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_orientation_is_kept_to_in_every_format(tmp_path, suffix, orientation):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    turned = {
        1: GREY,
        2: GREY[:, ::-1],
        3: np.rot90(GREY, 2),
        4: GREY[::-1],
        5: GREY.T,
        6: np.rot90(GREY, 1),
        7: np.rot90(GREY, 2).T,
        8: np.rot90(GREY, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).convert("RGB").save(tmp_path / f"p.{suffix}", exif=exif, quality=95)
    assert np.abs(load_scan(tmp_path / f"p.{suffix}").grey.astype(int) - GREY).mean() < 4


def test_nothing_is_opened_that_starts_a_program(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *args, **kwargs: pytest.fail("a program was started"))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"
    for suffix in sorted(IMAGE_SUFFIXES):
        (tmp_path / f"e{suffix}").write_bytes(eps)
        with pytest.raises(ScanError, match=r"begins like PostScript.*save it as PDF|not a TIFF|damaged"):
            load_scan(tmp_path / f"e{suffix}")
    assert not set(FORMATS) & {"EPS", "WMF", "MPEG", "GRIB", "HDF5", "BUFR", "FLI"}


def test_avif_is_known_by_its_family_and_its_kind(tmp_path):
    for name, head in (("a", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1"), ("b", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif")):
        (tmp_path / name).write_bytes(head)
        assert looks_like(tmp_path / name) == "an AVIF image"
    (tmp_path / "c").write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
    assert looks_like(tmp_path / "c") == "a HEIC image"


def test_a_link_that_leads_nowhere_says_where(tmp_path):
    (tmp_path / "p.jpg").symlink_to(tmp_path / "away" / "p.jpg")
    with pytest.raises(ScanError, match=r"p\.jpg: is a link to .*away/p\.jpg, which is not there; check where"):
        load_scan(tmp_path / "p.jpg")


def test_a_damaged_avif_is_to_be_fetched_again_where_pillow_reads_the_kind(tmp_path):
    if "AVIF" not in FORMATS:
        pytest.skip("this Pillow has no AVIF")
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1")
    with pytest.raises(ScanError, match=r"a\.avif: not an image .*begins like an AVIF image.*; fetch the scan again"):
        load_scan(tmp_path / "a.avif")


def test_what_stands_in_the_place_of_a_scan_is_named_with_what_to_do(tmp_path):
    for name, head, words in (
        ("lfs.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "git lfs pull"),
        ("film.jpg", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "a film"),
    ):
        (tmp_path / name).write_bytes(head)
        with pytest.raises(ScanError, match=words):
            load_scan(tmp_path / name)
