"""Computes historical tables by builder: columns, rows and cells before any compositor touched them.

``build("chords")`` gives a table of the registry ``BUILDERS``; each builder takes the parameters of its astronomy
(obliquity, latitude, radius, year) and always returns the same table for the same parameters.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tablesim.astronomy import calendars, functions, theories
from tablesim.astronomy.sexagesimal import places_of
from tablesim.errors import SettingsError
from tablesim.records.marks import RAISED_POINT

Entry = int | str
"""What fills one place: a number, or letters; a string of digits is a number printed with its zeros or its point."""
Cell = tuple[Entry, ...]
"""One entry for each place of its column; empty where the cell is blank."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
        What it holds, unique in its table.
    heads : tuple of str
        What printers set above it, one for each way of titling the table (the last serves for the rest).
    units : tuple of str
        The mark over each place, "G." over degrees; one place for each.
    argument : bool
        Whether the reader enters the table here.
    words : bool
        Whether it holds letters.
    """

    name: str
    heads: tuple[str, ...]
    units: tuple[str, ...] = ("",)
    argument: bool = False
    words: bool = False

    @property
    def places(self) -> int:
        return len(self.units)


@dataclass(frozen=True)
class HistoricalTable:
    """A table as computed.

    Parameters
    ----------
    name : str
        Name of its builder.
    titles : tuple of str
        Ways in which printers titled it.
    columns : tuple of Column
        From left to right.
    rows : tuple of tuple of Cell
        One cell for each column.
    group : int
        Rows that printers set off together by a rule or a space; 0 for none.
    parameters : dict
        What the builder was given.
    """

    name: str
    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    group: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}, row {number}: got {len(row)} cells, expected {len(self.columns)}")
            for column, cell in zip(self.columns, row, strict=True):
                if len(cell) not in (0, column.places):
                    where = f"{self.name}, row {number}, {column.name}"
                    raise ValueError(f"{where}: got {len(cell)} places, expected {column.places} or none")

    @property
    def label(self) -> str:
        """Name and parameters in one word: equal for pages that carry the same table."""
        values = [f"{key}-{_plain(value)}" for key, value in sorted(self.parameters.items())]
        return "_".join([self.name, *values])

    def column(self, name: str) -> int:
        """Place of the column of that name."""
        return next(i for i, column in enumerate(self.columns) if column.name == name)

    def part(self, start: int, stop: int) -> HistoricalTable:
        """Rows ``start`` to ``stop``, as one page of a long table."""
        return replace(self, rows=self.rows[start:stop], parameters={**self.parameters, "rows": (start, stop)})


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(_plain(item) for item in value)
    return str(value).replace(".", "-")


BUILDERS: dict[str, Callable[..., HistoricalTable]] = {}
"""Every builder by name."""


def _builder(function: Callable[..., HistoricalTable]) -> Callable[..., HistoricalTable]:
    BUILDERS[function.__name__] = function
    return function


def build(name: str, **parameters: Any) -> HistoricalTable:
    """The table of that name; SettingsError for a name or a parameter that does not exist."""
    if name not in BUILDERS:
        raise SettingsError(f"build: got table {name!r}, expected one of {', '.join(sorted(BUILDERS))}")
    known = inspect.signature(BUILDERS[name]).parameters
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise SettingsError(f"build: table {name} got {', '.join(unknown)}, expected {', '.join(known) or 'nothing'}")
    table = BUILDERS[name](**parameters)
    defaults = {key: parameter.default for key, parameter in known.items()}
    return replace(table, parameters={**defaults, **parameters, **table.parameters})


def _angle(degrees_minutes: tuple[int, int]) -> float:
    return degrees_minutes[0] + degrees_minutes[1] / 60


_SIGNS = (
    "Aries", "Taurus", "Gemini", "Cancer", "Leo", "Virgo",
    "Libra", "Scorp.", "Sagit.", "Capric.", "Aquar.", "Piſces",
)  # fmt: skip
_MONTHS = (
    "Ianuar.", "Febr.", "Martius", "Aprilis", "Maius", "Iunius",
    "Iulius", "Auguſt.", "Sept.", "Octob.", "Nouemb.", "Decemb.",
)  # fmt: skip
_DEGREES = ("G.", "M.")
_PLACES = (
    "Meroen", "Syenen", "Alexandriam", "Rhodum", "Romam", "Pontum",
    "Boryſthenem", "Riphæos", "Daniam", "Gothiam", "Noruegiam", "Iſlandiam",
)  # fmt: skip


@_builder
def climates(obliquity: tuple[int, int] = (23, 30), last: int = 9) -> HistoricalTable:
    """The climates: for each quarter of an hour of the longest day the height of the pole."""
    tilt = _angle(obliquity)

    def elevation(quarters: int) -> tuple[int, ...]:
        return places_of(functions.latitude_of_day(12 + quarters / 4, tilt), 1)

    rows: list[tuple[Cell, ...]] = [
        ((quarters + 1,), (), (), (12 + quarters // 4, 15 * (quarters % 4)), elevation(quarters), (), ())
        for quarters in range(3)
    ]
    for climate in range(1, last + 1):
        middle = 2 * climate + 2
        breadth = functions.latitude_of_day(12 + (middle + 1) / 4, tilt) - functions.latitude_of_day(
            12 + (middle - 1) / 4, tilt
        )
        for step, word in ((-1, "Principium"), (0, "Medium"), (1, "Finis")):
            quarters = middle + step
            centre = step == 0
            rows.append(
                (
                    (quarters + 1,),
                    (climate,) if centre else (),
                    (word,),
                    (12 + quarters // 4, 15 * (quarters % 4)),
                    elevation(quarters),
                    places_of(breadth, 1) if centre else (),
                    (f"Per {_PLACES[climate - 1]}.",) if centre else (),
                )
            )
    columns = (
        Column("parallel", ("Parall.", "Paral-leli", "Parallel"), argument=True),
        Column("climate", ("Clim.", "I Climi", "Clima"), argument=True),
        Column("part", ("Climata", "", ""), words=True),
        Column("day", ("Dies maxima", "Il mag gior di", "Lengſter Tag"), ("H.", "M.")),
        Column("elevation", ("Poli eleuatio", "Altez. del po.", "Polus hoch"), _DEGREES),
        Column("breadth", ("Latit. climatum", "La larg. di eſſi", "Breite"), _DEGREES),
        Column("place", ("Per quæ loca", "La denomi-nazione loro", "Orte"), words=True),
    )
    titles = ("TABVLA CLIMATVM SECVNDVM recentiores.", "TAVOLA DE CLIMI SECONDO i Moderni.", "Tafel der Climaten.")
    return HistoricalTable("climates", titles, columns, tuple(rows), 3)


def _by_degree(
    name: str, titles: tuple[str, ...], heads: list[tuple[str, ...]], value: Callable[[int, int], tuple[int, ...]]
) -> HistoricalTable:
    """Degrees 0 to 30 down the side, one column a sign: ``value(sign, degree)``."""
    first = len(value(0, 0))
    units = ("G.", "M.", "2.", "3.")[:first]
    columns = [Column("degree", ("G.",), argument=True)]
    columns += [Column(f"sign{i}", head, units) for i, head in enumerate(heads)]
    rows = [((degree,), *(value(i, degree) for i in range(len(heads)))) for degree in range(31)]
    return HistoricalTable(name, titles, tuple(columns), tuple(rows), 5)


@_builder
def declination(obliquity: tuple[int, int] = (23, 30), seconds: bool = False) -> HistoricalTable:
    """Declination of the Sun for each degree of the ecliptic: three columns serve four quadrants, read down and up."""
    tilt = _angle(obliquity)
    table = _by_degree(
        "declination",
        (
            f"TABVLA DECLINATIONIS SOLIS, maxima eius declinatione poſita part. {obliquity[0]}. min. {obliquity[1]}.",
            "Tauola della declinatione del Sole.",
            "Tabula declinationum vniuerſalis.",
        ),
        [("Aries Libra",), ("Taurus Scorpius",), ("Gemini Sagittar.",)],
        lambda sign, degree: places_of(functions.declination(30 * sign + degree, tilt), 2 if seconds else 1),
    )
    back = Column("back", ("G.",), argument=True)
    rows = tuple((*row, (30 - degree,)) for degree, row in enumerate(table.rows))
    return replace(table, columns=(*table.columns, back), rows=rows)


@_builder
def right_ascension(obliquity: tuple[int, int] = (23, 30), first: int = 0) -> HistoricalTable:
    """Right ascensions of six signs from the sign ``first`` (0 is Aries)."""
    tilt = _angle(obliquity)
    return _by_degree(
        "right_ascension",
        ("TABVLA ASCENSIONVM RECTARVM", "Aſcenſiones ſignorum in circulo recto.", "Tauola delle aſcenſioni rette."),
        [(_SIGNS[(first + i) % 12],) for i in range(6)],
        lambda sign, degree: _ascension(30 * (first + sign) + degree, 0.0, tilt),
    )


@_builder
def oblique_ascension(
    latitude: tuple[int, int] = (45, 0), obliquity: tuple[int, int] = (23, 30), first: int = 0
) -> HistoricalTable:
    """Oblique ascensions of six signs at a height of the pole."""
    tilt, pole = _angle(obliquity), _angle(latitude)
    elevation = f"{latitude[0]}" if latitude[1] == 0 else f"{latitude[0]}. {latitude[1]}"
    return _by_degree(
        "oblique_ascension",
        (
            f"TABVLA ASCENSIONVM OBLIQVARVM ad eleuationem poli {elevation}. graduum.",
            f"Aſcenſiones obliquæ. Eleuatio poli {elevation}.",
            f"Tauola delle aſcenſioni oblique à gradi {elevation}.",
        ),
        [(_SIGNS[(first + i) % 12],) for i in range(6)],
        lambda sign, degree: _ascension(30 * (first + sign) + degree, pole, tilt),
    )


def _ascension(longitude: float, latitude: float, obliquity: float) -> tuple[int, ...]:
    value = functions.oblique_ascension(longitude, latitude, obliquity)
    places = places_of(value, 1, 360)
    # The end of Pisces is printed as 360, not as 0.
    return (360, 0) if places == (0, 0) and longitude >= 330 else places


@_builder
def day_lengths(obliquity: tuple[int, int] = (23, 30), first: int = 31) -> HistoricalTable:
    """Length of the day when the Sun enters each sign, for 30 heights of the pole from ``first`` degrees."""
    tilt = _angle(obliquity)
    heads = (("Cancer",), ("Leo Gemini",), ("Virgo Taurus",), ("Scorp. Piſces",), ("Sagit. Aquar.",), ("Capri.",))
    longitudes = (90, 60, 30, -30, -60, -90)
    rows: list[tuple[Cell, ...]] = []
    for latitude in range(first, first + 30):
        hours = (functions.day_length(longitude, latitude, tilt) for longitude in longitudes)
        rows.append(((latitude,), *(places_of(value, 1) for value in hours)))
    columns = (
        Column("latitude", ("Eleu. poli",), ("G.",), argument=True),
        *(Column(f"sign{i}", head, ("H.", "M.")) for i, head in enumerate(heads)),
    )
    titles = ("TABVLA QVANTITATIS DIERVM artificialium.", "Tauola della lunghezza de giorni.")
    return HistoricalTable("day_lengths", titles, columns, tuple(rows), 3)


@_builder
def sines(radius: int = 60_000, first: int = 0, step: int = 30, count: int = 90) -> HistoricalTable:
    """Sines of ``count`` arcs from ``first`` minutes on, ``step`` minutes apart; for R = 60 in sixtieths."""
    places = 2 if radius == 60 else 0
    arcs = [first + step * i for i in range(count + 1)]
    values = [
        places_of(functions.chord(arc / 30, radius) / 2, places)
        if places
        else (functions.whole_sine(arc / 60, radius),)
        for arc in arcs
    ]
    rows: list[tuple[Cell, ...]] = []
    for arc, value, following in zip(arcs, values, values[1:], strict=False):
        row: tuple[Cell, ...] = (divmod(arc, 60), value)
        # A sine of so many sixtieths leaves no use for differences; whole parts were printed with them.
        rows.append(row if places else (*row, (int(following[0]) - int(value[0]),)))
    columns = (
        Column("arc", ("Arcus",), _DEGREES, argument=True),
        Column("sine", ("Sinus",), ("P.", "M.", "2.") if places else ("",)),
        *(() if places else (Column("difference", ("Differ.", "Differentiæ"), ("",)),)),
    )
    titles = (f"TABVLA SINVVM RECTORVM, ſinu toto poſito {radius}.", "Canon ſinuum rectorum.", "Tauola de ſeni retti.")
    return HistoricalTable("sines", titles, columns, tuple(rows), 6)


@_builder
def chords(first: int = 1, count: int = 90) -> HistoricalTable:
    """Ptolemy's chords (R = 60): ``count`` arcs half a degree apart from ``first`` half-degrees, with their sixtieths.

    The sixtieths are a thirtieth of the step to the next chord: what one minute of arc adds (Almagest I 10-11).
    """
    rows: list[tuple[Cell, ...]] = []
    for half in range(first, first + count):
        chord, following = functions.chord(half / 2), functions.chord((half + 1) / 2)
        rows.append((divmod(30 * half, 60), places_of(chord, 2), places_of((following - chord) / 30, 3)))
    columns = (
        Column("arc", ("Arcus",), ("par.", "m."), argument=True),
        Column("chord", ("Chordæ",), ("par.", "m.", "2.")),
        Column("sixtieths", ("Pars triceſima ſuperflui",), ("par.", "m.", "2.", "3.")),
    )
    titles = ("Tabula chordarum arcuum, medietate & medietate partis ſuperfluentium.", "Canon ſubtenſarum in circulo.")
    return HistoricalTable("chords", titles, columns, tuple(rows), 3)


@_builder
def sun_place(year: int = 1545, first: int = 1) -> HistoricalTable:
    """The Sun's place at noon for each day of six months of a year (degrees and minutes of its sign)."""
    months = range(first, first + 6)
    rows: list[tuple[Cell, ...]] = []
    for day in range(1, 32):
        cells: list[Cell] = []
        for month in months:
            if day > calendars.days_in_month(year, month):
                cells.append(())
                continue
            longitude = theories.RENAISSANCE.longitude(calendars.julian_day(year, month, day))
            degrees, minutes = places_of(longitude, 1, 360)
            cells.append((degrees % 30, minutes))
        rows.append(((day,), *cells))
    columns = (
        Column("day", ("Dies",), argument=True),
        *(Column(f"month{month}", (_MONTHS[month - 1],), _DEGREES) for month in months),
    )
    titles = (f"TABVLA VERI LOCI SOLIS ad annum Domini {year}.", f"Locus Solis in meridie. {year}.")
    return HistoricalTable("sun_place", titles, columns, tuple(rows), 5)


