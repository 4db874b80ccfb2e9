"""The pages of the report made when they are asked for, from the run as it is now: the workbench shows no others.

The same templates, scripts and pictures as in the report on disk, with the scripts of the workbench beside them
(`web.front_files`). Addresses are those of the report, so that what is cited from one is found in the other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlencode

from tablesim.corpus.indexing.events import ignore_event
from tablesim.corpus.storage.schemas import PAGE_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, TablesimError
from tablesim.language import language, say, speaking, to_say
from tablesim.report.addresses import ALL_GROUPS, ALL_PAGES, HISTORY, INDEX, OVERVIEW, cluster_href, page_href
from tablesim.report.cards import Cards, SmallPage
from tablesim.report.content import closest_pair, cluster_part, index_content, years_of
from tablesim.report.decisions import said_of_pair
from tablesim.report.folder import ReportFolder
from tablesim.report.lists import FIRST_ROWS, PART_ROWS, ListColumn, ListPage, list_page, script_of
from tablesim.report.page_pages import PageViews
from tablesim.report.pair_pages import PageIds, PairPages, PairPlan, by_age
from tablesim.report.presentation import THUMBNAIL_SIDE, Picture, catalogue_script, environment
from tablesim.report.site import ASSETS, CATALOGUE, Site
from tablesim.review.constraints import verdicts_status
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

DATA = "data/"
_PART = re.compile(rf"{DATA}pages-(\d{{1,6}})\.js")

LISTS = (ALL_PAGES, ALL_GROUPS, OVERVIEW, HISTORY)

COLLATING = "collating.html"

DESKS = {
    COLLATING: ("collating", to_say("Collation"), to_say("The witnesses are being collated …")),
    "queue.html": (
        "queue",
        to_say("Questions"),
        to_say("What a verdict would change most comes first; what is settled is not asked again."),
    ),
    "again.html": (
        "again",
        to_say("Cluster again"),
        to_say("By what was corrected and decided since; nothing is kept before it was looked at."),
    ),
    "books.html": (
        "books",
        to_say("Book against book"),
        to_say("Each square is two pages; where one book reprints another, they make a diagonal."),
    ),
    "genealogy.html": (
        "genealogy",
        to_say("Who copied whom"),
        to_say("By the errors that witnesses share; two witnesses alone are never linked."),
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
            site = self._spoken_site()
            if path == PAIR:
                return site.pair(query("a"), query("b"))
            return site.doubts(query("page")) if path == DOUBTS else site.document(path)

    def warm(self, language: str) -> None:
        """Make the first page, and compile the templates of the others, before they are asked for."""
        with speaking(language), self._one, suppress(TablesimError):
            site = self._spoken_site()
            site.document(INDEX)
            for name in ("page.html", "pair.html", "list.html", "cluster.html", "overview.html", "doubts.html"):
                site.templates.get_template(name)
            for name in ("collation.html", "collation_style.css"):
                environment().get_template(name)

    def picture(self, name: str) -> bytes:
        """A picture that a page shows, or a file that all pages share; RunError where there is none."""
        with self._one:
            return self._spoken_site().asset(name)

    def thumb(self, page: str, *, large: bool) -> bytes:
        """A small picture of a page, made when it is first asked for; RunError where its scan cannot be opened."""
        with self._one:
            site = self._spoken_site()
        return site.thumb(page, large=large)

    def _spoken_site(self) -> LiveSite:
        """The site of the run as it is now, in the language that is spoken."""
        return self.live.kept(f"site {language()}", self._site)

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
        return self._small_with(page, self.picture(page))

    def picture(self, page: str) -> Picture | None:
        """The address of the small picture of a page and its size; None where its scan could not be read."""
        width, height, rotation = self._sizes.get(page, (0, 0, 0))
        if not width or not height:
            return None
        if rotation % 180:
            width, height = height, width
        scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
        size = max(1, round(scale * width)), max(1, round(scale * height))
        return Picture(f"{THUMB}?{urlencode({'page': page})}", *size)

    @cached_property
    def _sizes(self) -> dict[str, tuple[int, int, int]]:
        """Width, height and turn of the scan of each page that was read."""
        table = self.corpus.page_table
        names = ("page", "status", "width", "height", "rotation")
        lines = zip(*(table.column(name).to_pylist() for name in names), strict=True)
        return {page: (w or 0, h or 0, turn or 0) for page, status, w, h, turn in lines if status == "read"}

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
        may = "write" if may_write else "read"
        self.templates = environment("tablesim.web", f"{FRONT}/{FrontFiles.all().version}", may)
        # What is known is shown; nothing is aligned before a screen is seen.
        self.cards = LiveCards(self.alignments, self.pictures)
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
        said, differ = said_of_pair(verdicts_status(self.corpus), [self.corpus.page(page)["sha256"] for page in pair])
        self._page(PAIR, "pair.html", page=maker.page(*pair), said=said, differ=differ)
        return self.live_folder.texts.pop(PAIR)

    def doubts(self, page: str) -> str:
        """The grid of doubtful numbers, of the run or of one page."""
        self._page(DOUBTS, "doubts.html", page=str(self.corpus.page(page)["page"]) if page else "")
        return self.live_folder.texts.pop(DOUBTS)

    def asset(self, name: str) -> bytes:
        """A file of ``assets/``."""
        if name == CATALOGUE.format(language()):
            return catalogue_script().encode()
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
        elif path == ALL_PAGES:
            self._show_page_list(self._write_page_list())
        elif part := _PART.fullmatch(path):
            start = int(part[1]) * PART_ROWS
            rows = list(self._page_rows(start, min(start + PART_ROWS, len(self.corpus))))
            if rows:
                self.folder.write_text(path, script_of("pages", int(part[1]), rows))
        elif path == OVERVIEW:
            self._write_overview(self._write_page_list())
        elif path in DESKS:
            screen, heading, lede = DESKS[path]
            self._page(path, "screen.html", screen=screen, heading=say(heading), lede=say(lede))

    def _write_page_list(self) -> ListPage:
        """The list of pages with its first rows; the others are made when the list asks for them."""
        first = list(self._page_rows(0, FIRST_ROWS))
        filled = [
            any(row[at] is not None for row in first) or self._is_filled(column)
            for at, column in enumerate(self._page_columns)
        ]
        return list_page("pages", self._page_columns, filled, len(self.corpus), first)

    def _is_filled(self, column: ListColumn) -> bool:
        """Whether any page has something in a column of the list."""
        of_table = {"author": "authors", "numbers": "n_numbers"}.get(column.name, column.name)
        if of_table in PAGE_SCHEMA.names:
            return any(self.corpus.page_table.column(of_table).to_pylist())
        has = {
            "cluster": bool(self._cluster_of),
            "corrections": bool(self.corpus.corrections.all),
            "remark": bool(self._problem_of or self._twins) or any(self.corpus.page_table.column("note").to_pylist()),
            "x": bool(self._positions),
            "y": bool(self._positions),
        }
        # A column of the metadata is listed because it is filled.
        return has.get(column.name, True)

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
