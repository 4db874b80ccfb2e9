"""Reads IIIF manifests and collections (Presentation API 1 to 3, drafts of 4) as pages in their order.

Libraries bend the standard in many ways, so everything is read leniently: what is missing is left blank, what cannot be
understood is left out, and only a file that names no page at all is an error. Nothing here touches the network.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from tablesim.errors import ScanError, without_steering
from tablesim.scans.image_api import as_list, as_objects, service_address, whole

LAST_CENTURY = "cp1252"
"""What a manifest is taken for that is no Unicode: old servers run Windows, or a database of its time."""

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

    Parameters
    ----------
    address, service : str or None
    region : str
        The part that the canvas shows, as the Image API writes it: ``full``, ``x,y,width,height`` or
        ``pct:x,y,width,height``.
    rotation : int
        Clockwise degrees by which the canvas shows it turned: 0, 90, 180 or 270.
    is_cut : bool
        Whether ``address`` gives that part, turned, already.
    size : tuple of int
        Width and height of the whole image as the manifest promises them, in pixels; 0 where it does not.
    place : str
        The part of the canvas that it covers, ``x,y,width,height``; empty for all of it.
    """

    address: str | None
    service: str | None
    region: str = "full"
    rotation: int = 0
    is_cut: bool = True
    size: tuple[int, int] = (0, 0)
    place: str = ""


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
    """A book. ``pairs`` are what the library says of it, label and value, in its order; ``guessed`` says what its
    encoding was taken for where it is no UTF-8.
    """

    address: str
    label: str
    pairs: tuple[tuple[str, str], ...]
    canvases: tuple[Canvas, ...]
    guessed: str = ""

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
    document = _presentation(parse_json(path, where), where)
    return replace(document, guessed=_guessed(path)) if isinstance(document, Manifest) else document


def parse_json(path: Path, where: str) -> dict[str, Any]:
    """The JSON object in a file; ScanError when there is none, or one that is nested deeper than ``MAX_DEPTH``."""
    try:
        text = path.read_bytes()
        try:
            data = json.loads(text)
        except UnicodeDecodeError:
            data = json.loads(text.decode(LAST_CENTURY, "replace"))
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


def _guessed(path: Path) -> str:
    """What a file that is no Unicode was read as, and words to check it by; empty for others."""
    data = path.read_bytes()
    try:
        data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        words = re.findall(r"\w+", data.decode(LAST_CENTURY, "replace"))
        examples = list(dict.fromkeys(repr(without_steering(word)) for word in words if not word.isascii()))[:3]
        such = f", which gives words such as {', '.join(examples)}" if examples else ""
        return f"not UTF-8, read as Windows-1252{such}"
    return ""


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
    kind = (_kind(data) or _guessed_kind(data)) if isinstance(data, dict) else ""
    if kind in ("manifest", "collection"):
        data = _with_whole_addresses(data, where if as_web(where) else _id(data))
    if kind == "manifest":
        return _manifest(data, where)
    if kind == "collection":
        members = list(_members(data, where))
        return Collection(_id(data) or where, text_of(data.get("label")), tuple(members))
    raise ScanError(
        f"{where}: no IIIF manifest or collection (its type is {kind or 'not given'}); give the address of a manifest"
    )


