"""A small digital library for the tests: a real HTTP server with IIIF manifests, an image service, and bad days."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

from scans.services import Service

Answer = Callable[[BaseHTTPRequestHandler], None]


class Library:
    """What the server has, by path, and what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.asked: Counter[str] = Counter()
        self.services: dict[str, Service] = {}
        self.at_once = self.most_at_once = self.connections = 0
        self.lock = threading.Lock()
        self.url = ""

    def put(self, path: str, *answers: Answer) -> str:
        """Give ``answers`` at ``path``, one a request, the last for ever; the address."""
        self.answers[path] = list(answers)
        return self.url + path

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        with self.lock:
            self.asked[request.path] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answers = self.answers.get(request.path)
            answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else self._of_service(request.path)
        try:
            answer(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with self.lock:
                self.at_once -= 1

    def _of_service(self, path: str) -> Answer:
        _, _, name, request = (*path.split("/", 3), "", "", "")[:4]
        service = self.services.get(name)
        if service is None:
            return status(404)
        if request == "info.json":
            return body(service.described(f"{self.url}/service/{name}"))
        data = service.answer(request)
        return status(404) if data is None else body(data)

    # IIIF

    def service(self, name: str, service: Service) -> str:
        """Run an image service under ``name``; its address."""
        self.services[name] = service
        return f"{self.url}/service/{name}"

    def image(self, name: str, *, version: int = 2, most: int | None = None, side: int = 60) -> str:
        """An image service ``name`` with a picture of ``side`` x 80 pixels; larger requests than ``most`` get 400."""
        base = f"{self.url}/image/{name}"
        profile: Any = "level2" if version == 3 else ["http://iiif.io/api/image/2/level1.json"]
        info: dict[str, Any] = {
            "@context": f"http://iiif.io/api/image/{version}/context.json",
            ("id" if version == 3 else "@id"): base,
            "width": side,
            "height": 80,
            "profile": profile,
        }
        if most is not None and version == 3:
            info["maxWidth"] = most
        elif most is not None:
            profile.append({"maxWidth": most})
        self.put(f"/image/{name}/info.json", body(json.dumps(info).encode()))
        for width in range(1, side + 1):
            height = max(1, 80 * width // side)
            given = body(picture(width, height, shade=len(name))) if most is None or height <= most else status(400)
            for size in (f"{width},", f"{width},{height}", *(("full", "max") if width == side else ())):
                self.put(f"/image/{name}/full/{size}/0/default.jpg", given)
        return base

    def manifest(self, name: str, images: list[str], *, version: int = 2, **more: Any) -> str:
        """A manifest whose canvases show ``images``, addresses of services or of files; its address."""
        make = _manifest_3 if version == 3 else _manifest_2
        path = f"/iiif/{name}/manifest.json"
        return self.put(path, body(json.dumps(make(self.url + path, images, more)).encode()))


def picture(width: int = 60, height: int = 80, shade: int = 0) -> bytes:
    """A small JPEG; ``shade`` makes it its own."""
    grey = np.full((height, width), 255 - 3 * shade, np.uint8)
    grey[: height // 4] = 40
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=95)
    return file.getvalue()


def body(data: bytes, *, declared: int | None = None, wait: float = 0, **headers: str) -> Answer:
    """Answer with ``data`` and ``headers`` (``_`` for ``-``); ``declared`` is another length than it has."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        time.sleep(wait)
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(data) if declared is None else declared))
        request.end_headers()
        request.wfile.write(data)
        request.close_connection = declared is not None

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and ``headers`` (``_`` for ``-``)."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def endless(chunk: bytes, pause: float = 0.0) -> Answer:
    """Answer without end and without a length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        while True:
            request.wfile.write(chunk)
            time.sleep(pause)

    return answer


@contextmanager
def open_library(address: str = "127.0.0.1") -> Iterator[Library]:
    library = Library()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms between its head and its body

        def setup(self) -> None:
            super().setup()
            with library.lock:
                library.connections += 1

        def do_GET(self) -> None:
            library.handle(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    library.url = f"http://{address}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield library
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _manifest_2(address: str, images: list[str], more: dict[str, Any]) -> dict[str, Any]:
    canvases = []
    for number, image in enumerate(images, 1):
        service = {"@id": image, "@context": "http://iiif.io/api/image/2/context.json", "profile": "level1"}
        resource: dict[str, Any] = {"@type": "dctypes:Image", "@id": image}
        if "/image/" in image:
            resource |= {"@id": f"{image}/full/full/0/default.jpg", "service": service}
        annotation = {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": resource}
        canvas = {"@type": "sc:Canvas", "@id": f"{address}/canvas/{number}", "label": f"f. {number}r"}
        canvases.append({**canvas, "width": 60, "height": 80, "images": [annotation]})
    head = {"@context": "http://iiif.io/api/presentation/2/context.json", "@id": address, "@type": "sc:Manifest"}
    return {**head, "label": "Sphaera", **more, "sequences": [{"@type": "sc:Sequence", "canvases": canvases}]}


def _manifest_3(address: str, images: list[str], more: dict[str, Any]) -> dict[str, Any]:
    canvases = []
    for number, image in enumerate(images, 1):
        resource: dict[str, Any] = {"type": "Image", "id": image}
        if "/image/" in image:
            service = {"id": image, "type": "ImageService3", "profile": "level2"}
            resource |= {"id": f"{image}/full/max/0/default.jpg", "service": [service]}
        annotation = {"type": "Annotation", "motivation": "painting", "body": resource}
        page = {"type": "AnnotationPage", "items": [annotation]}
        canvas = {"type": "Canvas", "id": f"{address}/canvas/{number}", "label": {"none": [f"f. {number}r"]}}
        canvases.append({**canvas, "width": 60, "height": 80, "items": [page]})
    head = {"@context": "http://iiif.io/api/presentation/3/context.json", "id": address, "type": "Manifest"}
    return {**head, "label": {"la": ["Sphaera"]}, **more, "items": canvases}
