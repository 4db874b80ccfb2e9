"""Runs over every kind of source: what is wrong ends in one row, and everything else is read."""

import io
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from corpus.fakes import reading_of, table
from PIL import Image
from scans.library import body, open_library, picture, status
from typer.testing import CliRunner

from tablesim import reader
from tablesim.cli import app
from tablesim.corpus.indexing.events import ignore_event
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, TablesimError
from tablesim.report.folder import ReportFolder
from tablesim.report.site import Site
from tablesim.scans.images import MAX_PIXELS, load_scan, page_id
from tablesim.scans.metadata import NOT_GIVEN, SINE_LOCO
from tablesim.scans.web import Web
from tablesim.workflow import run

BAD = Path(__file__).resolve().parents[1] / "resources" / "bad"


@dataclass(frozen=True)
class ShadeReader:
    """Reads the table whose number is the grey of a page's last pixels: pages of one grey carry one table."""

    fingerprint: str = "shades"

    def read(self, path: Path, max_pixels: int = MAX_PIXELS) -> object:
        scan = load_scan(path, max_pixels)
        kind = round(float(scan.grey[-8:].mean()) / 10)
        return reading_of(page_id(path), table(kind), scan=str(path), sha256=scan.sha256)

    def read_many(self, paths: Iterable[Path], *, max_pixels: int = MAX_PIXELS) -> Iterator[object]:
        for path in paths:
            try:
                yield self.read(path, max_pixels)
            except TablesimError as error:
                yield error


def leaf(kind: int, width: int = 60, height: int = 80) -> Image.Image:
    grey = np.full((height, width), 10 * kind, np.uint8)
    grey[:4] = 255
    return Image.fromarray(grey)


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with open_library() as opened:
        yield opened


def test_pages_of_every_kind_meet_in_one_run(tmp_path, library):
    scans = tmp_path / "scans"
    (scans / "a").mkdir(parents=True)
    leaf(5).save(scans / "a" / "p1.png")
    leaf(5).save(scans / "p1.jp2", irreversible=False)
    leaf(5).save(scans / "book.pdf", save_all=True, append_images=[leaf(9)], quality=95)
    leaf(9).save(scans / "plates.tif", save_all=True, append_images=[leaf(5).convert("1").convert("L")])
    image = io.BytesIO()
    leaf(9).save(image, "JPEG", quality=95)
    library.put("/9.jpg", body(image.getvalue()))
    address = library.manifest(
        "inc7",
        [f"{library.url}/9.jpg", f"{library.url}/gone.jpg"],
        metadata=[{"label": "Date", "value": "1531"}, {"label": "Place of publication", "value": "S.l."}],
    )
    metadata = tmp_path / "m.csv"
    metadata.write_text("page,place,year\nbook.pdf,Lyon,1550-55\ninc7_p0001,,1532\n")
    web = Web(tmp_path / "cache")
    corpus = run([scans, address], tmp_path / "out", metadata, network=ShadeReader(), web=web)
    rows = {row["page"]: row for row in corpus.pages}
    assert {page: row["status"] for page, row in rows.items()} == {
        "a_p1": "read",
        "book_p0001": "read",
        "book_p0002": "read",
        "inc7_p0001": "read",
        "inc7_p0002": "failed",
        "plates_p0001": "read",
        "plates_p0002": "read",
        "scans_p1": "read",
    }
    assert "HTTP 404" in corpus.problems[0]["problem"]
    groups = {page: cluster.label for cluster in corpus.clusters.clusters for page in cluster.pages}
    assert groups["a_p1"] == groups["scans_p1"] == groups["book_p0001"]
    assert groups["book_p0002"] == groups["plates_p0001"] == groups["inc7_p0001"] != groups["a_p1"]
    # The CSV counts before the library, which fills what it leaves blank; a line for the book is one for its pages.
    assert (rows["inc7_p0001"]["year"], rows["inc7_p0001"]["place"]) == (1532, SINE_LOCO)
    assert [rows[f"book_p000{n}"]["year_latest"] for n in (1, 2)] == [1555, 1555]
    assert rows["inc7_p0002"]["extra"]["canvas"] == f"{address}/canvas/2"
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    assert any(event.get("message") == "1 of 2 pages came; 1 x HTTP 404 Not Found" for event in events)

    # Each page is found again by what the run says of its place, and the report shows it.
    for page, row in rows.items():
        if row["status"] == "read":
            assert load_scan(row["scan"]).grey.shape == (80, 60), page
    cards = Site(corpus, ReportFolder(tmp_path / "out" / "report", own=True), ignore_event, keep=True).cards
    assert all(cards.small(page).picture is not None for page in rows if rows[page]["status"] == "read")
    assert cards.facts("book_p0002").link.endswith("scans/book.pdf#page=2")

    # The same again: nothing is fetched but what failed, and then it is there.
    library.asked.clear()
    library.put("/gone.jpg", body(picture()))
    again = run([scans, address], tmp_path / "out", metadata, network=ShadeReader(), web=Web(tmp_path / "cache"))
    assert library.asked == {"/gone.jpg": 1}
    assert again.problems == []
    assert len(again.pages) == 8


