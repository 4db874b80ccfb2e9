"""Files are there whole or not at all, and what killed processes left of them goes again."""

import pytest

from tablesim.files import FOLDER_IN_PLACE, remove_asides, write_aside


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")

    def fail(aside):
        aside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_aside(path, fail)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=FOLDER_IN_PLACE) as told:
        write_aside(tmp_path / "a.csv", lambda aside: aside.write_text("x"))
    assert told.value.filename == str(tmp_path / "a.csv")


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    for name in (".a.csv.0123456789ab.part", ".mine.part", "a.part", ".a.csv.xyz.part"):
        (tmp_path / name).write_text("x")
    remove_asides(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.csv.xyz.part", ".mine.part", "a.part"]
