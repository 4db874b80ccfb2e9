"""The columns of the lists of pages and of groups, and what a page can be in them."""

from __future__ import annotations

from tablesim.language import to_say
from tablesim.records.relations import SAME_KIND, SAME_SCAN, SAME_TABLE
from tablesim.report.lists import ListColumn

PAGE_COLUMNS = (
    ListColumn("page", to_say("Page"), "link"),
    ListColumn("kind", to_say("What it is"), facet=True, said=True),
    ListColumn("author", to_say("Author"), facet=True),
    ListColumn("title", to_say("Title")),
    ListColumn("place", to_say("Place"), facet=True),
    ListColumn("year", to_say("Year"), "date"),
    ListColumn("book", to_say("Book"), facet=True),
    ListColumn("numbers", to_say("Numbers"), "number"),
    ListColumn("legibility", to_say("Legibility"), "number"),
    ListColumn("cluster", to_say("Cluster"), "link"),
    ListColumn("corrections", to_say("Corrections"), "number"),
    ListColumn("remark", to_say("Remark")),
)
HIDDEN_COLUMNS = (ListColumn("x", "", "number"), ListColumn("y", "", "number"))
"""Behind the columns of the metadata: where the page is on the map."""

GROUP_COLUMNS = (
    ListColumn("medoid", "", "picture"),
    ListColumn("cluster", to_say("Cluster"), "link"),
    ListColumn("name", to_say("Name, by people")),
    ListColumn("kind", to_say("What it is"), facet=True, said=True),
    ListColumn("relation", to_say("What relates them")),
    ListColumn("size", to_say("Pages"), "number"),
    ListColumn("doubt", to_say("Doubt"), "number"),
    ListColumn("first", to_say("First year"), "number"),
    ListColumn("last", to_say("Last year"), "number"),
    ListColumn("summary", to_say("When and where")),
    ListColumn("books", to_say("Books"), "number"),
    ListColumn("stability", to_say("Stability"), "number"),
    ListColumn("verdicts", to_say("Verdicts, by people"), "number"),
    ListColumn("apart", to_say("Its own bigrams")),
    ListColumn("page", to_say("Its middle"), "link"),
    ListColumn("pages", ""),
)

KINDS = (
    SAME_TABLE,
    SAME_KIND,
    SAME_SCAN,
    to_say("stands alone"),
    to_say("no table"),
    to_say("could not be read"),
    to_say("waits to be read"),
)

IN_PART = to_say("the same table in part")
"""Of a group: some of its pages carry one table."""
