from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.records.boxes import Box
from tablesim.records.truth import PageTruth, TrueDigit, TrueNumber


def number(text: str, x: float, y: float, table: int | None = None, row: int | None = None, column: int | None = None):
    digits = [c for c in text if c.isdigit()]
    digits = tuple(TrueDigit(int(c), Box(x + 6.0 * i, y, 5.0, 8.0)) for i, c in enumerate(digits))
    return TrueNumber(text, digits, table, row, column)


def page(*numbers: TrueNumber, rotation: int = 0) -> PageTruth:
    return PageTruth("page", 200, 300, True, numbers, {"kind": "table"}, rotation)


texts = st.from_regex(r"[0-9]{1,6}(·[0-9]{1,3})?", fullmatch=True)


@given(st.lists(st.tuples(texts, st.integers(0, 150), st.integers(0, 250)), max_size=8))
def test_to_dict_and_back(entries: list[tuple[str, int, int]]) -> None:
    truth = page(*(number(text, x, y) for text, x, y in entries))
    assert PageTruth.from_dict(truth.to_dict()) == truth


def test_saved_and_loaded(tmp_path: Path) -> None:
    truth = page(number("12", 10, 10, 0, 0, 0), number("9·965", 90, 10))
    truth.save(tmp_path / "page.json")
    assert PageTruth.load(tmp_path / "page.json") == truth
    assert truth.numbers[1].digits_text == "9965"


def test_rows_columns_and_what_stands_outside() -> None:
    truth = page(
        number("12", 10, 50, 0, 0, 0), number("5", 40, 50, 0, 0, 1), number("7", 40, 70, 0, 1, 1), number("348", 150, 5)
    )  # fmt: skip
    assert truth.to_transcription().splitlines()[1:] == ["12 | 5", "| 7", "# outside the table", "348"]


@pytest.mark.parametrize(
    ("rotation", "places"), [(0, [(10, 50), (80, 50)]), (90, [(50, 90), (50, 10)]), (270, [(50, 10), (50, 90)])]
)
def test_half_tables_stand_side_by_side_on_turned_pages_too(rotation: int, places: list[tuple[int, int]]) -> None:
    rows = []
    for half, (x, y) in enumerate(places):
        for row in (0, 1):
            down = (x, y + 20 * row) if rotation == 0 else (x + 20 * row * (1 if rotation == 90 else -1), y)
            rows.append(number(str(half * 2 + row), *down, half, row, 0))
    assert page(*rows, rotation=rotation).to_transcription().splitlines()[1:] == ["0 || 2", "1 || 3"]


def test_tables_below_each_other_follow_each_other() -> None:
    rows = [number(str(n), 10, 20 * n, n // 3, n % 3, 0) for n in range(6)]
    assert page(*rows).to_transcription().splitlines()[1:] == ["0", "1", "2", "3", "4", "5"]
