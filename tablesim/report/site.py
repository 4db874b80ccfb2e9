"""Writes every page of a report in turn: pairs, groups, pages, lists, the overview, and the index last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from typing import Any

from tablesim.corpus.clustering.model import Cluster
from tablesim.corpus.indexing.events import Event, Listener
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import holding
from tablesim.language import ENGLISH, language, retold, say, say_n, to_say
from tablesim.records.dates import YearRange, span_of
from tablesim.records.relations import SAME_KIND, SAME_SCAN, SAME_TABLE
from tablesim.report.addresses import ALL_GROUPS, ALL_PAGES, HISTORY, INDEX, OVERVIEW, cluster_href, page_href
from tablesim.report.cards import N_NEIGHBOURS, Cards
from tablesim.report.content import (
    PairPreview,
    WhenWhere,
    closest_pair,
    cluster_part,
    index_content,
    public_problem,
    several_of,
    summary_of,
    wanted_pairs,
    when_where,
    years_of,
)
from tablesim.report.decisions import by_page, verdict_lines
from tablesim.report.folder import ReportFolder
from tablesim.report.history_list import HISTORY_COLUMNS, history_rows
from tablesim.report.keys import key_of
from tablesim.report.list_columns import GROUP_COLUMNS, HIDDEN_COLUMNS, IN_PART, KINDS, PAGE_COLUMNS
from tablesim.report.lists import ListColumn, ListPage, extra_columns, titled, write_list
from tablesim.report.overview import coordinates_of, place_map, positions_of, time_line, year_on_line
from tablesim.report.page_pages import PageViews
from tablesim.report.pair_pages import PageIds, PairPage, PairPages, PairPlan, by_age
from tablesim.report.presentation import Pictures, catalogue_script, environment
from tablesim.report.shown_pairs import align_shown
from tablesim.review.constraints import verdicts_status
from tablesim.review.verdicts_and_names import names_by_number
from tablesim.scans.images import MAX_PIXELS
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.clustering import align_clusters
from tablesim.workflow.groups import keep_relations
from tablesim.workflow.long_tables import MatchedRuns, tables_over_pages, write_tables_over_pages

ASSETS = ("report.css", "say.js", "report.js", "list.js", "map.js", "page.js")
"""Files that the pages of the report take from ``assets/``."""

MONTHS = (
    to_say("January"),
    to_say("February"),
    to_say("March"),
    to_say("April"),
    to_say("May"),
    to_say("June"),
    to_say("July"),
    to_say("August"),
    to_say("September"),
    to_say("October"),
    to_say("November"),
    to_say("December"),
)

CATALOGUE = "catalogue-{}.js"
"""And the messages of their scripts in another language than English."""


@dataclass(frozen=True)
class Job:
    """A page of the report that is to be written: "pair" or "page", what it is of, and the name that is told of it."""

    kind: str
    given: Any
    shown: str


class Site:
    """The report of a run in one folder.

    Parameters
    ----------
    corpus : Corpus
    folder : ReportFolder
    keep : bool
        Whether what is found out on the way is kept in the run: how far pairs agree, and the tables over several pages.
    on_event : callable
        Hears how far the report is, and gets remarks on alignments that could not be read or kept.
    """

    def __init__(self, corpus: Corpus, folder: ReportFolder, on_event: Listener, *, keep: bool) -> None:
        self.corpus = corpus
        self.folder = folder
        self.keep = keep
        self.on_event = on_event
        self.title = corpus.folder.resolve().name
        self.total = self.done = self.n_kept = 0
        self.plan: Any = None  # made as the report is written
        now = datetime.now(UTC)
        self.today = say("{day} {month} {year}", day=now.day, month=say(MONTHS[now.month - 1]), year=now.year)
        self.templates = environment()
        self.alignments = RunAlignments(corpus, on_event, keep=keep)
        self.pictures = Pictures(folder, corpus.run.get("max_pixels", MAX_PIXELS))
        self.pairs = PairPages(self.alignments, self.pictures, self.today)
        self.cards = Cards(self.alignments, self.pictures)
        self.clusters = several_of(corpus.clusters)
        self.groups = corpus.groups
        self.verdicts = verdict_lines(verdicts_status(corpus))
        self.verdicts_of = by_page(self.verdicts)
        self.names_of_clusters = names_by_number(corpus, corpus.clusters)

    def write(self) -> None:
        """Write all of it; the index comes last, so that it never leads to what is not there."""
        catalogue = [] if language() == ENGLISH else [CATALOGUE.format(language())]
        assets = [f"assets/{name}" for name in (*ASSETS, *catalogue)]
        self.folder.claim([INDEX, ALL_PAGES, ALL_GROUPS, OVERVIEW, HISTORY, *assets])
        for name in catalogue:
            self.folder.write_text(f"assets/{name}", catalogue_script())
        sources = files("tablesim.report") / "templates"
        for name in ASSETS:
            self.folder.write_text(f"assets/{name}", (sources / name).read_text(encoding="utf-8"))
        if self.corpus.clusters is not None and not self.alignments.of_clustering:
            self.alignments.clustering = True  # the alignments of the run were deleted, or are of another version
            align_clusters(self.alignments, self.corpus.clusters)
            self.alignments.clustering = False
        long_tables = self._long_tables()
        closest = {
            cluster.label: by_age(self.corpus, *pair)
            for cluster in self.clusters
            if (pair := closest_pair({page: self._phi(page) for page in cluster.pages if self._is_first(page)}))
        }
        plan = PairPlan(self.corpus, wanted_pairs(self.clusters, closest.values(), long_tables, self._is_first))
        self.plan = plan
        align_shown(self.alignments, plan.hrefs, self.clusters, N_NEIGHBOURS)
        self.groups = keep_relations(self.alignments, self.on_event)
        self.folder.claim(plan.hrefs.values())
        self.total = len(plan.hrefs) + len(self.clusters) + len(self.corpus)
        self.on_event(Event("start", "report", 0, self.total))
        self._write_clusters(plan, closest)
        written = set(closest.values())
        self.do([Job("pair", pair, plan.hrefs[pair]) for pair in plan.hrefs if pair not in written])
        self.do([Job("page", given, given[0]) for given in self._views.in_order()])
        self._write_lists()
        content = index_content(self.corpus, self.groups, self.cards, plan, long_tables, self.verdicts)
        citation = (sources / "citation.bib").read_text(encoding="utf-8")
        self._page(INDEX, "index.html", content=content, citation=citation)
        self.alignments.save()
        self.folder.finish()
        self.on_event(Event("end", "report", self.total, self.total, message=self._sentence()))

    def _page(self, href: str, template: str, key: str = "", **values: Any) -> None:
        root = "../" if "/" in href else ""
        text = self.templates.get_template(template).render(root=root, title=self.title, today=self.today, **values)
        self.folder.write_text(href, text, key)

    def do(self, jobs: Sequence[Job]) -> None:
        """Write pages of the report one after the other."""
        for job in jobs:
            self.step(job.shown, kept=self.done_now(job))

    def done_now(self, job: Job) -> bool:
        """Write a page of the report, unless it is there as it is; whether it was."""
        if job.kind == "pair":
            return self._write_pair(self.plan, job.given) is None
        return self._write_page(*job.given)

    def settled(self) -> dict[str, Any]:
        """What the pages of pairs and pages follow from beside the run, for ``settle``."""
        return {
            "today": self.today,
            "groups": self.groups,
            "plan": self.plan,
            "new": self.alignments.new,
        }

    def settle(self, values: Mapping[str, Any]) -> None:
        """Write pages by what another process settled."""
        self.today, self.groups, self.plan = values["today"], values["groups"], values["plan"]
        self.alignments.new |= values["new"]
        self.pairs.date = self.today

    def step(self, page: str, *, kept: bool) -> None:
        """One more page of the report is there."""
        self.done += 1
        self.n_kept += kept
        self.on_event(Event("page", "report", self.done, self.total, page))

    def _sentence(self) -> str:
        kept = f", {self.n_kept:,} of them as they were" if self.n_kept else ""
        return f"{self.total:,} pages of pairs, groups and pages{kept}"

    def _long_tables(self) -> list[MatchedRuns]:
        if self.keep:
            return write_tables_over_pages(self.alignments, self.on_event)
        return tables_over_pages(self.alignments)

    def _is_first(self, page: str) -> bool:
        """Whether a page is no copy of the scan of another one."""
        return self.groups.scan_of(page) == page

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {page: row for row, page in enumerate(self.corpus.embeddings[0])}

    @cached_property
    def _embeddings(self) -> Any:
        return self.corpus.embeddings[1]

    def _phi(self, page: str) -> Any:
        return self._embeddings[self._rows[page]]

    def _write_pair(self, plan: PairPlan, pair: PageIds) -> PairPage | None:
        """Write the page of a pair of the plan; None where it is there as it is."""
        href, key = plan.hrefs[pair], self._pair_key(plan, pair)
        page = None if self.folder.has(href, key) else self._pair_page(plan, pair)
        if page is not None:
            self._page(href, "pair.html", key, page=page)
        return page

    def _pair_page(self, plan: PairPlan, pair: PageIds) -> PairPage:
        return self.pairs.page(*pair, with_overlay=pair in plan.with_overlay)

    def _pair_key(self, plan: PairPlan, pair: PageIds) -> str:
        return key_of(self.title, language(), self._state, self.pairs.sources(*pair), pair in plan.with_overlay)

    @cached_property
    def _state(self) -> str:
        """A hash of what ranks among all pages follow from."""
        names = ("page", "sha256", "is_table", "book")
        columns = [self.corpus.page_table.column(name).to_pylist() for name in names]
        corrected = sorted((key, repr(value)) for key, value in self.corpus.corrections.by_scan.items())
        return key_of(columns, corrected, self.corpus.settings_hash)

    def _write_clusters(self, plan: PairPlan, closest: Mapping[int, PageIds]) -> None:
        """Write the page of every cluster, before it that of its closest pair, which it shows in small."""
        years = years_of(self.corpus)
        for cluster in self.clusters:
            name = self.names_of_clusters.get(cluster.number, "")
            part = cluster_part(cluster, self.groups, self.cards, None, self.verdicts_of, name)
            href, pair = cluster_href(part.number), closest.get(cluster.label, ("", ""))
            planned = pair in plan.hrefs
            page = None
            if planned:
                page = self._write_pair(plan, pair)
                self.step(plan.hrefs[pair], kept=page is None)
            hrefs = [
                (plan.href(cluster.medoid, card.page), plan.hrefs_of(card.page, card.about.neighbours))
                for card in part.pages
            ]
            key = key_of(self.title, language(), years, part, hrefs, self._pair_key(plan, pair) if planned else None)
            if kept := self.folder.has(href, key):
                self.step(href, kept=kept)
                continue
            if planned:
                part = replace(part, preview=_preview(page or self._pair_page(plan, pair), plan.hrefs[pair]))
            self._page(href, "cluster.html", key, part=part, plan=plan, years=years)
            self.step(href, kept=False)

    # The page of each page

    @cached_property
    def _cluster_of(self) -> dict[str, int]:
        return {page: cluster.number for cluster in self.clusters for page in cluster.pages}

    @cached_property
    def _problem_of(self) -> dict[str, str]:
        return {row["page"]: public_problem(row) for row in self.corpus.problems if row["page"]}

    @cached_property
    def _views(self) -> PageViews:
        return PageViews(self.cards, self._problem_of, self.verdicts_of, self._cluster_of, self.groups)

    def _write_page(self, page: str, beside: tuple[str, str], copied: bool) -> bool:
        """Write the page of a page, unless it is there as it is; whether it was."""
        href, near = page_href(page), self.plan.hrefs_of(page, self.cards.facts(page).neighbours)
        key = key_of(
            self.title, language(), self.alignments.reading_key(page), self._views.sources(page), beside, copied, near
        )
        kept = self.folder.has(href, key)
        if not kept:
            self._page(href, "page.html", key, view=self._views.view(page, beside, copied=copied), plan=self.plan)
        return kept

    # The lists and the overview

    def _write_lists(self) -> None:
        self._write_history()
        self._write_group_list()
        self._write_overview(self._write_page_list())

    def _write_page_list(self) -> ListPage:
        pages = write_list(self.folder, "pages", self._page_columns, self._page_rows(0, len(self.corpus)))
        self._show_page_list(pages)
        return pages

    def _show_page_list(self, pages: ListPage) -> None:
        lede = say_n(
            len(self.corpus),
            "{n} page, to sort by a column, to filter, and to search.",
            "{n} pages, to sort by a column, to filter, and to search.",
        )
        self._page(ALL_PAGES, "list.html", list=pages, heading=say("All pages"), lede=lede, ranges=True)

    @cached_property
    def _extra(self) -> list[str]:
        """The columns of the metadata that the list of pages has beside its own."""
        # Lines of a book mostly say the same: each text is looked into once.
        counts: Counter[str] = Counter()
        for text, n in Counter(self.corpus.page_table.column("extra").to_pylist()).items():
            counts.update({name: n for name, value in json.loads(text or "{}").items() if value})
        return extra_columns(counts)

    @property
    def _page_columns(self) -> tuple[ListColumn, ...]:
        named = [ListColumn(f"extra-{at}", name, facet=True) for at, name in enumerate(self._extra)]
        return (*titled(PAGE_COLUMNS), *named, *HIDDEN_COLUMNS)

    @cached_property
    def _positions(self) -> dict[str, tuple[float, float]]:
        return positions_of(self.corpus)

    def _page_rows(self, start: int, stop: int) -> Iterator[list[Any]]:
        """Rows of the list of pages."""
        lines = self.corpus.page_table.between(start, stop)
        return (self._page_row(line, self._extra, self._positions) for line in lines)

    def _write_group_list(self) -> None:
        groups = write_list(self.folder, "groups", titled(GROUP_COLUMNS), map(self._group_row, self.clusters))
        lede = say_n(
            len(self.clusters),
            "{n} cluster of two pages and more. What is of one kind may be in several of them.",
            "{n} clusters of two pages and more. What is of one kind may be in several of them.",
        )
        self._page(ALL_GROUPS, "list.html", list=groups, heading=say("All groups"), lede=lede, ranges=True)

    def _page_row(
        self, line: dict[str, Any], extra: Sequence[str], positions: dict[str, tuple[float, float]]
    ) -> list[Any]:
        page = line["page"]
        number = self._cluster_of.get(page)
        corrections = self.corpus.corrections.by_scan.get(line["sha256"])
        twins = self._twins.get(line["sha256"], ())
        remarks = [retold(self._problem_of.get(page) or line["note"] or "")]
        if twins:
            others = ", ".join(twin for twin in twins if twin != page)
            remarks.append(say("the same scan as {pages}", pages=others))
        return [
            [page, page_href(page)],
            self._kind(line),
            "; ".join(line["authors"] or ()) or None,
            line["title"] or None,
            line["place"] or None,
            date_value(YearRange.of_row(line)),
            line["book"] or None,
            line["n_numbers"],
            None if line["legibility"] is None else round(line["legibility"], 2),
            None if number is None else [str(number), cluster_href(number)],
            (len(holding(corrections)) or None) if corrections else None,
            "; ".join(remark for remark in remarks if remark) or None,
            *((line["extra"] or {}).get(name) or None for name in extra),
            *positions.get(page, (None, None)),
        ]

    @cached_property
    def _when_where(self) -> dict[str, WhenWhere]:
        """Date, place and book of every page."""
        return when_where(self.corpus, self.corpus)

    @cached_property
    def _twins(self) -> dict[str, tuple[str, ...]]:
        return PageViews(self.cards, {}, {}, {}, self.groups).twins

    def _kind(self, line: dict[str, Any]) -> str:
        if line["status"] != "read":
            return KINDS[5] if line["status"] == "failed" else KINDS[6]
        if not line["is_table"]:
            return KINDS[4]
        relation = self.groups.relations.get(line["page"])
        if relation is None or relation.relation == SAME_SCAN:
            return KINDS[3] if relation is None else SAME_SCAN
        return SAME_KIND if relation.table is None else SAME_TABLE

    def _group_row(self, cluster: Cluster) -> list[Any]:
        number, medoid = cluster.number, cluster.medoid
        lines = [self._when_where[page] for page in cluster.pages]
        span = span_of([line.date for line in lines])
        picture = self.cards.picture(medoid)
        return [
            None if picture is None else [picture.href, picture.width, picture.height],
            [say("Cluster {number}", number=number), cluster_href(number)],
            self.names_of_clusters.get(number) or None,
            self._kind_of_cluster(cluster),
            " ".join(self.groups.words_of_cluster(number)) or None,
            len(cluster.members),
            round(cluster.doubt, 2),
            span.first,
            span.last,
            summary_of(lines) or None,
            len({line.book for line in lines if line.book}) or None,
            None if cluster.stability is None else round(cluster.stability, 2),
            len({line for page in cluster.pages for line in self.verdicts_of.get(page, ())}) or None,
            " ".join(one.bigram for one in cluster.apart) or None,
            [medoid, page_href(medoid)],
            " ".join(cluster.pages[:50]),
        ]

    def _kind_of_cluster(self, cluster: Cluster) -> str:
        """Whether all its pages were shown to carry one table, some were, or none."""
        tables = [getattr(self.groups.table_of(page), "number", None) for page in cluster.pages]
        if None not in tables and len(set(tables)) == 1:
            return SAME_TABLE
        return SAME_KIND if set(tables) == {None} else IN_PART

    def _write_history(self) -> None:
        rows = history_rows(self.corpus)
        listed = write_list(self.folder, "history", titled(HISTORY_COLUMNS), rows)
        lede = say_n(
            len(rows),
            "{n} decision of people: who, when, why, and what became of it.",
            "{n} decisions of people: who, when, why, and what became of it.",
        )
        self._page(HISTORY, "list.html", list=listed, heading=say("History"), lede=lede, ranges=False)

    def _write_overview(self, pages: ListPage) -> None:
        lines = self.corpus.page_table.between(0, len(self.corpus))
        n_mapped = len(self._positions)
        read = [line for line in lines if line["status"] == "read"]
        dates = [self._when_where[line["page"]].date for line in read]
        time = time_line([year_on_line(date) for date in dates], self._years_of_groups())
        places = place_map((line["place"] or say("place not named"), coordinates_of(line)) for line in read)
        towns = Counter(line["place"] for line in read if line["place"]).most_common(40)
        self._page(OVERVIEW, "overview.html", time=time, places=places, towns=towns, list=pages, n_mapped=n_mapped)

    def _years_of_groups(self) -> Iterator[tuple[str, str, list[int | None]]]:
        for cluster in self.clusters:
            years = [year_on_line(self._when_where[page].date) for page in cluster.pages]
            yield say("Cluster {number}", number=cluster.number), cluster_href(cluster.number), years


def _preview(page: PairPage, href: str) -> PairPreview:
    return PairPreview(page.pair.preview(), page.captions, page.agreement, page.corpus_rank, href)


def date_value(date: YearRange) -> list[Any] | None:
    """A date as a list shows it, filters it and sorts by it; None where none is known."""
    return [date.shown, date.first, date.last, date.order] if date.is_known else None
