from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from scipy.stats import norm

from corpus.fakes import table
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.history.entropy import draw_pages, entropy, rarefied
from tablesim.corpus.history.rows import HistorySettings
from tablesim.corpus.history.series import history
from tablesim.errors import MetadataError, RunError, SettingsError
from tablesim.records.bins import count_bigrams

labels_of = st.lists(st.integers(0, 4), min_size=1, max_size=9).map(np.array)


@given(labels_of)
def test_entropy_is_that_of_scipy(labels):
    assert entropy(labels) == pytest.approx(scipy_entropy(np.bincount(labels), base=2), abs=1e-9)


@given(labels_of, st.integers(1, 9))
def test_rarefied_entropy_is_the_mean_over_all_samples(labels, depth):
    depth = min(depth, len(labels))
    mean = np.mean([entropy(labels[list(rows)]) for rows in combinations(range(len(labels)), depth)])
    assert rarefied(labels, depth) == pytest.approx(mean, abs=1e-9)


def test_rarefied_refuses_more_pages_than_there_are():
    with pytest.raises(ValueError, match="got a depth of 4, expected 1 to 3"):
        rarefied(np.array([0, 1, 2]), 4)


def test_pages_are_drawn_as_numpy_draws_them_without_replacement():
    weight = np.array([8.0, 4.0, 2.0, 1.0, 1.0])
    rng = np.random.default_rng(0)
    ours = np.bincount(np.concatenate([draw_pages(np.log(weight), 2, rng) for _ in range(8000)]), minlength=5) / 8000
    theirs = [rng.choice(5, 2, replace=False, p=weight / weight.sum()) for _ in range(8000)]
    np.testing.assert_allclose(ours, np.bincount(np.concatenate(theirs), minlength=5) / 8000, atol=0.025)


TABLES = [count_bigrams(text for row in table(kind) for text in row).astype(int) for kind in range(24)]


def chronicle(folder, lines):
    """A run of one page for each (book, year, place, kind of table), clustered by kind."""
    pages, about = {}, {}
    rng = np.random.default_rng(9)
    for number, (book, year, place, kind) in enumerate(lines):
        page = f"{book}_x_{year}_p{number}"
        pages[page] = rng.binomial(TABLES[kind], 0.98)
        about[page] = {"book": str(book), "year": year, "year_latest": year, "place": place}
    corpus = corpus_of_histograms(folder, pages, about)
    corpus.cluster()
    return corpus


def editions_of(rng, years, kinds, n_books=2, pages=6):
    """Books of every year that print tables drawn from ``kinds(year)``."""
    lines, book = [], 0
    for year in years:
        for _ in range(n_books):
            book += 1
            lines += [(book, year, f"place {book % 4}", int(rng.choice(kinds(year)))) for _ in range(pages)]
    return lines


@pytest.fixture(scope="module")
def falling(tmp_path_factory):
    """Twenty-four tables are printed until 1560, then two."""
    rng = np.random.default_rng(0)
    lines = editions_of(rng, range(1540, 1581, 2), lambda year: range(24) if year < 1560 else range(2))
    return chronicle(tmp_path_factory.mktemp("falling"), lines)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    rng = np.random.default_rng(1)
    return chronicle(tmp_path_factory.mktemp("steady"), editions_of(rng, range(1540, 1581, 2), lambda _: range(24)))


SETTINGS = HistorySettings(sigma=3, n_pages=15, repeats=40)


def row_at(found, mode, at):
    return next(row for row in found.mode(mode) if row.at == str(at))


def test_a_fall_of_variety_is_seen_and_stands_out_from_the_null_model(falling):
    found = history(falling, "year", SETTINGS)
    early, late = row_at(found, "corrected", 1546), row_at(found, "corrected", 1574)
    assert early.entropy > 3
    assert late.entropy <= 1.01
    assert late.high < early.low
    assert late.entropy < late.null_low


def test_variety_that_does_not_change_stays_within_the_null_model(steady):
    rows = [row for row in history(steady, "year", SETTINGS).mode("corrected") if row.null_low is not None]
    inside = [row.null_low <= row.entropy <= row.null_high for row in rows]
    assert len(rows) > 30
    assert np.mean(inside) > 0.9


