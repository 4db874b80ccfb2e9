"""Where a report or an export comes from: software, network, settings, scans; and how to cite it.

Every export carries this, so that a number in a paper leads back to the bytes of the scan and to the weights that read
it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from tablesim.corpus.store import Corpus
from tablesim.language import say, say_n
from tablesim.records.address import Siglum, sigla_of
from tablesim.records.collation import Collation
from tablesim.records.dates import YearRange
from tablesim.records.reading import Reading
from tablesim.scans.locator import Locator
from tablesim.version import __version__

if TYPE_CHECKING:
    from tablesim.reader import PageReader

SOFTWARE = "tablesim"

_FROM_RUN_JSON = ("seed", "max_pixels", "versions", "inputs")


@dataclass(frozen=True)
class CitedPage:
    """A page of a report or export, as it is cited.

    Parameters
    ----------
    page : str
        Page id.
    scan : str
        Where the scan was read from.
    sha256 : str
        Hash of its bytes.
    about : str
        Author, title, place and year as far as they are known; may be empty.
    handle : str
        Its permanent address; may be empty.
    corrections : int
        How many of its numbers people corrected.
    correctors : tuple of str
        Their names, as far as they gave them.
    said_by_person : str
        That it carries a table or none, where a person said it; else empty.
    edition : str
        Author and year in short, as ``Clavius 1585``; may be empty.
    leaf : str
        Which page of it, as ``p. 12``; may be empty.
    book, title, place : str
        Of the print, as far as they are known; may be empty.
    authors, printers : tuple of str
        Their names, persons as ``Family, Given``.
    years : tuple of int
        None, the year of the print, or the first and the last that its date allows.
    """

    page: str
    scan: str
    sha256: str
    about: str = ""
    handle: str = ""
    corrections: int = 0
    correctors: tuple[str, ...] = ()
    said_by_person: str = ""
    edition: str = ""
    leaf: str = ""
    book: str = ""
    title: str = ""
    place: str = ""
    authors: tuple[str, ...] = ()
    printers: tuple[str, ...] = ()
    years: tuple[int, ...] = ()

    @property
    def file_name(self) -> str:
        """The name of the scan's file, which pages that are published show: its folder is no one's business."""
        return Locator.of(self.scan).name


@dataclass(frozen=True)
class Provenance:
    """What was done with which software, settings and scans.

    Parameters
    ----------
    version : str
        Version of tablesim.
    network : str
        Fingerprint of the digit network: SHA-256 over its weights and the settings that it reads with.
    settings : dict
        What else decides the result, as plain values.
    created : str
        Moment of the export, ISO 8601 in UTC, to the second.
    pages : tuple of CitedPage
        The pages it speaks of.
    """

    version: str
    network: str
    settings: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    pages: tuple[CitedPage, ...] = ()

    @classmethod
    def of_run(cls, corpus: Corpus, pages: Iterable[str]) -> Provenance:
        """That of some pages of a run; RunError where there is no such page."""
        settings = {name: corpus.run[name] for name in _FROM_RUN_JSON if name in corpus.run}
        read_with = str(corpus.run.get("versions", {}).get(SOFTWARE) or __version__)
        return cls(read_with, str(corpus.settings.get("network", "unknown")), settings, now()).about(corpus, pages)

    def about(self, corpus: Corpus, pages: Iterable[str]) -> Provenance:
        """The same for other pages of the run."""
        return replace(self, pages=tuple(page_of_run(corpus, page) for page in dict.fromkeys(pages)))

    @classmethod
    def of_readings(cls, readings: Iterable[Reading], network: PageReader | None = None) -> Provenance:
        """That of scans which were read outside a run, by ``network`` as far as it is known."""
        pages = tuple(CitedPage(reading.page, reading.scan, reading.sha256) for reading in readings)
        if network is None:
            return cls(__version__, "unknown", {}, now(), pages)
        weights = hashlib.sha256(network.weights.read_bytes()).hexdigest()
        settings = {
            "weights": network.weights.name,
            "weights_sha256": weights,
            **asdict(network.digit_reader.thresholds),
        }
        return cls(__version__, network.fingerprint, settings, now(), pages)

    def sigla(self, collation: Collation) -> tuple[Siglum, ...]:
        """The witnesses of a collation by their letters and their names: ``A: Clavius 1585, p. 12``.

        Where nothing is known of a witness, or two would have one name, page ids name it.
        """
        known = {page.page: page for page in self.pages}
        names = []
        for witness in collation.witnesses:
            ids = [reading.page for reading in witness.readings]
            cited = [known[page] for page in ids if page in known]
            editions = dict.fromkeys(page.edition for page in cited)
            leaves = [page.leaf for page in cited if page.leaf]
            complete = len(cited) == len(ids) == len(leaves) and len(editions) == 1 and "" not in editions
            names.append(", ".join([*editions, *leaves]) if complete else " + ".join(ids))
        twice = {name for name in names if names.count(name) > 1}
        return sigla_of(
            f"{name} ({' + '.join(reading.page for reading in witness.readings)})" if name in twice else name
            for name, witness in zip(names, collation.witnesses, strict=True)
        )

    def only(self, pages: Iterable[str]) -> Provenance:
        """The same for some of the pages, in the order given; an id that is not among them is left out."""
        known = {page.page: page for page in self.pages}
        return replace(self, pages=tuple(known[page] for page in dict.fromkeys(pages) if page in known))

    @property
    def citation(self) -> str:
        """One sentence a page and one about the software: what a footnote needs."""
        sentences = [f"{cite_page(page)}." for page in self.pages[:MAX_CITED]]
        if len(self.pages) > MAX_CITED:
            sentences.append(say_n(len(self.pages) - MAX_CITED, "and {n} more page.", "and {n} more pages."))
        sentences.append(
            say(
                "Numbers read by {software} {version} (digit network {network}), exported {day}.",
                software=SOFTWARE,
                version=self.version,
                network=self.network[:12],
                day=self.created[:10],
            )
        )
        return " ".join(sentences)

    @property
    def settings_text(self) -> str:
        """The settings as one line of JSON."""
        return json.dumps(self.settings, ensure_ascii=False, sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the citation."""
        return {"software": SOFTWARE, **asdict(self), "pages": [*map(asdict, self.pages)], "citation": self.citation}


