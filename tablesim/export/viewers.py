"""The pages of a run as the tables that image viewers take: PixPlot and VIKUS Viewer, both of which lay out pictures.

PixPlot's metadata: filename, category, tags (parted by `|`), description, permalink, year. VIKUS: id, keywords (parted
by commas), year, and what begins with an underscore is shown beside a picture. The pictures are your scans;
`tablesim run --metadata` reads both files back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tablesim.corpus.store import Corpus
from tablesim.export.kinds import Format
from tablesim.export.spreadsheets import csv_bytes
from tablesim.scans.locator import Locator

Row = dict[str, Any]


def _pixplot(page: Row, group: str) -> Row:
    return {
        "filename": Locator.of(page["scan"]).name,
        "category": group,
        "tags": "|".join(name for name in (page["place"], page["book"]) if name),
        "description": _title(page),
        "permalink": page["handle"] or "",
        "year": page["year"],
    }


def _vikus(page: Row, group: str) -> Row:
    words = (group, page["place"], page["book"])
    return {
        "id": page["page"],
        "keywords": ",".join(word.replace(",", " ") for word in words if word),
        "year": page["year"],
        "_title": page["title"] or page["page"],
        "_authors": "; ".join(page["authors"] or ()),
        "_place": page["place"] or "",
        "_numbers": page["n_numbers"],
        "_permalink": page["handle"] or "",
    }


def _title(page: Row) -> str:
    authors = "; ".join(page["authors"] or ())
    return ", ".join(part for part in (authors, page["title"], page["place"]) if part) or str(page["page"])


VIEWERS: dict[Format, tuple[str, Callable[[Row, str], Row]]] = {
    Format.pixplot: ("pixplot.csv", _pixplot),
    Format.vikus: ("vikus.csv", _vikus),
}
"""Name of the file, and what makes its line of a page and of the table that it carries."""


def viewer_csv(corpus: Corpus, what: Format, pages: Iterable[str]) -> bytes:
    """The lines of pages for a viewer; the table of a page is its category or first keyword."""
    _, line = VIEWERS[what]
    relations = corpus.groups.relations

    def group(page: str) -> str:
        relation = relations.get(page)
        return f"table {relation.table}" if relation is not None and relation.table is not None else "no other page"

    rows = [line(corpus.page(page), group(page)) for page in pages]
    return csv_bytes(tuple(rows[0]) if rows else (), rows)
