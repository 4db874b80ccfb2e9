"""The time line, the map of places, the addresses of pages and the script files of lists."""

import json

import pytest

from tablesim.records.dates import YearRange
from tablesim.report.addresses import page_href
from tablesim.report.folder import ReportFolder
from tablesim.report.lists import ListColumn, write_list
from tablesim.report.overview import coordinates_of, place_map, time_line, year_on_line


def test_every_dated_page_is_in_one_bar_and_every_group_has_its_years():
    years = [1500, 1500, 1507, 1561, None, 1649]
    line = time_line(years, [("Cluster 1", "clusters/1.html", [1500, 1500, 1649, None]), ("Cluster 2", "x", [None])])
    assert line is not None and (line.n_dated, line.n_undated) == (5, 1)
    assert sum(bar.count for bar in line.bars) == 5
    assert all(line.first <= bar.first <= bar.last <= line.last for bar in line.bars)
    assert [(year, n) for _, _, year, n in line.lanes[0].dots] == [(1500, 2), (1649, 1)]
    assert len(line.lanes) == 1
    assert line.bars[0].words == f"{line.bars[0].first} to {line.bars[0].last}: 2 pages"
    assert time_line([1500, 1500, None], []) is None


def test_a_range_of_years_stands_in_its_middle():
    assert year_on_line(YearRange(1510, 1520, "um 1515")) == 1515
    assert year_on_line(YearRange(None, 1629, "vor 1630")) == 1629
    assert year_on_line(YearRange()) is None


def test_places_lie_as_on_the_earth():
    where = [("Paris", (48.9, 2.3))] * 4 + [("Rome", (41.9, 12.5)), ("nowhere", None)]
    found = place_map(where)
    assert found is not None and found.n_without == 1
    paris, rome = found.towns
    assert (paris.name, paris.count, rome.count) == ("Paris", 4, 1)
    assert paris.x < rome.x and paris.y < rome.y  # Rome is further east, and further south
    assert paris.radius > rome.radius
    assert place_map([("nowhere", None)]) is None


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"Latitude": "48.9", "longitude": "2.3"}, (48.9, 2.3)),
        ({"lat": "48,9", "lng": "2,3"}, (48.9, 2.3)),
        ({"coordinates": "48.9, -2.3"}, (48.9, -2.3)),
        ({"lat": "148.9", "lon": "2.3"}, None),
        ({"lat": "north", "lon": "2.3"}, None),
        ({}, None),
    ],
)
def test_coordinates_in_the_metadata(extra, expected):
    assert coordinates_of({"extra": extra}) == expected


@pytest.mark.parametrize("page", ["Clavius 1593", "con", "../x", "a" * 300, "é", "A", ".a", "目", 'x"y', ""])
def test_names_that_no_disk_can_have_get_another(page):
    href = page_href(page)
    assert href != f"pages/{page}.html" and href == page_href(page)
    assert len(href) < 120 and href.isascii() and href.count("/") == 1
    assert page_href(page + "1") != href


def test_rows_of_a_list_come_back_from_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.report.lists.PART_ROWS", 2)
    rows = [[["p</script>", "pages/p.html"], None], [["q\u2028", "pages/q.html"], None], [["r", "pages/r.html"], None]]
    columns = (ListColumn("page", "Page", "link"), ListColumn("note", "Note", facet=True))
    made = write_list(ReportFolder(tmp_path), "pages", columns, rows)
    assert (made.n_rows, made.n_parts) == (3, 2)
    assert [column.title for column in made.columns] == ["Page", ""]  # a blank column is not shown
    read = []
    for part in range(2):
        text = (tmp_path / "data" / f"pages-{part}.js").read_text(encoding="utf-8")
        assert text.isascii()
        assert text.startswith(f'tablesim.add("pages",{part},[')
        read += json.loads(text[text.index("[") : text.rindex("]") + 1])
    assert read == rows
