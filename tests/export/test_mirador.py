"""A manifest with matches opens in Mirador, which shows the page and every match on it, whatever the page is named."""

import functools
import html
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from corpus.fakes import reading_of, table
from PIL import Image

from tablesim.evidence.comparison import compare
from tablesim.export.iiif import MatchManifest
from tablesim.report.provenance import Provenance
from tests.browsers import HERE, launched

pytestmark = pytest.mark.browser

HOSTILE = "<img src='x' onerror='window.struck=1'>"
VIEWER = """<!doctype html><meta charset="utf-8"><div id="viewer" style="position:absolute;inset:0"></div>
<script src="mirador.min.js"></script><script>
const settings = {defaultSideBarPanel: "annotations", sideBarOpen: true, highlightAllAnnotations: true};
window.viewer = Mirador.viewer({id: "viewer", window: settings, windows: [{manifestId: "MANIFEST"}]});
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def site(tmp_path):
    """A folder that is served, and its address."""
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page():
    with launched(HERE) as browser:
        yield browser.new_page(viewport={"width": 1200, "height": 900})


def test_mirador_shows_every_match(site, page, tmp_path):
    mirador = os.environ.get("TABLESIM_MIRADOR")
    if not mirador:
        pytest.skip("Mirador is not kept here; tests/export/resources/README.md says how to get it")
    folder, base = site
    readings = []
    for at, name in enumerate(("one", HOSTILE)):
        Image.new("L", (100, 80), 200).save(tmp_path / f"{at}.png")
        readings.append(reading_of(name, [row[:2] for row in table(3, n_rows=4)], scan=str(tmp_path / f"{at}.png")))
    linked = MatchManifest.of(
        compare(*readings, top=0), Provenance("0.1.0", "f" * 64, {}, "2026-11-24T10:00:00Z"), base
    )
    for name, data in linked.files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    shutil.copy(mirador, folder / "mirador.min.js")
    Path(folder / "index.html").write_text(VIEWER.replace("MANIFEST", base + "manifest.json"))
    page.goto(base + "index.html")
    page.get_by_text(f"Showing {len(linked.matches)} annotations").wait_for(timeout=60_000)
    first = linked.side(0)["items"][0]["body"][0]["value"]
    assert html.unescape(first) in page.inner_text("body")
    assert page.evaluate("window.struck") is None
    assert page.evaluate("Object.values(viewer.store.getState().manifests).map(each => each.error)") == [None]