def test_the_published_window_is_never_cut_off_and_the_corrected_one_is(tmp_path):
    # One page a year in the middle: eighty pages can only come from far away.
    rng = np.random.default_rng(2)
    lines = [*editions_of(rng, (1500, 1501), lambda _: range(24), pages=20), (90, 1520, "Paris", 3)]
    lines += editions_of(rng, (1540, 1541), lambda _: range(24), pages=20)
    found = history(chronicle(tmp_path / "run", lines), "year", HistorySettings(sigma=2, n_pages=30, repeats=20))
    middle = row_at(found, "published", 1520)
    assert middle.far > 0.9
    assert middle.entropy > 3
    corrected = row_at(found, "corrected", 1520)
    assert (corrected.entropy, corrected.low, corrected.null, corrected.pages) == (None, None, None, 1)


def published_reference(years, clusters, sigma, n, repeats, rng):
    """The procedure as it stands in the paper's programs: weights of a normal density, drawn without replacement."""
    series = {}
    for year in range(years.min(), years.max()):
        p = norm.pdf(years, year, sigma)
        values = []
        for _ in range(repeats):
            rows = rng.choice(len(years), size=n, replace=False, p=p / p.sum())
            values.append(scipy_entropy(np.bincount(clusters[rows])))
        series[year] = np.mean(values) / np.log(2)
    return series


def test_the_published_mode_is_the_published_procedure(falling):
    found = history(falling, "year", HistorySettings(sigma=4, n_pages=80, repeats=1))
    label = dict(zip(falling.clusters.pages, falling.clusters.labels_.tolist(), strict=True))
    years = np.array([int(page.split("_")[2]) for page in label])
    reference = published_reference(years, np.array(list(label.values())), 4, 80, 20, np.random.default_rng(5))
    ours = {int(row.at): row.entropy for row in found.mode("published")}
    assert ours.keys() == reference.keys()
    assert max(abs(ours[year] - reference[year]) for year in ours) < 0.12
    assert all(row.depth == 80 for row in found.mode("published"))


def test_places_in_both_modes(falling, tmp_path):
    lines = [(1, 1500, "Paris", kind % 12) for kind in range(24)] + [(2, 1500, "Paris", kind) for kind in range(8)]
    lines += [(3, 1501, "Sine loco", 0)] * 9 + [(4, 1502, "Sine loco", 1)] * 3 + [(5, 1503, None, 2)]
    corpus = chronicle(tmp_path / "run", lines)
    found = history(corpus, "place", HistorySettings(n_pages=6, repeats=20))
    label = {page: corpus.clusters.label_of(page) for page in corpus.clusters.pages}
    paris = np.array([label[page] for page in label if page[0] in "12"])
    published, corrected = row_at(found, "published", "Paris"), row_at(found, "corrected", "Paris")
    assert published.entropy == pytest.approx(scipy_entropy(np.bincount(paris), base=2) - np.log2(len(paris)))
    assert corrected.entropy == pytest.approx(rarefied(paris, 6))
    assert corrected.entropy > row_at(found, "corrected", "Sine loco").entropy
    assert row_at(found, "corrected", "(no place given)").entropy is None


def test_books_are_left_out_by_list(falling):
    whole, less = (
        history(falling, "year", SETTINGS),
        history(falling, "year", HistorySettings(3, 2, 15, 20, ("3", "4"))),
    )
    assert less.left_out == ("3", "4")
    assert row_at(less, "corrected", 1542).pages == row_at(whole, "corrected", 1542).pages - 12
    with pytest.raises(SettingsError, match="no book Nemo in"):
        history(falling, "year", HistorySettings(leave_out=("Nemo",)))


def test_the_same_seed_gives_the_same_history_and_another_another(falling):
    first = history(falling, "year", SETTINGS)
    assert first.rows == history(falling, "year", SETTINGS).rows
    assert first.rows != history(falling, "year", HistorySettings(3, 2, 15, 40, seed=1)).rows


def test_years_that_the_names_contradict_count_in_the_published_mode_alone(tmp_path):
    pages = {f"{book}_x_1599_p{page}": TABLES[page] for book in range(4) for page in range(6)}
    about = {page: {"book": page[0], "year": 1500 + int(page[0]), "place": "Rome"} for page in pages}
    corpus = corpus_of_histograms(tmp_path / "run", pages, about)
    corpus.cluster()
    found = history(corpus, "year", HistorySettings(n_pages=5, repeats=5))
    assert {row.at for row in found.mode("published")} == {"1599"}
    assert [row.at for row in found.mode("corrected")] == ["1500", "1501", "1502", "1503"]


