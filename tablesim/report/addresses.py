"""Where each page and each group of a run stands in its report: addresses that stay the same when the run grows."""

from __future__ import annotations

import hashlib
import re

INDEX, ALL_PAGES, ALL_GROUPS, OVERVIEW = "index.html", "pages.html", "groups.html", "overview.html"
HISTORY = "history.html"
"""Pages of which a report has one each."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows keeps for itself."""


def page_href(page: str) -> str:
    """The address of the page of a page: its id where that is a name on every disk, else with a hash behind it.

    Examples
    --------
    >>> page_href("1746_clavius_1593_p283")
    'pages/1746_clavius_1593_p283.html'
    >>> page_href("Clavius 1593, p. 283")
    'pages/Clavius_1593_p_283-2aadf899.html'
    """
    if _PLAIN.fullmatch(page) and not _DEVICES.fullmatch(page):
        return f"pages/{page}.html"
    words = re.sub(r"[^A-Za-z0-9]+", "_", page)[:60].strip("_")
    key = hashlib.sha256(page.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"pages/{words or 'page'}-{key}.html"


def cluster_href(number: int) -> str:
    """The address of the page of a cluster, by its number from 1."""
    return f"clusters/{number}.html"