_BODIES = {
    "sun": "Solis", "moon": "Lunæ", "saturn": "Saturni", "jupiter": "Iouis", "mars": "Martis",
    "venus": "Veneris", "mercury": "Mercurii",
}  # fmt: skip
_STEPS = {"days": (60, 1, "Dies", "in diebus"), "years": (60, 365, "Anni", "in annis Ægyptiis")}


@_builder
def mean_motions(body: str = "sun", unit: str = "days") -> HistoricalTable:
    """Mean motion of a body in 1 to 60 days or Egyptian years: degrees to thirds."""
    if body not in _BODIES or unit not in _STEPS:
        raise SettingsError(
            f"mean_motions: got body {body!r} and unit {unit!r}, "
            f"expected one of {', '.join(_BODIES)} and one of {', '.join(_STEPS)}"
        )
    count, days, head, where = _STEPS[unit]
    rows = tuple(
        ((number,), places_of(theories.mean_motion(body, days * number), 3, 360)) for number in range(1, count + 1)
    )
    columns = (
        Column(unit, (head,), argument=True),
        Column("motion", (f"Motus {_BODIES[body]}",), ("G.", "M.", "2.", "3.")),
    )
    titles = (f"TABVLA MEDII MOTVS {_BODIES[body].upper()} {where}.", f"Motus medius {_BODIES[body]} {where}.")
    return HistoricalTable("mean_motions", titles, columns, rows, 5)


