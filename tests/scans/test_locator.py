"""Places of pages, and what they are in writing."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.scans.locator import Locator, page_id


@pytest.mark.parametrize(
    ("text", "file", "number"),
    [
        ("a/p12.jpg", "a/p12.jpg", 0),
        ("a/book.pdf#12", "a/book.pdf", 12),
        ("book.TIF#3", "book.TIF", 3),
        ("a#b/book.pdf#007", "a#b/book.pdf", 7),
        ("book.pdf#0", "book.pdf#0", 0),
        ("book.pdf#x", "book.pdf#x", 0),
        ("page#12.jpg", "page#12.jpg", 0),
        ("page.jpg#12", "page.jpg#12", 0),
    ],
)
def test_a_number_counts_only_after_a_file_that_has_pages(text, file, number):
    assert Locator.of(text) == Locator.of(Path(text)) == Locator(Path(file), number)


@given(st.from_regex(r"[\w#. -]{1,12}\.(pdf|PDF|tiff)", fullmatch=True), st.integers(0, 10**6))
def test_a_place_is_found_again_by_what_it_is_in_writing(name, number):
    place = Locator(Path("folder", name), number)
    assert Locator.of(str(place)) == place
    assert Locator.of(place) is place
    assert Locator.of(str(place.absolute())).file == Path.cwd() / "folder" / name


def test_ids_sort_as_pages_do():
    pages = [Locator(Path("b.pdf"), number) for number in (1, 2, 10, 9999)]
    assert sorted([pages[2], pages[0], pages[3], pages[1]]) == pages
    assert sorted(page_id(page) for page in pages) == ["b_p0001", "b_p0002", "b_p0010", "b_p9999"]
    assert page_id("a/b.pdf#12") == "b_p0012"


def test_pages_of_a_file_have_hashes_of_their_own_and_follow_its_bytes(tmp_path):
    file = tmp_path / "b.pdf"
    file.write_bytes(b"one")
    whole = hashlib.sha256(b"one").hexdigest()
    assert Locator(file).sha256() == whole
    first, second = Locator(file, 1).sha256(), Locator(file, 2).sha256()
    assert len({whole, first, second}) == 3
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(b"one")
    assert Locator(copy, 2).sha256() == second
    file.write_bytes(b"another")
    assert Locator(file, 1).sha256() != first