def test_dates_that_are_ranges_are_spread_over_them(tmp_path):
    pages = {f"p{page}": TABLES[page % 6] for page in range(40)}
    about = {page: {"book": page, "year": 1500, "year_latest": 1539} for page in pages}
    corpus = corpus_of_histograms(tmp_path / "run", pages, about)
    corpus.cluster()
    rows = history(corpus, "year", HistorySettings(sigma=4, n_pages=2, repeats=30)).mode("corrected")
    assert [row.at for row in rows] == [str(year) for year in range(1500, 1540)]
    assert sum(row.entropy is not None for row in rows) > 30


def test_the_table_and_the_picture_say_the_same(falling, tmp_path):
    found = history(falling, "place", SETTINGS)
    path = found.write_csv(tmp_path / "place.csv")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("by,at,mode,entropy,low,high,null,null_low,null_high,pages,books,clusters,depth")
    assert len(lines) == 1 + len(found.rows)
    for by in ("place", "year"):
        picture = history(falling, by, SETTINGS).plot()
        picture.savefig(tmp_path / "h.png")
        assert (tmp_path / "h.png").stat().st_size > 5000
    assert next(text.get_text() for text in found.plot().axes[0].get_yticklabels()).startswith("place")


def test_runs_without_clusters_years_or_places_say_so(tmp_path):
    corpus = corpus_of_histograms(tmp_path / "run", {"a": TABLES[0], "b": TABLES[0]})
    with pytest.raises(RunError, match="no clusters yet"):
        history(corpus)
    corpus.cluster()
    for by in ("year", "place"):
        with pytest.raises(RunError, match=f"no clustered page has a {by}"):
            history(corpus, by)
    with pytest.raises(SettingsError, match="got 'week', expected year or place"):
        history(corpus, "week")
    with pytest.raises(SettingsError, match="sigma: got 0, expected more than 0"):
        HistorySettings(sigma=0)


def test_given_histograms_make_a_run(tmp_path):
    csv = tmp_path / "books.csv"
    csv.write_text("page_id;book;year;place\na.jpg;7;1533;Paris\n")
    corpus = corpus_of_histograms(tmp_path / "run", {"b": TABLES[0], "a": TABLES[0], "c": np.zeros(110)}, csv)
    assert [hit.page for hit in corpus.search("a")] == ["b"]
    assert (corpus.page("a")["book"], corpus.page("a")["year"], corpus.page("c")["is_table"]) == ("7", 1533, False)
    assert isinstance(corpus.cluster(), Clustering)
    for wrong, message in (
        ({}, "got none"),
        ({"a": np.ones(109)}, r"page a has shape \(109,\)"),
        ({"a": np.full(110, np.nan)}, "counts of 0 or more"),
    ):
        with pytest.raises(SettingsError, match=message):
            corpus_of_histograms(tmp_path / "no", wrong)
    with pytest.raises(SettingsError, match="page a has town, expected authors, book"):
        corpus_of_histograms(tmp_path / "no", {"a": TABLES[0]}, {"a": {"town": "Paris"}})
    with pytest.raises(MetadataError):
        corpus_of_histograms(tmp_path / "no", {"a": TABLES[0]}, tmp_path / "gone.csv")


def test_the_published_metadata_loads_and_gives_histories(real, tmp_path):
    """A sample of the published 9,793 lines, with a synthesized stand-in for each scan."""
    source = (real / "sphaera" / "sphaera_tables_9793.csv").read_text(encoding="utf-8").splitlines()
    ids = [line.split(",")[0].removesuffix(".jpg") for line in source[1::40]]
    rng = np.random.default_rng(0)
    pages = {page: rng.binomial(TABLES[rng.integers(12)], 0.97) for page in ids}
    corpus = corpus_of_histograms(tmp_path / "run", pages, real / "sphaera" / "sphaera_tables_9793.csv")
    assert all(row["year"] and row["place"] for row in corpus.pages)
    corpus.cluster()
    years = history(corpus, "year", HistorySettings(repeats=10))
    places = history(corpus, "place", HistorySettings(repeats=10))
    assert {"Sine loco", "Paris", "Venice"} <= {row.at for row in places.rows}
    assert sum(row.entropy is not None for row in years.mode("corrected")) > 20
    # Years in the names and years in the metadata disagree for some of the books.
    assert max(row.far for row in years.mode("published")) > 0.1
