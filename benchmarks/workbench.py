"""What the workbench costs those who sit at it: clicks, first paint, seconds from a correction to its collation, keys.

    python benchmarks/workbench.py RUN [--pages 10000] [--misread RUN:PAGE] [--json FILE]

RUN is what ``make demo`` left; it is copied, nothing in it is changed. With ``--pages`` the screens are opened for a
run of so many made-up pages too (`benchmarks.report` makes it). With ``--misread`` eleven numbers are misread,
one digit each, and corrected at five keys a second; then the page is collated with what it was.

Chromium (playwright) tells first contentful paint by its own timing; clicks and keys are those that the script makes.
"""

from __future__ import annotations

import argparse
import json
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

from benchmarks.report import step_clusters, step_make, step_neighbours
from tablesim.corpus.corrections.apply import renew
from tablesim.corpus.storage.shards import reading_row
from tablesim.corpus.store import Corpus
from tablesim.evidence.collation.collation import collate
from tablesim.records.reading import Reading

MISREAD, KEYS_A_SECOND = 11, 5
SEED = 20


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The address of the workbench of a run, with its token."""
    command = [sys.executable, "-m", "tablesim", "view", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://\S+token=\S+", line)))
        finally:
            server.terminate()


class Desk:
    """A browser at the workbench of a run that counts what is done with it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.base = address.split("/?token=")[0]
        self.clicks = self.keys = 0
        page.goto(address)

    def open(self, path: str) -> float:
        """Show a screen; the milliseconds until its first contentful paint, as the browser has them."""
        self.page.goto(self.base + path)
        self.ready()
        script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
        return float(self.page.evaluate(script))

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

    with served(run) as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield Desk(browser.new_page(viewport={"width": 1280, "height": 720}), address)
        browser.close()


def clicks(desk: Desk) -> dict[str, float]:
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


def paints(desk: Desk) -> dict[str, float]:
    """Milliseconds to the first contentful paint of each screen, each opened twice: the second time counts."""
    ids = [line["page"] for line in desk.ask("/api/pages?kind=tables&limit=3")["pages"]]
    near = desk.ask(f"/api/page?id={quote(ids[0])}")["neighbours"][0]["page"]
    screens = {
        "index": "/",
        "all pages": "/pages.html",
        "all groups": "/groups.html",
        "time, places, map": "/overview.html",
        "a group": "/clusters/1.html",
        "a page": f"/pages/{quote(ids[0])}.html",
        "two pages": f"/pairs/two.html?a={quote(ids[0])}&b={quote(near)}",
        "numbers in doubt": "/doubts.html",
    }
    return {name: min(desk.open(path) for _ in range(2)) for name, path in screens.items()}


def to_collation(desk: Desk) -> dict[str, float]:
    """Milliseconds from Enter below a cell of two pages to the cell that agrees; the median of three."""
    took = []
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
        begun = time.perf_counter()
        desk.page.keyboard.press("Enter")
        desk.page.wait_for_function(
            "anchor => document.querySelector(`td[data-cell='${anchor}']`)?.classList.contains('agrees')",
            arg=anchor,
            polling=10,
        )
        took.append(1000 * (time.perf_counter() - begun))
        if len(took) == 3:
            break
    return {"ms from a correction to its new collation": float(np.median(took)) if took else float("nan")}


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


def eleven(run: Path, page: str) -> dict[str, float]:
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


def search(desk: Desk) -> dict[str, float]:
    """Milliseconds of a search by words and of one by numbers, by the browser's clock; the median of five."""
    page = desk.ask("/api/pages?kind=tables&limit=1")["pages"][0]["page"]
    paths = {"words": f"/api/pages?q={quote(page[:6])}", "page": f"/api/page?id={quote(page)}"}
    return {f"ms of a search by {name}": _median(lambda path=path: desk.ask(path)) for name, path in paths.items()}


def _median(act: Callable[[], object], times: int = 5) -> float:
    took = []
    act()
    for _ in range(times):
        begun = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - begun))
    return float(np.median(took))


def main() -> None:
    """Measure and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pages", type=int, default=0)
    parser.add_argument("--misread", default="", help="RUN:PAGE")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(shutil.copytree(given.run, Path(scratch) / "demo"))
        with desk_of(run) as desk:
            figures |= clicks(desk)
            figures |= {f"first paint, sample, {name} (ms)": value for name, value in paints(desk).items()}
            figures |= to_collation(desk)
        if given.misread:
            folder, _, page = given.misread.rpartition(":")
            figures |= eleven(Path(shutil.copytree(folder, Path(scratch) / "misread")), page)
        if given.pages:
            large = Path(scratch) / "large"
            for step in (step_make, step_neighbours, step_clusters):
                step(large, given.pages)
            with desk_of(large / "run" if (large / "run").is_dir() else large) as desk:
                paint = paints(desk)
                figures |= {f"first paint, {given.pages} pages, {name} (ms)": value for name, value in paint.items()}
                figures |= search(desk)
    for name, value in figures.items():
        print(f"{name:60} {value:10.1f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
