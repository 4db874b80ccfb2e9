"""Matches in a IIIF manifest: valid, both sides linked, coordinates those of the comparison."""

import io
import json
import re

import pytest
from corpus.fakes import reading_of, table
from PIL import Image

from tablesim.errors import ExportError
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.comparison import compare
from tablesim.export.canvases import LibraryCanvas, PageCanvas
from tablesim.export.iiif import MatchManifest
from tablesim.records.boxes import Box
from tablesim.report.provenance import Provenance

BASE = "https://example.org/pairs/one"


def place(target):
    return target["source"]["id"], tuple(
        map(int, re.fullmatch(r"xywh=(\d+),(\d+),(\d+),(\d+)", _value(target)).groups())
    )


def _value(target):
    assert target["selector"]["type"] == "FragmentSelector"
    return target["selector"]["value"]


@pytest.fixture
def pair(tmp_path):
    readings = []
    for page in ("k0 ä", "k1"):
        path = tmp_path / f"{page}.png"
        Image.new("L", (100, 80), 200).save(path)
        readings.append(reading_of(page, [row[:2] for row in table(3, n_rows=4)], scan=str(path)))
    return compare(*readings, top=0)


@pytest.fixture
def linked(pair):
    return MatchManifest.of(pair, Provenance("0.1.0", "f" * 64, {"seed": 0}, "2026-11-24T10:00:00Z"), BASE, top=8)


def test_the_manifest_is_valid(linked, iiif_schema):
    manifest = json.loads(linked.files()["manifest.json"])
    iiif_schema(manifest)
    for page in (*(canvas["annotations"][0] for canvas in manifest["items"]), linked.links()):
        iiif_schema(page, "AnnotationPage")
        for annotation in page["items"]:
            iiif_schema(annotation, "Annotation")


@pytest.mark.parametrize("broken", ["id", "type", "label", "items"])
def test_the_schema_refuses_a_manifest_that_lacks_something(linked, iiif_schema, broken):
    jsonschema = pytest.importorskip("jsonschema")
    manifest = linked.manifest()
    del manifest[broken]
    with pytest.raises(jsonschema.ValidationError):
        iiif_schema(manifest)


def test_canvases_have_the_size_in_which_coordinates_are_counted(linked, pair):
    canvases = linked.manifest()["items"]
    for canvas, reading, name in zip(canvases, (pair.reading_a, pair.reading_b), ("a", "b"), strict=True):
        assert (canvas["width"], canvas["height"]) == (reading.width, reading.height)
        body = canvas["items"][0]["items"][0]["body"]
        assert (body["width"], body["height"], body["id"]) == (100, 80, f"{BASE}/images/{name}.jpg")
        with Image.open(io.BytesIO(linked.files()[f"images/{name}.jpg"])) as image:
            assert (image.format, image.size) == ("JPEG", (100, 80))


def test_each_side_names_the_place_and_the_annotation_of_the_other(linked):
    sides = [linked.side(side) for side in (0, 1)]
    assert len(sides[0]["items"]) == len(sides[1]["items"]) == len(linked.matches) == 8
    ids = [{annotation["id"]: annotation for annotation in side["items"]} for side in sides]
    for side in (0, 1):
        for annotation in sides[side]["items"]:
            partner = ids[1 - side][annotation["seeAlso"][0]["id"]]
            assert partner["seeAlso"][0]["id"] == annotation["id"]
            link = next(body for body in annotation["body"] if body["purpose"] == "linking")
            assert place(link) == place(partner["target"])
            assert place(link)[0] != place(annotation["target"])[0]


def test_the_form_with_two_targets_says_the_same(linked):
    links = linked.links()["items"]
    halves = zip(linked.side(0)["items"], linked.side(1)["items"], strict=True)
    for link, (one, other), match in zip(links, halves, linked.matches, strict=True):
        assert link["motivation"] == "linking"
        assert [place(target) for target in link["target"]] == [place(one["target"]), place(other["target"])]
        assert place(link["target"][0])[1] == (
            int(match.a.x),
            int(match.a.y),
            round(match.a.width),
            round(match.a.height),
        )
        assert link["body"][0]["value"].startswith(f"{match.bigram}: brings {match.relevance:.4f} to")