@_builder
def multiplication(first: int = 7, count: int = 5) -> HistoricalTable:
    """Sexagesimal multiplication: 1 to 60 times each number from ``first`` on, as wholes and sixtieths."""
    factors = range(first, first + count)
    rows = tuple(((number,), *(divmod(number * factor, 60) for factor in factors)) for number in range(1, 61))
    columns = (
        Column("number", ("Nu.",), argument=True),
        *(Column(f"times{factor}", (str(factor),), ("", "")) for factor in factors),
    )
    titles = ("TABVLA SEXAGENARIA.", "Tabula proportionum ſexagenaria.", "Canon ſexagenarum ſcrupulorum.")
    return HistoricalTable("multiplication", titles, columns, rows, 5)


_ROYAL_CANON: tuple[tuple[str, int], ...] = (
    # The kings of the Babylonians, Persians, Macedonians and Romans with their years, as handed down with Ptolemy's
    # Handy Tables (names after the Latin chronologers): 424 years to the death of Alexander, 907 to that of Antoninus.
    ("Nabonaſſarus", 14), ("Nadius", 2), ("Chinzirus & Porus", 5), ("Iugæus", 5), ("Mardocempadus", 12),
    ("Archianus", 5), ("Interregnum I", 2), ("Belibus", 3), ("Apronadius", 6), ("Regibelus", 1),
    ("Meſeſſimordacus", 4), ("Interregnum II", 8), ("Aſaridinus", 13), ("Saoſduchinus", 20), ("Chyniladanus", 22),
    ("Nabopollaſſarus", 21), ("Nabocolaſſarus", 43), ("Ilvarodamus", 2), ("Nericaſſolaſſarus", 4),
    ("Nabonadius", 17), ("Cyrus", 9), ("Cambyſes", 8), ("Darius I", 36), ("Xerxes", 21), ("Artaxerxes I", 41),
    ("Darius II", 19), ("Artaxerxes II", 46), ("Ochus", 21), ("Arogus", 2), ("Darius III", 4), ("Alexander", 8),
    ("Philippus", 7), ("Alexander alter", 12), ("Ptolemæus Lagi", 20), ("Philadelphus", 38), ("Euergetes I", 25),
    ("Philopator", 17), ("Epiphanes", 24), ("Philometor", 35), ("Euergetes II", 29), ("Soter", 36),
    ("Dionyſius", 29), ("Cleopatra", 22), ("Auguſtus", 43), ("Tiberius", 22), ("Caius", 4), ("Claudius", 14),
    ("Nero", 14), ("Veſpaſianus", 10), ("Titus", 3), ("Domitianus", 15), ("Nerva", 1), ("Traianus", 19),
    ("Hadrianus", 21), ("Antoninus", 23),
)  # fmt: skip


