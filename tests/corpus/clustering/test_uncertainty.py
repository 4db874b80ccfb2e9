import numpy as np

from corpus.fakes import number, reading_of
from tablesim.bigrams.embedding import histogram
from tablesim.corpus.clustering.uncertainty import ASSUMED, DoubtedCounts, DoubtedReadings
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Number


def digit(value, sure, other, rate):
    return Digit(value, Box(0, 0, 5, 8), sure, None if other is None else (other, rate))


def one_number(*digits):
    reading = reading_of("p", [["1"]])
    return reading.__class__(
        **{
            **{name: getattr(reading, name) for name in reading.__dataclass_fields__},
            "numbers": (Number("?" * len(digits), digits, 1.0, 0, 0, 0),),
        }
    )


def test_sure_figures_are_drawn_as_they_were_read():
    page = reading_of("p", [["145", "7"], ["20", "3"], ["1", "0"]])
    drawn = DoubtedReadings([page])(np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[0], histogram(page))


def test_a_doubted_figure_comes_as_often_as_it_is_sure():
    page = one_number(digit(4, 0.7, 9, 0.2))
    draw, rng = DoubtedReadings([page]), np.random.default_rng(1)
    total = sum(draw(rng)[0] for _ in range(4000)) / 4000
    np.testing.assert_allclose([total[4], total[9]], [0.7, 0.2], atol=0.03)
    assert total.sum() == total[4] + total[9]


def test_a_lost_figure_breaks_its_number_as_the_bigram_network_does():
    lost = one_number(digit(1, 1.0, None, 0), digit(7, 0.0, None, 0), digit(4, 1.0, None, 0), digit(5, 1.0, None, 0))
    drawn = DoubtedReadings([lost])(np.random.default_rng(0))[0]
    assert (drawn[1], drawn[10 + 45], drawn.sum()) == (1, 1, 2)


def test_pages_keep_their_places_and_empty_ones_are_empty():
    draw = DoubtedReadings([reading_of("a", []), reading_of("b", [["12"]]), reading_of("c", [])])
    assert draw(np.random.default_rng(0)).sum(axis=1).tolist() == [0, 1, 0]
    assert DoubtedReadings([])(np.random.default_rng(0)).shape == (0, 110)
    assert number("12").digits[0].value == 1


def test_counts_are_doubted_at_the_rate_that_is_said():
    h = np.zeros((1, 110))
    h[0, :10] = 1000
    drawn = DoubtedCounts(h)(np.random.default_rng(0))
    assert abs(drawn.sum() - 10_000) < 300
    moved = np.abs(drawn - h).sum() / h.sum()
    assert 0 < moved < 2 * ASSUMED
