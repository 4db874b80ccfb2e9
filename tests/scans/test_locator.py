"""Places of pages, and what they are in writing."""

import hashlib
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.scans.locator import Locator, normalized_name, page_id, path_from_writing, path_in_writing


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


on_posix = pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")


@on_posix
@given(st.lists(st.sampled_from([b"<", b">", b"FC", b"3C", b"fc", b"p", "ü".encode(), b"\xfc", b"\x82"]), min_size=1))
def test_every_name_can_be_written_and_is_found_again(parts):
    path = Path("folder", os.fsdecode(b"".join(parts)))
    written = path_in_writing(path)
    written.encode("utf-8")
    assert path_from_writing(written) == path
    assert path_from_writing(Path(written)) == path
    assert Locator.of(str(Locator(path))) == Locator(path)


@on_posix
def test_bytes_that_are_no_letter_stand_as_two_digits_and_others_as_they_are():
    assert str(Locator(Path(os.fsdecode(b"M\xfcnster_p2.jpg")))) == "M<FC>nster_p2.jpg"
    assert page_id(Path(os.fsdecode(b"M\xfcnster.pdf#3"))) == "M<FC>nster_p0003"
    for name in ("été <b>.jpg", "<fc>.jpg", "percent%20.jpg", "a<3D>.jpg"):
        assert str(Locator(Path(name))) == name
    assert str(Locator(Path("<FC>.jpg"))) == "<3C>FC>.jpg"


@on_posix
def test_the_name_in_writing_is_the_same_in_every_locale(tmp_path):
    (tmp_path / "été.jpg").write_bytes(b"x")
    (tmp_path / os.fsdecode(b"M\xfcnster.jpg")).write_bytes(b"x")
    script = (
        "import sys, tablesim.scans.sources as sources; pages = sources.name_pages(sources.find_scans(sys.argv[1]));"
        "sys.stdout.buffer.write(repr(list(pages)).encode())"
    )
    for more in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        out = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=True, env={**os.environ, **more}
        )
        assert out.stdout.decode() == "['M<FC>nster', 'été']"


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1))
def test_names_that_look_alike_are_one(name):
    forms = {normalized_name(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "p.jpg")
    for ask in (Locator.stat, Locator.sha256):
        with pytest.raises(OSError, match="a pipe, a socket or a device"):
            ask(Locator(tmp_path / "p.jpg"))


def test_the_hash_follows_a_file_that_is_replaced_by_one_of_the_same_size_and_time(tmp_path):
    file, other = tmp_path / "b.pdf", tmp_path / "other.pdf"
    file.write_bytes(b"one")
    before = Locator(file, 1).sha256()
    other.write_bytes(b"two")
    state = file.stat()
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(file)
    assert Locator(file, 1).sha256() != before
