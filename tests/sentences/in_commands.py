"""What recomputes the sentences and tables of ``compare``, ``history`` and of genealogies."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sentences.facts import RunFacts
from sentences.in_pairs import glyph_pairs
from sentences.in_terminal import table_of, witnesses
from sentences.saying import Said, says

# Of compare


@says(r"^similarity ([01]\.\d{4}) containment ([01]\.\d{4})$", "compare")
def alike(said: Said) -> None:
    assert abs(float(said[1]) - said.run.similarity(*said.at.pages)) < 1.1e-4
    assert abs(float(said[2]) - said.run.containment(*said.at.pages)) < 1.1e-4


@says(r"^([01]\.\d{4}) to ([01]\.\d{4}) for what the reader doubts \(95 % of 1000 readings drawn", "compare")
def doubted(said: Said) -> None:
    assert float(said[1]) - 1e-4 <= said.run.similarity(*said.at.pages) <= float(said[2]) + 1e-4


@says(r"^score ([\d.]+), the sum of ([\d,]+) match(?:es)? ([\d.]+)$", "compare")
def score(said: Said) -> None:
    assert said[1] == said[3] and abs(float(said[1]) - said.run.score(*said.at.pages)) < 1e-3
    assert said.number(2) == glyph_pairs(said)


def shares(said: Said) -> dict[str, float]:
    """By bin the share of the score that it brings."""
    from tablesim.records.bins import BIN_NAMES

    a, b = (said.run.histogram(page) for page in said.at.pages)
    whole = said.run.score(*said.at.pages)
    return {name: math.sqrt(x * y) / whole for name, x, y in zip(BIN_NAMES, a, b, strict=True) if x * y > 0}


@says(r"^(\d+) of (\d+) common bigrams? brings? half of the score: (.*)$", "compare")
def half(said: Said) -> None:
    brought = shares(said)
    largest = sorted(brought.values(), reverse=True)
    assert said.number(2) == len(brought)
    assert sum(largest[: said.number(1)]) >= 0.5 - 1e-9 > sum(largest[: said.number(1) - 1]) - 2e-9
    for name, percent in re.findall(r"(\d\d?) (\d+) %", said[3]):
        assert abs(100 * brought[name] - int(percent)) <= 0.51


@says(r"^(\d+) equal numbers? stands? at matching positions; .* brings? (\d+) % of the score$", "compare")
def at_places(said: Said) -> None:
    a, b = (Counter(n.digits_text for n in said.run.reading(page).numbers) for page in said.at.pages)
    assert said.number(1) <= (a & b).total() and 0 <= said.number(2) <= 100


@says(r"^(\d\d?) +([\d.]+) +(\d+), (\d+) +(\d+), (\d+)$", "compare")
def match(said: Said) -> None:
    for page, x, y in zip(said.at.pages, (3, 5), (4, 6), strict=True):
        digits = [d for n in said.run.reading(page).numbers for d in n.digits if str(d.value) in said[1]]
        assert any(abs(d.box.x - said.number(x)) <= 1 and abs(d.box.y - said.number(y)) <= 12 for d in digits)
    assert 0 < float(said[2]) <= said.run.score(*said.at.pages)


# Of a genealogy


def errors_in(said: Said, group: int) -> Iterator[tuple[list[Any], list[str], list[str]]]:
    """The cells of each error that is listed, what stands there and what should."""
    for part in said[group].split("; "):
        places, texts = part.rsplit(": ", 1)
        # "row 10, columns 12, 13 and 18" names three cells of one row.
        places = re.sub(
            r"((?:table \d+, )?row \d+(?: \([^)]*\))?), columns (\d+(?:(?:, | and )\d+)*)",
            lambda row: " ".join(f"{row[1]}, column {column}" for column in re.findall(r"\d+", row[2])),
            places,
        )
        found = re.findall(r"(?:table (\d+), )?row (\d+)(?: \([^)]*\))?, column (\d+)", places)
        tables = witnesses(said).tables
        cells = [tables[int(t or 1) - 1].cells[int(row) - 1, int(column) - 1] for t, row, column in found]
        there, right = texts.split(" for ")
        yield cells, there.split(), right.split()


def listed(said: Said, group: int) -> Iterator[tuple[Any, str, str]]:
    """The cells of the errors with what stands there and what should; checks that there are as many as is said."""
    errors = list(errors_in(said, group))
    assert said.number(group - 2 if group > 2 else 1) in (len(errors), sum(len(right) for _, _, right in errors))
    for cells, there, right in errors:
        yield cells[0], there[0], right[0]


@says(r"^([A-Z]+): .+: (\d+) (numbers?) wrong that not all witnesses have$", "collate")
def wrong(said: Said) -> None:
    assert said[1] in witnesses(said).sigla and (said[3] == "number") == (said.number(2) == 1)
    differing = [cell for cell in witnesses(said).cells if cell.state == "differs"]
    assert said.number(2) <= len(differing)


@says(
    r"^([A-Z]+)(?: was set from ([A-Z]+)| and ([A-Z]+) from a lost one): support ([01]\.\d\d), (?:not )?sure; both have "
    r"(\d+) (numbers?) wrong alike: (.+)$",
    "collate",
)
def link(said: Said) -> None:
    collation = witnesses(said)
    copy, model = collation.sigla.index(said[1]), collation.sigla.index(said[2] or said[3])
    assert len(collation.witnesses) > 2 and 0 < float(said[4]) <= 1
    assert (said[6] == "number") == (said.number(5) == 1)
    for cell, text, right in listed(said, 7):
        assert cell.texts[copy] == cell.texts[model] == text != right


@says(r"^All witnesses have (\d+) wrong alike against the recomputation; .* link nobody: (.+)$", "collate")
def tradition(said: Said) -> None:
    for cell, text, right in listed(said, 2):
        assert {found for found in cell.texts if found} == {text} != {right}


@says(r"^(\d+) doubtful (readings?) left out$", "collate")
def left_out(said: Said) -> None:
    doubtful = [cell for cell in witnesses(said).cells if cell.state != "agrees"]
    assert 0 < said.number() <= len(doubtful) * len(witnesses(said).witnesses)


@says(r"(\d+) of (\d+) links are sure", "collate")
def sure(said: Said) -> None:
    assert said.number(1) <= said.number(2) <= len(witnesses(said).witnesses) ** 2


# Of history


def history_faults(run: RunFacts, by: str, lines: list[str]) -> Iterator[str]:
    """What is false in the table of ``tablesim history``: counts and, of places as published, the entropy itself."""
    clustered = [page for page, line in run.clustered.items() if line["cluster"] is not None]
    for row in table_of(lines):
        at = row[by]
        place = None if at == "(no place given)" else at
        here = [p for p in clustered if (run.rows[p]["place"] == place if by == "place" else run.date(p).is_known)]
        sizes = Counter(run.clustered[p]["cluster"] for p in here).values()
        try:
            assert int(row["pages"]) <= len(here) and int(row["compared"] or 0) <= int(row["pages"])
            assert int(row["books"]) <= len({run.rows[p]["book"] or p for p in here})
            if row["mode"] == "published":
                assert int(row["pages"]) == len(here), len(here)
            if by == "place" and row["mode"] == "published":
                n = sum(sizes)
                entropy = -sum(size / n * math.log2(size / n) for size in sizes) - math.log2(n)
                assert abs(float(row["entropy"]) - entropy) < 1e-3, entropy
        except (AssertionError, ValueError) as error:
            yield f"FALSE line {row}: {error}"
