"""What the workbench costs those who sit at it: clicks, first paint, seconds from a correction to its collation, keys.

    python -m benchmarks.workbench RUN [--pages 10000] [--search 100000] [--misread RUN:PAGE] [--shots DIR]

RUN is what ``make demo`` left; it is copied, nothing in it is changed. With ``--pages`` the screens are opened for a
run of so many made-up pages too: a number (`benchmarks.report` makes it) or the folder of such a run. With
``--search`` pages and numbers are looked for in a run of so many pages, likewise (`benchmarks.large_run`). With
``--misread`` eleven numbers are misread, one digit each, and corrected at five keys a second; then the page is collated
with what it was. With ``--shots`` the pictures of the README are made, of RUN.

Chromium (playwright) tells first contentful paint by its own timing; clicks and keys are those that the script makes.
Beside each time stand the seconds of a core that the server took for it (``cpu``), which other work on the machine
does not change.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmarks.large_run import write_large_run
from benchmarks.report import step_clusters, step_make, step_neighbours
from tablesim.corpus.corrections.apply import renew
from tablesim.corpus.storage.shards import reading_row
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.collation import collate
from tablesim.records.reading import Reading

MISREAD, KEYS_A_SECOND = 11, 5
SEED = 20


Figures = dict[str, float]


@contextmanager
def served(run: Path) -> Iterator[tuple[str, int]]:
    """The address of the workbench of a run, with its token, and the process that serves it."""
    command = [sys.executable, "-m", "tablesim", "view", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+token=\S+", line)))
            yield address, server.pid
        finally:
            server.terminate()


class Desk:
    """A browser at the workbench of a run that counts what is done with it."""

    def __init__(self, page: Any, address: str, server: int) -> None:
        self.page = page
        self.server = server
        self.base = address.split("/?token=")[0]
        self.clicks = self.keys = 0
        page.goto(address)

    def open(self, path: str) -> float:
        """Show a screen; the milliseconds until its first contentful paint, as the browser has them."""
        self.page.goto(self.base + path)
        self.ready()
        script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
        return float(self.page.evaluate(script))

    @property
    def cpu(self) -> float:
        """Seconds of a core that the server has taken."""
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def timed(self, act: Callable[[], object]) -> tuple[float, float]:
        """Milliseconds until ``act`` is done, and those of a core of the server."""
        cpu, begun = self.cpu, time.perf_counter()
        act()
        return 1000 * (time.perf_counter() - begun), 1000 * (self.cpu - cpu)

    def ready(self) -> None:
        """Wait until the scripts of a screen are there."""
        self.page.wait_for_selector(".pen[data-ready]", state="attached", timeout=120_000)

    def click(self, selector: str) -> None:
        """One click."""
        self.clicks += 1
        self.page.click(selector)

    def type(self, text: str, *, delay: float = 0.0) -> None:
        """The keys of a text, then Enter."""
        self.keys += len(text) + 1
        self.page.keyboard.type(text, delay=delay)
        self.page.keyboard.press("Enter", delay=delay)

    def ask(self, path: str) -> Any:
        """What an address of the interface answers."""
        return self.page.evaluate("path => fetch(path).then(answer => answer.json())", path)


@contextmanager
def desk_of(run: Path) -> Iterator[Desk]:
    """A desk at the workbench of a run."""
    from playwright.sync_api import sync_playwright

    with served(run) as (address, server), sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield Desk(browser.new_page(viewport={"width": 1280, "height": 720}), address, server)
        browser.close()


def clicks(desk: Desk) -> Figures:
    """From the first screen to a decided pair, and to a corrected number; the name is typed, not clicked for."""
    desk.open("/")
    desk.page.fill(".pen input[name=who]", "Anna")
    desk.page.dispatch_event(".pen input[name=who]", "change")
    desk.clicks = desk.keys = 0
    desk.click(".pen button")
    desk.page.wait_for_url("**/pairs/two.html?**")
    desk.ready()
    before = desk.page.url
    desk.click(".pen button >> nth=0")
    desk.page.wait_for_function("before => location.href !== before", arg=before, timeout=60_000)
    to_pair = desk.clicks
    desk.open("/")
    desk.clicks = 0
    desk.click("main a[href^='clusters/']")
    desk.page.wait_for_url("**/clusters/**")
    desk.click("main h4 a[href*='pages/']")
    desk.page.wait_for_url("**/pages/**")
    desk.ready()
    desk.click("td[id] >> nth=3")
    desk.type("11")
    desk.page.wait_for_function("() => document.querySelector('.pen output').textContent.includes('→')")
    return {"clicks to a decided pair": to_pair, "clicks to a corrected number": desk.clicks}


def paints(desk: Desk) -> Figures:
    """Milliseconds to the first contentful paint of each screen, and of a core of the server until it is there.

    Each is opened twice: for the first time since the server began, and again.
    """
    ids = [line["page"] for line in desk.ask("/api/pages?kind=tables&limit=3")["pages"]]
    near = desk.ask(f"/api/page?id={quote(ids[0])}")["neighbours"][0]["page"]
    groups = [group["pages"] for group in desk.ask("/api/groups")["groups"]]
    witnesses = next((pages[:3] for pages in groups if len(pages) > 2), [ids[0], near])
    several = "&".join(f"w={quote(page)}" for page in witnesses)
    screens = {
        "index": "/",
        "all pages": "/pages.html",
        "all groups": "/groups.html",
        "time, places, map": "/overview.html",
        "a group": "/clusters/1.html",
        "a page": f"/pages/{quote(ids[0])}.html",
        "two pages": f"/pairs/two.html?a={quote(ids[0])}&b={quote(near)}",
        f"collation of {len(witnesses)}": f"/collation.html?{several}",
        "genealogy": f"/genealogy.html?{several}",
        "book against book": "/books.html",
        "numbers in doubt": "/doubts.html",
        "questions": "/queue.html",
        "cluster again": "/again.html",
        "history": "/history.html",
    }
    figures = {}
    for name, path in screens.items():
        for when in ("first", "again"):
            cpu = desk.cpu
            figures[f"{name}, {when} (ms)"] = desk.open(path)
            figures[f"{name}, {when} (ms of cpu)"] = 1000 * (desk.cpu - cpu)
    return figures


def to_collation(desk: Desk) -> Figures:
    """Milliseconds from Enter below a cell of two pages to the cell that agrees; the median of three."""
    took: list[tuple[float, float]] = []
    groups = desk.ask("/api/groups")["groups"]
    for a, b in [(pages[0], other) for group in groups if (pages := group["pages"]) for other in pages[1:]][:30]:
        desk.open(f"/pairs/two.html?a={quote(a)}&b={quote(b)}")
        cells = desk.page.locator("td.differs, td.doubtful")
        if not cells.count():
            continue
        anchor = cells.first.get_attribute("data-cell")
        cells.first.click()
        texts = [text.split()[-1] for text in cells.first.locator("span").all_inner_texts()]
        desk.page.keyboard.press("a")
        desk.page.keyboard.type(texts[1])

        def enter(anchor: str = anchor) -> None:
            desk.page.keyboard.press("Enter")
            agrees = "anchor => document.querySelector(`td[data-cell='${anchor}']`)?.classList.contains('agrees')"
            desk.page.wait_for_function(agrees, arg=anchor, polling=10)

        took.append(desk.timed(enter))
        if len(took) == 3:
            break
    milliseconds, cpu = np.median(took, axis=0).tolist() if took else (float("nan"), float("nan"))
    name = "from a correction to its new collation"
    return {f"{name} (ms)": milliseconds, f"{name} (ms of cpu)": cpu}


def plant(run: Path, page: str) -> tuple[Reading, list[tuple[str, str]]]:
    """Misread one digit of eleven numbers of a page; its reading before, and of each the anchor and what is printed."""
    corpus = Corpus.open(run)
    before = corpus.reading(page)
    inside = [n for n in before.numbers if n.table is not None and len(n.digits) >= 2 and "?" not in n.digits_text]
    chosen = np.random.default_rng(SEED).choice(len(inside), MISREAD, replace=False)
    wrong = {id(inside[index]) for index in chosen}
    numbers = tuple(_misread(number) if id(number) in wrong else number for number in before.numbers)
    rows = [row for table in corpus.reading_shards.tables() for row in table.to_pylist()]
    made = reading_row(replace(before, numbers=numbers))
    with corpus.lock():
        shutil.rmtree(corpus.reading_shards.folder)
        corpus.reading_shards.refresh()
        corpus.reading_shards.append([{**row, **made} if row["sha256"] == before.sha256 else row for row in rows])
        corpus.refresh()
        renew(corpus, [page])
    cells = [(inside[i].table + 1, inside[i].row + 1, inside[i].column + 1, inside[i].text) for i in sorted(chosen)]
    return before, [(f"t{table}r{row}c{column}", text) for table, row, column, text in cells]


def _misread(number: Any) -> Any:
    """The number with its last digit one more."""
    digit = number.digits[-1]
    value = (digit.value + 1) % 10
    text = number.text[: number.text.rindex(str(digit.value))] + str(value)
    return replace(number, text=text, digits=(*number.digits[:-1], replace(digit, value=value)))


def eleven(run: Path, page: str) -> Figures:
    """Correct the eleven numbers in the browser; keys, clicks, seconds, and cells that then differ from before."""
    before, wrong = plant(run, page)
    with desk_of(run) as desk:
        desk.open(f"/pages/{quote(page)}.html")
        desk.page.fill(".pen input[name=who]", "Anna")
        desk.page.dispatch_event(".pen input[name=who]", "change")
        desk.clicks = desk.keys = 0
        begun = time.perf_counter()
        for anchor, text in wrong:
            desk.click(f"#{anchor}")
            desk.type(text, delay=1000 / KEYS_A_SECOND)
        seconds = time.perf_counter() - begun
        for _ in range(600):
            if len(Corpus.open(run).corrections_of(page)) == len(wrong):
                break
            time.sleep(0.1)
    now = Corpus.open(run).reading(page)
    cells = collate(before, now).cells
    return {
        "keys for eleven corrections": desk.keys,
        "clicks for eleven corrections": desk.clicks,
        "seconds of keys at five a second": desk.keys / KEYS_A_SECOND,
        "seconds in all": seconds,
        "cells compared afterwards": len(cells),
        "cells that differ afterwards": sum(cell.state != "agrees" for cell in cells),
    }


def pictures(run: Path, folder: Path) -> None:
    """The pictures of the README: a misreading that was planted corrected, cut-outs in doubt, two scans closely."""
    folder.mkdir(parents=True, exist_ok=True)
    a, b, *_ = max((group.pages for group in Corpus.open(run).groups.tables), key=len)
    _, wrong = plant(run, a)
    anchor, text = wrong[MISREAD // 2]
    with desk_of(run) as desk:
        page = desk.page
        page.set_viewport_size({"width": 1400, "height": 900})

        def take(name: str, path: str, top: str) -> None:
            desk.open(path)
            page.fill(".pen input[name=who]", "Anna")
            page.locator(".pen input[name=who]").blur()
            if name == "correct":
                desk.click(f"#{anchor}")
                desk.type(text)
                page.wait_for_selector(f"#{anchor}.c")
                desk.click(f"#{anchor}")
            # Tiles and small pictures come when they are in sight.
            page.evaluate("top => document.querySelector(top).scrollIntoView({ behavior: 'instant' })", top)
            page.wait_for_timeout(3000)
            page.screenshot(path=folder / f"{name}.png")

        take("correct", f"/pages/{quote(a)}.html", "#scan")
        take("cutouts", "/doubts.html", "body")
        take("closely", f"/pairs/two.html?a={quote(a)}&b={quote(b)}", "#closely")


def search(desk: Desk) -> Figures:
    """Milliseconds of searches, and of a core of the server: for the first time, and the median of five others."""
    known = desk.ask("/api/pages?kind=tables&limit=1&start=500")["pages"][0]
    page, book = known["page"], known["book"] or known["page"][:6]
    row = [one["text"] for one in desk.ask(f"/api/page?id={quote(page)}")["reading"]["numbers"] if one["row"] == 3]
    paths = {
        "page": f"/api/pages?q={quote(page)}",
        "words": f"/api/pages?q={quote(book)}",
        "years": "/api/pages?from=1520&to=1540",
        "numbers": f"/api/search?numbers={quote(' '.join(row[-4:]))}",
    }
    figures = {}
    for name, path in paths.items():
        first, *others = (desk.timed(lambda path=path: desk.ask(path)) for _ in range(6))
        for when, (milliseconds, cpu) in (("first", first), ("then", np.median(others, axis=0).tolist())):
            figures |= {f"by {name}, {when} (ms)": milliseconds, f"by {name}, {when} (ms of cpu)": cpu}
    return figures


def made_run(asked: str, folder: Path, make: Callable[[Path, int], None]) -> Path:
    """A run of so many made-up pages, or the one in the folder that is asked for."""
    if asked.isdecimal():
        make(folder, int(asked))
    return folder if asked.isdecimal() else Path(asked)


def make_report_run(folder: Path, n_pages: int) -> None:
    """A run as `benchmarks.report` makes it, with clusters and the index of numbers that ``run`` leaves."""
    scratch = folder.parent / "making"
    for step in (step_make, step_neighbours, step_clusters):
        step(scratch, n_pages)
    (scratch / "run").rename(folder)
    Corpus.open(folder).build_number_index()


def main() -> None:
    """Measure and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pages", default="", help="how many, or the folder of a run")
    parser.add_argument("--search", default="", help="how many, or the folder of a run")
    parser.add_argument("--misread", default="", help="RUN:PAGE")
    parser.add_argument("--shots", type=Path, help="a folder for the pictures of the README")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(shutil.copytree(given.run, Path(scratch) / "demo"))
        with desk_of(run) as desk:
            figures |= clicks(desk)
            figures |= {f"first paint, sample, {name}": value for name, value in paints(desk).items()}
            figures |= to_collation(desk)
        if given.shots:
            pictures(Path(shutil.copytree(given.run, Path(scratch) / "pictures")), given.shots)
        if given.misread:
            folder, _, page = given.misread.rpartition(":")
            figures |= eleven(Path(shutil.copytree(folder, Path(scratch) / "misread")), page)
        if given.pages:
            with desk_of(made_run(given.pages, Path(scratch) / "large", make_report_run)) as desk:
                n = desk.ask("/api/run")["pages"]
                figures |= {f"first paint, {n:,} pages, {name}": value for name, value in paints(desk).items()}
        if given.search:
            with desk_of(made_run(given.search, Path(scratch) / "searched", write_large_run)) as desk:
                n = desk.ask("/api/run")["pages"]
                figures |= {f"search, {n:,} pages, {name}": value for name, value in search(desk).items()}
    for name, value in figures.items():
        print(f"{name:70} {value:10.1f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
