"""Each sentence is recomputed here from the numbers that it is said of."""

import re

import pytest

from evidence.grids import chords, reading, with_numbers
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.recomputation.fitting import Estimate, in_base_sixty
from tablesim.evidence.recomputation.recompute import recompute
from tablesim.evidence.recomputation.sentences import parameter
from tablesim.records.address import parse_address
from tablesim.synthesis.tables import build


def rows_of(name, **parameters):
    return [[str(entry) for cell in row for entry in (cell or ("",))] for row in build(name, **parameters).rows]


def said(rows):
    return recompute(collate(reading("a", rows)))


def doubtful(number, confidence=0.7):
    from dataclasses import replace

    digits = tuple(replace(digit, confidence=confidence) for digit in number.digits)
    return replace(number, digits=digits, confidence=confidence)


def test_a_page_alone_is_told_its_function_and_the_number_against_it():
    rows = rows_of("declination")
    true, rows[7][4] = rows[7][4], "59"
    found = said(rows)
    (first, second) = found.words
    right, of, obliquity = re.search(
        r"gives (\d+) of (\d+) values of columns 2-3, .*obliquity (\S+) \(", first
    ).groups()
    fits = [finding.fit for finding in found.witnesses[0].findings]
    assert (int(right), int(of)) == (sum(f.recomputed for f in fits), sum(f.numbers for f in fits))
    assert int(of) - int(right) == 1 and obliquity == "23;30"
    left_out = int(re.search(r"(\d+) also where it is told by other rows", first)[1])
    assert left_out == sum(f.left_out for f in fits)
    match = re.fullmatch(r"A: (.*): (\d+), expected (\d+) \(declination: (.*), printed is (.*)\)", second)
    where, text, expected, joined, printed = match.groups()
    assert (joined, printed) == (f"{rows[7][3]};{true}", f"{rows[7][3]};59")
    address = parse_address(where)
    assert (address.row, address.column, text, expected) == (8, 5, "59", true) and address.argument == rows[7][0]


def test_a_misread_argument_is_accused_and_not_the_values_beside_it():
    rows = rows_of("right_ascension")
    rows[12][0], rows[13][0] = "17", "18"
    found = said(rows).witnesses[0]
    assert [(s.text, s.expected, s.law) for s in found.suspects] == [("17", "12", "argument"), ("18", "13", "argument")]
    lines = [line for line in said(rows).words if "argument 17" in line]
    ((broken, of, given, fits),) = [
        re.search(r"(\d+) of (\d+) numbers are not those of argument 17; (\d+) are those of (\d+):", line).groups()
        for line in lines
    ]
    (row, _) = found.rows
    assert (int(broken), int(of), int(given)) == (row.broken, len(row.values), row.given) == (row.broken, 12, 12)
    assert fits == "12"


@pytest.mark.parametrize(("name", "row"), [("declination", 0), ("declination", 30), ("right_ascension", 12)])
def test_ten_values_are_never_accused_for_one_argument(name, row):
    rows = rows_of(name)
    rows[row][0] = {0: "6", 12: "72", 30: "80"}[row]
    suspects = said(rows).witnesses[0].suspects
    assert [(s.text, s.expected) for s in suspects] == [(rows[row][0], str(row))]


def test_at_an_end_only_what_looks_like_a_slip_is_one():
    """The last row may be a sum or a note."""
    for text, slips in (("13", True), ("37", True), ("7", False), ("496", False)):
        rows = [[str(day), str(day * day * 37 % 89)] for day in range(1, 32)]
        rows[30][0] = text
        assert [s.expected for s in said(rows).witnesses[0].suspects] == (["31"] if slips else [])


def test_a_row_in_anothers_place_and_a_row_that_is_shifted_are_named_as_one():
    rows = rows_of("right_ascension")
    rows[12][1:] = rows[13][1:]
    found = said(rows)
    (row,) = found.witnesses[0].rows
    assert {s.number for s in found.witnesses[0].suspects} <= set(row.values) and row.fits == ("13",)
    # The argument goes on with its neighbours: the values are wrong, and one sentence says so.
    assert "12 are those of argument 13: they stand in another's row" in found.words[1] and len(found.words) == 2
    shifted = rows_of("right_ascension")
    shifted[12][1:] = [*shifted[12][2:], "5"]
    found = said(shifted)
    assert found.witnesses[0].suspects == () and "those of the column beside" in found.words[1]


def test_a_doubtful_reading_accuses_nobody():
    rows = chords()
    rows[9][4] = str((int(rows[9][4]) + 3) % 60)
    page = reading("a", rows)
    assert len(recompute(collate(page)).witnesses[0].suspects) == 1
    numbers = [doubtful(n) if (n.row, n.column) == (9, 4) else n for n in page.numbers]
    found = recompute(collate(with_numbers("a", numbers)))
    assert found.witnesses[0].suspects == ()
    (line,) = [line for line in found.words if "in doubt" in line]
    assert line.startswith("A: 1 number breaks a law") and f"column 5: {rows[9][4]}" in line
    true = with_numbers("b", reading("b", chords()).numbers)
    (proposal,) = recompute(collate(with_numbers("a", numbers), true)).proposals
    assert proposal.errs == (None, False) and proposal.doubtful == (True, False)


def test_what_speaks_against_a_number_is_read_without_doubt():
    """A total is not wrong because one of what it adds up may be misread."""
    rows = [[str(5 + (37 * r * r + 23 * c * r + c) % 61) for c in range(4)] for r in range(11)]
    rows = [[*row, str(sum(map(int, row)))] for row in rows]
    rows[4][2] = str(int(rows[4][2]) + 5)
    page = reading("a", rows)
    assert [s.law for s in recompute(collate(page)).witnesses[0].suspects] == ["sum of the row"]
    numbers = [doubtful(n) if (n.row, n.column) == (4, 1) else n for n in page.numbers]
    found = recompute(collate(with_numbers("a", numbers))).witnesses[0]
    assert found.suspects == () and len(found.doubted) == 1


def test_a_table_of_no_law_is_answered_in_a_sentence():
    rows = [[str(7 * r * r % 83), str(11 * r * r * r % 97)] for r in range(20)]
    assert said(rows).words == ["A: no law explains more of the 40 numbers than chance does"]


def test_parameters_stand_in_sixtieths_beside_decimals():
    assert parameter("obliquity", Estimate(23 + 29 / 60, 23.47, 23.497)) == (
        "obliquity 23;29 (23.483), from 23;28 to 23;30 (23.470 to 23.497)"
    )
    assert parameter("radius", Estimate(60, 59.9997, 60.0003)).startswith("radius 60.000")
    assert in_base_sixty(0.985635, 3) == "0;59,8,17"
    plain = Estimate(23.5, 23.49, 23.51).to_dict("obliquity")
    assert plain["value"] == 23.5 and plain["sexagesimal"]["value"] == "23;30"
    assert "sexagesimal" not in Estimate(1545, 1545, 1545).to_dict("year")
