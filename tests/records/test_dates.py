import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.records.dates import YearRange, span_of

ends = st.none() | st.integers(1200, 1900)
ranges = st.builds(
    lambda a, b: YearRange(*sorted((a, b))) if None not in (a, b) else YearRange(a, b),
    ends,
    ends,
)


@pytest.mark.parametrize(
    ("date", "years", "shown"),
    [
        (YearRange(1515, 1515, "1515"), "1515", "1515"),
        (YearRange(1515, 1515, "1515.0"), "1515", "1515"),
        (YearRange(1515, 1515, "[1515]"), "1515", "[1515]"),
        (YearRange(1515, 1515, "MDXV"), "1515", "MDXV (1515)"),
        (YearRange(1510, 1520, "um 1515"), "1510–1520", "um 1515 (1510–1520)"),
        (YearRange(None, 1629, "vor 1630"), "1629 or earlier", "vor 1630 (1629 or earlier)"),
        (YearRange(1551, None, "nach 1550"), "1551 or later", "nach 1550 (1551 or later)"),
        (YearRange(1551, 1552, "1551/2"), "1551–1552", "1551/2 (1551–1552)"),
        (YearRange(1494, 1494, "1494-01-01 00:00"), "1494", "1494"),
        (YearRange(1494, 1494, "1494-03-21T00:00:00"), "1494", "1494-03-21"),
        (YearRange(None, None, "s.a."), "", "s.a."),
        (YearRange(1540, 1545), "1540–1545", "1540–1545"),
        (YearRange(), "", ""),
    ],
)
def test_a_date_is_shown_in_its_words_and_its_range(date, years, shown):
    assert (date.years, date.shown) == (years, shown)


def test_a_lone_year_of_a_page_is_that_year_unless_words_leave_it_open():
    assert YearRange.of_row({"year": 1550}) == YearRange(1550, 1550)
    assert YearRange.of_row({"year": 1551, "year_latest": None, "date": "nach 1550"}).last is None
    assert not YearRange.of_row({"year": None, "year_latest": None, "date": None}).is_known


@given(ranges, ranges)
def test_what_is_certain_holds_for_every_year_that_is_allowed(a, b):
    years = range(1190, 1912)

    def allowed(date):
        return [y for y in years if date.overlaps(y, y)] if date.is_known else list(years)

    assert a.certainly_before(b) == (max(allowed(a)) < min(allowed(b)))
    assert a.cannot_precede(b) == (min(allowed(a)) >= max(allowed(b)))


@given(st.lists(ranges))
def test_a_span_has_the_named_years_of_all_its_dates(dates):
    named = [year for date in dates for year in (date.first, date.last) if year is not None]
    span = span_of(dates)
    assert (span.first, span.last) == ((min(named), max(named)) if named else (None, None))
    orders = sorted(dates, key=lambda date: date.order)
    assert [date.is_known for date in orders] == sorted((date.is_known for date in dates), reverse=True)
