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

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.history.dated_pages import dated_pages
from tablesim.corpus.history.places import by_place
from tablesim.corpus.history.plot import plot_history
from tablesim.corpus.history.rows import HistoryRow, HistorySettings
from tablesim.corpus.history.years import by_year
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.files import write_aside
from tablesim.records.plain import plain
from tablesim.scans.csvfile import shortlist


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
    pages, left_out, undated, open_dates = dated_pages(corpus, clustering, by, settings)
    rows = by_year(pages, settings) if by == "year" else by_place(pages, settings)
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
