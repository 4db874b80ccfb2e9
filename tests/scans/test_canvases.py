"""Pages out of a library on a real HTTP server."""

import json
import re

import pytest
from PIL import Image

from scans.library import body, endless, picture, status
from scans.shapes import canvas_2, manifest_2
from tablesim.errors import FetchError, ScanError
from tablesim.scans.canvases import CANVAS_SIZE, ENCODING, SMALLER, fetch_pages, is_library_source
from tablesim.scans.iiif import parse
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
    progress = []
    pages = find_pages(address, web, on_page=lambda *what: progress.append(what))
    assert list(pages.scans) == ["bsb1001_p0001", "bsb1001_p0002"]
    assert progress == [(1, 2, "bsb1001_p0001", ""), (2, 2, "bsb1001_p0002", "")]
    assert pages.missing == {}
    first, second = (load_scan(place) for place in pages.scans.values())
    assert (first.width, first.height) == (60, 80)
    assert (second.width, second.height) == (30, 40)
    about = pages.about["bsb1001_p0002"]
    assert (about.book, about.title, about.authors) == ("bsb1001", "Sphaera", ("Beyer",))
    assert (about.year, about.year_latest) == (1550, 1551)
    assert about.handle == f"{address}/canvas/2"
    told = {"manifest": address, "canvas": f"{address}/canvas/2", "canvas_label": "f. 2r"}
    told[CANVAS_SIZE] = "60 x 80"
    assert about.extra == {**told, SMALLER: "30 x 40 of 60 x 80 pixels"}
    assert SMALLER not in pages.about["bsb1001_p0001"].extra
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
        for size in ("max", "60,", "60,80"):
            library.put(f"/image/a/full/{size}/0/default.jpg", status(404))
        assert f"HTTP {code}" in find_pages(f"{library.url}/m{code}/manifest.json", web).missing[f"m{code}_p0001"]
        assert library.asked["/image/a/full/full/0/default.jpg"] == 1
        assert library.asked["/own.jpg"] == asked


def test_a_wall_is_not_run_against_a_thousand_times(library, tmp_path):
    images = [f"{library.url}/{number}.jpg" for number in range(30)]
    for number in range(30):
        library.put(f"/{number}.jpg", status(403))
    pages = find_pages(library.manifest("b", images), Web(tmp_path, policy=FetchPolicy(refusals=4)))
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


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("where", ["label", "metadata", "service", "resource"])
@pytest.mark.parametrize("depth", [600, 100_000])
def test_a_manifest_that_is_nested_without_end_is_one_page_with_its_cause(library, web, where, depth):
    good = library.manifest("good", [library.image("a")])
    deep = "[" * depth + "]" * depth
    resource = {"@id": f"{library.url}/x.jpg", "service": {"@id": f"{library.url}/i", "profile": "DEEP"}}
    manifest = {
        "@type": "sc:Manifest",
        "label": "DEEP" if where == "label" else "x",
        "metadata": [{"label": "a", "value": "DEEP"}] if where == "metadata" else [],
        "sequences": [{"canvases": [{"images": [{"resource": "DEEP" if where == "resource" else resource}]}]}],
    }
    text = json.dumps(manifest).replace('"DEEP"', deep)
    library.put("/bad/manifest.json", body(text.encode()))
    collection = {"type": "Collection", "items": [{"type": "Manifest", "id": f"{library.url}/bad/manifest.json"}]}
    collection["items"].append({"type": "Manifest", "id": good})
    pages = find_pages(library.put("/c", body(json.dumps(collection).encode())), web)
    assert list(pages.scans) == ["bad", "good_p0001"]
    assert list(pages.missing) == ["bad"]
    assert re.search("nested more than 100 levels deep|not JSON", pages.missing["bad"])


def test_choices_within_choices_end(library, web):
    resource = {"@id": f"{library.url}/x.jpg"}
    for _ in range(600):
        resource = {"@type": "oa:Choice", "default": resource}
    with pytest.raises(ScanError, match="nested more than 100 levels deep"):
        parse({"@type": "sc:Manifest", "sequences": [{"canvases": [{"images": [{"resource": resource}]}]}]}, "x")
    with pytest.raises(ScanError, match="nested more than 100 levels deep"):
        parse({"type": "Manifest", "label": nested(600), "items": []}, "x")


