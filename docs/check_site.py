"""Look through the built site: every link leads somewhere, and nothing is loaded from elsewhere.

python docs/check_site.py site
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser fetch something, and the attribute that says what."""


class Links(HTMLParser):
    """Links, anchors and loaded files of one page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what leads away, what is loaded, and what can be led to."""
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in LOADED and LOADED[tag] in values and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(values[LOADED[tag]])


def faults(site: Path) -> list[str]:
    """One line for each link that leads nowhere and each file that would come from elsewhere."""
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html") if page.name != "404.html"}
    found = []
    for page, of in pages.items():
        name = page.relative_to(site.resolve())
        found += [f"{name}: loads {url}" for url in of.loaded if urlsplit(url).netloc]
        for url in {*of.links, *of.loaded}:
            path, anchor = urldefrag(url)
            if urlsplit(url).scheme or urlsplit(url).netloc:
                continue
            target = (page.parent / unquote(urlsplit(path).path)).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                found.append(f"{name}: {url} leads nowhere")
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                found.append(f"{name}: {url} leads to no place of its page")
    return sorted(found)


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]))
    print("\n".join(lines) or "every link of the site leads somewhere, and nothing is loaded from elsewhere")
    sys.exit(bool(lines))
