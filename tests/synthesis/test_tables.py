from itertools import pairwise

import numpy as np
import pytest

from tablesim.errors import SettingsError
from tablesim.records.marks import RAISED_POINT
from tablesim.synthesis.tables import BUILDERS, Column, HistoricalTable, build


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_every_table_is_whole_and_the_same_again(name: str) -> None:
    table = build(name)
    assert table == build(name)
    assert table.name == name
    assert 12 <= len(table.rows) <= 92
    assert len({column.name for column in table.columns}) == len(table.columns)
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            assert len(cell) in (0, column.places)
            for entry in cell:
                assert isinstance(entry, str) or entry >= 0
    assert len(build(name).label) > len(name) or not table.parameters


@pytest.mark.parametrize(
    "name", ["declination", "right_ascension", "oblique_ascension", "climates", "sun_place", "mean_motions"]
)
def test_sixtieths_stay_below_sixty(name: str) -> None:
    table = build(name)
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            if not column.words:
                assert all(isinstance(entry, int) and entry < 60 for entry in cell[1:])


def test_a_row_of_the_climates_of_1604() -> None:
    # The fifth parallel as printed at Siena in 1604: first climate, 13 hours, 16;43, breadth 7;50.
    row = build("climates", obliquity=(23, 30)).rows[4]
    assert row[:2] == ((5,), (1,))
    assert row[3:6] == ((13, 0), (16, 43), (7, 50))


def test_chords_with_their_sixtieths() -> None:
    table = build("chords")
    assert table.rows[0] == ((0, 30), (0, 31, 25), (0, 1, 2, 50))
    assert table.rows[89] == ((45, 0), (45, 55, 19), (0, 0, 58, 0))
    assert build("chords", first=181).rows[-1][1][0] <= 120


def test_sines_and_their_differences_add_up() -> None:
    table = build("sines", radius=60_000, first=0, count=90)
    values = [row[1][0] for row in table.rows]
    steps = [row[2][0] for row in table.rows]
    assert values[60] == 30_000
    assert np.array_equal(np.diff(values), steps[:-1])
    assert build("sines", radius=60).rows[60][1] == (30, 0, 0)


def test_the_declination_is_read_from_both_ends() -> None:
    table = build("declination", obliquity=(23, 30))
    assert table.rows[30][3] == (23, 30)
    assert [row[0][0] + row[-1][0] for row in table.rows] == [30] * 31
    assert table.rows[30][1] == table.rows[0][2]


def test_ascensions_close_the_circle() -> None:
    assert build("right_ascension").rows[30][3] == (90, 0)
    assert build("oblique_ascension", latitude=(48, 0)).rows[30][6] == (180, 0)
    assert build("oblique_ascension", latitude=(48, 0), first=6).rows[30][6] == (360, 0)


def test_the_sun_moves_a_degree_a_day_and_february_ends() -> None:
    table = build("sun_place", year=1545)
    assert [bool(row[2]) for row in table.rows[27:]] == [True, False, False, False]
    assert build("sun_place", year=1544).rows[28][2]
    places = [60 * row[1][0] + row[1][1] for row in table.rows]
    assert all(57 <= (after - before) % 1800 <= 63 for before, after in pairwise(places))


def test_sexagesimal_products() -> None:
    table = build("multiplication", first=7, count=5)
    for row in table.rows:
        for factor, cell in zip(range(7, 12), row[1:], strict=True):
            assert 60 * cell[0] + cell[1] == row[0][0] * factor


def test_the_running_sum_of_the_kings() -> None:
    rows = build("royal_canon", first=31, count=24).rows
    assert rows[-1][2] == (907,)
    assert build("royal_canon").rows[-1] == (("Alexander",), (8,), (424,))


def test_the_barometer_has_raised_points_and_its_mean() -> None:
    row = build("barometer", seed=2).rows[0]
    readings = [float(cell[0].replace("·", ".")) for cell in row[1:-1]]
    readings = [value + (20 if value > 5 else 30) for value in readings]
    mean = float(row[-1][0].replace("·", "."))
    assert mean + (20 if mean > 5 else 30) == pytest.approx(np.mean(readings), abs=0.00051)


def test_labels_tell_parameters_apart() -> None:
    labels = {build("oblique_ascension", latitude=(n, 0)).label for n in range(40, 50)}
    assert len(labels) == 10
    assert build("chords").label == build("chords", first=1, count=90).label
    assert build("chords").part(0, 45).label != build("chords").label


def test_unknown_names_are_told() -> None:
    with pytest.raises(SettingsError, match="got table 'sinus', expected one of barometer"):
        build("sinus")
    with pytest.raises(SettingsError, match="table chords got obliquity, expected first, count"):
        build("chords", obliquity=23)
    with pytest.raises(SettingsError, match="got body 'pluto'"):
        build("mean_motions", body="pluto")


def test_cells_must_fit_their_column() -> None:
    column = Column("a", ("A",), ("G.", "M."))
    with pytest.raises(ValueError, match="row 0, a: got 1 places, expected 2 or none"):
        HistoricalTable("t", ("T",), (column,), (((1,),),))
    with pytest.raises(ValueError, match="row 1: got 2 cells, expected 1"):
        HistoricalTable("t", ("T",), (column,), (((1, 2),), ((1, 2), ())))


def test_sums_of_the_royal_canon() -> None:
    sums = {str(row[0][0]): row[2][0] for row in build("royal_canon", count=55).rows}
    assert (sums["Nabonadius"], sums["Alexander"], sums["Cleopatra"], sums["Antoninus"]) == (209, 424, 718, 907)


def test_the_barometer_stays_on_earth() -> None:
    """Printed without the first digit: 29.85 inches are 9.850, and 30.10 are 0.100."""
    for row in build("barometer", seed=5).rows:
        for (text,) in row[1:25]:
            tens = "2" if str(text)[0] in "789" else "3"
            assert 27.5 < float(f"{tens}{str(text).replace(RAISED_POINT, '.')}") < 31.5
