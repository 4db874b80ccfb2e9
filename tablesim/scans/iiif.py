"""Reads IIIF manifests and collections (Presentation API 2 and 3, Image API 1 to 3) as pages in their order.

Libraries bend the standard in many ways, so everything is read leniently: what is missing is left blank, what cannot be
understood is left out, and only a file that names no page at all is an error. Nothing here touches the network.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tablesim.errors import ScanError

MAX_DEPTH = 100
"""Levels of lists and objects in a file. Manifests have some 15; Python's own limit is 1,000 calls."""

_DULL = re.compile(
    r"(iiif|manifests?|collections?|sequences?|presentation|image-?api|api|object|objects|items?|metadata|info|"
    r"v?\d(\.\d)?|default|json|full|max)(\.json(ld)?)?",
    re.IGNORECASE,
)
"""Parts of an address that name no book. A single digit may be a version; longer numbers name books."""


@dataclass(frozen=True)
class CanvasImage:
    """An image on a canvas: its own address, the address of its image service, or both.

    ``region`` is the part that the canvas shows, as the Image API writes it: ``full``, ``x,y,width,height`` or
    ``pct:x,y,width,height``.
    """

    address: str | None
    service: str | None
    region: str = "full"


@dataclass(frozen=True)
class Canvas:
    """A page of a manifest; ``number`` counts from 1. ``width`` and ``height`` are 0 where they are not given."""

    address: str
    number: int
    label: str
    width: int
    height: int
    images: tuple[CanvasImage, ...]


@dataclass(frozen=True)
class Manifest:
    """A book. ``pairs`` are what the library says of it, label and value, in its order."""

    address: str
    label: str
    pairs: tuple[tuple[str, str], ...]
    canvases: tuple[Canvas, ...]

    @property
    def slug(self) -> str:
        """A short name for page ids, from the address."""
        return slug_of(self.address)


@dataclass(frozen=True)
class Collection:
    """A list of manifests and collections: their addresses, or the manifests themselves where they stand inside."""

    address: str
    label: str
    members: tuple[str | Manifest, ...] = field(default=())


def read_presentation(path: Path, where: str) -> Manifest | Collection:
    """The manifest or collection in a JSON file; ``where`` is its address, for messages.

    Raises
    ------
    ScanError
        The file is not JSON, or is neither a manifest nor a collection.
    """
    return _presentation(parse_json(path, where), where)


def parse_json(path: Path, where: str) -> dict[str, Any]:
    """The JSON object in a file; ScanError when there is none, or one that is nested deeper than ``MAX_DEPTH``."""
    try:
        text = path.read_bytes()
        data = json.loads(text)
        if re.search(rb"\\u[dD][89a-fA-F]", text):
            # Half of a pair of surrogates is no character, and nothing could write it down.
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        # A bot wall answers every address with a web page.
        raise ScanError(
            f"{where}: not JSON ({' '.join(str(error).split())}); expected what IIIF gives at this address"
        ) from error
    if not isinstance(data, dict):
        raise ScanError(f"{where}: got a JSON {type(data).__name__}, expected an object as IIIF has it")
    _check_depth(data, where)
    return data


