"""The pages of the report made when they are asked for, from the run as it is now: the workbench shows no others.

The same templates, scripts and pictures as in the report on disk, with the scripts of the workbench beside them
(`web.front_files`). Addresses are those of the report, so that what is cited from one is found in the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, PackageLoader

from tablesim.corpus.indexing.events import ignore_event
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.report.addresses import ALL_GROUPS, ALL_PAGES, HISTORY, INDEX, OVERVIEW, cluster_href, page_href
from tablesim.report.cards import Agreements, Cards, SmallPage
from tablesim.report.content import closest_pair, cluster_part, index_content, years_of
from tablesim.report.folder import ReportFolder
from tablesim.report.page_pages import PageViews
from tablesim.report.pair_pages import PageIds, PairPages, PairPlan, by_age
from tablesim.report.presentation import THUMBNAIL_SIDE, Picture
from tablesim.report.site import ASSETS, Site
from tablesim.web.front_files import FRONT, FrontFiles
from tablesim.web.live import LiveRun

PAIR = "pairs/two.html"
"""The address of the page of two pages, with ``?a=...&b=...``."""

THUMB = "thumb"
"""The address of a small picture of a page, with ``?page=...``, and of a larger one with ``&side=page``."""

SCAN = "scan"
"""The address of the scan of a page, with ``?page=...``."""

DOUBTS = "doubts.html"
"""The address of the grid of doubtful numbers; with ``?page=...`` of all numbers of a page."""

LISTS = (ALL_PAGES, ALL_GROUPS, OVERVIEW, HISTORY)
DATA = "data/"

DESKS = {
    "queue.html": (
        "queue",
        "Questions",
        "What a verdict would change most comes first; what is settled is not asked again.",
    ),
    "again.html": (
        "again",
        "Cluster again",
        "By what was corrected and decided since; nothing is kept before it was looked at.",
    ),
    "books.html": (
        "books",
        "Book against book",
        "Each square is two pages; where one book reprints another, they make a diagonal.",
    ),
    "genealogy.html": (
        "genealogy",
        "Who copied whom",
        "By the errors that witnesses share; two witnesses alone are never linked.",
    ),
}
"""The screens that the report on disk has not: by their address what the body says of it, a heading, and a sentence."""


class Screens:
    """Answers the addresses of a report, one at a time; for many threads.

    Parameters
    ----------
    live : LiveRun
    scratch : Path
        Where pictures are kept; never a folder of the run.
    may_write : bool
        Whether the pages can correct and decide.
    """

    def __init__(self, live: LiveRun, scratch: Path, *, may_write: bool) -> None:
        self.live = live
        self.scratch = scratch
        self.may_write = may_write
        self._one = threading.Lock()

    def document(self, path: str, query: Callable[[str], str]) -> str:
        """The page or the data file at an address of the report; RunError where there is none.

        ``query`` gives what the address says behind its question mark.
        """
        with self._one:
            site = self.live.kept("site", self._site)
            if path == PAIR:
                return site.pair(query("a"), query("b"))
            return site.doubts(query("page")) if path == DOUBTS else site.document(path)

    def picture(self, name: str) -> bytes:
        """A picture that a page shows, or a file that all pages share; RunError where there is none."""
        with self._one:
            return self.live.kept("site", self._site).asset(name)

    def thumb(self, page: str, *, large: bool) -> bytes:
        """A small picture of a page, made when it is first asked for; RunError where its scan cannot be opened."""
        with self._one:
            site = self.live.kept("site", self._site)
        return site.thumb(page, large=large)

    def _site(self, corpus: Corpus) -> LiveSite:
        return LiveSite(corpus, LiveFolder(self.scratch, corpus.folder / "report"), may_write=self.may_write)


class LiveFolder(ReportFolder):
    """A folder of pictures alone: what is text stays in memory.

    Parameters
    ----------
    path : Path
        Where new pictures go.
    report : Path
        The report of the run, whose pictures are taken where it has them.
    """

    def __init__(self, path: Path, report: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        super().__init__(path, force=True)
        self.report = report
        self.texts: dict[str, str] = {}

    def write_text(self, name: str, text: str, key: str = "") -> None:
        """Keep the text in memory."""
        self.texts[name] = text

    def kept(self, name: str) -> Path | None:
        """A picture that is there from before, in this folder or in the report."""
        for folder in (self.path, self.report):
            if (folder / name).is_file():
                self.used.add(name)
                return folder / name
        return None


class EveryPair(PairPlan):
    """A plan in which every two pages have a page."""

    def __init__(self) -> None:
        self.n_wanted = 0
        self.hrefs: dict[PageIds, str] = {}

    def href(self, a: str, b: str) -> str | None:
        """The address of the page of two pages."""
        return None if a == b else f"{PAIR}?{urlencode({'a': a, 'b': b})}"


class LiveCards(Cards):
    """Cards whose scans and small pictures are answered by the workbench, when they come into sight; no scan is opened
    for a card.
    """

    def _small(self, page: str) -> SmallPage:
        row = self.line(page)
        width, height = row["width"] or 0, row["height"] or 0
        if not width or not height or row["status"] != "read":
            return self._small_with(page, None)
        if (row["rotation"] or 0) % 180:
            width, height = height, width
        scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
        size = max(1, round(scale * width)), max(1, round(scale * height))
        return self._small_with(page, Picture(f"{THUMB}?{urlencode({'page': page})}", *size))

    def link(self, scan: str) -> str:
        """The address of a scan."""
        page = self._page_of.get(scan)
        return "" if page is None else f"{SCAN}?{urlencode({'page': page})}"

    @cached_property
    def _page_of(self) -> dict[str, str]:
        table = self.corpus.page_table
        return dict(zip(table.column("scan").to_pylist(), table.column("page").to_pylist(), strict=True))


class LiveSite(Site):
    """The report of one state of a run, page by page; nothing is kept in the run."""

    def __init__(self, corpus: Corpus, folder: LiveFolder, *, may_write: bool) -> None:
        super().__init__(corpus, folder, ignore_event, keep=False)
        self.live_folder = folder
        loaders = [loader for loader in (self.templates.loader, PackageLoader("tablesim.web")) if loader is not None]
        self.templates.loader = ChoiceLoader(loaders)
        # What is known is shown; nothing is aligned before a screen is seen.
        agreements = Agreements(self.alignments)
        agreements.left = 0
        self.cards = LiveCards(corpus, self.pictures, agreements)
        self.templates.globals |= {
            "front": f"{FRONT}/{FrontFiles.all().version}",
            "may": "write" if may_write else "read",
        }
        self.plan = EveryPair()
        self.names = {page_href(page): page for page in corpus}
        self.by_number = {cluster_href(cluster.number): cluster for cluster in self.clusters}

    def document(self, path: str) -> str:
        """The page or data file at an address; RunError where there is none."""
        texts = self.live_folder.texts
        if path not in texts:
            self._make(path)
        if path not in texts:
            raise RunError(f"{path}: no such page in this run; begin at the index")
        # Lists come in parts that are asked for one by one; a single page is made again as quickly as it is found.
        return texts[path] if path in LISTS or path.startswith(DATA) else texts.pop(path)

    def pair(self, a: str, b: str) -> str:
        """The page of two pages."""
        pair = by_age(self.corpus, *(str(self.corpus.page(page)["page"]) for page in (a, b)))
        maker = PairPages(self.alignments, self.pictures, self.today)
        self._page(PAIR, "pair.html", page=maker.page(*pair))
        return self.live_folder.texts.pop(PAIR)

    def doubts(self, page: str) -> str:
        """The grid of doubtful numbers, of the run or of one page."""
        self._page(DOUBTS, "doubts.html", page=str(self.corpus.page(page)["page"]) if page else "")
        return self.live_folder.texts.pop(DOUBTS)

    def asset(self, name: str) -> bytes:
        """A file of ``assets/``."""
        if name in ASSETS:
            return (files("tablesim.report") / "templates" / name).read_bytes()
        kept = self.live_folder.kept(f"assets/{name}") if "/" not in name and "\\" not in name else None
        if kept is None:
            raise RunError(f"{name}: no such picture; load the page again")
        return kept.read_bytes()

    def thumb(self, page: str, *, large: bool) -> bytes:
        """A picture of a page as WebP."""
        row = self.corpus.page(page)
        make = self.pictures.page if large else self.pictures.thumbnail
        picture = make(row["scan"], row["sha256"], row["rotation"] or 0)
        kept = None if picture is None else self.live_folder.kept(picture.href)
        if kept is None:
            raise RunError(f"{page}: its scan is no longer where it was, or cannot be opened")
        return kept.read_bytes()

    def _make(self, path: str) -> None:
        if path == INDEX:
            content = index_content(self.corpus, self.groups, self.cards, self.plan, [], self.verdicts)
            citation = (files("tablesim.report") / "templates" / "citation.bib").read_text(encoding="utf-8")
            self._page(INDEX, "index.html", content=content, citation=citation)
        elif path in self.names:
            views = PageViews(self.cards, self._problem_of, self.verdicts_of, self._cluster_of, self.groups)
            ids = list(self.corpus)
            at = ids.index(self.names[path])
            beside = (ids[at - 1] if at else "", ids[at + 1] if at + 1 < len(ids) else "")
            self._page(path, "page.html", view=views.view(ids[at], beside), plan=self.plan)
        elif path in self.by_number:
            self._make_cluster(path)
        elif path == HISTORY or path.startswith(f"{DATA}history-"):
            self._write_history()
        elif path == ALL_GROUPS or path.startswith(f"{DATA}groups-"):
            self._write_group_list()
        elif path == ALL_PAGES or path.startswith(f"{DATA}pages-"):
            self._write_page_list()
        elif path == OVERVIEW:
            self._write_overview(self._write_page_list())
        elif path in DESKS:
            screen, heading, lede = DESKS[path]
            self._page(path, "screen.html", screen=screen, heading=heading, lede=lede)

    def _make_cluster(self, path: str) -> None:
        cluster = self.by_number[path]
        pair = closest_pair({page: self._phi(page) for page in cluster.pages})
        name = self.names_of_clusters.get(cluster.number, "")
        # The pair has a page of its own: drawing it here would cost a second before anything is seen.
        part = cluster_part(cluster, self.groups, self.cards, None, self.verdicts_of, name)
        if pair is not None:
            ordered = by_age(self.corpus, *pair)
            part = replace(part, closest=(*ordered, self.plan.href(*ordered) or ""))
        self._page(path, "cluster.html", part=part, plan=self.plan, years=years_of(self.corpus))
