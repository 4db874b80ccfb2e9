import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import ScanError
from tablesim.scans import sources
from tablesim.scans.locator import Locator
from tablesim.scans.sources import LeftOut, describe_left_out, find_scans, list_scans, name_pages


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_images_of_a_folder_are_found_sorted_whatever_the_case_of_their_ending(tmp_path):
    touch(tmp_path, "b.JPG", "a.png", "sub/c.tif", "notes.txt", ".hidden.jpg", ".thumbs/d.jpg", "._a.png")
    found = [place.file.relative_to(tmp_path).as_posix() for place in find_scans(tmp_path)]
    assert found == ["a.png", "b.JPG", "sub/c.tif"]


def test_pictures_of_a_run_inside_the_folder_are_no_scans(tmp_path):
    touch(tmp_path, "a.png", "run/run.json", "run/report/pictures/a.jpg")
    assert find_scans(tmp_path) == [Locator(tmp_path / "a.png")]


def test_files_and_folders_together_come_once_each(tmp_path):
    touch(tmp_path, "a.png", "b.png", "odd.dat")
    found = find_scans([tmp_path / "b.png", tmp_path, str(tmp_path / "odd.dat")])
    assert [place.name for place in found] == ["a.png", "b.png", "odd.dat"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ScanError, match=r"nowhere: there is no such file or folder; check the path"):
        find_scans(tmp_path / "nowhere")


def test_a_folder_without_images_says_what_is_there(tmp_path):
    touch(tmp_path, "a.djvu", "b.djvu", "c.txt")
    with pytest.raises(ScanError, match=r"no scans in this folder \(found: 2 x \.djvu, 1 x \.txt\); expected .*\.jpg"):
        find_scans(tmp_path)


def test_an_empty_folder_and_no_paths_are_refused(tmp_path):
    with pytest.raises(ScanError, match=r"no scans in this folder \(found: nothing\)"):
        find_scans(tmp_path)
    with pytest.raises(ScanError, match=r"got no paths"):
        find_scans([])


def test_page_ids_are_stems_made_longer_where_two_scans_share_one():
    places = [Locator.of(p) for p in ("/s/a/p1.jpg", "/s/b/p1.jpg", "/s/p2.jpg", "/s/p3.jpg", "/s/p3.png")]
    assert {page: str(path) for page, path in name_pages(places).items()} == {
        "a_p1": "/s/a/p1.jpg",
        "b_p1": "/s/b/p1.jpg",
        "p2": "/s/p2.jpg",
        "p3.jpg": "/s/p3.jpg",
        "p3.png": "/s/p3.png",
    }


@given(
    st.sets(
        st.tuples(
            st.lists(st.sampled_from(["a", "b", "a_b"]), max_size=3),
            st.sampled_from(["p", "b_p", "q"]),
            st.sampled_from([(".jpg", 0), (".png", 0), (".pdf", 1), (".pdf", 12)]),
        ).map(lambda parts: Locator(Path("/", *parts[0], parts[1] + parts[2][0]), parts[2][1])),
        max_size=12,
    )
)
def test_every_scan_has_an_id_of_its_own(places):
    pages = name_pages(sorted(places))
    assert set(pages.values()) == places
    assert list(pages) == sorted(pages)
    assert pages == name_pages(sorted(places, reverse=True))
    assert not any("/" in page for page in pages)


def names(result):
    return [str(locator.file.name) for locator in result.scans]


def test_what_a_folder_has_besides_is_counted_with_the_reason(tmp_path):
    touch(
        tmp_path,
        "p1.jpg",
        "a.heic_large",
        "b.HEIC_large",
        "c.djvu",
        "note.txt",
        "other.txt",
        ".DS_Store",
        ".thumbs/t.jpg",
    )
    touch(tmp_path, "run/run.json", "p8", "p9.jpeg_large", "g.psd_old")
    for name, head in (("a.heic_large", b"\0\0\0\x18ftypheic"), ("c.djvu", b"AT&TFORM"), ("g.psd_old", b"8BPS")):
        (tmp_path / name).write_bytes(head)
    (tmp_path / "p8").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    result = list_scans(tmp_path)
    assert names(result) == ["p1.jpg"]
    left_out = {(item.reason, item.kind): (item.count, Path(item.example).name) for item in result.left_out}
    assert left_out == {
        (sources.CONVERT, ".djvu"): (1, "c.djvu"),
        (sources.NAME_THEM, ".heic_large"): (2, "a.heic_large"),
        (sources.NAME_THEM, ".psd_old"): (1, "g.psd_old"),
        (sources.NAME_THEM, "no ending"): (1, "p8"),
        (sources.NO_SCANS, ".txt"): (2, "note.txt"),
        (sources.NO_SCANS, ".jpeg_large"): (1, "p9.jpeg_large"),
        (sources.HIDDEN, "file"): (1, ".DS_Store"),
        (sources.HIDDEN, "folder"): (1, ".thumbs"),
        (sources.RUN_FOLDER, "folder"): (1, "run"),
        (sources.NOWHERE, "file"): (1, "lost"),
        (sources.SPECIAL, "file"): (1, "pipe.jpg"),
    }


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_a_folder_is_found_however_its_letters_are_typed(tmp_path, typed):
    on_disk = {"NFC": "NFD", "NFD": "NFC"}[typed]
    touch(tmp_path, unicodedata.normalize(on_disk, "Köln/Münster/p1.jpg"))
    for name in ("Köln", "Köln/Münster/p1.jpg"):
        (scan,) = list_scans(tmp_path / unicodedata.normalize(typed, name)).scans
        assert scan.file.is_file()
    with pytest.raises(ScanError, match="Kölns: there is no such file or folder"):
        list_scans(tmp_path / unicodedata.normalize("NFC", "Kölns"))