LEAF_WORDS = {
    **dict.fromkeys(("page_number", "page number"), "p."),
    **dict.fromkeys(("folio", "leaf"), "fol."),
    **dict.fromkeys(("image_number", "image", "sequence", "canvas"), "image"),
}
"""Columns of the metadata that say which page of its book a page is, as `workflow.long_tables` reads them, in words."""

MAX_CITED = 12
"""Pages that a citation names one by one."""


def now() -> str:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe_page(row: Mapping[str, Any]) -> str:
    """Author, title, place, printer and year of a page, as far as its metadata has them."""
    date = YearRange.of_row(row).shown
    where = ": ".join(part for part in (row.get("place"), "; ".join(row.get("printers") or ())) if part)
    parts = ("; ".join(row.get("authors") or ()), row.get("title"), where, date)
    return ", ".join(part for part in parts if part)


def short_edition(row: Mapping[str, Any]) -> str:
    """Author and year of a page in short, as ``Clavius 1585``, as far as its metadata has them."""
    authors = [author.split(",")[0].strip() for author in row.get("authors") or ()]
    who = " et al." if len(authors) > 2 else ""
    name = (
        (authors[0] + who if who else " and ".join(authors)) if authors else row.get("title") or row.get("book") or ""
    )
    when = YearRange.of_row(row).shown
    return f"{name} {when}".strip() if authors or when else ""


def leaf_of(row: Mapping[str, Any]) -> str:
    """Which page of its book a page is, as ``p. 12``, ``fol. 3v``: by its metadata, else as its id ends in ``_p12``."""
    extra = {name.casefold(): value for name, value in (row.get("extra") or {}).items()}
    for name, word in LEAF_WORDS.items():
        if extra.get(name):
            return f"{word} {extra[name]}"
    named = re.search(r"_p0*(\d+)$", str(row["page"]))
    return f"p. {named[1]}" if named else ""


def page_of_run(corpus: Corpus, page: str) -> CitedPage:
    """A page of a run as it is cited; RunError where there is none such."""
    row, corrections = corpus.page(page), corpus.corrections_of(page)
    correctors = tuple(sorted({correction.who for correction in corrections} - {""}))
    about, handle = describe_page(row), row.get("handle") or ""
    decision = corpus.table_decisions.of(row["sha256"])
    decided = decision.sentence if decision is not None else ""
    edition, leaf = short_edition(row), leaf_of(row)
    cited = CitedPage(
        page, row["scan"], row["sha256"], about, handle, len(corrections), correctors, decided, edition, leaf
    )
    return replace(cited, **_print_of(row))


def _print_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The print that a page is of, as ``CitedPage`` has it."""
    names = {name: row[name] or "" for name in ("book", "title", "place")}
    years = sorted({int(year) for year in (row["year"], row["year_latest"]) if year is not None})
    makers = row["printers"] or row["publishers"] or ()
    return {**names, "authors": tuple(row["authors"] or ()), "printers": tuple(makers), "years": tuple(years)}


def cite_page(page: CitedPage) -> str:
    """What a page is, its handle, the hash of its scan, and what people corrected on it."""
    scan = [say("scan SHA-256 {hash}", hash=page.sha256[:16])]
    if page.corrections and page.correctors:
        names = "; ".join(page.correctors)
        scan.append(say("corrections: {n} by {names}", n=page.corrections, names=names))
    elif page.corrections:
        scan.append(say("corrections: {n}", n=page.corrections))
    if page.said_by_person:
        scan.append(say("carries {what}", what=page.said_by_person))
    parts = [page.about, say("page {page}", page=page.page), page.handle]
    return f"{', '.join(part for part in parts if part)} ({', '.join(scan)})"


def public_text(text: str, scans: Iterable[str]) -> str:
    """A text that may be published: the scans that it names by their paths are named by their files alone."""
    for scan in scans:
        path = Locator.of(scan).file
        text = text.replace(str(path), path.name)
    return text


def public_value(value: Any) -> Any:
    """A plain value that may be published: of paths the last name is left, in lists and dicts too."""
    if isinstance(value, dict):
        return {name: public_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [public_value(inner) for inner in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PureWindowsPath(value).name
    return value