def test_every_id_is_an_address_of_its_own_below_the_base(linked):
    def ids(value):
        if isinstance(value, dict):
            if "target" in value or "items" in value:
                yield value["id"]
            for inner in value.values():
                yield from ids(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from ids(inner)

    found = [*ids(linked.manifest()), *ids(linked.links())]
    assert len(found) > 25
    assert len(found) == len(set(found))
    assert all(re.fullmatch(rf"{BASE}/[\w./%#-]+", name, re.ASCII) for name in found)


def test_provenance_and_citation_are_in_the_manifest(linked):
    manifest = linked.manifest()
    facts = {row["label"]["none"][0]: row["value"]["none"][0] for row in manifest["metadata"]}
    assert facts["Digit network"] == "f" * 64
    assert facts["SHA-256 of k1"] == "0" * 64
    assert "Numbers read by tablesim 0.1.0" in manifest["requiredStatement"]["value"]["none"][0]
    assert "Similarity 1.0000" in manifest["summary"]["none"][0]


def differing_pair(tmp_path):
    """Two pages that differ in one cell, and one lacks a number."""
    readings = []
    rows = [[str(row), str(37 * row % 89), str(53 * row % 97)] for row in range(1, 9)]
    other = [[*row] for row in rows]
    other[1][1] = "29"
    other[7] = other[7][:2]
    for page, printed in (("a", rows), ("b", other)):
        path = tmp_path / f"{page}.png"
        Image.new("L", (100, 80), 200).save(path)
        readings.append(reading_of(page, printed, scan=str(path)))
    return readings


LIBRARY = {"canvas": "https://library.org/c/7", "manifest": "https://library.org/m.json", "canvas_size": "1000 x 800"}


@pytest.fixture
def differing(tmp_path):
    a, b = differing_pair(tmp_path)
    about = Provenance("0.2.0", "f" * 64, {}, "2026-11-24T10:00:00Z")
    return MatchManifest.of(compare(a, b, top=0), about, BASE, collation=collate(a, b), extra={"b": LIBRARY})


def test_differences_stand_on_both_pages_and_say_what_each_has(differing, iiif_schema):
    iiif_schema(json.loads(differing.files()["manifest.json"]))
    _, layer = differing.layers
    assert [linked.tag for linked in layer.items] == ["differs", "missing"]
    sides = [differing.side(side, layer)["items"] for side in (0, 1)]
    assert [len(items) for items in sides] == [2, 1]
    said = sides[0][0]["body"][0]["value"]
    assert said.startswith("differs: a has 74 (row 2 (2), column 2); b has 29 (row 2 (2), column 2)")
    assert sides[0][0]["body"][1]["purpose"] == "tagging"
    assert sides[0][0]["seeAlso"][0]["id"] == sides[1][0]["id"]
    assert "b has no number here" in sides[0][1]["body"][0]["value"]
    both = differing.links(layer)
    iiif_schema(both, "AnnotationPage")
    assert [len(item["target"]) for item in both["items"]] == [2, 1]
    assert "Of 24 cells in common 2 do not agree" in differing.manifest()["summary"]["none"][0]


def test_annotations_stand_on_the_canvas_of_the_library_in_its_coordinates(differing, iiif_schema):
    own, library = differing.manifest()["items"]
    assert own["id"].startswith(BASE) and "partOf" not in own
    assert (library["id"], library["width"], library["height"]) == ("https://library.org/c/7", 1000, 800)
    assert library["partOf"][0]["id"] == "https://library.org/m.json"
    image = library["items"][0]["items"][0]
    assert (image["target"], image["body"]["width"]) == ("https://library.org/c/7", 100)
    (difference,) = differing.side(1, differing.layers[1])["items"]
    assert difference["target"]["source"]["id"] == "https://library.org/c/7"
    # The number stands at 40, 20 and is 15 x 12 pixels, and the canvas ten times as large as the scan.
    assert place(difference["target"])[1] == (400, 200, 150, 120)


@pytest.mark.parametrize("change", [{"canvas_size": "1000 x 900"}, {"canvas_size": ""}, {"canvas": "javascript:x"}])
def test_a_canvas_that_does_not_fit_or_is_no_address_is_not_written_on(tmp_path, change):
    _, b = differing_pair(tmp_path)
    assert LibraryCanvas.of(LIBRARY, b) is not None
    assert LibraryCanvas.of({**LIBRARY, **change}, b) is None


def test_a_page_that_covers_a_part_of_its_canvas_has_its_places_there(tmp_path):
    _, b = differing_pair(tmp_path)
    library = LibraryCanvas.of({**LIBRARY, "canvas_size": "1000 x 900", "canvas_part": "500,80,500,400"}, b)
    canvas = PageCanvas(b, BASE, "b", library)
    assert canvas.target(Box(40, 20, 15, 12))["selector"]["value"] == "xywh=700,180,75,60"
    assert canvas.canvas([])["items"][0]["items"][0]["target"] == "https://library.org/c/7#xywh=500,80,500,400"
    assert LibraryCanvas.of({**LIBRARY, "canvas_part": "500,80,500,800"}, b) is None


@pytest.mark.parametrize("base", ["file:///a", "here", "http://", "http://a/?b=1", "javascript:x", ""])
def test_a_base_that_is_no_address_is_refused(pair, base):
    with pytest.raises(ExportError, match="base address: got"):
        MatchManifest.of(pair, Provenance("0.1.0", "f"), base)


def test_pages_without_a_common_figure_are_refused():
    with pytest.raises(ExportError, match="a and b have no digit in common"):
        MatchManifest.of(compare(reading_of("a", [["11"]]), reading_of("b", [["22"]])), Provenance("0.1.0", "f"))


def test_a_scan_that_was_replaced_is_refused(pair, linked):
    Image.new("L", (50, 80)).save(pair.reading_b.scan)
    with pytest.raises(ExportError, match=r"50 x 80 pixels, expected 100 x 80"):
        linked.files()
