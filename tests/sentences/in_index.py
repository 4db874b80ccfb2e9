"""What recomputes the sentences of the first page of the report, of its groups and of its list of decisions."""

from __future__ import annotations

from collections import Counter

from sentences.saying import Said, explains, says

# Words that explain, and controls: their numbers say nothing of a run.
explains(
    "how often a 4 stands before a 5, a 1 before a 2, and how often a digit stands alone",
    "The similarity of two pages runs from 0, no digits in common, to 1, the same pairs in the same proportions",
    "so which 45 is joined to which is settled by registration",
    "1× 2× 3×",
    "1× 2× 4×",
    "as in #t1r2c3, leads back",
    "sixtieths",
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


@says(r"^(\d+) decisions? of people: who, when, why", "history")
def decisions(said: Said) -> None:
    corrections = sum(len(said.run.corpus.corrections_of(page)) for page in said.run.rows)
    assert said.number() == corrections + len(said.run.corpus.table_decisions.all) + len(said.run.verdicts)
