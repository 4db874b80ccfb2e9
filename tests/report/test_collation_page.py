"""The page of a collation: complete, self-contained, harmless whatever a scan is called."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from evidence.grids import chords, printed, reading, with_numbers
from evidence.pages import declinations, print_page
from PIL import Image

from tablesim.evidence.collation.collation import collate
from tablesim.report import collation_page as module
from tablesim.report.collation_page import Served, collation_page, differing_digits
from tablesim.report.provenance import CitedPage, Provenance

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements with their attributes, text, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    """Two editions with three other numbers, one of them doubtful, and one that was not read."""
    folder = tmp_path_factory.mktemp("page")
    rows = declinations()
    changed = [row[:] for row in rows]
    for row, column, text in ((12, 4, "59"), (20, 2, "48"), (25, 6, "17")):
        changed[row][column] = text
    a = print_page(folder, "venice_1543", rows, seed=1)
    b = print_page(folder, "paris_1561", changed, size=30, pitch=40, rotation=90, seed=2)
    numbers = []
    for number in b.numbers:
        if (number.row, number.column) == (25, 6):
            true = int(rows[25][6][-1])
            last = replace(number.digits[-1], confidence=0.55, runner_up=(true, 0.4))
            first = replace(number.digits[0], confidence=0.55, runner_up=(int(rows[25][6][0]), 0.4))
            number = replace(number, digits=(first, last))
        if (number.row, number.column) != (8, 3):
            numbers.append(number)
    return a, replace(b, numbers=tuple(numbers))


def about(*readings):
    pages = tuple(CitedPage(one.page, one.scan, one.sha256) for one in readings)
    return Provenance("0.1.0", "f" * 64, {"sure": 0.6}, "2026-11-24T10:00:00Z", pages)


def test_every_difference_is_shown_with_both_cutouts_and_what_is_doubtful_is_said(editions):
    collation = collate(*editions)
    page = Page(collation_page(collation, about(*editions)))
    images = page.all("img")
    assert len(collation.differences) == 3 and collation.summary["missing"] == 1
    cutouts = [image for image in images if " has " in image["alt"]]
    assert len(cutouts) == 2 * 4
    for image in images:
        head, data = image["src"].split(",", 1)
        assert head == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == (int(image["width"]), int(image["height"]))
    assert "A and B carry the same table." in page.text and "would agree: the same table." in page.text
    kinds = [entry["class"].split()[0] for entry in page.all("li") if "class" in entry]
    assert sorted(kinds) == ["differs", "differs", "doubtful", "missing"]
    for cell in collation.differences:
        for text in cell.texts:
            assert any(f"has {text} at" in image["alt"] for image in images)
    assert "runner-up" in page.text and "that a reader erred" in page.text


def test_the_table_has_every_place_and_links_to_what_is_shown(editions):
    collation = collate(*editions)
    page = Page(collation_page(collation, about(*editions)))
    cells = [
        cell for cell in page.all("td") if "id" in cell or cell.get("class") in ("differs", "missing", "illegible")
    ]
    assert len(cells) == len(collation.cells)
    targets = {"#" + entry["id"] for entry in page.all("li") if "id" in entry}
    assert targets == {"#" + collation.address(c).anchor for c in collation.cells if c.state != "agrees"}
    agreeing = {"#" + cell["id"] for cell in cells if "id" in cell}
    assert len(targets | agreeing) == len(collation.cells), "every cell has its address"
    links = {link["href"] for link in page.all("a")}
    assert targets <= links and len(targets) == 4
    named = {"#" + tag["id"] for name in ("h2", "details") for tag in page.all(name)}
    assert links - targets <= named


def test_nothing_is_asked_for_from_outside_and_no_script_runs(editions):
    text = collation_page(collate(*editions), about(*editions))
    page = Page(text)
    assert not page.all("script") and "@import" not in text and "url(" not in text
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert "http:" not in text and "https:" not in text


def test_names_are_escaped():
    evil = '"><script>alert(1)</script>&'
    rows = chords()
    rows[3][4] = "99"
    a, b = reading(evil, chords()), reading("b", rows)
    text = collation_page(collate(a, b), replace(about(a, b), settings={"note": evil}))
    assert "<script" not in text
    page = Page(text)
    assert any(evil in word for word in page.words)


def test_scans_that_are_gone_are_named_and_the_figures_stay():
    rows = chords()
    rows[3][4] = "99"
    a, b = reading("a", chords()), reading("b", rows)
    page = Page(collation_page(collate(a, b), about(a, b)))
    assert not page.all("img")
    assert "a.jpg: there is no such file" in page.text and "b.jpg: there is no such file" in page.text
    assert page.text.count("no cut-out") == 2 and "9 9" in page.text


def test_several_witnesses_pages_parts_and_what_one_alone_has():
    whole = chords(1, 90)
    other = [row[:] for row in whole]
    other[50][4] = "99"
    extra = [[*row, str(7000 + n)] for n, row in enumerate(other)]
    a = [reading("a1", whole[:45]), reading("a2", whole[45:])]
    b = reading("b", [one + two for one, two in zip(extra[:45], extra[45:], strict=True)])
    c = reading("c", whole[:48])
    collation = collate(a, b, c)
    page = Page(collation_page(collation, about(*a, b, c)))
    assert len(collation.parts) > 1 and len(collation.tables) == page.text.count("Table ") + 1 == 1
    assert "a1 + a2 (810 numbers, 2 pages)" in page.text
    assert "lacks this row" in page.text
    assert "7001" in page.text


def test_pages_without_anything_in_common_or_without_a_difference_are_said_so():
    a = reading("a", chords())
    none = with_numbers("n", [printed(str(7000 + n), 0, n, 0) for n in range(30)])
    assert "no row and no column in common" in Page(collation_page(collate(a, none), about(a, none))).text
    same = reading("s", chords())
    assert "the witnesses agree in all cells" in Page(collation_page(collate(a, same), about(a, same))).text


def test_where_there_is_no_room_for_cutouts_every_difference_is_listed_still(editions, monkeypatch):
    monkeypatch.setattr(module, "MAX_PICTURES", 1)
    collation = collate(*editions)
    page = Page(collation_page(collation, about(*editions)))
    assert len([image for image in page.all("img") if " has " in image["alt"]]) == 2
    assert "3 of the 4 that do not agree are listed without cut-outs" in page.text
    assert len([entry for entry in page.all("li") if "id" in entry]) == 4


def test_columns_and_kinds_add_up_and_each_has_its_filter(editions):
    collation = collate(*editions)
    shown = module.CollationPage(collation, about(*editions), module.Cutter())
    text = Page(collation_page(collation, about(*editions)))
    filters = {tag["id"] for tag in text.all("input")}
    classes = {name for entry in text.all("li") for name in entry.get("class", "").split()}
    states = {name for name in classes if name in module.SHOWN_STATES}
    columns = {f"f-{column.anchor}" for column in shown.columns}
    assert states == {name.removeprefix("f-") for name in filters - columns if not name.startswith("f-k")}
    assert len(columns) > 1 and columns <= filters
    served = collation_page(
        collation, about(*editions), served=Served("w=a&w=b", "front", "read"), cell=shown.shown.cells[0].anchor
    )
    assert "<style" not in served and " style=" not in served, "a workbench allows no style within a page"
    assert "The cell that was asked for" in served
    style = module.collation_style(["differs"], ["k0"], ["t1c2"])
    assert "#f-t1c2:not(:checked) ~ #t1c2 { display: none; }" in style
    assert len(shown.filters.kinds) == 1 and "f-k0" not in filters, "one kind needs no filter"
    assert sum(len(column.entries) for column in shown.columns) == shown.n_apart == 4
    assert shown.n_apart == len(collation.cells) - collation.summary["agrees"]
    assert sum(shown.shown.counts.values()) == len(collation.cells)


def test_digits_are_marked_where_another_witness_has_another():
    assert differing_digits("145", ["145", "115"]) == (("1", False), ("4", True), ("5", False))
    assert differing_digits("145", ["145", "14"]) == (("1", False), ("4", False), ("5", False))