def test_every_bad_scan_is_one_row_and_the_good_ones_are_read(tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    bad = [path for path in BAD.iterdir() if path.suffix not in (".csv", ".json")]
    for path in bad:
        (scans / path.name).write_bytes(path.read_bytes())
    leaf(5).save(scans / "good_1.png")
    leaf(5, width=61).save(scans / "good_2.png")
    corpus = run(scans, tmp_path / "out", network=ShadeReader())
    assert {Path(row["scan"]).name.split("#")[0] for row in corpus.problems} == {path.name for path in bad}
    assert [row["page"] for row in corpus.pages if row["status"] == "read"] == ["good_1", "good_2"]
    assert all("\n" not in row["problem"] and ";" in row["problem"] for row in corpus.problems)


def test_pages_meet_their_lines_and_their_ids_however_names_are_written(tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    letters = {"Königsberg_p1": "NFD", "Nürnberg_p2": "NFC"}
    for kind, (name, form) in enumerate(letters.items(), 5):
        leaf(kind).save(scans / f"{unicodedata.normalize(form, name)}.png")
    leaf(9).save(tmp_path / "p.png")
    (tmp_path / "p.png").rename(scans / os.fsdecode(b"M\xfcnster_p3.png"))
    (scans / "IMG_1.djvu").write_bytes(b"AT&TFORM")
    lines = [
        f"{unicodedata.normalize('NFC', 'Königsberg_p1')}.png,Rom",
        f"{unicodedata.normalize('NFD', 'Nürnberg_p2')},Köln",
    ]
    (tmp_path / "m.csv").write_text("page,place\n" + "\n".join(lines) + "\n", encoding="utf-8")
    events = []
    corpus = run(scans, tmp_path / "out", tmp_path / "m.csv", network=ShadeReader(), on_event=events.append)
    rows = {row["page"]: row for row in corpus.pages}
    assert {page: (row["status"], row["place"]) for page, row in rows.items()} == {
        "Königsberg_p1": ("read", "Rom"),
        "Nürnberg_p2": ("read", "Köln"),
        "M<FC>nster_p3": ("read", None),
    }
    assert corpus.problems == []
    assert corpus.page(unicodedata.normalize("NFD", "Königsberg_p1")) == corpus.page("Königsberg_p1")
    assert load_scan(rows["M<FC>nster_p3"]["scan"]).grey.shape == (80, 60)
    assert any("1 x .djvu: images of a kind that is not read" in event.message for event in events)
    site = Site(corpus, ReportFolder(tmp_path / "out" / "report", own=True), ignore_event, keep=True)
    assert site.cards.facts("M<FC>nster_p3").link.endswith("scans/M%FCnster_p3.png")
    assert run(scans, tmp_path / "out", tmp_path / "m.csv", network=ShadeReader()).status()["read"] == 3


def test_a_library_that_is_down_is_one_clear_error(tmp_path, library):
    library.put("/iiif/b/manifest.json", status(403))
    with pytest.raises(RunError, match=r"no page could be fetched \(.*HTTP 403 Forbidden"):
        run(f"{library.url}/iiif/b/manifest.json", tmp_path / "out", network=ShadeReader(), web=Web(tmp_path / "c"))


def test_another_library_is_another_source(tmp_path, library):
    library.put("/9.jpg", body(picture()))
    one, two = (library.manifest(name, [f"{library.url}/9.jpg"]) for name in ("a", "b"))
    web = Web(tmp_path / "cache")
    run(one, tmp_path / "out", network=ShadeReader(), web=web)
    with pytest.raises(RunError, match=r"made from http.*/a/manifest\.json, now the source is .*/b/manifest\.json"):
        run(two, tmp_path / "out", network=ShadeReader(), web=web)


@pytest.mark.parametrize("out", ["/proc/run", "/dev/null/run"])
def test_a_folder_that_cannot_be_written_is_named_before_anything_is_read(tmp_path, out):
    leaf(5).save(tmp_path / "p.png")
    with pytest.raises((RunError, OSError), match="run"):
        run(tmp_path / "p.png", out, network=ShadeReader())


def test_a_run_opens_with_its_limit(tmp_path):
    leaf(5).save(tmp_path / "p.png")
    corpus = run(tmp_path / "p.png", tmp_path / "out", network=ShadeReader(), max_pixels=5000)
    assert Corpus.open(corpus.folder).run["max_pixels"] == 5000


def test_pages_of_a_run_are_counted_by_any_column(tmp_path):
    leaf(5).save(tmp_path / "p1.png")
    leaf(6).save(tmp_path / "p2.png")
    (tmp_path / "m.csv").write_text("page,Shelfmark,place\np1,A;B,s.l.\n")
    run([tmp_path / "p1.png", tmp_path / "p2.png"], tmp_path / "out", tmp_path / "m.csv", network=ShadeReader())

    def count(column: str) -> dict[str, int]:
        result = CliRunner().invoke(app, ["status", str(tmp_path / "out"), "--by", column, "--json"])
        return json.loads(result.stdout)["pages"]

    assert count("shelfmark") == {"A": 1, "B": 1, NOT_GIVEN: 1}
    assert count("city") == {SINE_LOCO: 1, NOT_GIVEN: 1}
    shown = CliRunner().invoke(app, ["status", str(tmp_path / "out"), "--by", "colour"])
    assert (shown.exit_code, shown.output.count("\n")) == (1, 1)
    assert "expected one of book, place, Shelfmark" in shown.output


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "load_network", lambda path=None, device="cpu": ShadeReader())

    def call(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*map(str, words), "--cache", str(tmp_path / "cache")])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


