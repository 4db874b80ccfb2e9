"""Reads a report aloud: every block of every page is compared with the facts, tables cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sentences import in_clusters, in_exports, in_index, in_overview, in_pages, in_pairs  # noqa: F401  # register their sentences
from sentences.facts import RunFacts
from sentences.saying import Masks, Where, faults
from sentences.texts import blocks, tidy, whole_text
from tablesim.report.addresses import page_href
from tablesim.workflow.long_tables import stored_tables_over_pages


def report_faults(run: RunFacts, folder: Path) -> Iterator[str]:
    """Every false sentence of a report, and every number that nobody recomputes."""
    masks = Masks(run)
    for path in sorted(folder.rglob("*.html")):
        at = where(run, path, folder)
        for element, text in blocks(path):
            at.element = element
            name = str(path.relative_to(folder))
            for fault in _faults(element, text, at, masks):
                yield f"{name}: {fault}"


def where(run: RunFacts, path: Path, folder: Path) -> Where:
    kind = path.stem if path.parent == folder else path.parent.name
    if kind == "pages" and path.parent != folder:
        by_href = {page_href(page): page for page in run.rows}
        return Where(run, kind, more={"page": by_href[f"pages/{path.name}"]})
    if kind == "clusters":
        number = int(path.stem)
        pages = run.clusters[number]
        first = next(page for page in pages if run.clustered[page]["place"] == 0)
        return Where(run, kind, cluster=number, more={"first": first})
    if kind == "pairs":
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"<small>page ([^<]*)</small>", text)
        return Where(run, kind, tuple(names), more={"n_lines": text.count('<g class="link')})
    return Where(run, kind)


def _faults(element: Any, text: str, at: Where, masks: Masks) -> Iterator[str]:
    _context(element, at, masks)
    classes = (element.get("class") or "").split()
    if element.tag in ("td", "th") and text == tidy(whole_text(element)) and text != tidy(element.get("title") or ""):
        yield from _cell_faults(element, text, at, masks)
    elif element.tag == "p" and "loose" in classes:
        reading = at.run.reading(at.more["page"])
        outside = [n.printed for n in reading.numbers if None in (n.table, n.row)]
        if text.split() != " ".join(outside).split():
            yield f"FALSE numbers outside tables: {text!r}, not {outside}"
    elif element.tag == "dd":
        yield from _fact(element, text, at, masks)
    elif kind_of_element(element) == "sign" or (
        element.tag == "td" and at.kind == "pairs" and element.get("data-cell")
    ):
        if text != tidy(element.get("title") or ""):
            return  # what stands in the cell is compared where it stands
        yield from faults(text, at, masks)
    elif (element.tag == "pre" and (text.startswith("@software") or text.startswith("tablesim "))) or (
        element.tag == "a" and text and element.getparent().tag == "td"
    ):
        return
    else:
        yield from faults(text, at, masks)


def kind_of_element(element: Any) -> str:
    return "sign" if element.tag == "i" else ""


def _fact(element: Any, text: str, at: Where, masks: Masks) -> Iterator[str]:
    """A line of the metadata on the card of a page."""
    name = tidy("".join(element.getprevious().itertext()))
    if name == "Year" and text != at.run.date(at.more["page"]).shown:
        yield f"FALSE year {text!r} of {at.more['page']}"
    elif name != "Year":
        yield from faults(text, at, masks)


def _context(element: Any, at: Where, masks: Masks) -> None:
    """Of which page, pair or table a block speaks, by what it stands in."""
    if at.kind in ("index", "clusters", "pages"):
        card = next((up for up in element.iterancestors() if (up.get("id") or "").startswith("page-")), None)
        card = element if (element.get("id") or "").startswith("page-") else card
        if card is not None:
            at.more["page"] = card.get("id").removeprefix("page-")
        tile = next((up for up in element.iterancestors("a") if "/" in (up.get("href") or "")), None)
        if element.tag == "img":
            alt = element.get("alt") or ""
            found = next((page for page in at.run.rows if f"page {page}:" in alt + ":"), None)
            if found is not None:
                at.more["page"] = found
        _ = tile
    if element.tag == "li" and element.getparent().get("class") == "near":
        at.more["other"] = tidy(element.find(".//a").text or "")
    figure = next((up for up in element.iterancestors("figure") if up.get("class") == "preview"), None)
    if figure is not None:
        link = figure.find('a[@class="open"]').get("aria-label")
        ids = masks.masked(link)
        at.more["closest"] = tuple(masks.page_of(letter) for letter in ids if "\ue000" <= letter < "\uf000")
    article = next((up for up in element.iterancestors("article") if up.get("class") == "long"), None)
    if article is not None:
        command = (article.find("pre").text or "").split()[-2:]
        at.more["wholes"] = tuple(tuple(pages.split("+")) for pages in command)
        stored_tables_over_pages(at.run.corpus)
    entry = next((up for up in (element, *element.iterancestors("li")) if up.tag == "li"), None)
    if at.kind == "pairs" and entry is not None and entry.find("h3") is not None:
        link = entry.find("h3/a").get("data-go")
        table, row, column = (int(n) for n in re.fullmatch(r"t(\d+)r(\d+)c(\d+)", link).groups())
        at.more["cell"] = at.run.pair(*at.pages).collation.tables[table - 1].cells[row - 1, column - 1]


def _cell_faults(element: Any, text: str, at: Where, masks: Masks) -> Iterator[str]:
    table = next(element.iterancestors("table"))
    kind = table.get("class") or ""
    row = element.getparent()
    heads = ["".join(th.itertext()).strip() for th in table.iterfind("thead/tr/th")]
    if "read" in kind.split():
        yield from _read_cell(element, text, at, int(table.get("data-table")))
    elif kind == "grid" and element.tag == "td":
        yield from _pair_cell(element, at)
    elif kind == "grid" or (element.tag == "th" and row.getparent().tag == "thead"):
        if kind != "grid":
            yield from faults(text, at, masks)
    elif kind == "differing":
        yield from _listed_difference(row, at)
    elif kind == "record":
        yield from _record_cell(row, element, text, at, masks)
    elif kind == "rows":
        return  # the same rows stand in the scripts of the list, which are read there
    elif row.get("data-line") is not None:
        yield from _match_cell(heads[list(row).index(element)], row, text, at)
    elif {"on", "by"} <= set(heads):
        yield from _decision_cell(heads[list(row).index(element)], text, at)
    elif "problem" in heads:
        if heads[list(row).index(element)] == "problem" and re.search(r"\d", masks.masked(text)):
            known = " ".join(problem["problem"] for problem in at.run.corpus.problems)
            tail = text.partition(": ")[2] or text
            if tail[:40] not in known and "2000" not in text:
                yield f"FALSE problem: {text!r}"
    else:
        yield f"a table nobody recomputes: {kind!r} {heads} {text!r}"


def _read_cell(element: Any, text: str, at: Where, table: int) -> Iterator[str]:
    if element.tag == "th":
        return
    anchor = element.get("id")
    found = at.run.printed_at(at.more["page"]).get(anchor, [])
    if text not in map(tidy, found) or not (anchor or "").startswith(f"t{table}r"):
        yield f"FALSE cell {anchor}: {text!r}, not {found}"


def _pair_cell(element: Any, at: Where) -> Iterator[str]:
    anchor = element.get("data-cell")
    if anchor is None:
        return
    table, row, column = (int(n) for n in re.fullmatch(r"t(\d+)r(\d+)c(\d+)", anchor).groups())
    cell = at.run.pair(*at.pages).collation.tables[table - 1].cells[row - 1, column - 1]
    state = "doubtful" if cell.state == "differs" and cell.doubtful else cell.state
    texts = [text or "–" for text in cell.texts]
    spans = ["".join(span.itertext()) for span in element.iterfind("span")]
    shown = [span.split(" ", 1)[1] for span in spans] or [tidy("".join(element.itertext()))] * 2
    if state not in element.get("class").split() or (shown != texts if spans else shown[0] not in texts):
        yield f"FALSE cell {anchor}: {shown} {element.get('class')}, not {texts} {state}"


def _listed_difference(row: Any, at: Where) -> Iterator[str]:
    where, *texts, _ = row
    table, row_number, column = (int(n) for n in re.findall(r"\d+", where.find("a").get("data-go")))
    cell = at.run.pair(*at.pages).collation.tables[table - 1].cells[row_number - 1, column - 1]
    said = re.findall(r"(?:row|Row|column) (\d+)", "".join(where.itertext()))
    shown = ["".join(text.itertext()) for text in texts]
    if said != [str(row_number), str(column)] or shown != [text or "–" for text in cell.texts]:
        yield f"FALSE line {said} {shown}, not {cell.texts}"


def _record_cell(row: Any, element: Any, text: str, at: Where, masks: Masks) -> Iterator[str]:
    if element.tag == "th":
        return
    name = "".join(row.find("th").itertext()).strip()
    page = at.more.get("page")
    if at.kind != "pages" or page is None:
        run = at.run.corpus.run
        if name.split(":")[0] == "Corrections":
            n = sum(len(at.run.corpus.corrections_of(each)) for each in at.run.rows)
            if int(text.split()[0]) != n:
                yield f"FALSE corrections: {text!r}, not {n}"
        elif name in ("Decisions of people",):
            yield from faults(text, at, masks)
        elif name == "Inputs: pages" and int(text) != run["inputs"]["pages"]:
            yield f"FALSE {name}: {text}"
        return  # what run.json says, word for word
    line = at.run.rows[page]
    expected = {
        "Page": page,
        "SHA-256 of the scan": str(line["sha256"]),
        "Year": at.run.date(page).shown,
        "Scan": Path(line["scan"]).name,
        "Book": line["book"],
    }
    if name == "Size":
        size = re.match(r"(\d+) × (\d+) pixels(?:, turned by (\d+)°)?", text)
        if size is None or [int(n or 0) for n in size.groups()] != [
            line["width"],
            line["height"],
            line["rotation"] or 0,
        ]:
            yield f"FALSE size: {text!r}"
    elif name == "Legibility":
        if abs(float(text.split(",")[0]) - line["legibility"]) > 6e-3:
            yield f"FALSE legibility {text!r}"
    elif name in expected:
        if text != expected[name]:
            yield f"FALSE {name}: {text!r}, not {expected[name]!r}"
    elif (
        re.search(r"\d", masks.masked(text))
        and text not in masks.words
        and text not in dict(line["extra"] or {}).values()
    ):
        yield f"a line of the record nobody recomputes: {name}: {text!r}"


def _match_cell(head: str, row: Any, text: str, at: Where) -> Iterator[str]:
    """A line of the strongest matches: digits of both pages at these places, and what they bring."""
    score = at.run.score(*at.pages)
    cells = ["".join(cell.itertext()).strip() for cell in row]
    if head == "share":
        if abs(float(text.split()[0]) - 100 * float(cells[1]) / score) > 0.2:
            yield f"FALSE share {text!r} of {cells}"
    elif head.startswith("position on "):
        x, y = (float(part) for part in text.split(", "))
        side = 0 if head == f"position on {at.pages[0]} (px)" else 1
        digits = [d for n in at.run.reading(at.pages[side]).numbers for d in n.digits]
        # Of a page on its side any digit of the pair may stand first.
        near = [d for d in digits if abs(d.box.x - x) <= 1 and abs(d.box.y - y) <= 12]
        if not any(str(d.value) in cells[0] for d in near):
            yield f"FALSE place {text!r} of {cells[0]!r} on {at.pages[side]}"


def _decision_cell(head: str, text: str, at: Where) -> Iterator[str]:
    corpus = at.run.corpus
    corrections = [c for page in at.run.rows for c in corpus.corrections_of(page)]
    days = {c.when[:10] for c in corrections} | {d.when[:10] for d in corpus.table_decisions.all}
    days |= {verdict.at[:10] for verdict in at.run.verdicts}
    said = {f"{c.read or 'nothing'} → {c.correct or 'nothing'}" for c in corrections}
    said |= {c.read for c in corrections} | {c.correct for c in corrections} | {"nothing"}
    reasons = {c.reason for c in corrections} | {d.reason for d in corpus.table_decisions.all}
    if head == "on" and text not in days:
        yield f"FALSE day {text!r}"
    elif head in ("said", "the machine read", "printed is") and re.search(r"\d", text) and text not in said:
        yield f"FALSE correction {text!r}, not {said}"
    elif head == "why" and re.search(r"\d", text) and text not in reasons:
        yield f"FALSE reason {text!r}"
    elif head == "where":
        address = re.match(r"row (\d+)(?: \(.*\))?, column (\d+)|x -?\d+, y -?\d+ px|outside tables", text)
        if address is None:
            yield f"FALSE place {text!r}"
