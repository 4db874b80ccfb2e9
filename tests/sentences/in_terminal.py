"""What recomputes the sentences and tables that commands print."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sentences.facts import PairFacts, RunFacts
from sentences.in_pages import agreement
from sentences.saying import Masks, Said, Where, faults, says

# Of a collation


def witnesses(said: Said) -> Any:
    return said.at.more["collation"] if said.at.kind != "pairs" else said.near.collation


@says(r"^([A-Z]+): .*\(([\d,]+) (numbers?)\)$", "collate")
def witness(said: Said) -> None:
    collation = witnesses(said)
    n = len(collation.witnesses[collation.sigla.index(said[1])].numbers)
    assert said.number(2) == n and (said[3] == "number") == (n == 1)


@says(
    r"([\d,]+) cells? in common: ([\d,]+) agrees?(?:,| and) ([\d,]+) differs?"
    r"(?:(?:,| and) ([\d,]+) (?:is|are) missing in a witness)?(?:(?:,| and) ([\d,]+) (?:is|are) illegible)?\.",
    "collate",
)
def in_common(said: Said) -> None:
    states = Counter(cell.state for cell in witnesses(said).cells)
    assert said.number(1) == sum(states.values()) == sum(said.number(at) for at in (2, 3, 4, 5))
    assert [said.number(at) for at in (2, 3, 4, 5)] == [
        states[name] for name in ("agrees", "differs", "missing", "illegible")
    ]


def differing(said: Said) -> list[Any]:
    return [cell for cell in witnesses(said).cells if cell.state == "differs"]


@says(
    r"Of the (\d+) that differs?: ((?:\d+ in (?:table \d+, )?column .*?)(?: and \d+ in \d+ other columns?)?)\.(?= [A-Z]|$)",
    "collate",
)
def by_column(said: Said) -> None:
    collation, cells = witnesses(said), differing(said)
    assert said.number() == len(cells)
    by = Counter((a.table, a.column) for a in map(collation.address, cells))
    named = re.findall(r"(\d+) in (?:table (\d+), )?column (\d+)(?: \([^()]*\))?? \((?:(\d+) of the (\d+) )?", said[2])
    for n, table, column, most, of in named:
        assert by[int(table or 1), int(column)] == int(n)
        assert not of or (int(of) == int(n) and int(most) <= int(n))
    rest = re.search(r"(\d+) in (\d+) other columns?$", said[2])
    in_rest, n_rest = (int(rest[1]), int(rest[2])) if rest else (0, 0)
    assert sum(int(n) for n, *_ in named) + in_rest == len(cells) and len(named) + n_rest == len(by)


@says(r"Of the (\d+) that differs?: ((?:\d+ (?:by|in|shifted) [a-z ]+(?:, | and )?)+)\.", "collate")
def by_kind(said: Said) -> None:
    counts = [int(n) for n in re.findall(r"(\d+) (?:by one|in|by|shifted)", said[2])]
    assert said.number() == len(differing(said)) == sum(counts), counts


@says(
    r"Of the (\d+) that differs?, (\d+) looks? like (?:a misreading|misreadings) .*?; (?:the other (\d+) (?:is|are) asserted|none is asserted)\.",
    "collate",
)
def misread(said: Said) -> None:
    n_doubtful = sum(cell.doubtful for cell in differing(said))
    assert [said.number(at) for at in (1, 2, 3)] == [
        len(differing(said)),
        n_doubtful,
        len(differing(said)) - n_doubtful,
    ]


@says(r"None of the (\d+) that differs? looks like a misreading\.", "collate")
def none_misread(said: Said) -> None:
    assert said.number() == len(differing(said)) and not any(cell.doubtful for cell in differing(said))


@says(r"([A-Z]+) alone has (?:(\d+) rows?)?(?: and )?(?:(\d+) columns?)?", "collate")
def alone(said: Said) -> None:
    collation = witnesses(said)
    at = collation.sigla.index(said[1])
    kinds = Counter(line.kind for line in collation.unaligned if line.witness == at)
    assert [said.number(2), said.number(3)] == [kinds["row"], kinds["column"]]


@says(
    r"([A-Z]+) and ([A-Z]+) both have a number in ([\d,]+) cells? \(([A-Z]+), the smaller, has ([\d,]+) numbers?\): "
    r"([\d,]+) agrees?(?:,| and) ([\d,]+) differs?(?:(?:,| and) ([\d,]+) differs? unless misread)?"
    r"(?:(?:,| and) ([\d,]+) (?:is|are) illegible)?\. By chance ([\d,]+) would agree",
    "collate",
)
def pair(said: Said) -> None:
    collation = witnesses(said)
    a, b, smaller = (collation.sigla.index(said[at]) for at in (1, 2, 4))
    both = [c for c in collation.cells if c.readings[a] is not None and c.readings[b] is not None]
    assert said.number(3) == len(both) == sum(said.number(at) for at in (6, 7, 8, 9))
    numbers = [len(collation.witnesses[w].numbers) for w in (a, b)]
    assert said.number(5) == min(numbers) == len(collation.witnesses[smaller].numbers)
    if len(collation.witnesses) == 2:
        facts = PairFacts(collation)
        expected = facts.agree, facts.differ, facts.doubtful, facts.illegible
        assert tuple(said.number(at) for at in (6, 7, 8, 9)) == expected, expected
        assert abs(said.number(10) - facts.by_chance) <= 0.51


@says(r"Similarity of ([A-Z]+) and ([A-Z]+) ([01]\.\d{3}), containment ([01]\.\d{3})\.", "collate")
@says(r"Similarity (?:()())?([01]\.\d{3}), containment ([01]\.\d{3})\.", "collate")
def alike(said: Said) -> None:
    collation = witnesses(said)
    a, b = (collation.sigla.index(said[1]), collation.sigla.index(said[2])) if said[1] else (0, 1)
    h = [sum(said.run.histogram(r.page) for r in collation.witnesses[w].readings) for w in (a, b)]
    shown = sum((x * y) ** 0.5 for x, y in zip(*h, strict=True)) / (h[0].sum() * h[1].sum()) ** 0.5
    if len(collation.witnesses) == 2 or said[1]:
        assert abs(float(said[3]) - shown) < 1.1e-3, shown
        assert abs(float(said[4]) - sum(map(min, *h)) / min(h[0].sum(), h[1].sum())) < 1.1e-3


@says(r"(\d+) of the (\d+) pairs of witnesses carr(?:y|ies) the same table", "collate")
def pairs_same(said: Said) -> None:
    n = len(witnesses(said).witnesses)
    assert said.number(2) == n * (n - 1) / 2 > said.number(1)


@says(r"^(?:table (\d+), )?row (\d+)(?: \(([^)]*)\))?, column (\d+)(?: \([^)]*\))?  +(.*)$", "collate")
def line_of_difference(said: Said) -> None:
    collation = witnesses(said)
    cell = collation.tables[(said.number(1) or 1) - 1].cells[said.number(2) - 1, said.number(4) - 1]
    texts = said[5].split("  ")
    shown = [text.strip().strip("[]") for text in texts if text.strip()][: len(collation.witnesses)]
    assert shown == [text or "-" for text in cell.texts], (shown, cell.texts)
    assert cell.state == "differs" and said[5].rstrip().endswith("?") == cell.doubtful


@says(r"The first (\d+) of (\d+) that differ", "collate")
def first_of(said: Said) -> None:
    assert said.number(2) == len(differing(said)) > said.number(1)


# What recomputation says


def law_words(said: Said) -> Iterator[str]:
    from tablesim.evidence.recomputation.recompute import recompute

    yield from recompute(witnesses(said)).words


@says(
    r"^([A-Z]+): (.+?) gives (\d+) of (\d+) values of columns? ((?:[\ue000-\uefff], )?\d[\d, \ue000-\uefff-]*?);.*$",
    "collate",
)
def law(said: Said) -> None:
    collation = witnesses(said)
    of = collation.witnesses[collation.sigla.index(said[1])]
    columns = {
        column
        for span in re.findall(r"\d+(?:-\d+)?", said[5])
        for column in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)
    }
    in_them = sum((n.column or 0) + 1 in columns for n in of.numbers)
    left_out = re.search(r"(\d+) also where it is told by other rows", said[0])
    assert said.number(3) <= said.number(4) <= in_them, in_them
    assert left_out is None or int(left_out[1]) <= said.number(4)
    degrees = re.search(r"(\d+);(\d+) \((\d+\.\d+)\)", said[0])
    if degrees is not None:
        assert abs(int(degrees[1]) + int(degrees[2]) / 60 - float(degrees[3])) < 0.01


@says(r"^([A-Z]+): no law explains more of the ([\d,]+) numbers? than chance does$", "collate")
def no_law(said: Said) -> None:
    collation = witnesses(said)
    assert said.number(2) == len(collation.witnesses[collation.sigla.index(said[1])].numbers)


@says(
    r"^([A-Z]+): (?:\S+, )?(?:table (\d+), )?row (\d+)(?: \([^)]*\))?, column (\d+)(?: \([^)]*\))?: (\S+), expected (\S+) \([^:()]*(?:: ([\d;,]+), printed is ([\d;,]+))?\)$",
    "collate",
)
def suspect(said: Said) -> None:
    collation = witnesses(said)
    of = collation.witnesses[collation.sigla.index(said[1])]
    at = (said.number(2) or 1) - 1, said.number(3) - 1, said.number(4) - 1
    texts = [n.digits_text for n in of.numbers if (n.table, n.row, n.column) == at]
    assert said[5] in texts and said[5] != said[6]
    if said[7]:
        expected, printed = (re.split("[;,]", said[group]) for group in (7, 8))
        in_row = [n.digits_text for n in of.numbers if (n.table, n.row) == at[:2]]
        assert (said[5], said[6]) in zip(printed, expected, strict=True)
        assert any(in_row[start : start + len(printed)] == printed for start in range(len(in_row)))


@says(
    r"^([A-Z]+): (?:table (\d+), )?row (\d+)(?: \([^)]*\))?, column (\d+)(?: \([^)]*\))?: (\S+), expected (\S+) to (\S+) \(order\)$",
    "collate",
)
def out_of_order(said: Said) -> None:
    collation = witnesses(said)
    at = (said.number(2) or 1) - 1, said.number(3) - 1, said.number(4) - 1
    numbers = collation.witnesses[collation.sigla.index(said[1])].numbers
    assert said[5] in [n.digits_text for n in numbers if (n.table, n.row, n.column) == at]
    low, high = (float(said[group]) for group in (6, 7))
    assert low <= high and not low <= float(said[5]) <= high


@says(
    r"^([A-Z]+): (?:table (\d+), )?row (\d+)(?: \([^)]*\))?: (\d+) of (\d+) numbers? (?:is|are) not thos?e?.*$",
    "collate",
)
def broken_row(said: Said) -> None:
    collation = witnesses(said)
    of = collation.witnesses[collation.sigla.index(said[1])]
    in_row = sum(n.row == said.number(3) - 1 for n in of.numbers)
    assert said.number(4) <= said.number(5) <= in_row


@says(r"^([A-Z]+): (.+): (\d+) of (\d+) numbers? keeps? it$", "collate")
def kept(said: Said) -> None:
    collation = witnesses(said)
    assert said.number(3) <= said.number(4) <= len(collation.witnesses[collation.sigla.index(said[1])].numbers)


@says(
    r"^([A-Z]+): (\d+) numbers? breaks? a law where a reading is in doubt, and accuses? nobody; look at the scan: .*$",
    "collate",
)
def doubted(said: Said) -> None:
    collation = witnesses(said)
    numbers = collation.witnesses[collation.sigla.index(said[1])].numbers
    assert 0 < said.number(2) <= len(numbers) and said[0].count("column") == said.number(2)


# Of search


def row_of(line: str, heads: list[tuple[str, int]]) -> dict[str, str]:
    ends = [*(at for _, at in heads[1:]), 10_000]
    return {name: line[at:end].strip() for (name, at), end in zip(heads, ends, strict=True)}


def table_of(lines: list[str]) -> Iterator[dict[str, str]]:
    """The rows of a printed table by their headings; numbers stand to the right, so headings end where columns do."""
    heads = [(m[0], m.start()) for m in re.finditer(r"\S+(?: \S+)*", lines[0])]
    for line in lines[1:]:
        yield row_of(line, heads)


def search_faults(run: RunFacts, page: str, lines: list[str]) -> Iterator[str]:
    """What is false in the list of pages like a page."""
    at = Where(run, "search", more={"page": page})
    for row in table_of([line for line in lines if "  " in line]):
        other = row["page"]
        try:
            shown = run.similarity(page, other)
            assert abs(float(row["similarity"]) - shown) < 1.1e-4, shown
            assert abs(float(row["containment"]) - run.containment(page, other)) < 1.1e-4
            relation = row.get("relation", "")
            assert (relation == "same scan") == run.same_scan(page, other)
            if relation in ("same table", "part of"):
                assert run.table_of(page) == run.table_of(other) is not None or run.same_scan(page, other)
            if match := re.fullmatch(r"([\d,]+) of ([\d,]+) cells agree; by chance ([\d,]+)", row["cells that agree"]):
                agreement(Said(match, at, Masks(run)), page, other)
            if row.get("as near"):
                own = {run.rows[page]["book"], run.rows[other]["book"]} - {None}
                rest = [p for p in run.tables if run.rows[p]["book"] not in (None, *own) and p not in (page, other)]
                near = sum(run.similarity(page, p) >= shown - 1e-7 for p in rest)
                assert row["as near"] == f"{near} of {len(rest)}", f"{near} of {len(rest)}"
            assert row.get("year", "") == run.date(other).shown
        except (AssertionError, LookupError, ValueError) as error:
            yield f"FALSE line {row}: {str(error)[:200]}"


@says(
    r"^looked for [\d, ;/*?]+(?: in a row or in a column| [a-z ,]+)?: (\d+|no) scans? holds? them"
    r"(?:; (\d+) scans? if a doubtful reading is so)?(?:; (\d+) scans? all but one)?"
    r"(?:; (\d+) more are alike by bigrams and do not hold them as typed)?$",
    "numbers",
)
def holding(said: Said) -> None:
    numbers = said.at.more["numbers"]
    sure, any_at_all = (
        {said.run.rows[page]["sha256"] for page in holding_pages(said.run, numbers, least)} for least in (DOUBTED, 0.0)
    )
    assert said.number() == len(sure), sure
    scans = {said.run.rows[page]["sha256"] for page in said.run.read}
    assert len(any_at_all - sure) <= said.number(2) <= len(scans - sure)
    assert said.number(3) <= len(scans - any_at_all)


DOUBTED = 0.9
"""Confidence below which a reading is doubtful (as documented)."""


def asked_as(number: Any) -> str:
    """What is typed for a number: its figures without zeros before them, but for those behind its mark."""
    whole, *behind = re.split("[.,·:;]", number.text.strip("()[]"))
    if not behind:
        return number.digits_text.lstrip("0") or "0"
    rest = "".join(re.findall(r"\d", "".join(behind)))
    return (re.sub(r"\D", "", whole).lstrip("0") + rest) or "0"


def holding_pages(run: RunFacts, numbers: list[str], least: float = 0.0) -> list[str]:
    """Pages in whose tables the numbers stand beside each other, or below each other, by looking at every page."""
    found = []
    for page in run.read:
        reading = run.reading(page)
        at = {
            (n.table, n.row, n.column): asked_as(n) if n.confidence >= least else "in doubt"
            for n in (*reading.numbers, *reading.repeated)
        }
        lines: dict[Any, list[tuple[int, str]]] = {}
        for (table, row, column), text in at.items():
            if table is not None:
                lines.setdefault(("row", table, row), []).append((column, text))
                lines.setdefault(("column", table, column), []).append((row, text))
        texts = [[text for _, text in sorted(line)] for line in lines.values()]
        if any(line[i : i + len(numbers)] == numbers for line in texts for i in range(len(line))):
            found.append(page)
    return found


def numbers_faults(run: RunFacts, numbers: list[str], lines: list[str]) -> Iterator[str]:
    """What is false in the list of pages that hold numbers."""
    holding_them = holding_pages(run, numbers, DOUBTED)
    shas = {run.rows[page]["sha256"] for page in holding_them}
    for row in table_of([line for line in lines if "  " in line]):
        page, holds = row["page"], row["what the page does"] == "holds them"
        if holds != (run.rows[page]["sha256"] in shas):
            yield f"FALSE line {row}: {page} {'does not hold' if holds else 'holds'} {numbers}"
        if holds:
            address = r"(?:t(?:able)? ?(\d+),? )?r(?:ow)? ?(\d+)(?: \([^)]*\))?,? c(?:olumn)? ?(\d+)"
            places = re.findall(address, row["where"])
            anchors = [f"t1r{places[0][1]}c{places[0][2]}", f"t1r{places[-1][1]}c{places[-1][2]}"]
            of_page = run.reading(page)
            at = {
                f"t1r{(n.row or 0) + 1}c{(n.column or 0) + 1}": asked_as(n)
                for n in (*of_page.numbers, *of_page.repeated)
                if n.table == int(places[0][0] or 1) - 1
            }
            if [at[a] for a in anchors] != [numbers[0], numbers[-1]]:
                yield f"FALSE place {row}"


# Of status


def status_faults(run: RunFacts, lines: list[str]) -> Iterator[str]:
    """What is false in the lines of ``tablesim status``."""
    shas = [row["sha256"] for row in run.rows.values() if row["sha256"]]
    corrections = sum(len(run.corpus.corrections_of(page)) for page in run.rows)
    expected = {
        "pages": len(run.rows),
        "read": len(run.read),
        "failed": len(run.failed),
        "waiting": 0,
        "away": 0,
        "duplicates": len(shas) - len(set(shas)),
        "tables": len(run.tables),
        "clusters": len(run.clusters),
        "groups of the same table": len(run.table_numbers),
        "groups of the same kind": len(run.kinds),
        "pages alone": len(run.alone),
        "corrections": corrections,
        "corrections holding": corrections,
        "table decisions": len(run.corpus.table_decisions.all),
        "table decisions holding": len(run.corpus.table_decisions.all),
        "verdicts": len(run.verdicts),
        "verdicts holding": len(run.verdicts),
        "names": 0,
        "names holding": 0,
        "collated pairs": len(list(run.alignments.verified())),
    }
    masks = Masks(run)
    for line in lines:
        named = re.fullmatch(r"([a-z ]+?)  +(\S.*)", line)
        if named is None:
            if not line.startswith(("problem:", "left out: ")):
                yield from faults(line, Where(run, "status"), masks)
        elif named[1] in expected and str(expected[named[1]]) != named[2]:
            yield f"FALSE {line!r}, not {expected[named[1]]}"
        elif named[2].isdecimal() and named[1] not in (*expected, "left out", "tables over pages"):
            yield f"a number nobody recomputes: {line!r}"


@says(r"^(\d+) pages? read, (\d+) with a numerical table\.")
def pages_read(said: Said) -> None:
    assert said.numbers == [len(said.run.read), len(said.run.tables)]


# Of cluster


def cluster_faults(run: RunFacts, lines: list[str]) -> Iterator[str]:
    """What is false in the table that ``tablesim cluster`` prints."""
    table = [line for line in lines if re.match(r"\s*(cluster|\d+)  ", line)]
    for row in table_of(table):
        number = int(row["cluster"])
        pages = run.clusters[number]
        tables = sorted({str(run.table_of(page)) for page in pages if run.table_of(page) is not None})
        try:
            assert int(row["pages"]) == len(pages)
            assert sorted(row["table"].split()) == tables, tables
            kinds = {run.clustered[page]["kind"] for page in pages} & set(run.kinds)
            assert {int(kind) for kind in row.get("kind", "").split()} == kinds
            stored = run.clustered[pages[0]]["stability"]
            assert row["stability"] == ("" if stored is None else f"{stored:.4f}")
        except (AssertionError, ValueError) as error:
            yield f"FALSE line {row}: {error}"


@says(
    r"^(chosen|weighed) by their figures: (\d+) clusters?, stability ([01]\.\d\d), gap ([01]\.\d\d)"
    r"(?:; (\d+) as cells that agree join them)?$"
)
def choice(said: Said) -> None:
    choices = said.run.corpus.clusters.choices  # type: ignore[union-attr]
    shown = [(c.k, f"{c.stability:.2f}", f"{c.gap:.2f}") for c in choices]
    assert (said.number(2), said[3], said[4]) in shown
    if said[1] == "chosen":
        assert (said.number(5) or said.number(2)) == len(said.run.clusters)


# Of review


def review_faults(run: RunFacts, lines: list[str]) -> Iterator[str]:
    """What is false in the questions that ``tablesim review --list`` prints."""
    for row in table_of(lines):
        try:
            shown = run.similarity(row["page"], row["other"])
            assert not row["similarity"] or abs(float(row["similarity"]) - shown) < 1.1e-4, shown
            assert not row["cluster"] or row["page"] in run.clusters[int(row["cluster"])]
        except (AssertionError, LookupError, ValueError) as error:
            yield f"FALSE line {row}: {error}"
