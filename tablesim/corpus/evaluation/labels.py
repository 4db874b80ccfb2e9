"""Reads labels of pages from a CSV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tablesim.errors import MetadataError
from tablesim.scans.csvfile import read_csv, shortlist
from tablesim.scans.headings import KEY_COLUMNS
from tablesim.scans.metadata import find_column, page_key, without_ending

LABEL_COLUMNS = ("label", "table", "class", "type", "layout_type", "category")
NOT_A_TABLE = frozenset({"", "-", "none", "no", "no table", "no_table", "not a table", "not_a_table"})
"""Labels, in any case, of pages that carry no table."""


@dataclass(frozen=True)
class Labels:
    """A label for each page; ``not_tables`` are the pages that were labelled as none."""

    labels: dict[str, str]
    not_tables: frozenset[str]


def read_labels(path: str | Path) -> Labels:
    """Labels from a CSV with a column for the page (as metadata has it) and one named ``label``.

    Raises
    ------
    MetadataError
        The file cannot be read, lacks one of the columns, or gives a page two labels.
    """
    file = read_csv(path, known=(*KEY_COLUMNS, *LABEL_COLUMNS))
    key_column, label_column = find_column(file, KEY_COLUMNS), find_column(file, LABEL_COLUMNS)
    if key_column is None or label_column is None:
        missing = "page" if key_column is None else "label"
        raise MetadataError(
            f"{file.path}: no column for the {missing}; found the columns {shortlist(file.columns)}; "
            "expected page,label. Rename or add that column"
        )
    labels: dict[str, str] = {}
    for row in file.rows:
        key, label = without_ending(page_key(row[key_column])), row[label_column]
        if key and labels.setdefault(key, label) != label:
            raise MetadataError(f"{file.path}: page {key} is labelled {labels[key]!r} and {label!r}; keep one of them")
    none = frozenset(page for page, label in labels.items() if label.casefold() in NOT_A_TABLE)
    return Labels({page: label for page, label in labels.items() if page not in none}, none)
