import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.scans import dates
from tablesim.scans.dates import is_month, read_date

CLOSED = [
    ("1550", 1550, 1550),
    ("1581-01-01", 1581, 1581),
    ("1494-01-01 00:00", 1494, 1494),
    ("03.12.1504", 1504, 1504),
    ("1550.0", 1550, 1550),
    ("[1550]", 1550, 1550),
    ("[15]50", 1550, 1550),
    ("[c. 1550-55]", 1550, 1555),
    ("1550/1551", 1550, 1551),
    ("between 1540 and 1545", 1540, 1545),
    ("zwischen 1540 und 1545", 1540, 1545),
    ("entre 1540 et 1545", 1540, 1545),
    ("tra il 1540 e il 1545", 1540, 1545),
    ("von 1540 bis 1545", 1540, 1545),
    ("1540 bis 1545", 1540, 1545),
    ("1540 oder 1541", 1540, 1541),
    ("15--", 1500, 1599),
    ("155-", 1550, 1559),
    ("[149-?]", 1490, 1499),
    ("15xx", 1500, 1599),
    ("1504-12", 1504, 1512),
    ("1504-06", 1504, 1506),
    ("1550-06", 1550, 1550),
    ("[1504-12]", 1504, 1512),
    ("1504/12", 1504, 1512),
    ("1504\u201306", 1504, 1506),
    ("1551/2", 1551, 1552),
    ("1551/52", 1551, 1552),
    ("24 March 1641/2", 1641, 1642),
    ("1499/1500", 1499, 1500),
    ("1499/0", 1499, 1500),
    ("1499/00", 1499, 1500),
    ("ca. 1490", 1485, 1495),
    ("um 1515", 1510, 1520),
    ("vers 1515", 1510, 1520),
    ("intorno al 1515", 1510, 1520),
    ("hacia 1515", 1510, 1520),
    ("c1550", 1545, 1555),
    ("c1912", 1912, 1912),
    ("1500ca.", 1495, 1505),
    ("1504~", 1499, 1509),
    ("1515 ± 3", 1512, 1518),
    ("[1547?]", 1542, 1552),
    ("wohl 1515", 1510, 1520),
    ("MDXV", 1515, 1515),
    ("M. D. XLVII.", 1547, 1547),
    ("mdxxiij", 1523, 1523),
    ("MCCCCLXXXVIIII", 1489, 1489),
    ("CI\u0186 I\u0186 LXXXV", 1585, 1585),
    ("(I) I) XC", 1590, 1590),
    ("Anno Domini MDXV", 1515, 1515),
    ("MDLI i.e. MDXV", 1515, 1515),
    ("1551 [recte 1515]", 1515, 1515),
    ("XVI sec.", 1501, 1600),
    ("15. Jh.", 1401, 1500),
    ("XVe siècle", 1401, 1500),
    ("siglo XVI", 1501, 1600),
    ("sixteenth century", 1501, 1600),
    ("Cinquecento", 1500, 1599),
    ("XVI", 1501, 1600),
    ("2. Hälfte 15. Jh.", 1451, 1500),
    ("2. H. 16. Jh.", 1551, 1600),
    ("prima metà del XVI secolo", 1501, 1550),
    ("XVIe siècle (2e moitié)", 1551, 1600),
    ("segunda mitad del siglo XV", 1451, 1500),
    ("letztes Viertel 15. Jh.", 1476, 1500),
    ("last quarter of the 15th century", 1476, 1500),
    ("erstes Drittel 17. Jh.", 1601, 1633),
    ("Mitte 16. Jh.", 1534, 1567),
    ("s. XV in.", 1401, 1433),
    ("exeunte saeculo XV", 1468, 1500),
    ("saec. XV²", 1451, 1500),
    ("s. XV 3/4", 1451, 1475),
    ("XV/2", 1451, 1500),
    ("15./16. Jh.", 1401, 1600),
    ("Ende 15./Anfang 16. Jh.", 1468, 1533),
    ("Wende vom 15. zum 16. Jahrhundert", 1491, 1510),
    ("1490er Jahre", 1490, 1499),
    ("1500s", 1500, 1599),
    ("an IX", 1800, 1801),
    ("1515 more veneto", 1515, 1516),
    ("nach 1550, vor 1560", 1551, 1559),
    ("kurz nach 1550", 1551, 1560),
    ("1492 (1495 reprint)", 1492, 1495),
    ("1550-1540", 1540, 1550),
    ("o. J. [um 1500]", 1495, 1505),
    ("Romae, apud Bladum, 1515", 1515, 1515),
    ("927", 927, 927),
]
OPEN = [
    ("vor 1630", None, 1629),
    ("before 1630", None, 1629),
    ("avant 1630", None, 1629),
    ("prima del 1630", None, 1629),
    ("antes de 1630", None, 1629),
    ("ante 1630", None, 1629),
    ("<1630", None, 1629),
    ("nicht nach 1630", None, 1630),
    ("bis 1630", None, 1630),
    ("../1630", None, 1630),
    ("vor ca. 1515", None, 1520),
    ("v. 1490", None, 1495),
    ("nach 1550", 1551, None),
    ("after 1550", 1551, None),
    ("après 1550", 1551, None),
    ("dopo il 1550", 1551, None),
    ("después de 1550", 1551, None),
    ("post MDL", 1551, None),
    ("not before 1550", 1550, None),
    ("1550-", 1550, None),
    ("1550 ff.", 1550, None),
    ("um 1515 oder später", 1510, None),
]
NOTHING = ["s.a.", "s. d.", "o.J.", "n.d.", "sine anno", "senza data", "sin fecha", "unbekannt", "?", "—"]
NOT_UNDERSTOOD = ["43831", "1.550", "Montag", "300 v. Chr.", "AH 927", "vol. 3", "12", "²³"]


