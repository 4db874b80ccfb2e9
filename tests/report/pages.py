"""What the tests of the report look up in its pages."""

import json
import re
from pathlib import Path


def page_of(report: Path, *names: str) -> Path:
    """The page of the pair whose pages bear these names, in any order."""
    found = [path for path in sorted((report.parent / "pairs").iterdir()) if all(name in path.name for name in names)]
    assert found, names
    return found[0]


def data_of(page: Path) -> dict:
    """What the script of the page of a pair is given."""
    html = page.read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return json.loads(text)
