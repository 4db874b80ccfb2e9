import json
from dataclasses import replace

import pytest

from tablesim.errors import ExportError, SettingsError
from tablesim.evidence import compare
from tablesim.export.comparison_folder import comparison_files, write_comparison
from tests.evidence.pages import declinations, print_page


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    rows = declinations(last=12)
    return print_page(folder, "a", rows), print_page(folder, "b", rows, face="garamond", pitch=40)


def test_overlays_are_written_where_pages_can_be_registered(tmp_path, editions):
    paths = write_comparison(compare(*editions), tmp_path / "pair")
    ends = (".png", ".json", "__overlay.png", "__blink.gif", "__faithfulness.png")
    assert [path.name for path in paths] == [f"a__b{end}" for end in ends]
    assert all(path.stat().st_size > 1000 for path in paths)
    data = json.loads(paths[1].read_text(encoding="utf-8"))
    assert data["transform"]["pairs"] == len(editions[0].numbers)
    assert len(data["transform"]["matrix"]) == 3


def test_there_is_no_overlay_of_pages_that_cannot_be_registered(tmp_path, editions):
    a = editions[0]
    comparison = compare(a, replace(a, numbers=a.numbers[:3]))
    paths = write_comparison(comparison, tmp_path / "pair", style="print")
    assert [path.name for path in paths] == ["a__a.png", "a__a.json", "a__a__faithfulness.png", "a__a__print.pdf"]
    assert json.loads(paths[1].read_text(encoding="utf-8"))["transform"] is None


def test_nothing_is_overwritten_without_force(tmp_path, editions):
    (tmp_path / "a__b__blink.gif").write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"a__b__blink\.gif: already there, nothing was written; give --force"):
        write_comparison(compare(*editions), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a__b__blink.gif"]
    assert len(write_comparison(compare(*editions), tmp_path, force=True)) == 5


def test_names_say_what_compared_and_are_short_enough_for_every_system(tmp_path):
    assert set(comparison_files("a", "b", tmp_path, model="vgg16")) == {"matches", "data", "faithfulness"}
    assert comparison_files("a", "b", tmp_path, model="vgg16")["matches"].name == "a__b__vgg16.png"
    files = comparison_files("x" * 200, "y" * 200, tmp_path, pixels=True, style="print")
    assert len({path.name for path in files.values()}) == len(files) == 7
    assert all(len(path.name.encode()) < 200 for path in files.values())
    with pytest.raises(SettingsError, match="style: got 'oil'"):
        comparison_files("a", "b", tmp_path, style="oil")
