from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import ScanError
from tablesim.scans.locator import Locator
from tablesim.scans.sources import find_scans, name_pages


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
