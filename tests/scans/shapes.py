"""Sixty manifests in the shapes that libraries give them, each with the pages that must come out of it.

A page that comes is given by its picture; one that comes smaller by picture and size; one that cannot come by words of
its cause.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from PIL import Image

from scans.library import Library, body, status
from scans.services import HEIGHT, WIDTH, Service, page

Expected = list[Image.Image | str]
Shape = Callable[[Library, str], tuple[str, Expected]]
"""Puts a manifest called by a name into a library; gives its address and its pages."""

SHAPES: dict[str, Shape] = {}
P2, P3, P4 = (f"http://iiif.io/api/presentation/{version}/context.json" for version in (2, 3, 4))
SIZE = {"width": WIDTH, "height": HEIGHT}


def shape(name: str) -> Callable[[Shape], Shape]:
    def keep(made: Shape) -> Shape:
        SHAPES[name] = made
        return made

    return keep


def manifest_2(canvases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    for number, canvas in enumerate(canvases, 1):
        canvas |= {"@type": "sc:Canvas", "@id": f"https://x.example/c/{number}", "label": f"f. {number}", **SIZE}
    head = {"@context": P2, "@id": "https://x.example/m", "@type": "sc:Manifest", "label": "Sphaera"}
    return {**head, "sequences": [{"@type": "sc:Sequence", "canvases": canvases}], **more}


def manifest_3(canvases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    for number, canvas in enumerate(canvases, 1):
        canvas |= {"type": "Canvas", "id": f"https://x.example/c/{number}", **SIZE, **canvas}
    head = {"@context": P3, "id": "https://x.example/m", "type": "Manifest", "label": {"de": ["Sphaera"]}}
    return {**head, "items": canvases, **more}


def canvas_2(resource: Any, **more: Any) -> dict[str, Any]:
    annotation = {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": resource, **more}
    return {"images": [annotation]}


def canvas_3(resource: Any, **more: Any) -> dict[str, Any]:
    annotation = {"type": "Annotation", "motivation": "painting", "body": resource, **more}
    return {"items": [{"type": "AnnotationPage", "items": [annotation]}]}


def image_2(base: str, request: str = "full/full/0/default.jpg", **service: Any) -> dict[str, Any]:
    described = {"@context": "http://iiif.io/api/image/2/context.json", "@id": base, "profile": "level1", **service}
    return {"@type": "dctypes:Image", "@id": f"{base}/{request}", "format": "image/jpeg", "service": described}


def image_3(base: str, request: str = "full/max/0/default.jpg") -> dict[str, Any]:
    service = {"id": base, "type": "ImageService3", "profile": "level1"}
    return {"type": "Image", "id": f"{base}/{request}", "format": "image/jpeg", "service": [service]}


def put(library: Library, name: str, data: Any, **headers: str) -> str:
    text = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    return library.put(f"/{name}/manifest.json", body(text, **headers))


# What services give.

SERVICES: dict[str, tuple[dict[str, Any], str | tuple[int, int] | None]] = {
    "plain": ({}, None),
    "old": ({"version": 1}, None),
    "level 2": ({"level": 2}, None),
    "level 0, whole": ({"level": 0}, None),
    "level 0, tiles": ({"level": 0, "whole": False, "tile": 128, "sizes": [(75, 105)]}, None),
    "level 0, tiles alone": ({"level": 0, "whole": False, "tile": 128}, None),
    "level 0, old tiles": ({"version": 1, "level": 0, "whole": False, "tile": 100}, None),
    "level 0, tiles spelled w,h": ({"level": 0, "whole": False, "tile": 128, "spells": "w,h"}, None),
    "level 0, tiles spelled w,": ({"level": 0, "whole": False, "tile": 128, "spells": "w,"}, None),
    "level 0, one tile": ({"level": 0, "whole": False, "tile": 512}, None),
    "level 0, coarse tiles": ({"level": 0, "whole": False, "tile": 64, "factors": [2, 4]}, (150, 210)),
    "level 0, sizes alone": ({"level": 0, "whole": False, "sizes": [(75, 105), (300, 420)]}, None),
    "level 0, sizes too small": ({"level": 0, "whole": False, "sizes": [(75, 105), (200, 280)]}, (200, 280)),
    "level 0, previews alone": (
        {"level": 0, "whole": False, "sizes": [(75, 105)]},
        "preview only, 75 x 105 of 300 x 420",
    ),
    "pieces of 150": ({"most": 150, "tile": 128}, None),
    "pieces of 150, no tiles said": ({"most": 150}, None),
    "shrinks unasked": ({"most": 150, "shrinks": True, "info": {"profile": "level1"}}, None),
    "address of its own that nobody reaches": ({"info": {"@id": "http://127.0.0.1:9/x"}}, None),
    "address of its own that is relative": ({"info": {"@id": "/x"}}, None),
    "no address of its own": ({"info": {"@id": None, "id": None}}, None),
    "no context": ({"info": {"@context": None}}, None),
    "sizes as text": ({"info": {"width": "300", "height": ["420"]}}, None),
}


def _of_service(settings: dict[str, Any], outcome: Any, version: int, seed: int) -> Shape:
    def put_it(library: Library, name: str) -> tuple[str, Expected]:
        picture = page(seed)
        base = library.service(name, Service(picture, **{"version": version, **settings}))
        small = "full/75,/0/default.jpg"
        if version == 2:
            data = manifest_2([canvas_2(image_2(base, small))])
        else:
            data = manifest_3([canvas_3(image_3(base, small))])
        expected = picture.resize(outcome, Image.Resampling.BOX) if isinstance(outcome, tuple) else outcome or picture
        return put(library, name, data), [expected]

    return put_it


for _seed, (_name, (_settings, _outcome)) in enumerate(SERVICES.items()):
    for _version in (2, 3):
        if not (_version == 3 and _settings.get("version") == 1):
            SHAPES[f"service {_version}: {_name}"] = _of_service(_settings, _outcome, _version, _seed)


@shape("service that is silent")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(40)))
    library.put(f"/service/{name}/info.json", status(404))
    return put(library, name, manifest_2([canvas_2(image_2(base))])), [page(40)]


@shape("service that nobody named, behind the address of a small copy")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(41)))
    return put(library, name, manifest_2([canvas_2({"@id": f"{base}/full/75,/0/default.jpg"})])), [page(41)]


@shape("service of which nothing is said")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(42)))
    resource = {"@type": "dctypes:Image", "@id": f"{base}/full/75,/0/default.jpg", "service": {"@id": base}}
    return put(library, name, manifest_2([canvas_2(resource)])), [page(42)]


@shape("several services, with a login inside")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(43), version=3))
    image = image_3(base)
    login = {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://x.example/login", "profile": "login"}
    image["service"] = [login, {**image["service"][0], "service": [login]}]
    return put(library, name, manifest_3([canvas_3(image)])), [page(43)]


@shape("host that refuses images, not descriptions")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(44)))
    library.put(f"/service/{name}/full/full/0/default.jpg", status(403))
    return put(library, name, manifest_2([canvas_2(image_2(base))])), ["HTTP 403 Forbidden"]


@shape("folder of tiles with one missing")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(45), level=0, whole=False, tile=128, sizes=[(75, 105)]))
    for size in ("128,", "128,128"):
        library.put(f"/service/{name}/128,128,128,128/{size}/0/default.jpg", status(404))
    return put(library, name, manifest_2([canvas_2(image_2(base))])), ["preview only, 75 x 105"]


# Parts of images.


def _halves(picture: Image.Image) -> Expected:
    return [picture.crop((0, 0, WIDTH // 2, HEIGHT)), picture.crop((WIDTH // 2, 0, WIDTH, HEIGHT))]


def _regions(percent: bool = False) -> list[str]:
    half = WIDTH // 2
    return ["pct:0,0,50,100", "pct:50,0,50,100"] if percent else [f"0,0,{half},{HEIGHT}", f"{half},0,{half},{HEIGHT}"]


for _level, _how in (
    *((level, how) for level in (0, 1) for how in ("selector", "fragment", "percent", "address", "hash")),
    *((-1, how) for how in ("selector", "percent", "hash")),
):

    def _put_halves(library: Library, name: str, level: int = _level, how: str = _how) -> tuple[str, Expected]:
        picture = page(50 + level)
        base = library.service(name, Service(picture, level=max(level, 0), tile=128, whole=level != 0))
        image = image_2(base)
        if level < 0:  # a file without a service
            image = {"@id": library.put(f"/{name}/spread.jpg", body(jpeg(picture)))}
        canvases = []
        for region in _regions(how == "percent"):
            selector: dict[str, Any] = {"type": "ImageApiSelector", "region": region}
            if how == "fragment":
                selector = {"type": "FragmentSelector", "value": f"xywh={region}"}
            part: dict[str, Any] = {"@type": "oa:SpecificResource", "full": image, "selector": selector}
            if how == "address":
                part = image_2(base, f"{region}/full/0/default.jpg")
            elif how == "hash":
                part = {**image, "@id": f"{image['@id']}#xywh={region}"}
            canvases.append(canvas_2(part))
        return put(library, name, manifest_2(canvases)), _halves(picture)

    SHAPES[f"halves by {_how}, {('file', 'level 0', 'level 1')[_level + 1]}"] = _put_halves


@shape("page that lies on its side")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(55), version=3))
    selector = {"type": "ImageApiSelector", "rotation": "90"}
    data = manifest_3([canvas_3({"type": "SpecificResource", "source": image_3(base), "selector": selector})])
    return put(library, name, data), [page(55).transpose(Image.Transpose.ROTATE_270)]


@shape("page on its side, in tiles")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(56), level=0, whole=False, tile=128))
    data = manifest_2([canvas_2(image_2(base, "full/full/270/default.jpg"))])
    return put(library, name, data), [page(56).transpose(Image.Transpose.ROTATE_90)]


# How manifests are written.


@shape("several images on a canvas")
def _(library: Library, name: str) -> tuple[str, Expected]:
    one, two = (library.service(f"{name}{at}", Service(page(60 + at))) for at in (0, 1))
    canvas = canvas_2(image_2(one), on="https://x.example/c/1#xywh=0,0,150,420")
    canvas["images"] += canvas_2(image_2(two), on={"full": "https://x.example/c/1"})["images"]
    return put(library, name, manifest_2([canvas])), [page(60), page(61)]


@shape("choice of version 2")
def _(library: Library, name: str) -> tuple[str, Expected]:
    one, two = (library.service(f"{name}{at}", Service(page(62 + at))) for at in (0, 1))
    choice = {"@type": "oa:Choice", "default": image_2(one), "item": [image_2(two)]}
    return put(library, name, manifest_2([canvas_2(choice)])), [page(62)]


@shape("choice without a default, the first a film")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(64), version=3))
    film = {"type": "Video", "id": "https://x.example/film.mp4"}
    data = manifest_3([canvas_3({"type": ["Choice"], "items": [film, image_3(base)]})])
    return put(library, name, data), [page(64)]


@shape("strings as lists")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(65), version=3, info={"profile": ["level1"]}))
    image = {**image_3(base), "type": ["Image"]}
    image["id"] = [image["id"]]
    data = manifest_3([canvas_3([image], motivation=["painting"], target=["https://x.example/c/1"])])
    return put(library, name, {**data, "type": ["Manifest"], "@context": [P3], "label": ["A", "B"]}), [page(65)]


@shape("draft of version 4")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(66), version=3))
    target = [{"type": "SpecificResource", "source": {"id": "https://x.example/c/1", "type": "Canvas"}}]
    source = {"type": "SpecificResource", "source": [image_3(base)]}
    canvas = canvas_3([source], motivation=["painting"], target=target)
    data = manifest_3([canvas, {"type": "Scene", "items": []}, {"type": "Timeline"}], **{"@context": P4})
    return put(library, name, data), [page(66), "has no image", "has no image"]


@shape("relative addresses")
def _(library: Library, name: str) -> tuple[str, Expected]:
    library.service(name, Service(page(67)))
    library.put(f"/{name}/pages/2.jpg", body(jpeg(page(68))))
    first = image_2(f"../service/{name}")
    return put(library, name, manifest_2([canvas_2(first), canvas_2("pages/2.jpg")], **{"@id": ""})), [
        page(67),
        page(68),
    ]


@shape("relative addresses of version 3")
def _(library: Library, name: str) -> tuple[str, Expected]:
    library.put(f"/{name}/pages/1.jpg", body(jpeg(page(69))))
    return put(library, name, manifest_3([canvas_3({"type": "Image", "id": "pages/1.jpg"})])), [page(69)]


@shape("types left out")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(70)))
    resource = {"@id": f"{base}/full/75,/0/default.jpg", "service": {"@id": base, "profile": "level1"}}
    data = {"sequences": [{"canvases": [{"images": [{"resource": resource}]}]}]}
    return put(library, name, data), [page(70)]


@shape("resources of version 1")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(71), version=1))
    canvas = {"resources": canvas_2(image_2(base, "full/full/0/native.jpg"))["images"]}
    return put(library, name, manifest_2([canvas])), [page(71)]


@shape("first order of pages is empty")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(72)))
    data = manifest_2([canvas_2(image_2(base))])
    return put(library, name, {**data, "sequences": [{"canvases": []}, *data["sequences"]]}), [page(72)]


@shape("canvas on a canvas")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(73), version=3))
    inner = {"type": "Canvas", "id": "https://x.example/inner", **canvas_3(image_3(base))}
    return put(library, name, manifest_3([canvas_3(inner)])), [page(73)]


@shape("canvases without images, with notes and films")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(74), version=3))
    film = canvas_3({"type": "Video", "id": "https://x.example/film.mp4"})
    note = canvas_3({"type": "TextualBody", "value": "blank"}, motivation="commenting")
    data = manifest_3([{}, film, note, canvas_3(image_3(base))])
    return put(library, name, data), ["has no image", "has no image", "has no image", page(74)]


@shape("ranges that go round")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(75), version=3))
    ranges = [{"type": "Range", "id": f"r{at}", "items": [{"type": "Range", "id": f"r{1 - at}"}]} for at in (0, 1)]
    return put(library, name, manifest_3([canvas_3(image_3(base))], structures=ranges)), [page(75)]


@shape("blanks and umlauts in addresses")
def _(library: Library, name: str) -> tuple[str, Expected]:
    library.put(f"/{name}/K%C3%B6ln%201.jpg", body(jpeg(page(76))))
    return put(library, name, manifest_2([canvas_2({"@id": f"{library.url}/{name}/Köln 1.jpg"})])), [page(76)]


@shape("a promise that is not kept")
def _(library: Library, name: str) -> tuple[str, Expected]:
    address = library.put(f"/{name}/1.jpg", body(jpeg(page(77, 200, 280))))
    return put(library, name, manifest_3([canvas_3({"type": "Image", "id": address, **SIZE})])), [page(77, 200, 280)]


@shape("a thumbnail in place of a page")
def _(library: Library, name: str) -> tuple[str, Expected]:
    address = library.put(f"/{name}/1.jpg", body(jpeg(page(78, 100, 140))))
    return put(library, name, manifest_3([canvas_3({"type": "Image", "id": address})])), ["preview only, 100 x 140"]


@shape("a host that is not there")
def _(library: Library, name: str) -> tuple[str, Expected]:
    library.put(f"/{name}/1.jpg", body(jpeg(page(79))))
    images = [{"@id": "http://127.0.0.1:9/1.jpg"}, {"@id": f"{library.url}/{name}/1.jpg"}, {"@id": "ftp://x.example/1"}]
    data = manifest_2([canvas_2(image) for image in images])
    return put(library, name, data), ["no answer", page(79), "has no image"]


# How answers are packed.


@shape("gzip, said")
def _(library: Library, name: str) -> tuple[str, Expected]:
    packed = gzip.compress(jpeg(page(80)))
    address = library.put(f"/{name}/1.jpg", body(packed, Content_Encoding="gzip"))
    text = json.dumps(manifest_2([canvas_2({"@id": address})])).encode()
    return put(library, name, gzip.compress(text), Content_Encoding="gzip"), [page(80)]


@shape("gzip, not said")
def _(library: Library, name: str) -> tuple[str, Expected]:
    address = library.put(f"/{name}/1.jpg", body(gzip.compress(jpeg(page(81)))))
    return put(library, name, gzip.compress(json.dumps(manifest_2([canvas_2({"@id": address})])).encode())), [page(81)]


@shape("gzip, cut off")
def _(library: Library, name: str) -> tuple[str, Expected]:
    address = library.put(f"/{name}/1.jpg", body(gzip.compress(jpeg(page(82)))[:-100]))
    return put(library, name, manifest_2([canvas_2({"@id": address})])), ["cannot be unpacked"]


@shape("packed in a way that was not asked for")
def _(library: Library, name: str) -> tuple[str, Expected]:
    address = library.put(f"/{name}/1.jpg", body(b"\x8b\x02\x80abc\x03", Content_Encoding="br"))
    return put(library, name, manifest_2([canvas_2({"@id": address})])), [r"not an image|packed by br"]


def _encoded(encoding: str, mark: bytes = b"") -> Shape:
    def put_it(library: Library, name: str) -> tuple[str, Expected]:
        address = library.put(f"/{name}/1.jpg", body(jpeg(page(83))))
        data = manifest_2([canvas_2({"@id": address})], label="Köln, Münster")
        return put(library, name, mark + json.dumps(data, ensure_ascii=False).encode(encoding)), [page(83)]

    return put_it


for _encoding, _mark in (
    *(("utf-8", b"\xef\xbb\xbf"), ("utf-16", b""), ("utf-16-le", b""), ("utf-16-be", b"\xfe\xff"), ("utf-32", b"")),
    ("latin-1", b""),
):
    SHAPES[f"written in {_encoding}"] = _encoded(_encoding, _mark)


# Collections.


@shape("collection that goes round, with manifests inside and beside it")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(84), version=3))
    put(library, f"{name}-a", manifest_3([canvas_3(image_3(base))]))
    library.put(f"/{name}/1.jpg", body(jpeg(page(85))))
    inside = manifest_2(
        [canvas_2({"@id": f"{library.url}/{name}/1.jpg"})], **{"@id": f"{library.url}/{name}-b/manifest"}
    )
    inner = {
        "@type": "sc:Collection",
        "members": [{"@id": f"../{name}/manifest.json", "@type": "sc:Collection"}, inside],
    }
    put(library, f"{name}-inner", inner)
    items = [f"../{name}-a/manifest.json", {"type": "Collection", "id": f"../{name}-inner/manifest.json"}]
    data = {
        "type": "Collection",
        "items": [*items, {"type": "Collection", "id": f"{library.url}/{name}/manifest.json"}],
    }
    return put(library, name, data), [page(84), page(85)]


@shape("collection in parts, one of which is gone")
def _(library: Library, name: str) -> tuple[str, Expected]:
    base = library.service(name, Service(page(86)))
    put(library, f"{name}-a", manifest_2([canvas_2(image_2(base))]))
    part = {"manifests": [{"@id": f"{library.url}/{name}-a/manifest.json"}], "next": f"{library.url}/gone.json"}
    put(library, f"{name}-part", {"@type": "sc:Collection", **part})
    data = {"@type": "sc:Collection", "first": f"{library.url}/{name}-part/manifest.json", "total": 1}
    return put(library, name, data), ["HTTP 404", page(86)]


def jpeg(picture: Image.Image) -> bytes:
    import io

    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()
