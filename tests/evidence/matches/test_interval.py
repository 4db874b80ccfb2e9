from dataclasses import replace

import pytest

from evidence.pages import two_editions
from tablesim.bigrams import embed, histogram, similarity
from tablesim.evidence.comparison import compare
from tablesim.evidence.matches.interval import similarity_interval
from tablesim.records.reading import Number


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    return two_editions(tmp_path_factory.mktemp("pages"))


def doubted(reading, confidence, runner_up=None):
    """The same figures, each read with this confidence."""
    numbers = tuple(
        Number(
            number.text,
            tuple(replace(d, confidence=confidence, runner_up=runner_up) for d in number.digits),
            confidence,
            number.table,
            number.row,
            number.column,
        )
        for number in reading.numbers
    )
    return replace(reading, numbers=numbers)


def interval_of(a, b, **settings):
    return similarity_interval(a, b, similarity(embed(histogram(a)), embed(histogram(b))), **settings)


def test_sure_figures_leave_no_doubt(readings):
    a, b = (doubted(reading, 1.0) for reading in readings)
    comparison = compare(a, b)
    interval = comparison.interval
    assert interval.low == pytest.approx(comparison.similarity, abs=1e-12)
    assert interval.high == pytest.approx(comparison.similarity, abs=1e-12)
    assert interval.to_dict() == {"low": interval.low, "high": interval.high, "level": 0.95, "resampled": 1000}


def test_the_interval_holds_the_similarity_and_widens_with_doubt(readings):
    widths = []
    for confidence in (0.99, 0.9, 0.7):
        a, b = (doubted(reading, confidence, (1, 1 - confidence)) for reading in readings)
        interval = interval_of(a, b, draws=200)
        assert 0 <= interval.low <= compare(a, b).similarity <= interval.high <= 1
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths)
    assert widths[-1] > 2 * widths[0] > 0


def test_a_runner_up_counts_with_its_confidence(readings):
    """Pages that differ in one figure, which on one of them was nearly read as on the other."""
    a = doubted(readings[0], 1.0)
    at = next(i for i, number in enumerate(a.numbers) if len(number.digits) == 2)
    first, second = a.numbers[at].digits

    def with_last(digit):
        number = replace(a.numbers[at], digits=(first, digit))
        return replace(a, numbers=(*a.numbers[:at], number, *a.numbers[at + 1 :]))

    value = second.value
    other = with_last(replace(second, value=(value + 5) % 10))
    unsure = with_last(replace(second, value=(value + 5) % 10, confidence=0.6, runner_up=(value, 0.4)))
    lost = with_last(replace(second, value=(value + 5) % 10, confidence=0.6))
    assert interval_of(a, other).high < 1
    assert interval_of(a, unsure).high == pytest.approx(1, abs=1e-12)
    assert interval_of(a, lost).high < 1


def test_the_same_seed_gives_the_same_interval(readings):
    a, b = (doubted(reading, 0.8) for reading in readings)
    assert interval_of(a, b, draws=50) == interval_of(a, b, draws=50)
    assert interval_of(a, b, draws=50) != interval_of(a, b, draws=50, seed=1)
    wide, narrow = (interval_of(a, b, level=level, draws=200) for level in (0.99, 0.5))
    assert wide.low < narrow.low
    assert wide.high >= narrow.high


def test_an_empty_page_is_alike_to_nothing(readings):
    interval = compare(replace(readings[0], numbers=()), readings[1]).interval
    assert (interval.low, interval.high) == (0, 0)


@pytest.mark.parametrize("settings", [{"level": 0}, {"level": 1.0}, {"draws": 0}])
def test_impossible_settings_are_named(readings, settings):
    with pytest.raises(ValueError, match="similarity_interval: got"):
        interval_of(*readings, **settings)
