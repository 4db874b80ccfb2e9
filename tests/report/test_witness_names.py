"""Witnesses are named by author, year and leaf as far as metadata have them, and never two alike."""

import pytest
from evidence.grids import chords, reading

from tablesim.evidence.collation.collation import collate
from tablesim.report.provenance import CitedPage, Provenance, leaf_of, short_edition


@pytest.mark.parametrize(
    ("row", "edition", "leaf"),
    [
        ({"page": "1006_x_1576_p91", "authors": ["Clavius, Christoph"], "year": 1585}, "Clavius 1585", "p. 91"),
        (
            {"page": "f", "authors": ["A", "B", "C"], "year": 1600, "extra": {"Folio": "12v"}},
            "A et al. 1600",
            "fol. 12v",
        ),
        ({"page": "f", "title": "De sphaera", "year": 1550, "extra": {"image": "7"}}, "De sphaera 1550", "image 7"),
        ({"page": "nothing"}, "", ""),
    ],
)
def test_editions_in_short(row, edition, leaf):
    assert (short_edition(row), leaf_of(row)) == (edition, leaf)


def names(*cited):
    pages = [[reading(page, chords()) for page in of] for of in (("a1", "a2"), ("b",), ("c",))]
    known = tuple(CitedPage(page, "s", "00", edition=edition, leaf=leaf) for page, edition, leaf in cited)
    return [s.words for s in Provenance("1", "n", pages=known).sigla(collate(*pages))]


def test_witnesses_are_defined_by_their_names_and_by_ids_where_these_say_less():
    of_a = ("a1", "Clavius 1585", "p. 12"), ("a2", "Clavius 1585", "p. 13")
    assert names(*of_a, ("b", "Pifferi 1604", "p. 368")) == [
        "A: Clavius 1585, p. 12, p. 13",
        "B: Pifferi 1604, p. 368",
        "C: c",
    ]
    assert names(*of_a, ("b", "X 1600", "p. 1"), ("c", "X 1600", "p. 1"))[1:] == [
        "B: X 1600, p. 1 (b)",
        "C: X 1600, p. 1 (c)",
    ]