@pytest.mark.parametrize("kind", ["Collection", "sc:Collection"])
def test_a_collection_that_leads_nowhere_is_an_error_in_words(library, web, kind):
    address = library.put("/c", body(json.dumps({"type": kind, "items": []}).encode()))
    assert re.search(r"/c: this IIIF collection leads to no manifest; look", find_pages(address, web).missing["c"])
    with pytest.raises(FetchError, match=r"/c: this IIIF collection leads to no manifest; look"):
        find_page(address, web)
    empty = library.put("/m", body(json.dumps({"type": "Manifest", "items": []}).encode()))
    assert "has no pages" in find_pages(empty, web).missing["m"]
    with pytest.raises(FetchError, match="this IIIF manifest has no pages"):
        find_page(empty, web)


def test_a_login_page_in_place_of_a_description_is_not_kept(library, web):
    address = library.manifest("b", [library.image("a", most=40)])
    described = library.answers["/image/a/info.json"]
    library.put("/image/a/info.json", body(b"<html>log in</html>"))
    assert "HTTP 400" in find_pages(address, web).missing["b_p0001"]
    library.answers["/image/a/info.json"] = described
    pages = find_pages(address, web)
    assert pages.missing == {}
    assert load_scan(pages.scans["b_p0001"]).width == 30


def test_where_a_description_is_no_json_the_whole_image_is_asked_for(library, web):
    library.image("a")
    library.put("/image/a/info.json", body(b"<html>"))
    pages = find_pages(library.manifest("b", [f"{library.url}/image/a"]), web)
    assert pages.missing == {}
    assert load_scan(pages.scans["b_p0001"]).width == 60


@pytest.mark.parametrize("code", [403, 503])
def test_images_that_are_refused_close_the_host_although_descriptions_come(library, tmp_path, code):
    names = [f"i{number}" for number in range(60)]
    address = library.manifest("b", [library.image(name) for name in names])
    for name in names:
        library.put(f"/image/{name}/full/full/0/default.jpg", status(code))
    pages = find_pages(address, Web(tmp_path, policy=FetchPolicy(refusals=4), sleep=lambda seconds: None))
    assert len(pages.missing) == 60
    asked = {path for path in library.asked if path.endswith("default.jpg")}
    # Two connections: one more may be on its way when the other is refused for the fourth time.
    assert 4 <= len(asked) <= 6
    assert len([cause for cause in pages.missing.values() if "not asked for, because" in cause]) >= 54


def test_an_image_that_is_cut_off_in_the_cache_comes_again(library, web):
    address = library.manifest("b", [library.image("a")])
    scan = find_pages(address, web).scans["b_p0001"]
    scan.file.write_bytes(scan.file.read_bytes()[:300])
    assert find_pages(address, Web(web.cache)).missing == {}
    assert load_scan(scan).width == 60


def test_a_service_that_names_an_unreachable_host_is_asked_where_the_manifest_has_it(library, web):
    for at, other in enumerate(("http://127.0.0.1:9/iiif/p1", "http://inner.invalid:8182/p1", "/relative/p1", None)):
        base = library.image(f"s{at}")
        info = {"@context": "http://iiif.io/api/image/2/context.json", "@id": other, "width": 60, "height": 80}
        library.put(f"/image/s{at}/info.json", body(json.dumps(info).encode()))
        pages = find_pages(library.manifest(f"b{at}", [base]), web)
        assert pages.missing == {}
        assert load_scan(pages.scans[f"b{at}_p0001"]).width == 60


def test_a_service_that_moved_is_found_by_its_own_name(library, web):
    library.image("new")
    info = library.answers["/image/new/info.json"]
    library.answers["/image/old/info.json"] = info
    manifest = library.manifest("b", [f"{library.url}/image/old"])
    pages = find_pages(manifest, web)
    assert pages.missing == {}
    assert library.asked["/image/new/full/full/0/default.jpg"] == 1


def test_a_preview_is_no_page(library, web):
    address = library.manifest("b", [library.image("a", most=30), library.image("c", most=50)])
    pages = find_pages(address, web)
    assert list(pages.missing) == ["b_p0001"]
    assert "a preview only, 22 x 29 of 60 x 80 pixels; download it by hand" in pages.missing["b_p0001"]
    assert pages.about["b_p0002"].extra[SMALLER] == "37 x 49 of 60 x 80 pixels"
    assert not pages.scans["b_p0001"].file.exists()