def slug_of(address: str) -> str:
    """A short name for a manifest: the last part of its address that says something."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address of a host
        parts = urlsplit(re.sub(r"[^\w./:-]", "-", address))
    candidates = [part for part in (*parts.path.split("/"), *re.split(r"[=&]", parts.query)) if part]
    telling = [part for part in candidates if not _DULL.fullmatch(unquote(part))]
    name = unquote((telling or candidates or ["manifest"])[-1])
    name = re.sub(r"\.json(ld)?$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "-", name).strip(".-_")[:80] or "manifest"


def text_of(value: Any) -> str:
    """A label or value as plain text: of several languages English, else the first; lists joined by ``; ``."""
    if isinstance(value, str):
        bare = re.sub(r"<[^<>]*>", " ", value) if "<" in value else value
        return without_steering(unicodedata.normalize("NFC", " ".join(html.unescape(bare).split())))
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


def _guessed_kind(data: dict[str, Any]) -> str:
    """What an object without a type must be by its parts."""
    if data.get("sequences") or any(_kind(entry) == "canvas" for entry in as_objects(data.get("items"))):
        return "manifest"
    return "collection" if any(data.get(name) for name in ("manifests", "collections", "members")) else ""


_ADDRESSES = frozenset({"id", "@id", "source", "full", "body", "resource", "default", "service", "first", "next"})
_LISTS_OF_ADDRESSES = frozenset({"manifests", "collections", "members", "items", "body", "source", "service"})
_WORDS = frozenset({"label", "metadata", "summary", "description", "requiredStatement"})
"""What has languages as its keys: ``id`` is Indonesian there."""


def _with_whole_addresses(value: Any, base: str) -> Any:
    """The same values with addresses that are relative to ``base`` written out; blanks in addresses are kept."""
    if isinstance(value, list):
        return [_with_whole_addresses(entry, base) for entry in value]
    if not isinstance(value, dict):
        return value
    whole_values: dict[str, Any] = {}
    for name, entry in value.items():
        if name in _ADDRESSES and isinstance(entry, str):
            whole_values[name] = _joined(base, entry)
        elif name in _LISTS_OF_ADDRESSES and isinstance(entry, list):
            whole_values[name] = [
                _joined(base, each) if isinstance(each, str) else _with_whole_addresses(each, base) for each in entry
            ]
        else:
            whole_values[name] = entry if name in _WORDS else _with_whole_addresses(entry, base)
    return whole_values


def _joined(base: str, address: str) -> str:
    # A scheme, or the name of a node that has no address (JSON-LD 1.1, section 9.1).
    if re.match(r"[a-z][a-z\d+.-]*:|_:", address, re.IGNORECASE) or not address.strip():
        return address
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return address


def _manifest(data: dict[str, Any], where: str) -> Manifest:
    canvases: list[Canvas] = []
    for entry in _canvases(data):
        images = tuple(dict.fromkeys(_images(entry)))
        address = _id(entry) or f"{where}#{len(canvases) + 1}"
        width, height = whole(entry.get("width")), whole(entry.get("height"))
        canvases.append(Canvas(address, len(canvases) + 1, text_of(entry.get("label")), width, height, images))
    if not canvases:
        raise ScanError(f"{where}: this IIIF manifest has no pages; look at it in a viewer")
    address = where if as_web(where) else _id(data) or where
    return Manifest(address, text_of(data.get("label")), tuple(_pairs(data)), tuple(canvases))


def _pairs(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in as_objects(data.get("metadata")):
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
    orders = [sequence.get("canvases") for sequence in as_objects(data.get("sequences"))]
    entries = next((order for order in (*orders, data.get("items"), data.get("canvases")) if as_objects(order)), None)
    # Scenes and time lines of version 4 show nothing to read, but are counted.
    return (entry for entry in as_objects(entries) if _kind(entry) in ("canvas", "", "scene", "timeline"))


def _images(canvas: dict[str, Any]) -> Iterator[CanvasImage]:
    # Version 1 calls them resources.
    for annotation in as_objects(canvas.get("images") or canvas.get("resources")):
        for resource in as_list(annotation.get("resource")):
            yield from _placed(_resources(resource), annotation.get("on"))
    for page in as_objects(canvas.get("items")):
        for annotation in as_objects(page.get("items")) if "body" not in page else [page]:
            motivations = as_list(annotation.get("motivation")) or ["painting"]
            if any(str(motivation).endswith("painting") for motivation in motivations):
                for body in as_list(annotation.get("body")):
                    yield from _placed(_resources(body), annotation.get("target"))


def _placed(images: Iterator[CanvasImage], target: Any) -> Iterator[CanvasImage]:
    """The images with the part of their canvas that an annotation has as its target."""
    place = ""
    for entry in as_list(target):
        if isinstance(entry, str):
            fragment = re.search(r"#xywh=(?:pixel:)?(\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?){3})$", entry)
            place = fragment[1] if fragment else place
        elif isinstance(entry, dict):
            selected = _selected(entry)[0]
            place = selected if selected and not selected.startswith("pct:") else place
    return (replace(image, place=place) for image in images)


def _resources(resource: Any, region: str = "full", rotation: int = 0) -> Iterator[CanvasImage]:
    if isinstance(resource, str):
        resource = {"id": resource}
    if not isinstance(resource, dict):
        return
    kind = _kind(resource)
    if kind == "choice":
        # Several pictures of one page (another light, another wavelength): the first is the one to show.
        for entry in (resource.get("default"), *as_list(resource.get("items")), *as_list(resource.get("item"))):
            if images := list(_resources(entry, region, rotation)):
                yield from images
                return
    elif kind == "specificresource":
        # Half of a spread: the page is a part of the picture.
        part, turn = _selected(resource)
        for source in as_list(resource.get("full") or resource.get("source")):
            yield from _resources(source, part or region, turn or rotation)
    elif kind == "canvas":
        yield from _images(resource)
    elif kind in ("image", "stillimage", ""):
        yield from _image(resource, region, rotation)


def _image(resource: dict[str, Any], region: str, rotation: int) -> Iterator[CanvasImage]:
    address, service = as_web(_id(resource)), _service(resource)
    size = whole(resource.get("width")), whole(resource.get("height"))
    is_cut = region == "full" and not rotation
    if address and (fragment := re.search(rf"#xywh=(?:pixel:)?{_REGION}$", address)):
        region, is_cut = fragment[1].replace("percent:", "pct:"), False
        address = address[: fragment.start()]
    asked = _IMAGE_REQUEST.fullmatch(address) if address else None
    if asked and is_cut and service in (None, asked["service"]):
        # A part, a turn or a small copy, written as a request to a service that may not be named otherwise.
        turn = round(float(asked["rotation"])) % 360
        if asked["region"][0].isdigit() or asked["region"].startswith("pct:"):
            region, size = asked["region"], (0, 0)
        rotation = turn if turn in (90, 180, 270) else 0
        if region != "full" or rotation or asked["size"] not in ("full", "max"):
            service = asked["service"]
    if address or service:
        yield CanvasImage(address, service, region, rotation, is_cut, size)


_REGION = r"((?:pct:|percent:)?\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?){3})"
_IMAGE_REQUEST = re.compile(
    r"(?P<service>https?://.+)/(?P<region>full|square|(?:pct:)?\d[\d.]*(?:,\d[\d.]*){3})/"
    r"(?P<size>full|max|\^?!?\d*,\d*|\^?max|pct:[\d.]+)/!?(?P<rotation>\d+(?:\.\d+)?)/\w+\.\w+",
    re.IGNORECASE,
)
"""A request as the Image API has it, section 4."""


def _selected(resource: dict[str, Any]) -> tuple[str | None, int]:
    """The region that a selector of a part of an image names, and its turn in clockwise degrees."""
    region, rotation = None, 0
    for selector in as_objects(resource.get("selector")):
        written = f"{selector.get('value', '')} {selector.get('region', '')}"
        if named := re.search(rf"(?:^|xywh=|pixel:|\s){_REGION}\s*$", written):
            region = region or named[1].replace("percent:", "pct:")
        turn = str(selector.get("rotation", "")).lstrip("!")
        rotation = rotation or (int(turn) % 360 if turn in ("90", "180", "270") else 0)
    return region, rotation


def _service(resource: dict[str, Any]) -> str | None:
    """The address of the image service among those of an image; one of which nothing is said is taken for it."""
    for service in as_list(resource.get("service")):
        if isinstance(service, str):
            service = {"id": service}
        if not isinstance(service, dict):
            continue
        words = " ".join(str(service.get(name, "")) for name in ("type", "@type", "profile", "@context"))
        address = as_web(_id(service))
        if address and re.search(r"image|level-?[012]|^\s*$", words.lower()):
            return service_address(address)
    return None


def _members(data: dict[str, Any], where: str) -> Iterator[str | Manifest]:
    lists = [as_list(data.get(name)) for name in ("members", "manifests", "collections", "items")]
    for entry in itertools.chain(*lists):
        if isinstance(entry, str):
            if as_web(entry):
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
    if not isinstance(value, str) or not re.match(r"https?://", value, re.IGNORECASE):
        return None
    try:
        urlsplit(value)
    except ValueError:  # brackets that hold no address of a host
        return None
    return value


def _kind(data: dict[str, Any]) -> str:
    """The type of a JSON object without its prefix, in lower case: ``sc:Manifest`` is ``manifest``."""
    value = data.get("type") or data.get("@type") or ""
    kind = (value[0] if isinstance(value, list) and value else value) if not isinstance(value, str) else value
    return re.split(r"[:/#]", str(kind))[-1].lower()


def _id(data: dict[str, Any]) -> str:
    value = data.get("id") or data.get("@id")
    value = value[0] if isinstance(value, list) and value else value
    return value.strip() if isinstance(value, str) else ""
