"""Records of citations for Zotero, LaTeX and other programs: RIS, BibTeX and CSL-JSON of pages, pairs, groups and runs.

A file has a record of what is cited (numbers of a page, a comparison, a collation, a group of pages, a run), one of
each page or book it rests on, and one of the software. (RIS: Research Information Systems 2011; CSL-JSON 1.0.2.)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tablesim.report.provenance import SOFTWARE, CitedPage, Provenance

DEVELOPERS = "The tablesim developers"
"""Whom the software is by, as in CITATION.cff."""

MOST_PAGES = 24
"""Pages that are cited one by one; of more their books are, with the pages in a note."""


@dataclass(frozen=True)
class CitationRecord:
    """A work as programs for literature have it.

    Parameters
    ----------
    key : str
        Short and of ASCII letters, digits, ``-`` and ``_``: unique in a file.
    kind : str
        "book", "dataset" or "software".
    title : str
    authors : tuple of str
        As ``Family, Given``; a name without a comma is taken as a whole.
    place, publisher : str
        May be empty.
    years : tuple of int
        None, one, or the first and the last.
    date : str
        A day in ISO 8601; empty for printed books.
    address : str
        On the web; may be empty.
    version : str
        Of the software that made it; may be empty.
    note : str
        What else is known: pages, hashes, network.
    """

    key: str
    kind: str
    title: str
    authors: tuple[str, ...] = ()
    place: str = ""
    publisher: str = ""
    years: tuple[int, ...] = ()
    date: str = ""
    address: str = ""
    version: str = ""
    note: str = ""


def citation_records(provenance: Provenance, title: str) -> tuple[CitationRecord, ...]:
    """The records of what a provenance speaks of, under a title such as ``Collation of A and B``."""
    pages = provenance.pages
    sources = [_page(page) for page in pages] if len(pages) <= MOST_PAGES else list(_books(pages))
    note = f"Numbers read by {SOFTWARE} {provenance.version} (digit network {provenance.network[:12]})."
    cited = CitationRecord(
        "tablesim-" + _hash(title, *(page.sha256 for page in pages)),
        "dataset",
        title,
        years=(int(provenance.created[:4]),) if provenance.created[:4].isdecimal() else (),
        date=provenance.created[:10],
        version=provenance.version,
        note=note + (f" {len(pages)} pages." if len(pages) > 1 else ""),
    )
    software = CitationRecord(
        "tablesim",
        "software",
        "tablesim and bilrp: similarity of historical numerical tables, explained down to the glyph",
        (DEVELOPERS,),
        years=cited.years,
        version=provenance.version,
    )
    return tuple(_unique([cited, *sources, software]))


def _page(page: CitedPage) -> CitationRecord:
    hashed = f"scan SHA-256 {page.sha256}"
    return replace(_source(page), note=f"page {page.page}; {hashed}")


def _books(pages: Sequence[CitedPage]) -> Iterator[CitationRecord]:
    """A record a book; pages of which no book is known are their own."""
    books: dict[str, list[CitedPage]] = {}
    for page in pages:
        books.setdefault(page.book or page.about or page.page, []).append(page)
    for of_book in books.values():
        names = ", ".join(page.page for page in of_book[:MOST_PAGES])
        more = f" and {len(of_book) - MOST_PAGES} more" if len(of_book) > MOST_PAGES else ""
        yield replace(_source(of_book[0]), note=f"pages {names}{more}" if len(of_book) > 1 else f"page {names}")


def _source(page: CitedPage) -> CitationRecord:
    return CitationRecord(
        _key(page.page),
        "book",
        page.title or page.page,
        page.authors,
        page.place,
        "; ".join(page.printers),
        page.years,
        address=_address(page.handle),
    )


def _address(handle: str) -> str:
    """A handle as an address: catalogues leave its scheme out."""
    text = handle.strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        return text
    return f"https://{text}" if re.match(r"[\w-]+(\.[\w-]+)+/\S*$", text, re.ASCII) else ""


def _key(text: str) -> str:
    """A key of ASCII that programs take; one that had to be changed ends in a hash, so that it stays its own."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:60]
    return plain if plain == text else f"{plain}-{_hash(text)}".lstrip("-")


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _unique(records: Iterable[CitationRecord]) -> Iterator[CitationRecord]:
    taken: set[str] = set()
    for record in records:
        key, copies = record.key, 1
        while key.casefold() in taken:
            copies += 1
            key = f"{record.key}-{copies}"
        taken.add(key.casefold())
        yield replace(record, key=key)