def test_the_two_pages_of_a_spread_are_two_images(library, web):
    base = library.image("a")
    for at in (0, 30):
        library.put(f"/image/a/{at},0,30,80/full/0/default.jpg", body(picture(30, 80, shade=at)))
    service = {"@id": base, "@context": "http://iiif.io/api/image/2/context.json", "profile": "level2"}
    in_address = {"@id": f"{base}/0,0,30,80/full/0/default.jpg", "service": service}
    selected = {
        "type": "SpecificResource",
        "source": {"type": "Image", "id": f"{base}/full/full/0/default.jpg", "service": [service]},
        "selector": {"type": "ImageApiSelector", "region": "30,0,30,80"},
    }
    canvases = [{"type": "Canvas", "images": [{"resource": part}]} for part in (in_address, selected)]
    selected_by_fragment = {**selected, "selector": {"type": "FragmentSelector", "value": "xywh=30,0,30,80"}}
    canvases.append({"type": "Canvas", "images": [{"resource": selected_by_fragment}]})
    manifest = {"@type": "sc:Manifest", "sequences": [{"canvases": canvases}]}
    pages = find_pages(library.put("/b/manifest.json", body(json.dumps(manifest).encode())), web)
    assert pages.missing == {}
    left, right, again = (load_scan(scan) for scan in pages.scans.values())
    assert (left.width, right.width) == (30, 30)
    assert left.sha256 != right.sha256 == again.sha256


@pytest.mark.parametrize("way", ["collection", "image", "service", "description"])
def test_no_document_of_a_public_library_leads_into_a_private_network(library, inner_library, web, way):
    secret = inner_library.image("s")
    inner = inner_library.manifest("s", [secret])
    if way == "collection":
        data = {"type": "Collection", "items": [{"type": "Manifest", "id": inner}]}
        address = library.put("/c", body(json.dumps(data).encode()))
    elif way == "description":
        base = f"{library.url}/image/a"
        library.put("/image/a/info.json", body(json.dumps({"@id": secret, "width": 60, "height": 80}).encode()))
        address = library.manifest("b", [base])
    else:
        address = library.manifest("b", [secret if way == "service" else f"{secret}/full/full/0/default.jpg"])
    pages = find_pages(address, web)
    assert len(pages.missing) == 1
    assert not inner_library.asked
    # What the user names is fetched, and leads to its own network.
    assert find_pages(inner, web).missing == {}


def test_half_a_character_is_no_character(library, web):
    address = library.manifest("b", [library.image("a")], label="x\ud800y")
    pages = find_pages(address, web)
    assert pages.about["b_p0001"].title == "x?y"


def test_a_manifest_whose_encoding_was_guessed_says_so(library, web):
    image = library.put("/1.jpg", body(picture()))
    data = json.dumps(manifest_2([canvas_2({"@id": image})], label="Köln, Münster"), ensure_ascii=False)
    for name, encoding in (("old", "cp1252"), ("new", "utf-8"), ("wide", "utf-16")):
        address = library.put(f"/{name}", body(data.encode(encoding)))
        (about,) = find_pages(address, web).about.values()
        guessed = "not UTF-8, read as Windows-1252, which gives words such as 'Köln', 'Münster'"
        assert about.extra.get(ENCODING, "") == (guessed if name == "old" else ""), name


def test_a_source_without_a_page_is_a_problem_beside_the_others(library, web, tmp_path):
    image = library.put("/1.jpg", body(picture(300, 420)))
    book = library.put("/book", body(json.dumps(manifest_2([canvas_2({"@id": image})])).encode()))
    empty = library.put("/empty", body(b'{"type": "Collection", "items": []}'))
    (tmp_path / "letter.json").write_text('{"type": "Letter"}')
    (tmp_path / "cut.json").write_text('{"type": "Mani')
    pages = find_pages([empty, str(tmp_path / "letter.json"), book, str(tmp_path / "cut.json")], web)
    assert sorted(pages.scans) == ["book_p0001", "cut", "empty", "letter"]
    assert sorted(pages.missing) == ["cut", "empty", "letter"]
    assert "no IIIF manifest or collection" in pages.missing["letter"] and "not JSON" in pages.missing["cut"]
