"""Pages out of a library on a real HTTP server."""

import json

import pytest
from PIL import Image

from scans.library import body, endless, picture, status
from tablesim.errors import FetchError, ScanError
from tablesim.scans.canvases import fetch_pages, is_library_source
from tablesim.scans.images import load_scan
from tablesim.scans.sources import find_page, find_pages
from tablesim.scans.web import FetchPolicy, Web


@pytest.mark.parametrize("version", [2, 3])
def test_a_manifest_gives_its_pages_with_what_the_library_says(library, web, version):
    pairs = [{"label": "Date", "value": "1550-51"}, {"label": "Creator", "value": "Beyer"}]
    address = library.manifest(
        "bsb1001",
        [library.image("a", version=version), library.image("b", version=version, most=40)],
        version=version,
        metadata=pairs,
    )
    told = []
    pages = find_pages(address, web, on_page=lambda *what: told.append(what))
    assert list(pages.scans) == ["bsb1001_p0001", "bsb1001_p0002"]
    assert told == [(1, 2, "bsb1001_p0001", ""), (2, 2, "bsb1001_p0002", "")]
    assert pages.missing == {}
    first, second = (load_scan(place) for place in pages.scans.values())
    assert (first.width, first.height) == (60, 80)
    assert (second.width, second.height) == (30, 40)
    about = pages.about["bsb1001_p0002"]
    assert (about.book, about.title, about.authors) == ("bsb1001", "Sphaera", ("Beyer",))
    assert (about.year, about.year_latest) == (1550, 1551)
    assert about.handle == f"{address}/canvas/2"
    assert about.extra == {"manifest": address, "canvas": f"{address}/canvas/2", "canvas_label": "f. 2r"}
    # Everything came to stay: the second time nothing is asked for, and nothing needs to be.
    asked = sum(library.asked.values())
    assert find_pages(address, Web(web.cache, offline=True)) == pages
    assert sum(library.asked.values()) == asked


def test_a_local_manifest_and_one_page_of_it(library, web, tmp_path):
    library.manifest("b1", [library.image("a"), library.image("b"), f"{library.url}/plain.jpg"])
    library.put("/plain.jpg", body(picture()))
    data = library.answers["/iiif/b1/manifest.json"]
    address = f"{library.url}/iiif/b1/manifest.json"
    path = web.get(address, "manifest.json").rename(tmp_path / "saved.json")
    assert len(data) == 1
    assert [page.locator.stem for page in fetch_pages([str(path)], web)] == ["b1_p0001", "b1_p0002", "b1_p0003"]
    library.asked.clear()
    assert find_page(f"{address}#3", Web(tmp_path / "new")).stem == "b1_p0003"
    assert library.asked == {"/iiif/b1/manifest.json": 1, "/plain.jpg": 1}
    with pytest.raises(ScanError, match=r"manifest\.json#4: has 3 pages"):
        find_page(f"{address}#4", web)
    with pytest.raises(ScanError, match=r"has 3 pages, expected 1; name one of them, such as .*manifest\.json#1"):
        find_page(address, Web(tmp_path / "other"))


def test_each_page_that_cannot_be_had_has_its_cause_and_the_others_come(library, web):
    names = ["good", "gone", "forbidden", "page", "flood", "half", "service"]
    images = [f"{library.url}/{name}.jpg" for name in names[:-1]] + [library.image("service", most=20)]
    library.put("/good.jpg", body(picture()))
    library.put("/forbidden.jpg", status(403))
    library.put("/page.jpg", body(b"<html>prove that you are human</html>"))
    library.put("/flood.jpg", body(b"x", declared=5_000_000_000))
    library.put("/half.jpg", body(picture()[:500]))
    library.put("/image/service/info.json", status(500))
    library.put("/image/service/full/full/0/default.jpg", status(404))
    pages = find_pages(library.manifest("b", images), web)
    causes = {
        "b_p0002": "HTTP 404 Not Found",
        "b_p0003": "HTTP 403 Forbidden",
        "b_p0004": "not an image that can be read (it begins like a web page",
        "b_p0005": "the answer is 5,000 MB, expected at most 500 MB",
        "b_p0006": "the image is damaged or cut off",
        "b_p0007": "HTTP 500",
    }
    assert set(pages.missing) == set(causes)
    assert all(cause in pages.missing[page] for page, cause in causes.items()), pages.missing
    assert len(pages.scans) == len(pages.about) == 7
    # What failed is asked for again the next time, what came is not.
    library.asked.clear()
    library.put("/gone.jpg", body(picture()))
    again = find_pages(f"{library.url}/iiif/b/manifest.json", Web(web.cache, sleep=web.waits.append))
    assert set(again.missing) == set(causes) - {"b_p0002"}
    assert library.asked["/good.jpg"] == 0


