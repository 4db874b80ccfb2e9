"""What recomputes the sentences of the report."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

from sentences.saying import KNOWN, Said, explains, says

# Words that explain, and controls: their numbers say nothing of a run.
explains(
    "how often a 4 stands before a 5, a 1 before a 2, and how often a digit stands alone",
    "The similarity of two pages runs from 0, no digits in common, to 1, the same pairs in the same proportions",
    "so which 45 is joined to which is settled by registration",
    "1× 2× 3×",
    "1× 2× 4×",
    "as in #t1r2c3, leads back",
    "sixtieths",
    "Cells of the two tables, part 1",
    "Cells of the two tables, part 2",
    "39 in doubt 39 corrected or confirmed by a person",
    "14 agrees ≠ differs",
    "the same place among dates",
    "(1: it always comes back)",
    "SHA-256 of the scan",
    "Inputs: sha256",
)


@says(r"^[123]×$")
@says(r"^100 % taken away$")
@says(r"^0 %$")
@says(r"^[01]$", "pairs")
def control(said: Said) -> None:
    """A button, or the end of an axis."""


@says(r"\d{1,2} [A-Z][a-z]+ 20\d\d")
def day(said: Said) -> None:
    """When the report was written."""


# What the run is


@says(r"^(\d+) of (\d+) pages? carr(?:y|ies) a numerical table(?:, printed between (\d+) and (\d+))?\.")
def tables_of_pages(said: Said) -> None:
    assert said.numbers[:2] == [len(said.run.tables), len(said.run.rows)]
    if said[3]:
        years = [y for p in said.run.read for y in (said.run.date(p).first, said.run.date(p).last) if y is not None]
        assert said.numbers[2:] == [min(years), max(years)]


@says(r"None of (\d+) pages? was found to carry a numerical table\.")
def no_tables(said: Said) -> None:
    assert said.number() == len(said.run.rows) and not said.run.tables


@says(
    r"Of ([\d,]+) pages? with a table, ([\d,]+) carr(?:y|ies) the same table as another, (?:verified cell by cell|as people said|verified cell by cell or said by people): ([\d,]+) tables? on several pages\."
)
def verified(said: Said) -> None:
    numbers = said.run.table_numbers
    assert said.numbers == [len(said.run.scans), sum(len(said.run.on_table(n)) for n in numbers), len(numbers)]


@says(r"Of ([\d,]+) pages? with a table, no two were shown to carry the same table\.")
def none_verified(said: Said) -> None:
    assert said.number() == len(said.run.scans) and not said.run.table_numbers


@says(
    r"([\d,]+) pages? (?:is|are) of the same kind as others, alike by (?:its|their) figures and not shown to be the same: ([\d,]+) groups?\."
)
def of_kinds(said: Said) -> None:
    assert said.numbers == [len(said.run.alike), len(said.run.kinds)]


@says(r"Tables of the same kind, alike by their figures and not the same, are in ([\d,]+) groups?\.")
def kinds_of_tables(said: Said) -> None:
    assert said.number() == len(said.run.kinds) and not said.run.alike


@says(r"([\d,]+) (pages?) (stands?) alone\.")
def alone(said: Said) -> None:
    assert said.number() == len(said.run.alone)
    assert (said[2], said[3]) == (("page", "stands") if said.number() == 1 else ("pages", "stand"))


@says(r"(\d+) more (scans?) (?:is|are) byte for byte the same as one of these, and not counted again\.")
def copies(said: Said) -> None:
    assert said.number() == len(said.run.copies)


COUNTS = {
    "pages?": lambda run: len(run.rows),
    "with a table": lambda run: len(run.tables),
    "numbers? read": lambda run: sum(len(run.reading(page).numbers) for page in run.read),
    "corrections?": lambda run: sum(len(run.corpus.corrections_of(page)) for page in run.read),
    "tables? on several pages": lambda run: len(run.table_numbers),
    "groups? of the same kind": lambda run: len(run.kinds),
    "without a table": lambda run: len(run.read) - len(run.tables),
    "could not be read": lambda run: len(run.failed),
}
for words, count in COUNTS.items():

    @says(rf"^(\d+) ({words})$", "index")
    def counted(said: Said, words: str = words, count: object = count) -> None:
        assert said.number() == count(said.run)  # type: ignore[operator]
        if "s?" in words:
            assert ("s" in said[2].split()[0][-1:]) == (said.number() != 1)


@says(r"(\d+) pages? with a table that no other page here was found to carry")
def alone_below(said: Said) -> None:
    assert said.number() == len(said.run.alone)


@says(r"On these (\d+) pages no numerical table was found")
def without(said: Said) -> None:
    assert said.number() == len(said.run.read) - len(said.run.tables) > 1


@says(r"^(\d+) scans? could not be read\. The run went on without (?:it|them)\.")
def problems(said: Said) -> None:
    assert said.number() == len(said.run.failed)


@says(r"^(\d+) scans? stands? in this run under several names, equal byte for byte")
def twice(said: Said) -> None:
    shas = Counter(row["sha256"] for row in said.run.rows.values() if row["sha256"])
    assert said.number() == sum(n > 1 for n in shas.values())


@says(r"(\d+) pairs? of pages ha(?:s|ve) a page of (?:its|their) own here, of (\d+) that could")
def pair_pages(said: Said) -> None:
    assert said.number(1) == len(list((said.run.corpus.folder / "report" / "pairs").iterdir())) < said.number(2)


@says(r"Table (\d+): the same table on (\d+) pages?(?:, (\d+) of them (parts?) of it)?")
def table_heading(said: Said) -> None:
    on = said.run.on_table(said.number())
    assert said.number(2) == len(on) and said.number(3) == len(said.run.parts_of(said.number()))
    assert said[4] is None or (said[4] == "part") == (said.number(3) == 1)


@says(r"Kind (\d+): (\d+) pages? of the same kind, none shown to carry the same table")
def kind_heading(said: Said) -> None:
    alike, tables = said.run.kinds[said.number()]
    assert said.number(2) == len(alike) and not tables


@says(
    r"Kind (\d+): tables? ([\d, ]+?)(?: and (\d+) pages? more)?,? of the same kind(?: and not the same|, not shown to be the same)"
)
def kind_with_tables(said: Said) -> None:
    alike, tables = said.run.kinds[said.number()]
    assert [int(n) for n in said[2].split(", ")] == tables and said.number(3) == len(alike)


@says(r"^(Table|Kind) (\d+) (\d+) pages?", "index")
def tile(said: Said) -> None:
    number = said.number(2)
    expected = said.run.on_table(number) if said[1] == "Table" else sorted({*said.run.kinds[number][0]})
    if said[1] == "Table":
        assert said.number(3) == len(expected)
    else:
        alike, tables = said.run.kinds[number]
        assert said.number(3) == len(alike) + sum(
            said.run.clustered[p]["kind"] == number for t in tables for p in said.run.on_table(t)
        )


@says(r"(?<![.\d])(?<!chance )(\d{3,4}(?:–\d{3,4})?)(?= · | (?:or earlier|or later)|$)", "index", "clusters")
def span(said: Said) -> None:
    """The years of a group: checked with the list of groups, where it is told which."""
    years = {str(y) for p in said.run.rows for y in (said.run.date(p).first, said.run.date(p).last)}
    assert set(said[1].split("–")) <= years


@says(r"· (\d+) books?\b", "index", "clusters")
def books(said: Said) -> None:
    assert 0 < said.number() <= len({row["book"] for row in said.run.rows.values() if row["book"]})


@says(r" and (\d+) more places", "index", "clusters")
def places(said: Said) -> None:
    assert said.number() < len({row["place"] for row in said.run.rows.values()})


# Pages and pairs


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
    other = said.page(2) if False else said.at.more["other"]
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


@says(r"^similarity ([01]\.\d{4}) (?:([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+))?")
def preview(said: Said) -> None:
    a, b = said.at.more["closest"]
    assert abs(float(said[1]) - math.floor(1e4 * said.run.similarity(a, b) + 1e-4) / 1e4) < 1.1e-4
    if said[2]:
        agreement(said, a, b, 2)


@says(r"(\d+|none) of (\d+) pages? of other books comes? as near|(\d+) of (\d+)pages? of other books comes? as near")
def as_near(said: Said) -> None:
    a, b = said.at.more.get("closest") or said.at.pages
    assert [n for n in said.numbers if True][:2] == list(others_as_near(said, a, b))


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


@says(r"([\d]+) (numbers?) read(?:, legibility ([01]\.\d\d))?")
def numbers_read(said: Said) -> None:
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


# Clusters and groups


@says(r"^Cluster (\d+) (\d+) pages?", "clusters")
def cluster_heading(said: Said) -> None:
    assert said.number(1) == said.at.cluster
    assert said.number(2) == len(said.run.clusters[said.number(1)])


@says(r"^Cluster (\d+)\b")
def cluster_named(said: Said) -> None:
    assert said.number() in said.run.several


@says(
    r"(All its|[\d,]+ of its) ([\d,]+) pages? carr(?:y|ies) table (\d+), (?:verified cell by cell|as people said|verified cell by cell or said by people)"
)
def of_cluster(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    on = [p for p in here if p in said.run.on_table(said.number(3))]
    assert said.number(2) == len(here)
    assert len(on) == (len(here) if said[1] == "All its" else int(said[1].split()[0]))


@says(r"(\d+) more (?:scans? )?(?:is|are) byte for byte (?:the same as|the scan of)")
def copies_of_cluster(said: Said) -> None:
    here = said.run.clusters[said.at.cluster or 0]
    assert said.number() == sum(page in said.run.copies for page in here)


@says(r"Its (\d+) pages are of the same kind; no two were shown to carry the same table\.")
def kind_of_cluster(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    assert said.number() == len(here) and all(said.run.table_of(p) is None for p in here)


@says(r"(\d+) pages? of it (?:is|are) of the same kind, not shown to carry the same table\.")
def more_of_kind(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    assert said.number() == sum(said.run.table_of(p) is None for p in here)


@says(r"Of the same kind: clusters? ([\d, ]+)\.")
def other_clusters(said: Said) -> None:
    kind = {said.run.clustered[p]["kind"] for p in said.run.clusters[said.at.cluster or 0]}
    others = {
        line["cluster"] for line in said.run.clustered.values() if line["kind"] in kind and line["cluster"] is not None
    }
    assert {int(n) for n in said[1].split(", ")} == others - {said.at.cluster}


@says(
    r"Stability ([01]\.\d\d): when the pages are read again with the reader's doubt, this cluster and the one then most like it share ([01]\.\d\d) of their pages"
)
def stability(said: Said) -> None:
    (stored,) = {said.run.clustered[p]["stability"] for p in said.run.clusters[said.at.cluster or 0]}
    assert said[1] == said[2] == f"{stored:.2f}"


@says(r"between (\d+) and (\d+)$", "clusters")
def axis(said: Said) -> None:
    years = [y for p in said.run.read for y in (said.run.date(p).first, said.run.date(p).last) if y is not None]
    assert said.numbers == [min(years), max(years)]


@says(r"^(\d{3,4})$", "overview")
@says(r"^(\d{3,4})$", "clusters")
def year_on_axis(said: Said) -> None:
    years = [y for p in said.run.read for y in (said.run.date(p).first, said.run.date(p).last) if y is not None]
    assert min(years) - 100 <= said.number() <= max(years) + 100


@says(r"^⟨page⟩, (\d{3,4})$")
def dated(said: Said) -> None:
    assert said[2] == said.run.date(said.page(1)).shown


@says(r"^(\d+) groups? of two pages and more\.$")
def n_groups(said: Said) -> None:
    assert said.number() == len(said.run.several)


@says(r"^(\d+) pages?, to sort by a column")
def n_pages(said: Said) -> None:
    assert said.number() == len(said.run.rows)


# Time and places


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


# Tables over several pages


@says(r"similarity ([01]\.\d{3}) · containment ([01]\.\d{3}) · ([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+)")
def as_wholes(said: Said) -> None:
    a, b = said.at.more["wholes"]
    h = [sum(said.run.histogram(page) for page in pages) for pages in (a, b)]
    together = sum((x * y) ** 0.5 for x, y in zip(*h, strict=True)) / math.sqrt(h[0].sum() * h[1].sum())
    assert abs(float(said[1]) - together) < 1.1e-3
    assert abs(float(said[2]) - sum(map(min, *h)) / min(h[0].sum(), h[1].sum())) < 1.1e-3
    from sentences.facts import PairFacts
    from tablesim.workflow.witnesses import collate_from_run

    pair = PairFacts(collate_from_run(said.run.corpus, ["+".join(a), "+".join(b)], print))
    assert (said.number(3), said.number(4)) == (pair.agreeing, pair.compared)
    assert abs(said.number(5) - pair.by_chance) <= 0.51


# Pages of pairs


@says(r"^(\d+) of (\d+) cells? agrees?; by chance (\d+)$", "pairs")
@says(r"In the part that both have,? ([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+)", "pairs")
def in_part(said: Said) -> None:
    agreement(said, *said.at.pages)


@says(r"; (\d+) differs?(?:, (\d+) (?:is|are) in rows? or columns? that met nothing)?(?=\.)", "pairs")
def the_rest(said: Said) -> None:
    pair = said.near
    assert said.number(2) == pair.left_out
    assert said.number(1) == pair.compared - pair.agreeing - pair.left_out


@says(r"^(\d+) cells? differs?(?:; (\d+) more in doubt)?$", "pairs")
def differing(said: Said) -> None:
    assert said.numbers == [said.near.states["differs"], said.near.states["doubtful"]]


@says(
    r"(\d+) of (\d+) cells? agrees?(?:; (\d+) (differs?))?(?:; (\d+) differs? unless the reader erred)?"
    r"(?:; (\d+) stands? on one page only)?(?:; (\d+) cannot be read)?\.",
    "pairs",
)
def all_states(said: Said) -> None:
    states = said.near.states
    agree, cells, differ, *rest = (said.number(at) for at in (1, 2, 3, 5, 6, 7))
    assert agree == states["agrees"] and cells == sum(states.values()) == agree + differ + sum(rest)
    assert [differ, *rest] == [states[s] for s in ("differs", "doubtful", "missing", "illegible")]
    assert said[4] is None or (said[4] == "differs") == (differ == 1)


@says(r"([01]\.\d{4}) similarity, ([01]\.\d{4}) to ([01]\.\d{4})", "pairs")
@says(r"have a similarity between ()([01]\.\d{4}) and ([01]\.\d{4}) in 95 % of the readings", "pairs")
def interval(said: Said) -> None:
    shown = said.run.similarity(*said.at.pages)
    if said[1]:
        assert abs(float(said[1]) - math.floor(1e4 * shown + 1e-4) / 1e4) < 1.1e-4, shown
    assert float(said[2]) - 2e-4 <= shown <= float(said[3]) + 2e-4
    intervals = said.at.more.setdefault("intervals", set())
    intervals.add((said[2], said[3]))
    assert len(intervals) == 1, intervals


explains("Read again 1000 times with the reader’s doubt of single digits")


@says(r"Containment, the share of the smaller page’s digits that stand on the larger: ([01]\.\d{3})")
def contained(said: Said) -> None:
    assert abs(float(said[1]) - said.run.containment(*said.at.pages)) < 1.1e-3


@says(r"score ([\d.]+) sum of (\d+) match(?:es)? ([\d.]+) at matching positions (\d+) %", "pairs")
def score(said: Said) -> None:
    a, b = said.at.pages
    expected = said.run.score(a, b)
    assert abs(float(said[1]) - expected) < 0.01 and said[1] == said[3]
    assert said.number(2) == glyph_pairs(said)


def glyph_pairs(said: Said) -> int:
    """Equal digits that stand alone, and equal pairs of neighbours: every one of A with every one of B."""
    counts = []
    for page in said.at.pages:
        seen: Counter[str] = Counter()
        for number in said.run.reading(page).numbers:
            figures = ["?" if d.value is None else str(d.value) for d in number.digits]
            for part in "".join(figures).split("?"):
                seen.update([part] if len(part) == 1 else map("".join, pairwise(part)))
        counts.append(seen)
    return sum(n * counts[1][name] for name, n in counts[0].items())


@says(r"side by side, (\d+) pairs? of equal digits joined", "pairs")
def joined(said: Said) -> None:
    assert said.number() == said.at.more["n_lines"]


@says(
    r"(\d+) whole numbers are equal and stand at matching positions; digits without a counterpart at their position bring ([\d.]+) of the ([\d.]+)\."
)
def whole_numbers(said: Said) -> None:
    a, b = (said.run.reading(page) for page in said.at.pages)
    texts = [Counter(n.digits_text for n in page.numbers) for page in (a, b)]
    assert said.number(1) <= (texts[0] & texts[1]).total()
    assert abs(float(said[3]) - said.run.score(*said.at.pages)) < 0.01 and float(said[2]) <= float(said[3])


@says(r"Of (\d+) lines the strongest (\d+) are drawn")
def drawn(said: Said) -> None:
    assert said.number(2) == said.at.more["n_lines"] < said.number(1)


@says(r"(\d+) of (\d+) pairs? of neighbouring digits brings? half of the score", "pairs")
def for_half(said: Said) -> None:
    a, b = said.at.pages
    brought = sorted(
        ((x * y) ** 0.5 for x, y in zip(said.run.histogram(a), said.run.histogram(b), strict=True)), reverse=True
    )
    brought = [value for value in brought if value > 0]
    total, n = 0.0, 0
    while total < 0.5 * sum(brought) - 1e-9:
        total, n = total + brought[n], n + 1
    assert said.numbers == [n, len(brought)]


@says(r"^(\d{1,2}) ?(\d+\.\d) %$", "pairs")
def brings(said: Said) -> None:
    from tablesim.records.bins import BIN_NAMES

    a, b = said.at.pages
    at = BIN_NAMES.index(said[1])
    share = 100 * math.sqrt(said.run.histogram(a)[at] * said.run.histogram(b)[at]) / said.run.score(a, b)
    assert abs(float(said[2]) - share) < 0.06


@says(
    r"without the 10 % most relevant digits the similarity falls from ([01]\.\d{3}) to ([01]\.\d{3}), without random ones to ([01]\.\d{3}) \(area between the curves ([+-]\d\.\d{3})\)(?:; with (\d+) digits this says little)?"
)
def taken_away(said: Said) -> None:
    shown = said.run.similarity(*said.at.pages)
    assert abs(float(said[1]) - shown) < 1.1e-3
    assert float(said[2]) <= float(said[3]) + 1e-3 <= shown + 2e-3


@says(r"(\d+) of (\d+) numbers meet their equal, half of them within (\d+\.\d\d) digit heights")
def registered(said: Said) -> None:
    a, b = (said.run.reading(page) for page in said.at.pages)
    assert said.number(1) <= said.number(2) <= max(len(a.numbers), len(b.numbers))


@says(r"(\d+) of (\d+) are shown so; the other (\d+) are listed below\.")
def first_of(said: Said) -> None:
    assert said.number(2) == sum(n for state, n in said.near.states.items() if state != "agrees")
    assert said.number(1) + said.number(3) == said.number(2)


@says(r"^Rows and columns that one page alone has \((\d+)\)$")
def lines_alone(said: Said) -> None:
    assert said.number() == len(said.near.collation.unaligned)


@says(r"^[AB] (row|column) (\d+)(?:: ([\d? ]+)…?|, without digits)$", "pairs")
def line_alone(said: Said) -> None:
    found = [
        line
        for line in said.near.collation.unaligned
        if line.kind == said[1]
        and said.near.collation.sigla[line.witness] == said[0][0]
        and said.near.collation.words_alone(line).endswith(f"{said[1]} {said[2]}")
    ]
    assert any(" ".join(line.texts).startswith((said[3] or "").strip()) for line in found)


@says(
    r"^(?:Row|Table (\d+), row) (\d+)(?: \(([^)]*)\))?, column (\d+)(?: \([^)]*\))? (differs unless misread|differs|on one page only|illegible)",
    "pairs",
)
def difference(said: Said) -> None:
    cell = cell_of(said, said.number(1) or 1, said.number(2), said.number(4))
    kind = {"differs": "differs", "differs unless misread": "differs", "on one page only": "missing"}.get(
        said[5], said[5]
    )
    assert cell.state == kind and (said[5] != "differs unless misread" or cell.doubtful)
    said.at.more["cell"] = cell


def cell_of(said: Said, table: int, row: int, column: int):
    return said.near.collation.tables[table - 1].cells[row - 1, column - 1]


@says(r"^([AB]) ([\d?]+|–)$", "pairs")
@says(r"^([AB]), page [\ue000-\uefff]: ([\d?]+)$", "pairs")
def one_reading(said: Said) -> None:
    reading = said.at.more["cell"].readings["AB".index(said[1])]
    assert (reading is None and said[2] == "–") or reading.text == said[2]


@says(r"([\d?]+) on ⟨page⟩ with confidence ([01]\.\d\d)(?: \((\d+) with ([01]\.\d\d)\))?")
def read_as(said: Said) -> None:
    (reading,) = [r for r in said.at.more["cell"].readings if r is not None and r.page == said.page(2)]
    assert reading.text == said[1] and abs(float(said[3]) - reading.number.confidence) < 6e-3
    assert said[4] is None or (
        said[4] == reading.runner_up and abs(float(said[5]) - reading.runner_up_confidence) < 6e-3
    )


@says(
    r"Similarity ([01]\.\d{4}) \(cosine of the roots of the bigram histograms; score ([\d.]+)\); [a-z ]+: (?:([\d,]+) of ([\d,]+) cells? agrees?; by chance ([\d,]+))?"
)
def cited_pair(said: Said) -> None:
    a, b = said.at.pages
    assert abs(float(said[1]) - math.floor(1e4 * said.run.similarity(a, b) + 1e-4) / 1e4) < 1.1e-4, said.run.similarity(
        a, b
    )
    assert abs(float(said[2]) - said.run.score(a, b)) < 0.01
    if said[3]:
        agreement(said, a, b, 3)


@says(
    r"(?:table \d+, )?row (\d+)(?: \([^)]*\))?, column (\d+): (\S+) (?:on both|against (\S+?))(?:, (missing on one|illegible|differs))?(, in doubt)?$",
    "pairs",
)
def cell_words(said: Said) -> None:
    anchor = said.at.element.get("data-cell") if said.at.element is not None else None
    table, row, column = (int(n) for n in re.findall(r"\d+", anchor))
    assert (row, column) == (said.number(1), said.number(2))
    cell = cell_of(said, table, row, column)
    texts = [text or "nothing" for text in cell.texts]
    assert texts == ([said[3], said[4]] if said[4] else texts) and (said[4] or texts[0] == said[3])
    state = {None: "agrees", "missing on one": "missing"}.get(said[5], said[5])
    assert cell.state == state and bool(said[6]) == cell.doubtful


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


@says(r"A table over (\d+) pages")
def never(said: Said) -> None:
    raise AssertionError("not said in a report")


@says(rf"page {KNOWN}$")
def known(said: Said) -> None:
    """A page that is called like its book."""


@says(
    r"(?:A narrow space|A comma|A point|A raised point|a narrow space|a comma|a point|a raised point|a minus|A minus|what a raised point parts|What a raised point parts|[Ww]hat brackets around)[^;]*?(?:in|before|around) (\d+) numbers?(?: \([^)]*\))?[^;]*"
)
def marks(said: Said) -> None:
    from tablesim.records.reading import Reading

    reading: Reading = said.run.reading(said.at.more["page"])
    assert said.number() <= len(reading.numbers)
    assert (" number " in said[0] + " ") == (said.number() == 1)


BIBTEX = re.compile(r"@\w+\{")


@says(r"(?:^|, )([^,()]+) \((\d+)\)", "clusters")
def place_of_cluster(said: Said) -> None:
    here = said.run.clusters[said.at.cluster or 0]
    assert said.number(2) == sum(said.run.rows[page]["place"] == said[1] for page in here)


@says(r"(\d{1,2}) \((\d+\.\d) % of its digits, (\d+\.\d) % elsewhere\)", "clusters")
def sets_apart(said: Said) -> None:
    from tablesim.records.bins import BIN_NAMES

    here = said.run.clusters[said.at.cluster or 0]
    elsewhere = [page for pages in said.run.clusters.values() for page in pages if page not in here]
    at = BIN_NAMES.index(said[1])
    for group, pages in ((2, here), (3, elsewhere)):
        counts = sum(said.run.histogram(page) for page in pages)
        assert abs(float(said[group]) - 100 * counts[at] / counts.sum()) < 0.06, 100 * counts[at] / counts.sum()


@says(r"^(\d+) decisions? of people: who, when, why", "history")
def decisions(said: Said) -> None:
    corrections = sum(len(said.run.corpus.corrections_of(page)) for page in said.run.rows)
    assert said.number() == corrections + len(said.run.corpus.table_decisions.all) + len(said.run.verdicts)