def test_what_is_left_out_is_said_in_a_line_a_reason():
    items = [
        LeftOut(sources.CONVERT, ".heic", 2, "a/x.heic"),
        LeftOut(sources.CONVERT, ".heic", 3, "b/x.heic"),
        LeftOut(sources.CONVERT, ".jxl", 1, "a/x.jxl"),
        LeftOut(sources.HIDDEN, "file", 4, "a/.x"),
    ]
    assert list(describe_left_out(items)) == [
        "left out: 4 x file: hidden (such as a/.x)",
        f"left out: 5 x .heic, 1 x .jxl: {sources.CONVERT} (such as a/x.heic)",
    ]
    assert list(describe_left_out([])) == []


def test_a_link_to_itself_is_a_page_that_cannot_be_opened_and_ends_nothing(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "round").symlink_to("round")
    listing = list_scans(tmp_path)
    assert [place.name for place in listing.scans] == ["a.png", "loop.jpg"]
    assert [(item.reason, item.count) for item in listing.left_out] == [(sources.NOWHERE, 1)]


def test_linked_folders_are_searched_once_and_loops_end(tmp_path):
    source, elsewhere = tmp_path / "scans", tmp_path / "elsewhere"
    touch(source, "vol1/p1.jpg")
    touch(elsewhere, "p2.jpg", "deep/p3.jpg")
    (source / "vol1" / "up").symlink_to("..")
    (source / "linked").symlink_to(elsewhere)
    (source / "again").symlink_to(elsewhere / "deep")
    (source / "around").symlink_to(tmp_path)
    (elsewhere / "deep" / "back").symlink_to(source)
    (source / "a_first").symlink_to(source / "vol1")
    result = list_scans(source)
    assert sorted(names(result)) == ["p1.jpg", "p2.jpg", "p3.jpg"]
    # A folder that lies below the source counts by its own path, not by a link to it.
    assert str(source / "vol1" / "p1.jpg") in map(str, result.scans)
    assert [(item.reason, item.kind, Path(item.example).name) for item in result.left_out] == [
        (sources.AROUND, "folder", "around")
    ]


def test_a_link_to_a_scan_that_is_away_is_a_page(tmp_path):
    (tmp_path / "p9.jpg").symlink_to("/nowhere/p9.jpg")
    assert names(list_scans(tmp_path)) == ["p9.jpg"]


def test_folders_that_cannot_be_opened_are_counted_and_the_source_itself_is_an_error(tmp_path, monkeypatch):
    touch(tmp_path, "p1.jpg", "closed/p2.jpg")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = list_scans(tmp_path)
    assert names(result) == ["p1.jpg"]
    assert [(item.reason, item.count) for item in result.left_out] == [(sources.CLOSED, 1)]
    with pytest.raises(ScanError, match=r"closed: cannot be opened \(Permission denied\); check the rights"):
        list_scans(tmp_path / "closed")


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_that_are_no_utf8_and_names_of_a_mac_have_ids_that_can_be_written(tmp_path):
    for name in (b"M\xfcnster_p2.jpg", "Königsberg_p3.jpg".encode(), b"J\xfcr/p1.jpg", b"b/p1.jpg"):
        file = tmp_path / os.fsdecode(name)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name)
    decomposed = unicodedata.normalize("NFD", "Stöffler_p4.jpg")
    (tmp_path / decomposed).write_bytes(b"x")
    pages = name_pages(find_scans(tmp_path))
    assert list(pages) == ["J<FC>r_p1", "Königsberg_p3", "M<FC>nster_p2", "Stöffler_p4", "b_p1"]
    for locator in pages.values():
        assert Locator.of(str(locator)).file.read_bytes()


def test_two_names_that_look_alike_have_ids_of_their_own(tmp_path):
    touch(tmp_path, *(unicodedata.normalize(form, "ö_p1.jpg") for form in ("NFC", "NFD")))
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("one file on this system")
    assert len(name_pages(find_scans(tmp_path))) == 2