def _check_depth(data: Any, where: str) -> None:
    """Refuse what no recursion over the values would survive."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, list | dict)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ScanError(f"{where}: nested more than {MAX_DEPTH} levels deep; expected what IIIF gives at this address")


def parse(data: Any, where: str) -> Manifest | Collection:
    """A manifest or collection from its JSON values; ScanError when they are neither."""
    _check_depth(data, where)
    return _presentation(data, where)


def _presentation(data: Any, where: str) -> Manifest | Collection:
    kind = _kind(data) if isinstance(data, dict) else ""
    if kind == "manifest":
        return _manifest(data, where)
    if kind == "collection":
        members = list(_members(data, where))
        return Collection(_id(data) or where, text_of(data.get("label")), tuple(members))
    raise ScanError(
        f"{where}: no IIIF manifest or collection (its type is {kind or 'not given'}); give the address of a manifest"
    )


def image_requests(image: CanvasImage, info: Mapping[str, Any], max_pixels: int) -> list[str]:
    """Addresses of an image as large as its server gives it in one piece, and not larger than ``max_pixels``.

    First at the service that the manifest names, then at the one that ``info``, the ``info.json`` of Image API 1, 2 or
    3, names itself: behind a proxy that is often a host which nobody else can reach. Servers limit what they give
    (``maxWidth``, ``maxHeight``, ``maxArea``); those of level 0 have the listed ``sizes`` only.
    """
    version = _image_version(info)
    quality = "native" if version == 1 else "default"
    width, height = whole_size(info)
    # Image API 2 writes its limits into an object among the profiles, 3 beside them.
    profiles = _list(info.get("profile"))
    limits = {name: entry[name] for entry in (*_objects(profiles), info) for name in _LIMITS if name in entry}
    share = min(1.0, _share(width, height, limits), math.sqrt(max_pixels / max(width * height, 1)))
    size = "max" if version == 3 else "full"
    sizes = [(_whole(entry.get("width")), _whole(entry.get("height"))) for entry in _objects(info.get("sizes"))]
    if image.region != "full":
        pass  # the server finds the size of a part
    elif sizes and any("level0" in profile for profile in profiles if isinstance(profile, str)):
        fitting = [entry for entry in sizes if entry[0] * entry[1] <= max_pixels] or [min(sizes)]
        chosen = max(fitting, key=lambda entry: entry[0] * entry[1])
        if chosen != (width, height):
            size = f"{chosen[0]},{chosen[1]}" if version == 3 else f"{chosen[0]},"
    elif share < 1.0:
        small = max(1, math.floor(width * share)), max(1, math.floor(height * share))
        size = f"{small[0]},{small[1]}" if version == 3 else f"{small[0]},"
    bases = dict.fromkeys((image.service or "", as_web(_id(dict(info))) or ""))
    named = [re.sub(r"(/info\.json)?/*$", "", base) for base in bases if base]
    return [f"{base}/{image.region}/{size}/0/{quality}.jpg" for base in dict.fromkeys(named)]


def whole_size(info: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of an image as its ``info.json`` promises them, in pixels; 0 where they are not given."""
    return _whole(info.get("width")), _whole(info.get("height"))


