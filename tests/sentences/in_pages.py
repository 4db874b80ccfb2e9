"""What recomputes the sentences of the page of a page, of its neighbours and of its citation."""

from __future__ import annotations

import math

from sentences.saying import KNOWN, Said, says


def agreement(said: Said, a: str, b: str, first: int = 1) -> None:
    pair = said.run.pair(a, b)
    agree, compared, chance = (said.number(first + at) for at in range(3))
    assert (agree, compared) == (pair.agreeing, pair.compared), f"{pair.agreeing} of {pair.compared}"
    assert abs(chance - pair.by_chance) <= 0.51, pair.by_chance


NEAR = (
    r"^([01]\.\d+) ?⟨page⟩.*?(?:([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+)|no cell of one|the same scan|$)"
)


@says(NEAR)
def near(said: Said) -> None:
    page, other = said.at.more.get("page"), said.page(2)
    assert page, "near which page?"
    shown = said.run.similarity(page, other)
    assert abs(float(said[1]) - math.floor(1e3 * shown + 1e-6) / 1e3) < 1.1e-3, shown
    if said[3]:
        agreement(said, page, other, 3)
    elif "no cell of one" in said[0]:
        assert not said.run.pair(page, other).agreeing


@says(r"most by (\d\d?(?:, \d\d?)*)")
def most_by(said: Said) -> None:
    from tablesim.records.bins import BIN_NAMES

    page = said.at.more.get("page")
    other = said.at.more["other"]
    brought = said.run.histogram(page) * said.run.histogram(other)
    named = said[1].split(", ")
    least = min(brought[BIN_NAMES.index(name)] for name in named)
    assert sum(value > least * (1 + 1e-6) for value in brought) < len(named)


@says(r"With the first page: similarity ([01]\.\d{3})(?:; ([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+))?")
def with_first(said: Said) -> None:
    page, other = said.at.more["page"], said.at.more["first"]
    assert abs(float(said[1]) - said.run.similarity(page, other)) < 2e-3
    if said[2]:
        agreement(said, page, other, 2)


@says(r"^similarity ([01]\.\d{4}) (?:([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+))?", "index", "clusters")
def preview(said: Said) -> None:
    a, b = said.at.more["closest"]
    assert abs(float(said[1]) - math.floor(1e4 * said.run.similarity(a, b) + 1e-4) / 1e4) < 1.1e-4
    if said[2]:
        agreement(said, a, b, 2)


@says(r"(\d+|none) of (\d+) pages? of other books comes? as near|(\d+) of (\d+)pages? of other books comes? as near")
def as_near(said: Said) -> None:
    a, b = said.at.more.get("closest") or said.at.pages
    assert said.numbers[:2] == list(others_as_near(said, a, b))


def others_as_near(said: Said, of: str, page: str) -> tuple[int, int]:
    run = said.run
    own = {run.rows[of]["book"], run.rows[page]["book"]} - {None}
    shown = run.similarity(of, page)
    others = [p for p in run.tables if run.rows[p]["book"] not in (None, *own) and p not in (of, page)]
    near = [p for p in others if run.similarity(of, p) >= shown - 1e-7]
    return len(near), len(others)


@says(
    r"⟨page⟩ is number (\d+) of (\d+) among the pages nearest to ⟨page⟩"
    r"(?:; of (\d+) pages with another book, (\d+|none) comes? as near as ([01]\.\d{3})"
    r"(?: \(the nearest has ([01]\.\d{3})\))?)?"
)
def rank(said: Said) -> None:
    run, page, of = said.run, said.page(1), said.page(4)
    shown = run.similarity(of, page)
    pages = [p for p in run.tables if p != of]
    assert said.number(3) == len(pages), len(pages)
    nearer = sum(run.similarity(of, p) > shown + 1e-7 for p in pages)
    ties = sum(abs(run.similarity(of, p) - shown) <= 1e-7 for p in pages)
    assert nearer < said.number(2) <= nearer + ties, (nearer, ties)
    if said[5]:
        assert (said.number(6), said.number(5)) == others_as_near(said, of, page)
        assert abs(float(said[7]) - shown) < 6e-4
    if said[8]:
        own = {run.rows[of]["book"], run.rows[page]["book"]} - {None}
        others = [run.similarity(of, p) for p in pages if run.rows[p]["book"] not in (None, *own) and p != page]
        assert abs(float(said[8]) - max(others)) < 6e-4


@says(r"([\d,]+) (numbers?) read(?:, legibility ([01]\.\d\d))?")
def numbers_read(said: Said) -> None:
    if said.at.kind == "index" and said[0] == said.match.string:
        return  # of the run, counted with what stands beside it
    page = said.at.more.get("page")
    assert page is not None, "of which page?"
    n = len(said.run.reading(page).numbers)
    assert said.number() == n and (said[2] == "number") == (n == 1), n
    if said[3]:
        assert abs(float(said[3]) - said.run.rows[page]["legibility"]) < 6e-3