def test_where_the_service_is_silent_the_image_has_an_address_of_its_own(library, web):
    address = library.manifest("b", [library.image("a")])
    library.put("/image/a/info.json", status(404))
    assert find_pages(address, web).missing == {}


def test_an_image_that_is_refused_is_not_asked_for_by_another_way(library, web):
    base = library.image("a")
    resource = {"@id": f"{library.url}/own.jpg", "service": {"@id": base, "profile": "image"}}
    manifest = {"@type": "sc:Manifest", "sequences": [{"canvases": [{"images": [{"resource": resource}]}]}]}
    for code, asked in ((403, 0), (404, 1)):
        library.asked.clear()
        library.put("/image/a/full/full/0/default.jpg", status(code))
        library.put(f"/m{code}/manifest.json", body(json.dumps(manifest).encode()))
        assert f"HTTP {code}" in find_pages(f"{library.url}/m{code}/manifest.json", web).missing[f"m{code}_p0001"]
        assert library.asked["/image/a/full/full/0/default.jpg"] == 1
        assert library.asked["/own.jpg"] == asked


def test_a_wall_is_not_run_against_a_thousand_times(library, tmp_path):
    images = [f"{library.url}/{number}.jpg" for number in range(30)]
    for number in range(30):
        library.put(f"/{number}.jpg", status(403))
    pages = find_pages(library.manifest("b", images), Web(tmp_path, manners=FetchPolicy(refusals=4)))
    assert len(pages.missing) == 30
    asked = sum(count for path, count in library.asked.items() if path.endswith(".jpg"))
    # Two connections: one may be on its way when the other is refused for the fourth time.
    assert 4 <= asked <= 5


def test_collections_are_walked_once_however_they_go_round(library, web):
    one = library.manifest("b1", [library.image("a")])
    two = library.manifest("b2", [library.image("b")], version=3)
    gone = f"{library.url}/gone/manifest.json"
    outer, inner = f"{library.url}/outer", f"{library.url}/inner"
    inner_data = {"@type": "sc:Collection", "manifests": [{"@id": one}, {"@id": two}], "collections": [{"@id": outer}]}
    outer_data = {
        "type": "Collection",
        "items": [
            {"type": "Collection", "id": inner},
            {"type": "Manifest", "id": one},
            {"type": "Manifest", "id": gone},
            {"type": "Collection", "id": outer},
        ],
    }
    library.put("/outer", body(json.dumps(outer_data).encode()))
    library.put("/inner", body(json.dumps(inner_data).encode()))
    pages = find_pages(outer, web)
    assert list(pages.scans) == ["b1_p0001", "b2_p0001", "gone"]
    assert list(pages.missing) == ["gone"]
    assert "HTTP 404" in pages.missing["gone"]
    assert (library.asked["/outer"], library.asked["/inner"]) == (1, 1)


def test_two_books_of_one_name_have_pages_of_their_own(library, web):
    first = library.manifest("x/b", [library.image("a")])
    second = library.manifest("y/b", [library.image("bb")])
    pages = find_pages([first, second], web)
    assert len(pages.scans) == 2
    assert all(page.endswith("_b_p0001") for page in pages.scans)


def test_a_manifest_that_does_not_come_is_one_page_with_its_cause(library, web):
    library.put("/iiif/b/manifest.json", endless(b" " * 65536))
    pages = find_pages(f"{library.url}/iiif/b/manifest.json", web)
    assert list(pages.missing) == ["b"]
    assert "more than 64 MB" in pages.missing["b"]
    with pytest.raises(FetchError, match="HTTP 404"):
        find_page(f"{library.url}/nothing/manifest.json", web)


def test_files_and_libraries_together(library, web, tmp_path):
    Image.new("L", (40, 40)).save(tmp_path / "p1.png")
    pages = find_pages([tmp_path / "p1.png", library.manifest("b", [library.image("a")])], web)
    assert list(pages.scans) == ["b_p0001", "p1"]
    assert list(pages.about) == ["b_p0001"]
    with pytest.raises(ScanError, match=r"gone\.json: there is no such file"):
        find_pages(tmp_path / "gone.json", web)
    assert not is_library_source(tmp_path)
