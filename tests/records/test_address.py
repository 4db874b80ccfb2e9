import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import SettingsError
from tablesim.records.address import CellAddress, PageAddresses, parse_address, sigla_of, siglum
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number, Reading
from tablesim.records.transform import Transform

TEXTS = st.none() | st.text(string.ascii_letters + string.digits + " .°'½", min_size=1).map(str.strip).filter(bool)
COUNTS = st.integers(1, 99999)
ADDRESSES = st.builds(CellAddress, COUNTS, COUNTS, COUNTS, TEXTS, TEXTS, st.just(False))


def number(text, row, column, table=0):
    digits = tuple(Digit(int(c), Box(10 * column + i, 20 * row, 1, 2), 1.0) for i, c in enumerate(text))
    return Number(text, digits, 1.0, table, row, column, int(text))


def page(*numbers):
    return Reading("p.png", "p", "00", Transform(100, 100, 0, 1.0), True, 1.0, numbers)


def test_words_short_form_and_anchor():
    address = CellAddress(1, 16, 3, "12", "G M")
    assert address.words == "table 1, row 16 (12), column 3 (G M)"
    assert (address.short, address.anchor) == ("t1 r16 c3", "t1r16c3")
    alone = CellAddress(1, 16, 3, only_table=True)
    assert (alone.words, alone.short, alone.anchor) == ("row 16, column 3", "r16 c3", "t1r16c3")
    assert alone == address


@given(ADDRESSES)
def test_what_is_printed_is_understood(address):
    for text in (address.words, address.short, address.anchor, "#" + address.anchor):
        assert parse_address(text) == address
    parsed = parse_address(address.words)
    assert (parsed.argument, parsed.heading) == (address.argument, address.heading)
    assert parsed.words == address.words


@pytest.mark.parametrize("text", ["", "16", "r0 c3", "t0r1c1", "row 16", "r16c3 x"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SettingsError, match="address of a cell"):
        parse_address(text)


def test_cells_of_a_page_count_from_one():
    reading = page(*(number(str(10 * row + 10), row, 0) for row in range(6)), number("7", 3, 2))
    addresses = PageAddresses(reading, {(0, 2): "G M"})
    assert addresses.of(reading.numbers[-1]).words == "row 4 (40), column 3 (G M)"
    assert addresses.at(0, 5, 1).anchor == "t1r6c2"
    assert addresses.of(Number("3", (), 1.0)) is None


def test_pages_of_several_tables_name_the_table():
    reading = page(number("5", 0, 0), number("6", 0, 0, table=1))
    assert [PageAddresses(reading).of(n).words for n in reading.numbers] == [
        "table 1, row 1, column 1",
        "table 2, row 1, column 1",
    ]


def test_sigla_go_on_after_z():
    assert [siglum(i) for i in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == "A B Z AA AB AZ BA ZZ AAA".split()
    assert len({siglum(i) for i in range(2000)}) == 2000
    assert [s.words for s in sigla_of(["Clavius 1585, p. 12", "Pifferi 1604"])] == [
        "A: Clavius 1585, p. 12",
        "B: Pifferi 1604",
    ]
