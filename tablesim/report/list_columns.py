"""The columns of the lists of pages and of groups, and what a page can be in them."""

from __future__ import annotations

from tablesim.records.relations import SAME_KIND, SAME_SCAN, SAME_TABLE
from tablesim.report.lists import ListColumn

PAGE_COLUMNS = (
    ListColumn("page", "Page", "link"),
    ListColumn("kind", "What it is", facet=True),
    ListColumn("author", "Author", facet=True),
    ListColumn("title", "Title"),
    ListColumn("place", "Place", facet=True),
    ListColumn("year", "Year", "date"),
    ListColumn("book", "Book", facet=True),
    ListColumn("numbers", "Numbers", "number"),
    ListColumn("legibility", "Legibility", "number"),
    ListColumn("cluster", "Cluster", "link"),
    ListColumn("corrections", "Corrections", "number"),
    ListColumn("remark", "Remark"),
)
HIDDEN_COLUMNS = (ListColumn("x", "", "number"), ListColumn("y", "", "number"))
"""Behind the columns of the metadata: where the page is on the map."""

GROUP_COLUMNS = (
    ListColumn("medoid", "", "picture"),
    ListColumn("cluster", "Cluster", "link"),
    ListColumn("name", "Name, by people"),
    ListColumn("kind", "What it is", facet=True),
    ListColumn("relation", "What relates them"),
    ListColumn("size", "Pages", "number"),
    ListColumn("doubt", "Doubt", "number"),
    ListColumn("first", "First year", "number"),
    ListColumn("last", "Last year", "number"),
    ListColumn("summary", "When and where"),
    ListColumn("books", "Books", "number"),
    ListColumn("stability", "Stability", "number"),
    ListColumn("verdicts", "Verdicts, by people", "number"),
    ListColumn("apart", "Its own bigrams"),
    ListColumn("page", "Its middle", "link"),
    ListColumn("pages", ""),
)

KINDS = (SAME_TABLE, SAME_KIND, SAME_SCAN, "stands alone", "no table", "could not be read", "waits to be read")
