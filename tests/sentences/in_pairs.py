"""What recomputes the sentences of the page of a pair."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

from sentences.in_pages import agreement
from sentences.saying import Said, explains, says


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


@says(r"only (\d+) % of the equal numbers keep their order", "pairs")
@says(r"of the numbers that come to lie upon each other only (\d+) % are equal", "pairs")
@says(r"where the pages overlap only (\d+) % of the numbers meet their equal", "pairs")
@says(r"only (\d+) equal numbers meet; at least (\d+) are needed", "pairs")
def not_registered(said: Said) -> None:
    from tablesim.evidence.registration.registration import register_pages

    assert said[0] in register_pages(said.run.alignments.pair(*said.at.pages)).reason  # type: ignore[union-attr]


@says(r"(\d+) of (\d+) are shown so; the other (\d+) are listed below\.")
def first_of(said: Said) -> None:
    assert said.number(2) == sum(n for state, n in said.near.states.items() if state != "agrees")
    assert said.number(1) + said.number(3) == said.number(2)


@says(r"^Rows and columns that one page alone has \((\d+)\)$")
def lines_alone(said: Said) -> None:
    assert said.number() == len(said.near.collation.unaligned)


@says(r"Cells of the two tables, part (\d+)", "pairs")
def part_of_cells(said: Said) -> None:
    assert said.number() <= len(said.near.collation.tables)


@says(r"^The first (\d+) of (\d+)\.$", "pairs")
def first_lines_alone(said: Said) -> None:
    assert said.number(1) < said.number(2) == len(said.near.collation.unaligned)


@says(r"^([AB]) (?:table (\d+), )?(row|column) (\d+)(?:: ([\d? ]+)…?|, without digits)$", "pairs")
def line_alone(said: Said) -> None:
    collation = said.near.collation
    found = []
    for line in collation.unaligned:
        of = collation.witnesses[line.witness]
        _, table, index = (of.rows if line.kind == "row" else of.columns)[line.index]
        if (collation.sigla[line.witness], table + 1, line.kind, index + 1) == (
            said[1],
            said.number(2) or 1,
            said[3],
            said.number(4),
        ):
            found.append(line)
    assert any(" ".join(line.texts).startswith((said[5] or "").strip()) for line in found)


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


@says(r"(Readers differ on these two: the newest verdict holds|What people said of these two) \((\d+)\)", "pairs")
def said_of_both(said: Said) -> None:
    lines = [line for line in said.run.verdicts if {line.page, line.other} == set(said.at.pages)]
    assert said.number(2) == len(lines) > 0
    newest = {line.who: line.decision for line in sorted(lines, key=lambda line: line.at)}
    assert said[1].startswith("Readers differ") == (len(set(newest.values())) > 1)