@pytest.mark.parametrize(("text", "first", "last"), [*CLOSED, *OPEN])
def test_dates_become_a_range_and_keep_their_words(text, first, last):
    read = read_date(f" {text} ")
    assert (read.years.first, read.years.last, read.years.words) == (first, last, text)


@pytest.mark.parametrize("text", [*(text for text, _, _ in OPEN), "um 1515", "2. Hälfte 15. Jh.", "[1547?]", "1551/2"])
def test_what_was_assumed_is_told(text):
    assert set(read_date(text).how) - dates.CERTAIN


@pytest.mark.parametrize("text", ["1550", "[1550]", "MDXV", "1540-1545", "zwischen 1540 und 1545", "15. März 1515"])
def test_what_is_certain_needs_no_remark(text):
    assert not set(read_date(text).how) - dates.CERTAIN


@pytest.mark.parametrize("text", NOTHING)
def test_no_year_named_is_no_range(text):
    assert (read_date(text).years.is_known, read_date(text).how) == (False, (dates.NO_YEAR,))


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_no_range_and_is_told(text):
    read = read_date(text)
    assert (read.years.is_known, read.years.words) == (False, text)
    assert read.how[0] in (dates.NOT_UNDERSTOOD, dates.OTHER_ERA)
    assert read_date("").how == ()


def test_months_are_told_by_the_other_dates_of_a_column():
    assert [is_month(text) for text in ("1504-12", "1504-03", "1504-12-24", "1504-1512", "[1504-03]")] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert read_date("1504-12", months=True).years.last == 1504


@given(
    st.integers(1000, 2050), st.integers(0, 50), st.sampled_from(["{}-{}", "{} – {}", "{}/{}", "[{}-{}?]", "{} to {}"])
)
def test_a_span_of_years_is_never_backwards(first, length, form):
    years = read_date(form.format(first, first + length)).years
    assert (years.first, years.last) == (first, first + length)


@given(st.text(max_size=30))
def test_nothing_written_is_too_odd_to_be_kept(text):
    read = read_date(text)
    assert read.years.words == text.strip()
    assert bool(read.how) or read.years.is_known or not text.strip()
    if read.years.is_closed:
        assert read.years.first <= read.years.last
