import json
from dataclasses import replace

from tablesim.cli.compare import write
from tablesim.evidence import compare
from tests.evidence.pages import declinations, print_page


def test_overlays_are_written_where_pages_can_be_laid_over_each_other(tmp_path, capsys):
    rows = declinations(last=12)
    a, b = print_page(tmp_path, "a", rows), print_page(tmp_path, "b", rows, face="garamond", pitch=40)
    paths = list(write(compare(a, b), tmp_path / "pair"))
    assert [path.name for path in paths] == ["a__b.png", "a__b.json", "a__b__overlay.png", "a__b__blink.gif"]
    assert all(path.stat().st_size > 1000 for path in paths)
    data = json.loads(paths[1].read_text(encoding="utf-8"))
    assert data["transform"]["pairs"] == len(a.numbers)
    assert len(data["transform"]["matrix"]) == 3
    assert capsys.readouterr().err == ""


def test_a_line_says_why_there_is_no_overlay(tmp_path, capsys):
    a = print_page(tmp_path, "a", declinations(last=5))
    paths = list(write(compare(a, replace(a, numbers=a.numbers[:3])), tmp_path / "pair"))
    assert [path.suffix for path in paths] == [".png", ".json"]
    assert json.loads(paths[1].read_text(encoding="utf-8"))["transform"] is None
    assert capsys.readouterr().err == "no overlay: too few equal numbers stand at matching places\n"