def csl_json(records: Sequence[CitationRecord]) -> str:
    """The records as CSL-JSON, which Zotero, pandoc and word processors read."""
    return json.dumps([_csl(record) for record in records], ensure_ascii=False, indent=1) + "\n"


def _csl(record: CitationRecord) -> dict[str, Any]:
    days = [[int(part) for part in record.date.split("-")]] if record.date else [[year] for year in record.years]
    item = {
        "id": record.key,
        "type": record.kind,
        "title": record.title,
        "author": [_csl_name(name) for name in record.authors],
        "publisher": record.publisher,
        "publisher-place": record.place,
        "issued": {"date-parts": days} if days else None,
        "URL": record.address,
        "version": record.version,
        "note": record.note,
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(name: str) -> dict[str, str]:
    family, comma, given = (part.strip() for part in name.partition(","))
    return {"family": family, "given": given} if comma and family and given else {"literal": name}


def ris(records: Sequence[CitationRecord]) -> str:
    """The records as RIS: a tag a line, which every program for literature reads."""
    kinds = {"book": "BOOK", "dataset": "DATA", "software": "COMP"}
    lines: list[str] = []
    for record in records:
        years = "/".join(map(str, record.years[:1]))
        pairs = [
            ("TY", kinds[record.kind]),
            ("ID", record.key),
            ("TI", record.title),
            *(("AU", name) for name in record.authors),
            ("CY", record.place),
            ("PB", record.publisher),
            ("PY", years),
            ("DA", record.date.replace("-", "/")),
            ("UR", record.address),
            ("ET", record.version),
            ("N1", record.note),
            ("N1", f"printed {record.years[0]}-{record.years[1]}" if len(record.years) > 1 else ""),
        ]
        lines += [f"{tag}  - {_line(value)}" for tag, value in pairs if value]
        lines += ["ER  - ", ""]
    return "\r\n".join(lines)


def _line(text: str) -> str:
    """A value on one line: a line end would begin another tag."""
    return " ".join(text.split())


def bibtex(records: Sequence[CitationRecord]) -> str:
    """The records as BibTeX, in UTF-8 as biber takes it."""
    entries = []
    for record in records:
        years = "--".join(map(str, record.years))
        kinds = {"software": "Computer software", "dataset": "Data set"}
        fields = {
            "author": " and ".join(_bibtex_name(name) for name in record.authors),
            "title": f"{{{_tex(record.title)}}}",
            "publisher": _tex(record.publisher),
            "address": _tex(record.place),
            "year": years,
            "date": record.date,
            "howpublished": kinds.get(record.kind, ""),
            "version": _tex(record.version),
            "url": re.sub(r"[{}\\\s]", "", record.address),
            "note": _tex(record.note),
        }
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        entries.append(f"@{'book' if record.kind == 'book' else 'misc'}{{{record.key},\n{body}\n}}\n")
    return "\n".join(entries)


def _bibtex_name(name: str) -> str:
    """A person as ``Family, Given``; what is no person, or holds an ``and``, in braces of its own."""
    person = "," in name and " and " not in name.casefold()
    return _tex(name) if person else f"{{{_tex(name)}}}"


_TEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in _line(text))


CITATION_FORMATS: dict[str, tuple[str, Callable[[Sequence[CitationRecord]], str]]] = {
    "ris": (".ris", ris),
    "bibtex": (".bib", bibtex),
    "csl-json": (".csl.json", csl_json),
}
"""The formats of citations by name: how the names of their files end, and what writes them."""