@_builder
def royal_canon(first: int = 0, count: int = 31) -> HistoricalTable:
    """Kings with the years they reigned and the running sum: the first 31 end with the death of Alexander."""
    rows: list[tuple[Cell, ...]] = []
    total = sum(years for _, years in _ROYAL_CANON[:first])
    for name, years in _ROYAL_CANON[first : first + count]:
        total += years
        rows.append(((name,), (years,), (total,)))
    columns = (
        Column("king", ("Reges", "Nomina Regum"), words=True),
        Column("years", ("Anni",), ("",)),
        Column("sum", ("Summa", "Collecti"), ("",)),
    )
    titles = ("Temporum putatio, & ſumma.", "CANON REGVM à Nabonaſſaro.", "Regum anni & collectio.")
    return HistoricalTable("royal_canon", titles, columns, tuple(rows), 5)


@_builder
def feasts(first: int = 1530, count: int = 38) -> HistoricalTable:
    """Golden number, Sunday letter, epact and Easter of Julian years."""
    rows: list[tuple[Cell, ...]] = []
    for year in range(first, first + count):
        month, day = calendars.easter(year)
        golden = calendars.golden_number(year)
        epact = 11 * golden % 30
        letter = " ".join(calendars.dominical_letter(year).lower())
        rows.append(((year,), (golden,), (letter,), (epact,), (day,), ("Mart." if month == 3 else "April.",)))
    columns = (
        Column("year", ("Anni Domini",), argument=True),
        Column("golden", ("Aureus nume.", "Cyclus Lunæ")),
        Column("letter", ("Litera Domi.",), words=True),
        Column("epact", ("Epa-ctæ",)),
        Column("easter", ("Paſcha",)),
        Column("month", ("",), words=True),
    )
    titles = ("TABVLA FESTORVM MOBILIVM.", "Tabula Paſchalis.", "Canon feſti Paſchatis.")
    return HistoricalTable("feasts", titles, columns, tuple(rows), 4)


