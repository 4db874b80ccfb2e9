"""History of a corpus: Shannon entropy of its clusters over years or places, with a null model by permutation of books.

Entropy says how varied the tables are: n clusters of one size have log2 n bits. Two modes, side by side. ``published``
follows the procedure of the study of the Sphaera corpus (Eberle et al., Science Advances 10, 2024) as its programs do
it: for each year 80 pages are drawn without replacement by a Gaussian of 4 years, twenty times; a place has the entropy
of all its pages less the logarithm of their number; years are those in the page ids. Its window is never cut off, so
that a year with few pages is filled up from decades away, its band is the spread of the draws alone, and the entropy of
a place depends on how much was printed there.

``corrected``: the window ends at ``reach`` times sigma; a year without enough pages in it has no value; places are
compared at one number of pages (rarefaction); the band says what other books would have given (half-samples of books,
for pages of a book are not independent: P. McCarthy, Rev. Int. Stat. Inst. 37, 1969); dates that are ranges are drawn
anew each time; and a null model, in which the books change their years or places, says what entropy the corpus would
show if its tables had nothing to do with time or place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.files import write_aside
from tablesim.records.dates import YearRange
from tablesim.records.plain import plain
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import normalized_name


def entropy(labels: NDArray[np.intp]) -> float:
    """Entropy of the shares of the clusters among ``labels``, in bits; 0 for no page."""
    if not len(labels):
        return 0.0
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(max(0.0, -(share * np.log2(share)).sum()))


def rarefied(labels: NDArray[np.intp], depth: int) -> float:
    """The entropy to be expected of ``depth`` pages drawn without replacement, in bits; exact.

    A cluster of n of the N pages is met k times with the probability of the hypergeometric distribution, so that
    E[H] = - sum over clusters and k of P(k) k/m log2 k/m (the rarefaction of H. Sanders and S. Hurlbert, for entropy).
    ValueError where there are fewer pages than ``depth``.
    """
    n = len(labels)
    if not 1 <= depth <= n:
        raise ValueError(f"rarefied: got a depth of {depth}, expected 1 to {n}, the number of pages")
    sizes, n_clusters = np.unique(np.unique(labels, return_counts=True)[1], return_counts=True)
    k = np.arange(1, depth + 1)
    term = k / depth * np.log2(k / depth)
    total = 0.0
    for size, count in zip(sizes.tolist(), n_clusters.tolist(), strict=True):
        possible = k[(k <= size) & (depth - k <= n - size)]
        log_p = (
            _log_choose(size, possible) + _log_choose(n - size, depth - possible) - _log_choose(n, np.array([depth]))
        )
        total -= count * float((np.exp(log_p) * term[possible - 1]).sum())
    return max(0.0, total)


def _log_choose(n: int, k: NDArray[np.intp]) -> NDArray[np.float64]:
    """The logarithm of the binomial coefficient."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def draw_pages(log_weight: NDArray[np.float64], depth: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``depth`` pages one after the other without replacement, each in proportion to its weight among those left.

    The keys log w + Gumbel noise give the same distribution (J. Efraimidis and P. Spirakis, Inf. Process. Lett. 97,
    2006). Pages with the weight 0 (-inf) are never drawn as long as there are enough others.
    """
    keys = log_weight + rng.gumbel(size=len(log_weight))
    return np.asarray(np.argpartition(-keys, depth - 1)[:depth], dtype=np.intp)


SIGMA = 4.0
"""Width of the Gaussian window in years, as in the published study."""
REACH = 2.0
"""Where the corrected window ends, in sigmas: 95 % of a Gaussian; chosen by eye."""


@dataclass(frozen=True)
class HistorySettings:
    """What a history is drawn with.

    Parameters
    ----------
    sigma : float
        Of the Gaussian window, in years.
    reach : float
        Where the corrected window ends, in sigmas.
    n_pages : int, optional
        Pages that are compared at each year or place. By default 80, or as many as half the years or places have.
    repeats : int
        Half-samples of books and permutations of the null model.
    leave_out : tuple of str
        Books that are left out.
    min_digits : int
        Pages with fewer digits are left out (0 to 300 in the published study).
    seed : int
    """

    sigma: float = SIGMA
    reach: float = REACH
    n_pages: int | None = None
    repeats: int = 100
    leave_out: tuple[str, ...] = ()
    min_digits: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("sigma", 0.0), ("reach", 0.0), ("repeats", 1), ("n_pages", 1)):
            value = getattr(self, name)
            if value is not None and not (value > 0 and value >= least):
                raise SettingsError(f"{name}: got {value}, expected more than 0")


@dataclass(frozen=True)
class HistoryRow:
    """One year or place in one mode; entropies in bits, None where there is too little to say.

    ``pages`` and ``books`` are those in the window (corrected), or all that could be drawn (published); ``depth`` is
    the number of pages that are compared. ``low`` and ``high``: corrected, 95 % of what other books would have given;
    published, one standard deviation of the draws. ``null``, ``null_low`` and ``null_high``: mean and 95 % of the null
    model. ``far`` is the share of the drawn pages more than two sigma away.
    """

    by: str
    at: str
    mode: str
    entropy: float | None
    low: float | None
    high: float | None
    null: float | None
    null_low: float | None
    null_high: float | None
    pages: int
    books: int
    clusters: int
    depth: int
    far: float | None = None


BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
"""Blue and orange of the palette of M. Okabe and K. Ito, which people with any colour vision tell apart."""
MAX_PLACES = 40
"""Places that are drawn, those with the most pages: as many as are legible on one page."""
_NAN = float("nan")


def plot_history(by: str, rows: Sequence[HistoryRow]) -> Any:
    """A matplotlib figure of the rows of both modes; years from left to right, places from the most pages down."""
    published, corrected = ([row for row in rows if row.mode == mode] for mode in ("published", "corrected"))
    return _plot_years(published, corrected) if by == "year" else _plot_places(published, corrected)


def _values(rows: Sequence[HistoryRow], name: str) -> list[float]:
    return [_NAN if (value := getattr(row, name)) is None else value for row in rows]


def _figure(width: float, height: float, n_axes: int, **how: Any) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, n_axes, **how)


def _plot_years(published: Sequence[HistoryRow], corrected: Sequence[HistoryRow]) -> Any:
    figure, axes = _figure(8, 4, 1)
    for mode, rows, colour in (("published", published, GREY), ("corrected", corrected, BLUE)):
        at = [int(row.at) for row in rows]
        if mode == "corrected":
            axes.fill_between(
                at, _values(rows, "null_low"), _values(rows, "null_high"), color=ORANGE, alpha=0.2, linewidth=0
            )
            axes.plot(at, _values(rows, "null"), color=ORANGE, linestyle=":", label="books in shuffled years (95 %)")
        label = f"{mode}, {rows[0].depth} pages" if rows else mode
        axes.fill_between(at, _values(rows, "low"), _values(rows, "high"), color=colour, alpha=0.25, linewidth=0)
        axes.plot(at, _values(rows, "entropy"), color=colour, label=label)
    axes.set(xlabel="year", ylabel="entropy of clusters (bits)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return figure


def _plot_places(published: Sequence[HistoryRow], corrected: Sequence[HistoryRow]) -> Any:
    corrected = sorted(corrected, key=lambda row: (-row.pages, row.at))[:MAX_PLACES]
    published_entropy = {row.at: row.entropy for row in published}
    names = [f"{row.at} ({row.pages})" for row in corrected]
    heights = list(range(len(corrected)))
    figure, (left, right) = _figure(9, 1.5 + 0.22 * len(heights), 2, sharey=True)
    for at, row in enumerate(corrected):
        if row.null_low is not None:
            left.plot([row.null_low, row.null_high], [at, at], color=ORANGE, alpha=0.4, linewidth=6)
        if row.low is not None:
            left.plot([row.low, row.high], [at, at], color=BLUE, linewidth=1.5)
        if row.entropy is not None:
            left.plot([row.entropy], [at], "o", color=BLUE, markersize=4)
    depth = corrected[0].depth if corrected else 0
    left.set(xlabel=f"entropy of {depth} pages (bits)", title="corrected")
    left.set_yticks(heights, names, fontsize=7)
    left.set_ylim(len(heights) - 0.5, -0.5)
    right.plot([published_entropy[row.at] for row in corrected], heights, "o", color=GREY, markersize=4)
    right.set(xlabel="entropy less log of the pages (bits)", title="published")
    return figure


N_PAGES = 80
"""Pages that the published study compares at each year."""
PUBLISHED_REPEATS = 20
"""Draws of each year in the published study."""
FEWEST_BOOKS = 3
"""Of fewer books nothing can be said about what other books would have given."""
NO_PLACE = "(no place given)"
_YEAR_IN_ID = re.compile(r".*_(\d{4})_p\d+")


@dataclass(frozen=True)
class History:
    """Rows of both modes, in the order of years or places, what they were drawn with, and what people said of pages.

    By year, pages without a date (``undated``) and pages of which a date has one end only (``open_dates``, "before
    1630") have no part in it.
    """

    by: str
    rows: tuple[HistoryRow, ...]
    settings: HistorySettings
    clustering: str
    left_out: tuple[str, ...]
    said_by_people: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    open_dates: tuple[str, ...] = ()

    def mode(self, name: str) -> tuple[HistoryRow, ...]:
        """The rows of "published" or "corrected"."""
        return tuple(row for row in self.rows if row.mode == name)

    def to_dict(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "clustering": self.clustering,
            "unit": "bits",
            "settings": asdict(self.settings),
            "left_out": list(self.left_out),
            "said_by_people": list(self.said_by_people),
            "undated": list(self.undated),
            "open_dates": list(self.open_dates),
            "rows": [plain(row, 6) for row in self.rows],
        }

    def remarks(self) -> list[str]:
        """Which pages have no part in it, a sentence a reason."""
        return [
            f"clustered pages that have no part in it, since {why}: {len(pages)} ({shortlist(pages, 3)})"
            for pages, why in (
                (self.undated, "they have no date"),
                (self.open_dates, "their dates have one end only, as before or after a year"),
            )
            if pages
        ]

    def write_csv(self, path: str | Path) -> Path:
        """One row a year or place and mode, as the plot shows it."""
        path = Path(path)
        write_csv(path, [field.name for field in fields(HistoryRow)], (plain(row, 6) for row in self.rows))
        return path

    def plot(self) -> Any:
        """A matplotlib figure of both modes with their bands, and the null model behind the corrected one."""
        return plot_history(self.by, self.rows)


@dataclass(frozen=True)
class _Pages:
    """The clustered pages of a corpus in columns; books are numbered from 0."""

    n_books: int
    cluster: NDArray[np.intp]
    book: NDArray[np.intp]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    year_in_id: NDArray[np.intp]
    place: NDArray[np.str_]

    def counts(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> tuple[int, int, int]:
        """How many pages, books and clusters some rows are."""
        book, cluster = self.book[rows], self.cluster[rows]
        return len(book), len(np.unique(book)), len(np.unique(cluster))


def history(
    corpus: Corpus, by: str = "year", settings: HistorySettings | None = None, clustering: Clustering | None = None
) -> History:
    """Entropy of the clusters of a run by year or by place, in both modes.

    Parameters
    ----------
    corpus : Corpus
        With clusters, and metadata that gives years or places.
    by : str
        "year" or "place".
    settings : HistorySettings, optional
    clustering : Clustering, optional
        The one made last unless given.

    Raises
    ------
    RunError
        The run has no clusters, or no clustered page has a year (a place).
    SettingsError
        ``by`` is something else, or a book to leave out is not in the run.
    """
    if by not in ("year", "place"):
        raise SettingsError(f"by: got {by!r}, expected year or place")
    settings = settings or HistorySettings()
    clustering = corpus.clusters if clustering is None else clustering
    if clustering is None:
        raise RunError(f"{corpus.folder}: no clusters yet; make some with `tablesim cluster {corpus.folder}`")
    pages, left_out, undated, open_dates = _pages(corpus, clustering, by, settings)
    rows = _by_year(pages, settings) if by == "year" else _by_place(pages, settings)
    people = tuple(corpus.table_decisions.sentences())
    return History(by, tuple(rows), settings, clustering.name, left_out, people, undated, open_dates)


def write_history(
    corpus: Corpus, by: str = "year", settings: HistorySettings | None = None, clustering: Clustering | None = None
) -> tuple[History, Path]:
    """Write ``history`` into the run as ``history/BY.csv`` and ``history/BY.png``; the series and the path of the CSV.

    RunError also where another process is writing the run.
    """
    with corpus.lock():
        series = history(corpus, by, settings, clustering)
        path = series.write_csv(corpus.folder / "history" / f"{by}.csv")
        picture = series.plot()
        write_aside(path.with_suffix(".png"), lambda aside: picture.savefig(aside, dpi=150, format="png"))
    return series, path


def _pages(
    corpus: Corpus, clustering: Clustering, by: str, settings: HistorySettings
) -> tuple[_Pages, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The pages, the books to leave out, and the pages without a date and with one that is open at an end."""
    lines, left_out = [], set()
    undated: list[str] = []
    open_dates: list[str] = []
    to_leave_out = set(map(normalized_name, settings.leave_out))
    books: dict[str, int] = {}
    for row in corpus.pages:
        label = clustering.label_of(row["page"])
        if label is None or (row["n_digits"] or 0) < settings.min_digits:
            continue
        # A page whose book is not known stands for a book of its own.
        book = row["book"] or row["page"]
        if book in to_leave_out:
            left_out.add(book)
            continue
        date = YearRange.of_row(row)
        if by == "year" and not date.is_closed:
            (open_dates if date.is_known else undated).append(row["page"])
            continue
        first, last = date.first or 0, date.last or 0
        year_in_id = _YEAR_IN_ID.fullmatch(row["page"])
        lines.append(
            (
                label,
                books.setdefault(book, len(books)),
                first,
                last,
                int(year_in_id[1]) if year_in_id else (first + last) // 2,
                row["place"] or NO_PLACE,
            )
        )
    unknown = sorted(to_leave_out - {row["book"] or row["page"] for row in corpus.pages})
    if unknown:
        raise SettingsError(
            f"leave out: no book {', '.join(unknown[:5])} in {corpus.folder}; give books as in its pages"
        )
    if not lines or (by == "place" and all(line[5] == NO_PLACE for line in lines)):
        open_ended = f" with both ends ({len(open_dates)} have one)" if open_dates else ""
        raise RunError(
            f"{corpus.folder}: no clustered page has a {by}{open_ended}; give the run a CSV with that column: "
            "`tablesim run SCANS --out RUN --metadata CSV`"
        )
    columns = [np.array(column) for column in zip(*lines, strict=True)]
    return _Pages(len(books), *columns), tuple(sorted(left_out)), tuple(undated), tuple(open_dates)


# By year


def _by_year(pages: _Pages, settings: HistorySettings) -> Iterable[HistoryRow]:
    rng = np.random.default_rng(settings.seed)
    yield from _published_years(pages, settings, rng)
    yield from _corrected_years(pages, settings, rng)


def _published_years(pages: _Pages, settings: HistorySettings, rng: np.random.Generator) -> Iterable[HistoryRow]:
    years = pages.year_in_id
    depth = min(settings.n_pages or N_PAGES, len(years))
    # The published series ends a year before the last.
    for year in range(int(years.min()), max(int(years.max()), int(years.min()) + 1)):
        log_weight = -0.5 * ((years - year) / settings.sigma) ** 2
        chosen = [draw_pages(log_weight, depth, rng) for _ in range(PUBLISHED_REPEATS)]
        values = [entropy(pages.cluster[rows]) for rows in chosen]
        far = float(np.mean([np.abs(years[rows] - year) > 2 * settings.sigma for rows in chosen]))
        mean, spread = float(np.mean(values)), float(np.std(values))
        _, n_books, n_clusters = pages.counts(np.unique(np.concatenate(chosen)))
        counts = (len(years), n_books, n_clusters, depth)
        yield HistoryRow(
            "year", str(year), "published", mean, mean - spread, mean + spread, None, None, None, *counts, far
        )


def _corrected_years(pages: _Pages, settings: HistorySettings, rng: np.random.Generator) -> Iterable[HistoryRow]:
    first, last = int(pages.first.min()), int(pages.last.max())
    years = np.arange(first, last + 1)
    middle = (pages.first + pages.last) / 2
    window = settings.reach * settings.sigma
    available = np.array([(np.abs(middle - year) <= window).sum() for year in years])
    depth = settings.n_pages or _common_depth(available)

    def series(book_year: NDArray[np.intp] | None, kept: NDArray[np.bool_] | None) -> NDArray[np.float64]:
        """Entropy of each year; NaN where there are too few pages."""
        dates = _draw_dates(pages, rng) if book_year is None else book_year[pages.book]
        use = np.ones(len(dates), bool) if kept is None else kept[pages.book]
        entropies = np.full(len(years), np.nan)
        for at, year in enumerate(years):
            near = np.flatnonzero(use & (np.abs(dates - year) <= window))
            if len(near) >= depth:
                rows = near[draw_pages(-0.5 * ((dates[near] - year) / settings.sigma) ** 2, depth, rng)]
                entropies[at] = entropy(pages.cluster[rows])
        return entropies

    whole = np.array([series(None, None) for _ in range(settings.repeats)])
    halves = np.array([series(None, _half_of_books(pages.n_books, rng)) for _ in range(settings.repeats)])
    year_of_book = np.zeros(pages.n_books)
    year_of_book[pages.book] = middle
    null = np.array([series(rng.permutation(year_of_book), None) for _ in range(settings.repeats)])
    for at, year in enumerate(years):
        near = np.abs(middle - year) <= window
        counts = (*pages.counts(near), depth)
        yield _corrected_row("year", str(year), whole[:, at], halves[:, at], null[:, at], counts, 0.0)


def _draw_dates(pages: _Pages, rng: np.random.Generator) -> NDArray[np.intp]:
    """A year for each page, one for all pages of a book, drawn within what its date allows."""
    u = rng.random(pages.n_books)[pages.book]
    return np.asarray(pages.first + np.floor(u * (pages.last - pages.first + 1)), dtype=np.intp)


# By place


def _by_place(pages: _Pages, settings: HistorySettings) -> Iterable[HistoryRow]:
    rng = np.random.default_rng(settings.seed)
    names, place, n_pages = np.unique(pages.place, return_inverse=True, return_counts=True)
    for at, name in enumerate(names):
        labels = pages.cluster[place == at]
        value = entropy(labels) - float(np.log2(len(labels)))
        n = pages.counts(place == at)
        yield HistoryRow("place", str(name), "published", value, None, None, None, None, None, *n, depth=len(labels))
    depth = settings.n_pages or _common_depth(n_pages)

    def series(kept: NDArray[np.bool_], place_of: NDArray[np.intp]) -> NDArray[np.float64]:
        entropies = np.full(len(names), np.nan)
        for at in range(len(names)):
            labels = pages.cluster[kept[pages.book] & (place_of == at)]
            if len(labels) >= depth:
                entropies[at] = rarefied(labels, depth)
        return entropies

    every = np.ones(pages.n_books, bool)
    whole = series(every, place)[None]
    halves = np.array([series(_half_of_books(pages.n_books, rng), place) for _ in range(settings.repeats)])
    null = np.array([series(every, _permuted_places(pages, place, rng)) for _ in range(settings.repeats)])
    for at, name in enumerate(names):
        counts = (*pages.counts(place == at), depth)
        yield _corrected_row("place", str(name), whole[:, at], halves[:, at], null[:, at], counts, None)


def _permuted_places(pages: _Pages, place: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """The place of each page after the books, each with all its pages, have changed their places."""
    of_book = np.zeros(pages.n_books, dtype=np.intp)
    of_book[pages.book] = place
    return np.asarray(rng.permutation(of_book)[pages.book], dtype=np.intp)


# Both


def _common_depth(available: NDArray[np.intp]) -> int:
    """Pages that half of the years or places with any can be compared at, ``N_PAGES`` at most and 2 at least."""
    return int(min(N_PAGES, max(2, np.median(available[available > 0]))))


def _half_of_books(n_books: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    kept = np.zeros(n_books, dtype=bool)
    kept[rng.permutation(n_books)[: (n_books + 1) // 2]] = True
    return kept


def _corrected_row(
    by: str,
    at: str,
    whole: NDArray[np.float64],
    halves: NDArray[np.float64],
    null: NDArray[np.float64],
    counts: tuple[int, int, int, int],
    far: float | None,
) -> HistoryRow:
    """Mean over the draws; band from the half-samples, whose variance about their mean is that of the whole."""
    value = _mean(whole)
    low: float | None = None
    high: float | None = None
    known = halves[np.isfinite(halves)]
    if value is not None and counts[1] >= FEWEST_BOOKS and len(known) >= len(halves) / 2:
        # The spread of single draws is taken out where the value is a mean over draws.
        noise = float(np.nanvar(whole)) if len(whole) > 1 else 0.0
        reach = 1.96 * float(np.sqrt(max(0.0, float(np.var(known)) - noise) + noise / len(whole)))
        low, high = max(0.0, value - reach), value + reach
    chance = null[np.isfinite(null)]
    null_mean = null_low = null_high = None
    if value is not None and len(chance):
        null_mean = float(chance.mean())
        null_low, null_high = (float(end) for end in np.quantile(chance, [0.025, 0.975]))
    return HistoryRow(by, at, "corrected", value, low, high, null_mean, null_low, null_high, *counts, far)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) >= max(1, len(values) / 2) else None
