"""Any column tells pages apart."""

from dataclasses import asdict

import pytest

from tablesim.errors import MetadataError
from tablesim.scans.facets import NOT_GIVEN, count_by, facet_names, facet_of
from tablesim.scans.metadata import SINE_LOCO, read_metadata


@pytest.fixture
def lines(tmp_path):
    (tmp_path / "pages.csv").write_text(
        "page,printers,place_of_publication,year,Shelf,tags\n"
        "p1,Seitz,Wittenberg,1550,A,sun|moon\n"
        "p2,Seitz;Kraft,[S.l.],1551-53,,moon\n"
        "p3,,,,B,\n"
    )
    return [asdict(row) for row in read_metadata(tmp_path / "pages.csv").rows.values()]


def test_every_column_that_says_something_is_a_facet(lines):
    assert facet_names(lines) == ["printers", "place", "year", "Shelf", "tags"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("printer", {"Seitz": 2, "Kraft": 1, NOT_GIVEN: 1}),
        ("place", {SINE_LOCO: 1, "Wittenberg": 1, NOT_GIVEN: 1}),
        ("City", {SINE_LOCO: 1, "Wittenberg": 1, NOT_GIVEN: 1}),
        ("date", {"1550": 1, "1551–1553": 1, NOT_GIVEN: 1}),
        ("shelf", {"A": 1, "B": 1, NOT_GIVEN: 1}),
        ("tags", {"moon": 2, "sun": 1, NOT_GIVEN: 1}),
    ],
)
def test_pages_are_counted_by_any_of_its_names(lines, name, counts):
    assert count_by(lines, name) == counts
    assert list(count_by(lines, name)) == list(counts)


def test_a_list_is_several_values_and_nothing_is_none(lines):
    assert facet_of(lines[1], "printers") == ("Seitz", "Kraft")
    assert facet_of(lines[2], "tags") == ()


def test_a_column_that_nobody_has_is_an_error_that_names_those_there_are(lines):
    with pytest.raises(MetadataError, match="column 'colour'; expected one of printers, place, year, Shelf, tags"):
        count_by(lines, "colour")
