"""What was just collated goes into a file by its suffix, and the genealogy too; nothing in the way is replaced."""

import json

import pytest
from evidence.grids import chords, reading

import tablesim
from tablesim.errors import ExportError
from tablesim.export.formats import COLLATION_SUFFIXES, collation_format


@pytest.fixture(scope="module")
def collation():
    changed = chords()
    changed[3][4] = "99"
    return tablesim.collate(reading("a", chords()), reading("b", changed))


@pytest.mark.parametrize(
    ("name", "begins"),
    [("c.tei.xml", "<?xml"), ("c.csv", "address,table,row,column"), ("c.json", "{"), ("c.HTML", "<!doctype html>")],
)
def test_a_collation_is_written_in_the_format_of_its_suffix(collation, tmp_path, name, begins):
    written = tablesim.write_collation(collation, tmp_path / name)
    assert written[0] == tmp_path / name and written[0].read_text(encoding="utf-8").startswith(begins)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    text = written[-1].read_text(encoding="utf-8")
    assert "digit network unknown" in text
    with pytest.raises(ExportError, match="already there, nothing was written"):
        tablesim.write_collation(collation, str(tmp_path / name))
    tablesim.write_collation(collation, tmp_path / name, force=True)


def test_every_format_has_a_suffix_and_other_suffixes_are_refused(collation, tmp_path):
    assert {form: collation_format(tmp_path / f"c{suffix}") for form, suffix in COLLATION_SUFFIXES.items()} == {
        form: form for form in COLLATION_SUFFIXES
    }
    with pytest.raises(ExportError, match=r"got \.doc, expected one of \.xml, \.tei\.xml, \.csv, \.xlsx, \.json"):
        tablesim.write_collation(collation, tmp_path / "c.doc")


def test_the_written_collation_is_that_of_the_command(collation, tmp_path):
    (path,) = tablesim.write_collation(collation, tmp_path / "c.json")
    data = json.loads(path.read_text())
    data.pop("provenance")
    assert data == json.loads(json.dumps(collation.to_dict()))


def test_a_genealogy_of_another_suffix_is_refused(collation, tmp_path):
    links = tablesim.genealogy(collation)
    with pytest.raises(ExportError, match=r"got no suffix, expected one of \.csv"):
        tablesim.write_genealogy(links, tmp_path / "links")
    for name in ("l.csv", "l.graphml", "l.png", "l.svg"):
        assert tablesim.write_genealogy(links, tmp_path / name).stat().st_size > 0
        with pytest.raises(ExportError, match="already there"):
            tablesim.write_genealogy(links, tmp_path / name)