@says(r", (\d+) of them in doubt")
def in_doubt(said: Said) -> None:
    assert said.number() == said.run.doubtful(said.at.more["page"])


@says(r", (\d+) corrected by (?:people|a person)")
def corrected(said: Said) -> None:
    assert said.number() == len(said.run.corpus.corrections_of(said.at.more["page"]))


@says(
    r"It (carries|holds part of) table (\d+), (?:verified cell by cell|as people said|verified cell by cell or said by people), which is also on ⟨page⟩(?: and on (\d+) pages? more)?\."
)
def carries(said: Said) -> None:
    page, number = said.at.more["page"], said.number(2)
    on = said.run.on_table(number)
    assert page in on and said.page(3) in on and said.number(4) == len(on) - 2
    assert (said[1] == "holds part of") == (page in said.run.parts_of(number))


@says(r"It is of the same kind as ⟨page⟩ \(kind (\d+)\); no page was shown to carry the same table")
def kind_of_page(said: Said) -> None:
    assert said.at.more["page"] in said.run.kinds[said.number(2)][0]


@says(r"Scan of page ⟨page⟩, (\d+) (numbers?) framed")
def framed(said: Said) -> None:
    shown = said.run.reading(said.page(1))
    n = len(shown.numbers) + len(shown.repeated)
    assert said.number(2) == n and (said[3] == "number") == (n == 1)


@says(r"its group, cluster (\d+)")
def its_cluster(said: Said) -> None:
    assert said.at.more["page"] in said.run.several[said.number()]


@says(r"right with a probability of ([01]\.\d\d)")
def right_by(said: Said) -> None:
    page = said.at.more["page"]
    confidences = [number.confidence for number in said.run.reading(page).numbers]
    assert any(abs(float(said[1]) - confidence) < 6e-3 for confidence in confidences)


@says(r"^repeats (\S+) above$")
def repeats(said: Said) -> None:
    assert said[1] in {number.text for number in said.run.reading(said.at.more["page"]).repeated}


@says(r"(?:corrected|confirmed) by [^;]+ on (\d{4}-\d\d-\d\d)(?: \d\d:\d\d)?(?:; the machine read (\S+?))?(?=:|;|$)")
def corrected_on(said: Said) -> None:
    made = said.run.corpus.corrections_of(said.at.more["page"])
    assert any(c.when.startswith(said[1]) and said[2] in (None, c.read or "nothing") for c in made)


@says(r"(?:table a|a table|no table), as \w+ said on (\d{4}-\d\d-\d\d)")
def said_on(said: Said) -> None:
    days = {d.when[:10] for d in said.run.corpus.table_decisions.all}
    assert said[1] in days


@says(r"⟨page⟩ \(scan SHA-256 ([0-9a-f]{16})(?:, corrections: (\d+) by [\w; ]+)?")
def cited(said: Said) -> None:
    page = said.page(1)
    assert str(said.run.rows[page]["sha256"]).startswith(said[2])
    assert said.number(3) == len(said.run.corpus.corrections_of(page))


@says(r"tablesim \d+\.\d+\.\d+(?: \(digit network ([^,)]+)(?:, settings ([0-9a-f]{12}))?\))?")
def by_software(said: Said) -> None:
    from tablesim.version import __version__

    assert __version__ in said[0]
    if said[1]:
        assert str(said.run.corpus.settings["network"]).startswith(said[1])
    if said[2]:
        assert said.run.corpus.settings_hash.startswith(said[2])


@says(r"This page could not be read: (.*)\.$")
def why_not(said: Said) -> None:
    page = said.at.more["page"]
    (problem,) = [row["problem"] for row in said.run.corpus.problems if row["page"] == page]
    assert said.masks.masked(problem).endswith(said[1][-60:])


@says(r", (\d{3,4}), page ⟨page⟩")
def year_cited(said: Said) -> None:
    assert said[1] == said.run.date(said.page(2)).shown


@says(r"^Table (\d+)$", "pages")
def table_of_page(said: Said) -> None:
    tables = {n.table for n in said.run.reading(said.at.more["page"]).numbers} - {None}
    assert said.number() - 1 in tables and len(tables) > 1


@says(rf"page {KNOWN}$")
def known(said: Said) -> None:
    """A page that is called like its book."""


@says(
    r"(?:marks of (\d+) numbers? taken for that of the column|(?:A narrow space|A comma|A point|A raised point|a narrow space|a comma|a point|a raised point|a minus|A minus|what a raised point parts|What a raised point parts|[Ww]hat brackets)[^;]*?(?:in|before|around) (\d+) numbers?(?: \([^)]*\))?(?: mean is undecided)?[^;]*)"
)
def marks(said: Said) -> None:
    from tablesim.records.reading import Reading

    reading: Reading = said.run.reading(said.at.more["page"])
    n = said.number(1) or said.number(2)
    assert 0 < n <= len(reading.numbers)
    assert (" number " in said[0] + " ") == (n == 1)
