from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.corpus.storage.outputs import file_name, file_names, refuse_existing, write_new
from tablesim.errors import ExportError


@pytest.mark.parametrize(
    ("text", "name"), [("a/b\\c:d", "a_b_c_d.x"), ("../up", "_up.x"), ("", "export.x"), ("\x00", "_.x")]
)
def test_names_of_files_that_every_system_takes(text, name):
    assert file_name(text, ".x") == name
    assert Path(name).name == name


@pytest.mark.parametrize("letter", ["a", "ü", "書", "𝄞"])
def test_long_names_are_cut_by_bytes_and_stay_apart(tmp_path, letter):
    texts = [letter * 300 + end for end in "ab"]
    names = file_names(texts, ".page.xml")
    assert len(set(names.values())) == 2
    for name in names.values():
        assert write_new(tmp_path / name, b"x").read_bytes() == b"x"
    assert names == file_names(texts, ".page.xml")


@given(st.lists(st.text(max_size=220), max_size=8))
def test_every_text_gets_a_name_of_its_own(texts):
    names = file_names(texts, ".x")
    assert set(names) == set(texts)
    assert len({name.casefold() for name in names.values()}) == len(names)
    assert all(len(name.encode("utf-8", "surrogateescape")) <= 152 and "/" not in name for name in names.values())


def test_names_that_one_system_takes_for_one_get_two():
    assert list(file_names(["a:b", "a?b", "A_B"], ".x").values()) == ["a_b.x", "a_b_2.x", "A_B_3.x"]
    assert len(set(file_names(["caf\u00e9", "cafe\u0301"], ".x").values())) == 2


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        write_new(tmp_path / "file" / "x.xml", b"")


def test_what_is_there_is_refused_and_a_folder_even_with_force(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("mine")
    with pytest.raises(ExportError, match="kept: already there, nothing was written; give --force"):
        refuse_existing([tmp_path / "new", kept])
    refuse_existing([kept], force=True)
    with pytest.raises(ExportError, match="this is a folder"):
        refuse_existing([tmp_path], force=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "victim")
    with pytest.raises(ExportError, match="already there"):
        write_new(link, b"x")
    write_new(link, b"x", force=True)
    assert not (tmp_path / "victim").exists() and not link.is_symlink()