def test_read_takes_pages_of_files_and_libraries_and_names_what_does_not_come(tmp_path, library, call):
    leaf(5).save(tmp_path / "book.pdf", save_all=True, append_images=[leaf(9)], quality=95)
    library.put("/9.jpg", body(picture()))
    address = library.manifest("inc7", [f"{library.url}/9.jpg", f"{library.url}/gone.jpg"])
    result = call("read", tmp_path / "book.pdf#2", address, "--json", code=1)
    assert [item["page"] for item in json.loads(result.stdout)] == ["book_p0002", "inc7_p0001"]
    assert result.stderr.count("\n") == 1
    assert "gone.jpg: HTTP 404 Not Found" in result.stderr
    library.asked.clear()
    assert call("read", f"{address}#1", "--offline").stdout.startswith("# inc7_p0001: table")
    assert not library.asked
    refused = call("read", tmp_path / "book.pdf", "--max-pixels", 4799, code=1).stderr.splitlines()
    assert len(refused) == 2
    assert "book.pdf#1: the page is 60 x 80 pixels, more than the limit of 4,799" in refused[0]


def test_compare_takes_one_page_of_each(tmp_path, library, call):
    leaf(5).save(tmp_path / "book.pdf", save_all=True, append_images=[leaf(9)], quality=95)
    leaf(5).save(tmp_path / "p.png")
    library.put("/p.jpg", body((tmp_path / "p.png").read_bytes()))
    address = library.manifest("inc7", [f"{library.url}/p.jpg"])
    data = json.loads(call("compare", tmp_path / "book.pdf#1", address, "--json").stdout)
    assert data["similarity"] == pytest.approx(1)
    assert data["a"] == str(tmp_path / "book.pdf#1")
    assert Path(data["b"]).read_bytes() == (tmp_path / "p.png").read_bytes()
    message = call("compare", tmp_path / "book.pdf", tmp_path / "p.png", code=1).stderr
    assert "has 2 pages, expected one; name it, such as" in message
    assert message.count("\n") == 1
