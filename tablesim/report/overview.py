"""The corpus at one look: when its pages were printed, where, and which are alike; as SVG geometry for a template."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tablesim.corpus.map import load_map
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.language import say, say_n
from tablesim.records.dates import YearRange

N_LANES = 40
"""Groups that have a line of their own below the time line, the largest first."""

MAX_BARS = 60
"""Bars of the time line at most: years are joined to steps of 1, 2, 5, 10, 20, 25, 50 or 100."""

WIDTH, LEFT, RIGHT = 1000.0, 190.0, 20.0
"""Of the time line in units of its picture, with the margins left for names."""

BARS, LANE = 150.0, 18.0
"""Height of the bars and of a lane."""

FULL = 12
"""Pages of the largest circle at least: where no place has more than a few, no circle hides what lies around it."""

MAX_TOWNS = 400
"""Places on the map, those with most pages first."""

_LATITUDE, _LONGITUDE = ("latitude", "lat"), ("longitude", "lon", "lng", "long")
_BOTH = ("coordinates", "coords", "latlon", "lat_lon", "lat/lon", "geo")


@dataclass(frozen=True)
class Bar:
    """Pages of some years: ``x``, ``y``, ``width``, ``height`` in units of the picture."""

    first: int
    last: int
    count: int
    x: float
    y: float
    width: float
    height: float

    @property
    def words(self) -> str:
        """What it stands for: "1550 to 1559: 12 pages"."""
        years = (
            str(self.first) if self.first == self.last else say("{first} to {last}", first=self.first, last=self.last)
        )
        return f"{years}: {say_n(self.count, '{n} page', '{n} pages')}"


@dataclass(frozen=True)
class Lane:
    """A group on the time line: its name, address, and a dot for each year with the number of its pages."""

    name: str
    href: str
    y: float
    x_first: float
    x_last: float
    dots: list[tuple[float, float, int, int]]  # x, radius, year, pages


@dataclass(frozen=True)
class TimeLine:
    """When the pages were printed."""

    first: int
    last: int
    step: int
    bars: list[Bar]
    lanes: list[Lane]
    ticks: list[tuple[float, int]]
    height: float
    n_dated: int
    n_undated: int
    most: int


@dataclass(frozen=True)
class Town:
    """A place on the map with its pages; ``label`` says whether its name has room beside it."""

    name: str
    count: int
    x: float
    y: float
    radius: float
    label: bool

    @property
    def words(self) -> str:
        """What it stands for: "Paris: 12 pages"."""
        return f"{self.name}: {say_n(self.count, '{n} page', '{n} pages')}"


@dataclass(frozen=True)
class PlaceMap:
    """Where the pages were printed: an equirectangular map with lines of latitude and longitude."""

    width: float
    height: float
    towns: list[Town]
    meridians: list[tuple[float, str]]
    parallels: list[tuple[float, str]]
    n_without: int


def time_line(years: Sequence[int | None], groups: Iterable[tuple[str, str, Sequence[int | None]]]) -> TimeLine | None:
    """The time line of pages by their years, and of groups: name, address and the years of its pages, largest first.

    None where fewer than two different years are known.
    """
    dated = Counter(year for year in years if year is not None)
    if len(dated) < 2:
        return None
    low, high = min(dated), max(dated)
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100) if (high - low) / s < MAX_BARS), 200)
    first, last = low // step * step, high // step * step + step

    def x_of(year: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (year - first) / (last - first)

    counts = Counter(dict.fromkeys(range(first, last, step), 0))
    for year, n_pages in dated.items():
        counts[year // step * step] += n_pages
    most = max(counts.values())
    wide = (WIDTH - LEFT - RIGHT) * step / (last - first)
    bars = [
        Bar(start, start + step - 1, n, x_of(start), 20 + BARS * (1 - n / most), 0.9 * wide, BARS * n / most)
        for start, n in sorted(counts.items())
        if n
    ]
    lanes: list[Lane] = []
    for at, (name, href, of_group) in enumerate(groups):
        own = Counter(year for year in of_group if year is not None)
        if own and len(lanes) < N_LANES:
            y = BARS + 64 + LANE * len(lanes)
            dots = [(x_of(year + 0.5), min(8.0, 2.4 + 1.3 * math.sqrt(n)), year, n) for year, n in sorted(own.items())]
            lanes.append(Lane(name, href, y, dots[0][0], dots[-1][0], dots))
        if at > 10 * N_LANES:
            break
    every = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if (last - first) / s <= 10)
    ticks = [(x_of(year), year) for year in range(-(-first // every) * every, last + 1, every)]
    height = BARS + 60 + LANE * len(lanes) + 20
    n_dated = sum(dated.values())
    return TimeLine(first, last, step, bars, lanes, ticks, height, n_dated, len(years) - n_dated, most)


def year_on_line(date: YearRange) -> int | None:
    """Where a date stands on the time line: in the middle of the years that it allows; None where none is known."""
    return int(date.order) if date.is_known else None


def place_map(places: Iterable[tuple[str, tuple[float, float] | None]]) -> PlaceMap | None:
    """The map of named places with latitude and longitude in degrees, one a page; None where no page has any."""
    counts: Counter[tuple[str, float, float]] = Counter()
    n_without = 0
    for name, where in places:
        if where is None:
            n_without += 1
        else:
            counts[name, round(where[0], 3), round(where[1], 3)] += 1
    if not counts:
        return None
    latitudes, longitudes = [lat for _, lat, _ in counts], [lon for _, _, lon in counts]
    south, north = _around(min(latitudes), max(latitudes), -90, 90)
    west, east = _around(min(longitudes), max(longitudes), -180, 180)
    # A degree of longitude is shorter by the cosine of the latitude in the middle.
    narrow = max(0.2, math.cos(math.radians((south + north) / 2)))
    scale = min(1000 / ((east - west) * narrow), 620 / (north - south))
    width, height = (east - west) * narrow * scale, (north - south) * scale
    towns: list[Town] = []
    most = max(counts.values())
    for (name, lat, lon), n_pages in counts.most_common(MAX_TOWNS):
        x, y = (lon - west) * narrow * scale, (north - lat) * scale
        room = all(abs(x - other.x) > 90 or abs(y - other.y) > 16 for other in towns if other.label)
        towns.append(Town(name, n_pages, x, y, 4 + 22 * math.sqrt(n_pages / max(most, FULL)), room))
    every = next(s for s in (0.5, 1, 2, 5, 10, 20, 30) if max(east - west, north - south) / s <= 12 or s == 30)
    meridians = [((lon - west) * narrow * scale, _degrees(lon, "E", "W")) for lon in _steps(west, east, every)]
    parallels = [((north - lat) * scale, _degrees(lat, "N", "S")) for lat in _steps(south, north, every)]
    return PlaceMap(width, height, towns, meridians, parallels, n_without)


def coordinates_of(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude of a page in degrees, from columns of its metadata; None where there are none.

    Columns ``latitude`` and ``longitude`` (``lat``, ``lon``, ``lng``), or one (``coordinates``: latitude first).
    """
    if not row["extra"]:
        return None
    extra = {name.strip().casefold(): value for name, value in row["extra"].items()}
    pair = [next((extra[name] for name in names if extra.get(name)), "") for names in (_LATITUDE, _LONGITUDE)]
    if not all(pair):
        both = next((extra[name] for name in _BOTH if extra.get(name)), "")
        pair = re.findall(r"-?\d+(?:\.\d+)?", both)[:2]
    try:
        latitude, longitude = (float(str(value).replace(",", ".")) for value in pair)
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def positions_of(corpus: Corpus) -> dict[str, tuple[float, float]]:
    """Where the pages stand on the map of the corpus, within -1 and 1; empty without a map."""
    try:
        found = load_map(corpus)
    except RunError:
        return {}
    return {
        page: (round(x, 4), round(y, 4)) for page, (x, y) in zip(found.pages, found.positions.tolist(), strict=True)
    }


def _around(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    room = max(1.0, 0.08 * (high - low))
    return max(least, low - room), min(most, high + room)


def _steps(low: float, high: float, every: float) -> Iterable[float]:
    return (every * number for number in range(math.ceil(low / every), math.floor(high / every) + 1))


def _degrees(value: float, above: str, below: str) -> str:
    return f"{abs(value):g}°" + ("" if not value else above if value > 0 else below)