def slug_of(address: str) -> str:
    """A short name for a manifest: the last part of its address that says something."""
    parts = urlsplit(address)
    candidates = [part for part in (*parts.path.split("/"), *re.split(r"[=&]", parts.query)) if part]
    telling = [part for part in candidates if not _DULL.fullmatch(unquote(part))]
    name = unquote((telling or candidates or ["manifest"])[-1])
    name = re.sub(r"\.json(ld)?$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "-", name).strip(".-_")[:80] or "manifest"


def text_of(value: Any) -> str:
    """A label or value as plain text: of several languages English, else the first; lists joined by ``; ``."""
    if isinstance(value, str):
        bare = re.sub(r"<[^<>]*>", " ", value) if "<" in value else value
        return unicodedata.normalize("NFC", " ".join(html.unescape(bare).split()))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        english = [item for item in value if isinstance(item, dict) and str(item.get("@language", "")).startswith("en")]
        several = any(isinstance(item, dict) and "@language" in item for item in value)
        return "; ".join(filter(None, map(text_of, english or (value[:1] if several else value))))
    if isinstance(value, dict):
        if "@value" in value:
            return text_of(value["@value"])
        by_language = {str(language): text_of(texts) for language, texts in value.items()}
        return next((by_language[key] for key in ("en", "none", "@none") if by_language.get(key)), "") or next(
            (text for text in by_language.values() if text), ""
        )
    return ""


_LIMITS = ("maxWidth", "maxHeight", "maxArea")


def _manifest(data: dict[str, Any], where: str) -> Manifest:
    canvases: list[Canvas] = []
    for entry in _canvases(data):
        images = tuple(dict.fromkeys(_images(entry)))
        address = _id(entry) or f"{where}#{len(canvases) + 1}"
        width, height = _whole(entry.get("width")), _whole(entry.get("height"))
        canvases.append(Canvas(address, len(canvases) + 1, text_of(entry.get("label")), width, height, images))
    if not canvases:
        raise ScanError(f"{where}: this IIIF manifest has no pages; look at it in a viewer")
    address = where if as_web(where) else _id(data) or where
    return Manifest(address, text_of(data.get("label")), tuple(_pairs(data)), tuple(canvases))


def _pairs(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _objects(data.get("metadata")):
        label, value = text_of(entry.get("label")), text_of(entry.get("value"))
        if label and value:
            yield label, value
    statement = data.get("requiredStatement")
    for label, value in (
        ("rights", text_of(data.get("rights") or data.get("license"))),
        ("attribution", text_of(statement.get("value") if isinstance(statement, dict) else data.get("attribution"))),
    ):
        if value:
            yield label, value


def _canvases(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # Further sequences of version 2 are other orders of the same pages.
    sequences = _objects(data.get("sequences"))
    entries = sequences[0].get("canvases") if sequences else data.get("items")
    return (entry for entry in _objects(entries) if _kind(entry) in ("canvas", ""))


def _images(canvas: dict[str, Any]) -> Iterator[CanvasImage]:
    for annotation in _objects(canvas.get("images")):
        yield from _resources(annotation.get("resource"))
    for page in _objects(canvas.get("items")):
        for annotation in _objects(page.get("items")):
            if str(annotation.get("motivation", "painting")).endswith("painting"):
                for body in _list(annotation.get("body")):
                    yield from _resources(body)


def _resources(resource: Any, region: str = "full") -> Iterator[CanvasImage]:
    if isinstance(resource, str):
        yield CanvasImage(resource, None)
    if not isinstance(resource, dict):
        return
    kind = _kind(resource)
    if kind == "choice":
        # Several pictures of one page (another light, another wavelength): the first is the one to show.
        first = [entry for entry in (resource.get("default"), *_list(resource.get("items"))) if entry]
        yield from _resources(first[0] if first else None, region)
    elif kind == "specificresource":
        # Half of a spread: the page is a part of the picture.
        yield from _resources(resource.get("full") or resource.get("source"), _selected(resource) or region)
    elif kind in ("image", ""):
        address, service = as_web(_id(resource)), _service(resource)
        if service and address and (written := re.match(re.escape(f"{service}/") + r"([\d.,]+|pct:[\d.,]+)/", address)):
            region = written[1]
        if address or service:
            yield CanvasImage(address, service, region if service else "full")


def _selected(resource: dict[str, Any]) -> str | None:
    """The region that a selector of a part of an image names."""
    for selector in _objects(resource.get("selector")):
        fragment = re.search(r"xywh=(?:pixel:)?((?:percent:)?[\d.,]+)", str(selector.get("value", "")))
        region = fragment[1].replace("percent:", "pct:") if fragment else str(selector.get("region", ""))
        if re.fullmatch(r"(pct:)?[\d.]+(,[\d.]+){3}", region):
            return region
    return None


def _service(resource: dict[str, Any]) -> str | None:
    for service in _objects(resource.get("service")):
        words = " ".join(str(service.get(name, "")) for name in ("type", "@type", "profile", "@context"))
        address = as_web(_id(service))
        if address and "image" in words.lower():
            return re.sub(r"(/info\.json)?/*$", "", address)
    return None


def _members(data: dict[str, Any], where: str) -> Iterator[str | Manifest]:
    lists = [_list(data.get(name)) for name in ("members", "manifests", "collections", "items")]
    for entry in itertools.chain(*lists):
        if isinstance(entry, str) and as_web(entry):
            yield entry
        elif isinstance(entry, dict) and _kind(entry) in ("manifest", "collection", ""):
            if _kind(entry) == "manifest" and any(True for _ in _canvases(entry)):
                yield _manifest(entry, _id(entry) or where)
            elif address := as_web(_id(entry)):
                yield address
    # Long collections come in parts (Presentation 2.1, section 5.8.1).
    for name in ("first", "next"):
        part = data.get(name)
        if address := as_web(_id(part) if isinstance(part, dict) else part):
            yield address


def as_web(value: Any) -> str | None:
    """``value`` where it is an address on the web."""
    return value if isinstance(value, str) and re.match(r"https?://", value, re.IGNORECASE) else None


def _kind(data: dict[str, Any]) -> str:
    """The type of a JSON object without its prefix, in lower case: ``sc:Manifest`` is ``manifest``."""
    value = data.get("type") or data.get("@type") or ""
    kind = (value[0] if isinstance(value, list) and value else value) if not isinstance(value, str) else value
    return re.split(r"[:/#]", str(kind))[-1].lower()


def _id(data: dict[str, Any]) -> str:
    value = data.get("id") or data.get("@id")
    return value.strip() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in _list(value) if isinstance(entry, dict)]


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    return int(value) if isinstance(value, int | float) and 0 < value < 1e9 else 0


def _image_version(info: Mapping[str, Any]) -> int:
    words = f"{info.get('@context', '')} {info.get('type', '')} {info.get('profile', '')}"
    if "image/3" in words or "ImageService3" in words:
        return 3
    return 1 if "image-api/1" in words or "image/1" in words or "compliance.html" in words else 2


def _share(width: int, height: int, limits: Mapping[str, Any]) -> float:
    if not width or not height:
        return 1.0
    widest, area = _whole(limits.get("maxWidth")), _whole(limits.get("maxArea"))
    # A limit of the width alone holds for the height too (Image API 2.1, section 5.3).
    highest = _whole(limits.get("maxHeight")) or widest
    shares = [widest / width if widest else 1.0, highest / height if highest else 1.0]
    shares.append(math.sqrt(area / (width * height)) if area else 1.0)
    return min(shares)
