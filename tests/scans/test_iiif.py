"""IIIF as libraries write it: both versions of manifests, image services with their limits, labels in many tongues."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.errors import ScanError
from tablesim.scans.iiif import (
    CanvasImage,
    Collection,
    Manifest,
    parse,
    read_presentation,
    slug_of,
    text_of,
)


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("https://gallica.bnf.fr/iiif/ark:/12148/bpt6k1510024/manifest.json", "bpt6k1510024"),
        ("https://api.digitale-sammlungen.de/iiif/presentation/v2/bsb10162713/manifest", "bsb10162713"),
        ("https://iiif.bodleian.ox.ac.uk/iiif/manifest/441db95d-cdff.json", "441db95d-cdff"),
        ("https://library.org/manifest.json?id=Inc%20123", "Inc-123"),
        ("https://library.org/manifest.json", "manifest"),
        ("../../etc/passwd.json", "passwd"),
    ],
)
def test_a_book_is_named_after_what_its_address_says(address, slug):
    assert slug_of(address) == slug


@given(st.text(max_size=40))
def test_a_slug_is_a_file_name(text):
    slug = slug_of(f"https://host/{text}")
    assert slug and len(slug) <= 80
    assert not set(slug) & set("/\\\0: ") and not slug.startswith(".")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("<b>A</b> &amp; <a href='x'>B</a>", "A & B"),
        ({"@value": "one", "@language": "la"}, "one"),
        ([{"@value": "eins", "@language": "de"}, {"@value": "one", "@language": "en"}], "one"),
        ({"de": ["eins"], "en": ["one", "two"]}, "one; two"),
        ({"la": ["unum"]}, "unum"),
        (["A", "B"], "A; B"),
        (1543, "1543"),
        (None, ""),
        ({}, ""),
        ([[], [None]], ""),
    ],
)
def test_labels_become_plain_text(value, text):
    assert text_of(value) == text


def body(name):
    return {"type": "Image", "id": f"https://h/{name}.jpg"}


def manifest(*bodies, **more):
    items = [
        {"type": "Canvas", "id": f"https://h/c{n}", "items": [{"items": [{"motivation": "painting", "body": of}]}]}
        for n, of in enumerate(bodies, 1)
    ]
    return {"type": "Manifest", "id": "https://h/m", "label": {"en": ["M"]}, "items": items, **more}


def test_of_a_choice_the_first_is_taken_and_two_images_on_a_canvas_are_two():
    found = parse(manifest({"type": "Choice", "items": [body("day"), body("uv")]}, [body("left"), body("right")]), "m")
    assert [[image.address for image in canvas.images] for canvas in found.canvases] == [
        ["https://h/day.jpg"],
        ["https://h/left.jpg", "https://h/right.jpg"],
    ]
    old = {"@type": "oa:Choice", "default": {"@type": "dctypes:Image", "@id": "https://h/a.jpg"}, "item": [{}]}
    canvas = {"@type": "sc:Canvas", "images": [{"resource": old}]}
    data = {"@type": "sc:Manifest", "sequences": [{"canvases": [canvas]}, {"canvases": []}]}
    assert parse(data, "https://h/m").canvases[0].images == (CanvasImage("https://h/a.jpg", None),)


def test_what_a_library_says_is_kept():
    pairs = [{"label": {"en": ["Author"]}, "value": {"none": ["Sacrobosco"]}}, {"label": "empty", "value": ""}, "odd"]
    statement = {"label": {"en": ["Attribution"]}, "value": {"en": ["Library"]}}
    found = parse(manifest(body("a"), metadata=pairs, rights="https://cc0", requiredStatement=statement), "m")
    assert found.pairs == (("Author", "Sacrobosco"), ("rights", "https://cc0"), ("attribution", "Library"))
    assert (found.label, found.slug) == ("M", "m")


def test_collections_name_their_members_in_order_and_their_further_parts():
    inside = manifest(body("a"))
    data = {"type": "Collection", "items": [{"type": "Manifest", "id": "https://h/1"}, inside, {"type": "Range"}]}
    found = parse(data, "c")
    assert isinstance(found, Collection)
    assert found.members == ("https://h/1", parse(inside, "https://h/m"))
    old = {
        "@type": "sc:Collection",
        "manifests": [{"@id": "https://h/2", "@type": "sc:Manifest"}],
        "collections": [{"@id": "https://h/3"}, {"@id": "file:///x"}],
        "next": "https://h/4",
    }
    assert parse(old, "c").members == ("https://h/2", "https://h/3", "https://h/4")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>please log in</html>", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "got a JSON list, expected an object"),
        (b"{}", "no IIIF manifest or collection .its type is not given"),
        (b'{"type": "AnnotationPage"}', "its type is annotationpage"),
        (b'{"type": "Manifest", "items": []}', "this IIIF manifest has no pages"),
        (b'{"type": "Manifest", "items": {"type": 1}, "sequences": "x"}', "has no pages"),
    ],
)
def test_a_file_that_is_none_says_what_it_is(tmp_path, data, message):
    (tmp_path / "m.json").write_bytes(data)
    with pytest.raises(ScanError, match=message) as caught:
        read_presentation(tmp_path / "m.json", "https://h/m.json")
    assert str(caught.value).startswith("https://h/m.json: ")


words = st.sampled_from(
    "type @type id @id items sequences canvases images resource body service label metadata manifests members value "
    "Manifest Collection Canvas Image Choice https://h/x full default item first next profile".split()
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, values, max_size=6), st.sampled_from(["Manifest", "sc:Collection", "Canvas"]))
def test_whatever_a_library_writes_is_a_manifest_a_collection_or_one_error(data, kind):
    try:
        found = parse({**json.loads(json.dumps(data)), "type": kind}, "https://h/m")
    except ScanError:
        return
    assert isinstance(found, Manifest | Collection)
    for canvas in found.canvases if isinstance(found, Manifest) else ():
        assert all(image.address or image.service for image in canvas.images)
