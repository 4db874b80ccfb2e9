"""What recomputes the time line and the maps of the report, and its tables over several pages."""

from __future__ import annotations

import math
from collections import Counter

from sentences.facts import PairFacts
from sentences.saying import Said, says


def years_of(said: Said) -> list[int]:
    return [int(said.run.date(p).order) for p in said.run.read if said.run.date(p).is_known]


@says(
    r"^(\d+) (pages?) with a date, each in the middle of the years that its date allows, in steps of (\d+) years?(?:; (\d+) (has|have) none)?"
)
def dated_pages(said: Said) -> None:
    years = years_of(said)
    assert said.number(1) == len(years) and said.number(4) == len(said.run.read) - len(years)
    assert said[5] is None or (said[5] == "has") == (said.number(4) == 1)


@says(r"^(\d{3,4})(?: to (\d{3,4}))?: (\d+) (pages?)$")
def in_years(said: Said) -> None:
    first, last = said.number(1), said.number(2) or said.number(1)
    within = sum(first <= year <= last for year in years_of(said))
    if said.at.element is not None and said.at.element.getparent().tag == "circle":
        assert 0 < said.number(3) <= within
    else:
        assert said.number(3) == within
    assert (said[4] == "page") == (said.number(3) == 1)


@says(r"^(.+): (\d+) (pages?)$", "overview")
def in_place(said: Said) -> None:
    assert said.number(2) == sum(said.run.rows[p]["place"] == said[1] for p in said.run.read)


@says(r"^([^,()]+) \((\d+)\)", "overview")
@says(r"\), ([^,()]+) (?=\()\((\d+)", "overview")
@says(r"pages: ([^,()]+) \((\d+)\)", "overview")
def place_listed(said: Said) -> None:
    assert said.number(2) == sum(said.run.rows[p]["place"] == said[1] for p in said.run.read)


@says(r"(\d+) pages? (has|have) no coordinates in (?:its|their) metadata")
def without_coordinates(said: Said) -> None:
    n = sum(not (said.run.rows[p]["extra"] and dict(said.run.rows[p]["extra"]).get("latitude")) for p in said.run.read)
    assert said.number() == n and (said[2] == "has") == (n == 1), n


@says(r"^Pages by year, (\d+) to (\d+)$")
def time_line(said: Said) -> None:
    years = years_of(said)
    assert said.number(1) <= min(years) and said.number(2) >= max(years)


@says(r"^Places of printing, (\d+)$")
def n_places(said: Said) -> None:
    rows = [said.run.rows[p] for p in said.run.read]
    assert said.number() == len({row["place"] for row in rows if row["extra"] and dict(row["extra"]).get("latitude")})


@says(r"^(\d+) pages?$", "overview")
def most_in_a_bar(said: Said) -> None:
    counts = Counter(years_of(said))
    assert max(counts.values()) <= said.number() <= len(years_of(said))
    assert said[0].endswith("s") == (said.number() != 1)


@says(r"^\d+(?:\.\d+)?°[NSEW]?$")
def degree(said: Said) -> None:
    """A line of the map."""


@says(r"Each of (\d+) pages is a point|Map of the corpus: (\d+) pages")
def mapped(said: Said) -> None:
    from tablesim.corpus.map import load_map

    assert max(said.numbers) == len(load_map(said.run.corpus).pages)


@says(r"similarity ([01]\.\d{3}) · containment ([01]\.\d{3}) · ([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+)")
def as_wholes(said: Said) -> None:
    a, b = said.at.more["wholes"]
    h = [sum(said.run.histogram(page) for page in pages) for pages in (a, b)]
    together = sum((x * y) ** 0.5 for x, y in zip(*h, strict=True)) / math.sqrt(h[0].sum() * h[1].sum())
    assert abs(float(said[1]) - together) < 1.1e-3
    assert abs(float(said[2]) - sum(map(min, *h)) / min(h[0].sum(), h[1].sum())) < 1.1e-3
    from tablesim.workflow.witnesses import collate_from_run

    pair = PairFacts(collate_from_run(said.run.corpus, ["+".join(a), "+".join(b)], print))
    assert (said.number(3), said.number(4)) == (pair.agreeing, pair.compared)
    assert abs(said.number(5) - pair.by_chance) <= 0.51


@says(r"A table over (\d+) pages")
def never(said: Said) -> None:
    raise AssertionError("not said in a report")