def _weather(seed: int, days: int) -> NDArray[np.int64]:
    """Hourly readings of a barometer at sea level in thousandths of an inch, shape (days, 24).

    A slow wandering of the weather about 29.85 inches with the double daily tide of the air: made, not observed.
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 0.009, days * 24)
    pressure, slope, readings = 29.85 + rng.normal(0, 0.2), 0.0, np.empty(days * 24)
    for hour, step in enumerate(steps):
        slope = 0.93 * slope + step + 0.0009 * (29.85 - pressure)
        pressure += slope * 0.35
        readings[hour] = pressure + 0.012 * math.cos(2 * math.pi * (hour % 24 - 10) / 12)
    return np.rint(readings * 1000).astype(np.int64).reshape(days, 24)


@_builder
def barometer(seed: int = 1, days: int = 30) -> HistoricalTable:
    """Hourly readings of a barometer in a month, as printed about 1900: first digit left out, a raised point."""
    readings = _weather(seed, days)

    def printed(thousandths: int) -> str:
        return f"{thousandths // 1000 % 10}{RAISED_POINT}{thousandths % 1000:03d}"

    rows: list[tuple[Cell, ...]] = []
    for day, hours in enumerate(readings):
        # The mean of 24 readings to the nearest thousandth, halves upward, in whole numbers.
        mean = (2 * int(hours.sum()) + 24) // 48
        rows.append(((day + 1,), *((printed(int(value)),) for value in hours), (printed(mean),)))
    columns = (
        Column("day", ("",), argument=True),
        *(Column(f"hour{hour}", (str(hour),), ("Ins.",)) for hour in range(1, 25)),
        Column("mean", ("Mean.",), ("Ins.",)),
    )
    titles = ("BAROMETER. REDUCED TO 32° AND SEA LEVEL. FIRST FIGURE OMITTED.",)
    return HistoricalTable("barometer", titles, columns, tuple(rows), 5)
