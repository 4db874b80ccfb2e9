"""What recomputes the sentences of exports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sentences.in_terminal import differing, witnesses
from sentences.saying import KNOWN, Masks, Said, Where, explains, faults, says
from sentences.texts import tidy

explains(
    "N1 - ",
    "Tables, rows and columns are counted from 1, and the identifier of a cell is its address: t1r16c3 is row 16, "
    "column 3 of table 1. cert on rdg is the confidence of the reading, from 0 to 1",
)
explains("Rows and columns are counted from 1; in brackets stands the argument of the row")

STATES = {"agree": "agrees", "differ": "differs", "missing in one": "missing", "illegible": "illegible"}


def collation_html_faults(element: Any, text: str, at: Where, masks: Masks) -> Iterator[str]:
    """The page of a collation: its sentences, and its cells where they stand."""
    table = next(element.iterancestors("table"), None)
    if table is not None and table.get("class") is None and element.tag in ("td", "th"):
        if element.tag == "td" and element.get("id"):
            yield from _agreeing(element, text, at)
        elif element.tag == "td" and element.find("a") is not None:
            yield from _differing(element, at)
        return  # numbers of rows and columns
    if table is not None and table.get("class") == "sums":
        yield from _sums(element, text, table, at)
        return
    entry = next(
        (up for up in (element, *element.iterancestors("li")) if re.fullmatch(r"t\d+r\d+c\d+", up.get("id") or "")),
        None,
    )
    if entry is not None:
        at.more["cell"] = _cell(entry.get("id"), at)
    yield from faults(text, at, masks)


def _cell(anchor: str, at: Where) -> Any:
    table, row, column = (int(n) for n in re.findall(r"\d+", anchor))
    return at.more["collation"].tables[table - 1].cells[row - 1, column - 1]


def _agreeing(element: Any, text: str, at: Where) -> Iterator[str]:
    cell = _cell(element.get("id"), at)
    if cell.state != "agrees" or text not in cell.texts:
        yield f"FALSE cell {element.get('id')}: {text!r}, not {cell.texts}"


def _differing(element: Any, at: Where) -> Iterator[str]:
    cell = _cell(element.find("a").get("href").removeprefix("#"), at)
    sigla = at.more["collation"].sigla
    for span in element.iter("span"):
        letters = span.find("i").text
        shown = (span.find("i").tail or "").strip()
        text = cell.texts[sigla.index(letters)] or "–"
        if shown not in (text, f"{text}\u00a0?"):
            yield f"FALSE cell {shown!r} of {letters}, not {text!r}"


def _sums(element: Any, text: str, table: Any, at: Where) -> Iterator[str]:
    """Differences by column and kind: rows add up, and the last row is what there is."""
    if element.tag not in ("td", "b") or not text.isdecimal():
        return
    rows = [
        [int(tidy("".join(cell.itertext())) or 0) for cell in row.iter("td")]
        for row in table.iter("tr")
        if row.find("td") is not None
    ]
    *columns, whole = rows
    cells = [c for c in at.more["collation"].cells if c.state == "differs"]
    if any(sum(row[:-2]) != row[-2] for row in rows) or [sum(of) for of in zip(*columns, strict=True)] != whole:
        yield f"FALSE sums {rows}"
    if whole[-2:] != [len(cells), sum(c.doubtful for c in cells)]:
        yield f"FALSE sums {whole}, not {len(cells)}"


@says(r"^([A-Z]+) .*\(([\d,]+) (numbers?)(?:, (\d+) pages?)?\)$", "collate")
def witness_on_page(said: Said) -> None:
    collation = witnesses(said)
    of = collation.witnesses[collation.sigla.index(said[1])]
    assert said.number(2) == len(of.numbers) and said.number(4) in (0, len(of.readings))


@says(r"^(\d+) (cells? in common|agree|differ|missing in one|illegible)$", "collate")
def state_counted(said: Said) -> None:
    cells = witnesses(said).cells
    wanted = STATES.get(said[2])
    assert said.number() == sum(wanted is None or cell.state == wanted for cell in cells)


@says(r"^(asserted|look like misreadings|missing in a witness|illegible) \((\d+)\)$", "collate", "pairs")
def filtered(said: Said) -> None:
    cells = [c for c in witnesses(said).cells if c.state != "agrees"]
    n = {
        "asserted": sum(c.state == "differs" and not c.doubtful for c in cells),
        "look like misreadings": sum(c.state == "differs" and c.doubtful for c in cells),
        "missing in a witness": sum(c.state == "missing" for c in cells),
        "illegible": sum(c.state == "illegible" for c in cells),
    }
    assert said.number(2) == n[said[1]]


@says(
    r"^(last place by one|one figure|figures transposed|a figure more or fewer|a sign or mark|shifted [a-z ]+|several figures) \((\d+)\)$",
    "collate",
    "pairs",
)
def kind_filtered(said: Said) -> None:
    from tablesim.evidence.collation.differences import kinds_of

    assert said.number(2) == Counter(kinds_of(witnesses(said)).values())[said[1]] > 0


@says(r"^(\d+) of (\d+)(?: [A-Z])*$", "collate")
def of_column(said: Said) -> None:
    apart = [c for c in witnesses(said).cells if c.state != "agrees"]
    address = witnesses(said).address
    (details,) = said.at.element.iterancestors("details")
    here = [c for c in apart if f"t{address(c).table}c{address(c).column}" == details.get("id")]
    assert said.numbers == [len(here), len(apart)]


@says(r"^of (\d+) shown\.$", "collate")
@says(r"(?<!\d)\d+ of the (\d+) that do not agree are listed without cut-outs", "collate")
def all_of_them(said: Said) -> None:
    assert said.number() == sum(c.state != "agrees" for c in witnesses(said).cells)


@says(r"^(?:[Tt]able \d+, )?[Cc]olumn (\d+)(?: \([^)]*\))?(?: (\d+) of (\d+))?$", "collate")
@says(r"^(?:[Tt]able \d+, )?[Cc]olumn (\d+)(?: \([^)]*\))? \((\d+)\)$", "collate", "pairs")
@says(r"heading of (?:table \d+, )?column (\d+)", "collate")
def column_named(said: Said) -> None:
    address = witnesses(said).address
    assert said.number() in {witnesses(said).address(c).column for c in witnesses(said).cells}
    if said.match.re.groups == 2:
        columns = Counter((address(c).table, address(c).column) for c in witnesses(said).cells if c.state != "agrees")
        assert said.number(2) in {n for (_, column), n in columns.items() if column == said.number()}
    elif said.match.re.groups > 2 and said[2]:
        of_column_here = [
            c
            for c in witnesses(said).cells
            if c.state != "agrees" and witnesses(said).address(c).column == said.number()
        ]
        assert said.number(2) <= said.number(3) and said.number(2) <= len(of_column_here)


@says(r"^(?:table \d+, )?row (\d+)(?: \([^)]*\))?, column (\d+)", "collate")
def heading_of_entry(said: Said) -> None:
    address = witnesses(said).address(said.at.more["cell"])
    assert said.numbers == [address.row, address.column]


@says(r"([a-z ]+); (0\.\d{3}) that a reader erred", "collate")
def erred(said: Said) -> None:
    assert abs(float(said[2]) - said.at.more["cell"].doubt) < 6e-4


@says(
    r"^([A-Z]+) ([\d?]+) confidence (above 0\.999|below 0\.001|[01]\.\d{3})(?:; runner-up (\d+) \(((?:above |below )?[01]\.\d{3})\))?.*$",
    "collate",
)
def reading_of(said: Said) -> None:
    reading = said.at.more["cell"].readings[witnesses(said).sigla.index(said[1])]
    assert reading.text == said[2]
    assert abs(float(said[3].split()[-1]) - reading.number.confidence) < 1.1e-3
    assert said[4] is None or said[4] == reading.runner_up


@says(r"^([A-Z]+) has ([\d?]+|nothing that could be read) at .*, with its surroundings$", "collate")
def cut_out(said: Said) -> None:
    reading = said.at.more["cell"].readings[witnesses(said).sigla.index(said[1])]
    assert (reading.text if reading is not None else "nothing that could be read") == said[2]


@says(r"No cut-outs: .*: the scan is (\d+) x (\d+) pixels, and (\d+) x (\d+) when it was read")
def other_size(said: Said) -> None:
    sizes = {(r.transform.source_width, r.transform.source_height) for r in witnesses(said).readings}
    assert (said.number(3), said.number(4)) in sizes and (said.number(1), said.number(2)) not in sizes


@says(r"^([A-Z]+)(?:, page (\d+))?: (?:table (\d+), )?(row|column) (\d+): ([\d? ]+)$", "collate")
def line_alone(said: Said) -> None:
    collation = witnesses(said)
    lines = [
        line
        for line in collation.unaligned
        if collation.sigla[line.witness] == said[1]
        and line.kind == said[4]
        and home_of(collation, line) == ((said.number(2) or 1) - 1, (said.number(3) or 1) - 1, said.number(5) - 1)
    ]
    assert said[6] in {" ".join(line.texts) for line in lines}


def home_of(collation: Any, line: Any) -> tuple[int, int, int]:
    """Page, table and place of a line that a witness alone has, from 0."""
    of = collation.witnesses[line.witness]
    return tuple((of.rows if line.kind == "row" else of.columns)[line.index])  # type: ignore[return-value]


@says(rf"{KNOWN}, p\. (\d+)", "collate", "export")
def leaf(said: Said) -> None:
    assert any(page.endswith(f"p{said[1]}") for page in said.run.rows)


@says(r"^what is printed before row (\d+)$", "collate")
def before_row(said: Said) -> None:
    assert said.number() <= max(len(table.rows) for table in witnesses(said).tables)


@says(r"^Table (\d+) of (\d+)$", "collate")
def one_of_tables(said: Said) -> None:
    assert said.number(1) <= said.number(2) == len(witnesses(said).tables)


@says(r"^Outside the tables: (.*)$", "export")
def outside(said: Said) -> None:
    numbers = said.run.reading(said.at.more["page"]).numbers
    assert said[1].split(", ") == [tidy(n.printed) for n in numbers if None in (n.table, n.row)]


# Provenance and citations


@says(r"exported (20\d\d-\d\d-\d\d)")
@says(r"^(?:A collation by tablesim, )?(20\d\d-\d\d-\d\d)(?:T[\d:]+Z)?$")
@says(r"(?:made |Y - |A - |date = \{)(20\d\d[-/]\d\d[-/]\d\d)(?:T[\d:]+Z)?")
def exported_on(said: Said) -> None:
    """When it was written."""
    assert said[1] >= "2026"


@says(r"^(?:ET - |version = \{)?(\d+\.\d+\.\d+)\}?,?$")
def version(said: Said) -> None:
    from tablesim.version import __version__

    assert said[1] == __version__


@says(r"settings \{.*\}|^\{.*\}$")
def settings(said: Said) -> None:
    """What run.json says, as it stands there."""
    assert str(said.run.corpus.run["inputs"]["sha256"]) in said[0]


@says(r"SHA-256(?: of)? [\ue000-\uefff]$")
@says(r"(?:scan )?SHA-256 ([0-9a-f]{64})")
@says(r"^([0-9a-f]{64})$")
def sha_of(said: Said) -> None:
    shas = {str(row["sha256"]) for row in said.run.rows.values()} | {said.run.corpus.settings["network"]}
    assert said.match.re.groups == 0 or said[1] in shas


@says(r"digit network ([\w-]+)|^([a-z]+-\d)$")
def network(said: Said) -> None:
    assert (said[1] or said[2]) == said.run.corpus.settings["network"]


@says(r"(\d+) pages\.\}?$")
def pages_cited(said: Said) -> None:
    assert said.number() == len(said.at.pages)


@says(r"^(?:ID - |@misc\{)tablesim-[0-9a-f]{8},?$")
@says(r"^@\w+\{[\w:-]+,$")
def key(said: Said) -> None:
    """A name for the citation."""


@says(r"^(?:PY - |year = \{)(\d{4})(?:--(\d{4}))?\}?,?$")
@says(r"printed (\d{4})(?:-(\d{4}))?")
def printed(said: Said) -> None:
    years = {(said.run.date(p).first, said.run.date(p).last) for p in said.at.pages}
    ends = said.number(1), said.number(2) or said.number(1)
    assert ends in years or (ends[0] == ends[1] and (ends[0] >= 2026 or any(ends[0] in pair for pair in years)))


@says(rf"(?<!\d), (\d{{4}})(?= {KNOWN}|$| [\ue000-\uefff])")
def year_behind(said: Said) -> None:
    assert said[1] in {said.run.date(p).shown for p in said.run.rows}


# Annotations


@says(r"^(\d{1,2}): brings ([\d.]+) to the score of ([\d.]+)(?:, with ⟨page⟩ at (\d+), (\d+))?$", "export")
def match_brings(said: Said) -> None:
    a, b = said.at.pages
    assert abs(float(said[3]) - said.run.score(a, b)) < 1e-3
    assert 0 < float(said[2]) <= float(said[3])
    if said[4]:
        digits = [d for n in said.run.reading(said.page(4)).numbers for d in n.digits if str(d.value) in said[1]]
        assert any(abs(d.box.x - said.number(5)) <= 1.5 and abs(d.box.y - said.number(6)) <= 14 for d in digits)


@says(
    r"Similarity ([01]\.\d{4}), score ([\d.]+); the ([\d,]+) pairs? of digits shown brings? ([\d.]+) of it(?: \((\d+\.\d)%\))?\.",
    "export",
)
def annotated(said: Said) -> None:
    a, b = said.at.pages
    assert (
        abs(float(said[1]) - said.run.similarity(a, b)) < 1.1e-4 and abs(float(said[2]) - said.run.score(a, b)) < 1e-3
    )
    assert float(said[4]) <= float(said[2]) + 1e-3
    assert said[5] is None or abs(float(said[5]) - 100 * float(said[4]) / float(said[2])) < 0.06


@says(r"Of (\d+) cells? in common (\d+) do(?:es)? not agree and (?:is|are) annotated\.", "export")
def differences_annotated(said: Said) -> None:
    cells = said.at.more["collation"].cells
    assert said.number(1) == len(cells) and said.number(2) == sum(cell.state != "agrees" for cell in cells)


@says(r"^http://(?:www\.w3\.org/ns/anno\.jsonld|iiif\.io/api/presentation/3/context\.json)$")
def context(said: Said) -> None:
    """What the format is."""


# Workbooks


@says(r"table (\d+), columns ([\d, and]+) (?:are|may be \(undecided\)) ")
def joined_columns(said: Said) -> None:
    columns = {(n.table, n.column) for n in said.run.reading(said.at.more["page"]).numbers}
    assert {(said.number() - 1, int(n) - 1) for n in re.findall(r"\d+", said[2])} <= columns


@says(r"in (\d+) of (\d+) rows the higher goes on as the lower passes (\d+) \(by chance (\d+)\)")
def goes_on(said: Said) -> None:
    rows = {n.row for n in said.run.reading(said.at.more["page"]).numbers}
    assert said.number(4) <= said.number(2) <= len(rows) and said.number(1) <= said.number(2)


@says(r"right with a probability below (0\.\d+)|(0\.\d+) or something speaks against it")
def sure(said: Said) -> None:
    from tablesim.export.workbook import SURE

    assert float(said[1] or said[2]) == SURE


__all__ = ["collation_html_faults", "differing"]
