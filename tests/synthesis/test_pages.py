from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tablesim.errors import SettingsError
from tablesim.records.truth import TrueNumber
from tablesim.synthesis.drawings import PLATES, plate
from tablesim.synthesis.editions import Edition, Layout, draw_book, draw_editions, draw_layout
from tablesim.synthesis.pages import SimulatedPage, table_page
from tablesim.synthesis.stemma import grow
from tablesim.synthesis.tables import build


def edition(name: str, seed: int = 0, **changes) -> Edition:
    rng = np.random.default_rng(seed)
    made = draw_editions(grow(build(name), 1, rng), 1, rng)[0]
    return replace(made, layout=replace(made.layout, **changes))


def cells(page: SimulatedPage) -> dict[tuple[int, int, int], str]:
    """What stands where, by half-table, row and column."""
    return {
        (n.table, n.row, n.column): n.text
        for n in page.truth.numbers
        if n.table is not None and n.row is not None and n.column is not None
    }


def darkness(grey: NDArray[np.uint8], numbers: Iterable[TrueNumber], right: float = 0, down: float = 0) -> NDArray:
    """How much darker than the paper the darkest tenth of each digit's box is, the boxes moved right and down."""
    paper = float(np.median(grey[grey > 60]))
    found = []
    for digit in (digit for number in numbers for digit in number.digits):
        x, y = round(digit.box.x + right), round(digit.box.y + down)
        pixels = np.sort(grey[y : y + round(digit.box.height), x : x + round(digit.box.width)], axis=None)
        found.append(paper - float(pixels[pixels.size // 10]))
    return np.array(found)


def test_the_same_seed_gives_the_same_page() -> None:
    one, two, other = (table_page(edition("declination"), seed) for seed in (5, 5, 6))
    assert np.array_equal(one.grey, two.grey)
    assert one.truth == two.truth
    assert one.grey.shape != other.grey.shape or not np.array_equal(one.grey, other.grey)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_boxes_lie_on_ink(turn: int) -> None:
    page = table_page(edition("oblique_ascension", 3, turn=turn, wide=turn in (90, 270)), 11)
    height, width = page.grey.shape
    assert (page.truth.width, page.truth.height) == (width, height)
    assert page.truth.rotation == (360 - turn) % 360
    assert height > width
    dark = darkness(page.grey, page.truth.numbers)
    assert dark.size > 700
    assert np.mean(dark > 25) > 0.99
    # The test can fail: boxes moved by less than a digit's width and height leave much of the ink.
    assert np.mean(darkness(page.grey, page.truth.numbers, 9, 13) > 25) < 0.9


@pytest.mark.parametrize("name", ["climates", "chords", "royal_canon", "sines", "feasts"])
def test_the_truth_has_every_cell_of_the_edition(name: str) -> None:
    printed = edition(name, 4, roman="")
    page = table_page(printed, 1)
    table, layout = printed.table, printed.layout
    count = -(-len(table.rows) // layout.halves)
    expected = {}
    for index, row in enumerate(table.rows):
        column = 0
        for head in layout.columns:
            at = table.column(head)
            if table.columns[at].words:
                continue
            for place in range(table.columns[at].places):
                if row[at]:
                    expected[index // count, index % count, column] = str(row[at][place])
                column += 1
    assert cells(page) == expected
    assert len(page.truth.meta["columns"]) == 1 + max(column for _, _, column in expected)
    assert [len(lines) for lines in page.truth.meta["lines"]] == [count, len(table.rows) - count][: layout.halves]
    assert page.truth.is_table


def test_truth_names_the_lines_of_the_computed_table() -> None:
    rng = np.random.default_rng(8)
    stemma = grow(build("sines"), 12, rng, rate=0.01)
    witness = next(w for w in stemma.witnesses if len(w.lines) < len(stemma.table.rows))
    made = draw_editions(stemma, 1, rng)[stemma.witnesses.index(witness)]
    page = table_page(made, 2)
    assert [line for half in page.truth.meta["lines"] for line in half] == list(witness.lines)


def test_roman_numerals_are_no_numbers() -> None:
    plain, old = (table_page(edition("climates", 2, roman=column), 1) for column in ("", "parallel"))
    assert len(cells(plain)) - len(cells(old)) == 30
    assert {column["column"] for column in old.truth.meta["columns"]} == {"climate", "day", "elevation", "breadth"}


def test_raised_points_stay_inside_their_number() -> None:
    rng = np.random.default_rng(0)
    made = draw_editions(grow(build("barometer"), 1, rng, (1890, 1900)), 1, rng)[0]
    texts = cells(table_page(made, 0)).values()
    assert sum("·" in text and len(text) == 5 for text in texts) == 750


def test_columns_in_another_order() -> None:
    table = build("chords")
    straight = edition("chords", 1, columns=("arc", "chord", "sixtieths"))
    turned = edition("chords", 1, columns=("chord", "sixtieths", "arc"))
    one, two = cells(table_page(straight, 0)), cells(table_page(turned, 0))
    assert [one[0, 9, column] for column in (0, 1, 2, 3)] == [two[0, 9, column] for column in (7, 8, 0, 1)]
    assert len(table.rows) == 90


@pytest.mark.parametrize("kind", sorted(PLATES))
def test_pages_without_a_table(kind: str) -> None:
    book = draw_book(7, 1561, np.random.default_rng(1))
    page = plate(kind, book, 33, 4)
    assert not page.truth.is_table
    assert all(number.table is None for number in page.truth.numbers)
    assert np.array_equal(page.grey, plate(kind, book, 33, 4).grey)
    assert (page.grey < 110).mean() > 0.02
    if kind == "dial":
        assert len(page.truth.meta["unasked"]) > 40


def test_a_plate_of_no_kind() -> None:
    with pytest.raises(SettingsError, match="got kind 'map', expected one of text"):
        plate("map", draw_book(1, 1550, np.random.default_rng(0)), 1, 0)


@pytest.mark.parametrize("name", ["climates", "chords", "sun_place", "royal_canon"])
def test_layouts_suit_their_table_and_time(name: str) -> None:
    table = build(name)
    layouts = [draw_layout(table, year, np.random.default_rng(year)) for year in range(1490, 1650)]
    assert all(sorted(layout.columns) == sorted(column.name for column in table.columns) for layout in layouts)
    assert {layout.halves for layout in layouts} == {2 if len(table.rows) > 46 else 1}
    assert not any("didot" in layout.letters for layout in layouts)
    gothic = [layout.letters in ("rusch", "durandus") for layout in layouts]
    assert any(gothic[:40])
    assert not any(gothic[40:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"letters": "comic"}, "Layout.letters: got 'comic'"),
        ({"digits": "rusch"}, "'rusch' has no digits"),
        ({"rules": "wavy"}, "Layout.rules: got 'wavy'"),
        ({"turn": 45}, "Layout.turn: got 45"),
    ],
)
def test_impossible_layouts(change: dict, message: str) -> None:
    layout = Layout("garamond", "garamond", "garamond", 14.0, ("a",))
    with pytest.raises(SettingsError, match=message):
        replace(layout, **change)
