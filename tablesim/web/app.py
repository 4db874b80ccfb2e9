"""The workbench as an ASGI application: which address is answered by what.

Screens have the addresses of the report (`web.screens`), so that what is cited from one is found in the other; ``/api``
gives the same as data and takes decisions.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tablesim.errors import InUseError, MissingExtraError, TablesimError
from tablesim.language import ENGLISH
from tablesim.records.boxes import Box
from tablesim.report.addresses import INDEX, page_href
from tablesim.report.collation_page import collation_style
from tablesim.report.filters import STATE_WORDS
from tablesim.scans.images import MAX_PIXELS
from tablesim.version import __version__
from tablesim.web.access import Access, Guard, TooLarge, problem
from tablesim.web.books import book_pair, list_books
from tablesim.web.clusters import keep_proposal, propose, take_merge, take_name, take_split, take_undo
from tablesim.web.decisions import all_decisions, open_questions, take_correction, take_note, take_table, take_verdict
from tablesim.web.doubts import list_doubts
from tablesim.web.front_files import FRONT, FrontFiles
from tablesim.web.groups import list_groups
from tablesim.web.languages import Spoken
from tablesim.web.live import LiveRun
from tablesim.web.maps import map_state, start_map
from tablesim.web.pages import PageList, list_pages, one_page, search_numbers
from tablesim.web.pairs import one_collation, one_pair
from tablesim.web.places import SIDES, one_place, pixels
from tablesim.web.request_values import RequestValues
from tablesim.web.screens import COLLATING, SCAN, THUMB, Screens
from tablesim.web.tiles import TILE, ScanTiles, cutout, original
from tablesim.web.witnesses import cell_picture, collation_document, collation_file, stemma, stemma_file

KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".webp": "image/webp",
}

COLUMN, CELL = re.compile(r"t\d{1,4}c\d{1,4}"), re.compile(r"t\d{1,4}r\d{1,5}c\d{1,4}")
"""How a column and a cell are called in addresses."""

MOST_KINDS = 16
"""Kinds of difference that a collation tells apart, and room for more."""

AT_ONCE_S = 0.25
"""Seconds after which a collation that is not ready yet is said to be on its way."""

PATIENCE_S = 5.0
"""Seconds for which a click waits for a command that writes the run; one correction takes less than one."""

AGAIN_MS = 400
"""When a window asks again whether the run changed: a decision is seen within a second. No connection is held between,
since a browser has six to one server, for all its windows together."""

Answer = Callable[[LiveRun, RequestValues], dict[str, Any]]


def make_app(live: LiveRun, access: Access, scratch: Path, language: str = "") -> Guard:
    """The application for a run, behind its guard.

    ``scratch`` is a folder for the pictures that it makes, ``language`` what it answers in where nobody chose one; the
    browser's where it is empty.
    """
    tiles = ScanTiles(int(live.corpus.run.get("max_pixels", MAX_PIXELS)))
    screens = Screens(live, scratch, may_write=access.may_write)

    def reads(answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            asked = RequestValues.of_query(request.query_params.multi_items())
            return await _answered(lambda: answer(live, asked))

        return endpoint

    def writes(answer: Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = json.loads(await request.body())
            except TooLarge:
                return problem(413, "the request is too large; send it in parts")
            except (ValueError, RecursionError):
                return problem(400, "body: not JSON; expected a JSON object")
            return await _answered(lambda: _patiently(lambda: answer(live, RequestValues.of_body(body))))

        return endpoint

    async def tile(request: Request) -> Response:
        return await _picture(lambda: _tile(live, tiles, request.path_params, request.query_params.get("page", "")))

    async def cut(request: Request) -> Response:
        return await _picture(lambda: _cutout(live, tiles, RequestValues.of_query(request.query_params.multi_items())))

    async def size(request: Request) -> Response:
        return await _answered(lambda: _size(live, tiles, request.query_params.get("page", "")))

    async def screen(request: Request) -> Response:
        path = request.path_params.get("path", "") or INDEX
        return await _document(lambda: screens.document(path, lambda name: request.query_params.get(name, "")), path)

    async def asset(request: Request) -> Response:
        return await _document(lambda: screens.picture(request.path_params["name"]), request.path_params["name"])

    async def front(request: Request) -> Response:
        return _front(request.path_params["name"])

    async def scan(request: Request) -> Response:
        page = request.query_params.get("page", "")
        return await _original(lambda: original(tiles, live.corpus.page(page)))

    async def thumb(request: Request) -> Response:
        page, large = request.query_params.get("page", ""), request.query_params.get("side", "") == "page"
        return await _original(lambda: (screens.thumb(page, large=large), "image/webp"))

    async def go(request: Request) -> Response:
        page = request.query_params.get("page", "")
        if not await run_in_threadpool(lambda: page in live.corpus):
            return problem(404, "no such page in this run; begin at the index")
        cell = request.query_params.get("cell", "")
        return RedirectResponse("/" + page_href(page) + (f"#{cell}" if CELL.fullmatch(cell) else ""), 303)

    async def collation(request: Request) -> Response:
        asked = RequestValues.of_query(request.query_params.multi_items())

        def make() -> str:
            return collation_document(live, asked, may_write=access.may_write)

        made = asyncio.ensure_future(_document(make, "collation.html"))
        if asked.texts("wait"):
            return await made
        done, _ = await asyncio.wait([made], timeout=AT_ONCE_S)
        # What takes longer goes on; the page that is shown meanwhile waits for it and is loaded again.
        return made.result() if done else await _document(lambda: screens.document(COLLATING, _nothing), COLLATING)

    async def cell(request: Request) -> Response:
        asked = RequestValues.of_query(request.query_params.multi_items())
        return await _picture(lambda: cell_picture(live, asked), keep=False)

    async def style(request: Request) -> Response:
        columns = [name for name in request.query_params.getlist("column")[:200] if COLUMN.fullmatch(name)]
        kinds = [f"k{at}" for at in range(MOST_KINDS)]
        return await _document(lambda: collation_style(STATE_WORDS, kinds, columns), "collation.css")

    def file(make: Callable[[LiveRun, RequestValues, str], tuple[bytes, str]]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            asked, kind = RequestValues.of_query(request.query_params.multi_items()), request.path_params["kind"]
            return await _original(lambda: make(live, asked, kind))

        return endpoint

    async def events(_: Request) -> Response:
        version = await run_in_threadpool(live.changed)
        return Response(f"retry: {AGAIN_MS}\ndata: {version}\n\n", media_type="text/event-stream")

    async def run(_: Request) -> Response:
        return await _answered(lambda: _about(live, access))

    routes = [
        Route("/tile/{level:int}/{x:int}/{y:int}", tile),
        Route(f"/{SCAN}", scan),
        Route("/api/run", run),
        Route("/api/events", events),
        Route("/api/pages", reads(list_pages)),
        Route("/api/page", reads(lambda live, asked: one_page(live, asked.text("id")))),
        Route("/api/groups", reads(list_groups)),
        Route("/api/compare", reads(one_pair)),
        Route("/api/collation", reads(one_collation)),
        Route("/api/questions", reads(open_questions)),
        Route("/api/decisions", reads(lambda live, _: all_decisions(live))),
        Route("/api/place", reads(one_place)),
        Route("/api/doubts", reads(list_doubts)),
        Route("/api/scan", size),
        Route("/cutout", cut),
        Route("/api/correct", writes(take_correction), methods=["POST"]),
        Route("/api/table", writes(take_table), methods=["POST"]),
        Route("/api/note", writes(take_note), methods=["POST"]),
        Route("/api/verdict", writes(take_verdict), methods=["POST"]),
        Route("/api/merge", writes(take_merge), methods=["POST"]),
        Route("/api/split", writes(take_split), methods=["POST"]),
        Route("/api/name", writes(take_name), methods=["POST"]),
        Route("/api/undo", writes(take_undo), methods=["POST"]),
        Route("/api/cluster", writes(propose), methods=["POST"]),
        Route("/api/map", reads(map_state)),
        Route("/api/map", writes(start_map), methods=["POST"]),
        Route("/api/keep", writes(keep_proposal), methods=["POST"]),
        Route("/api/books", reads(list_books)),
        Route("/api/book-pair", reads(book_pair)),
        Route("/api/genealogy", reads(stemma)),
        Route("/api/search", reads(search_numbers)),
        Route("/assets/{name}", asset),
        Route(f"/{THUMB}", thumb),
        Route("/go", go),
        Route("/collation.html", collation),
        Route("/collation.css", style),
        Route("/cell.webp", cell),
        Route("/collation.{kind:str}", file(collation_file)),
        Route("/stemma.{kind:str}", file(stemma_file)),
        Route(f"/{FRONT}/{{version}}/{{name:path}}", front),
        Route("/{path:path}", screen),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=_warm, args=(live, screens, language or ENGLISH), daemon=True).start()
        yield

    return Guard(Spoken(Starlette(routes=routes, lifespan=lifespan), language), access)


def _warm(live: LiveRun, screens: Screens, language: str) -> None:
    """Does before it is asked for what the first of all who ask would wait for: a page, searches, questions."""
    screens.warm(language)
    nothing = RequestValues.of_query([])
    for make in (
        # What the score of two pages is computed with takes two seconds of a core to be there.
        lambda: import_module("tablesim.bigrams.network"),
        lambda: live.corpus.search_numbers("0 1", top=1),
        lambda: live.kept("pages", PageList).warm(),
        lambda: open_questions(live, nothing),
    ):
        with suppress(TablesimError):
            make()


async def _answered(answer: Callable[[], dict[str, Any]]) -> Response:
    """What an answer gives, made beside the loop; what goes wrong as one sentence."""
    try:
        return JSONResponse(await run_in_threadpool(answer))
    except InUseError as error:
        return problem(409, f"{error}; nothing was changed, try again when it is done")
    except MissingExtraError as error:
        return problem(501, str(error))
    except TablesimError as error:
        return problem(400, str(error))


def _patiently(write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What ``write`` gives; a command that writes the run is waited for, ``PATIENCE_S`` at most."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except InUseError:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


async def _document(make: Callable[[], str | bytes], name: str) -> Response:
    """A page, script, style or picture of the report."""
    kind = KINDS.get("." + name.rpartition(".")[2])
    if kind is None:
        return problem(404, "no such address in the workbench; begin at the index")
    try:
        content = await run_in_threadpool(make)
    except TablesimError as error:
        return problem(404, str(error))
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    return Response(data, media_type=kind, headers={"cache-control": "no-cache"})


def _front(name: str) -> Response:
    """A script, style or catalogue of the workbench; its address names the version, so it never changes."""
    content = FrontFiles.all().compressed.get(name)
    if content is None:
        return problem(404, f"{name}: no such file in the workbench; load the page again")
    headers = {"cache-control": "private, max-age=31536000, immutable", "content-encoding": "gzip"}
    return Response(content, media_type=KINDS["." + name.rpartition(".")[2]], headers=headers)


async def _original(make: Callable[[], tuple[bytes, str]]) -> Response:
    """A scan as it is on the disk, or as a browser can show it."""
    try:
        data, kind = await run_in_threadpool(make)
    except TablesimError as error:
        return problem(404, str(error))
    return Response(data, media_type=kind)


async def _picture(make: Callable[[], bytes], *, keep: bool = True) -> Response:
    try:
        picture = await run_in_threadpool(make)
    except TablesimError as error:
        return problem(404, str(error))
    # A tile is named by the hash of its scan, so it never changes.
    headers = {"cache-control": "private, max-age=31536000, immutable"} if keep else {}
    return Response(picture, media_type="image/webp", headers=headers)


def _nothing(_: str) -> str:
    """What an address without a question mark says."""
    return ""


def _tile(live: LiveRun, tiles: ScanTiles, where: dict[str, Any], page: str) -> bytes:
    row = live.corpus.page(page)
    return tiles.pyramid(row["scan"], row["sha256"]).tile(where["level"], where["x"], where["y"])


def _cutout(live: LiveRun, tiles: ScanTiles, asked: RequestValues) -> bytes:
    row = live.corpus.page(asked.text("page"))
    box = Box(*(pixels(asked, side) for side in SIDES))
    return cutout(tiles.pyramid(row["scan"], row["sha256"]), box, row["rotation"] or 0)


def _size(live: LiveRun, tiles: ScanTiles, page: str) -> dict[str, Any]:
    """What a viewer needs to ask for tiles; a ScanError where the scan is no longer where it was."""
    row = live.corpus.page(page)
    pyramid = tiles.pyramid(row["scan"], row["sha256"])
    width, height = pyramid.levels[-1].size
    return {
        "sha256": row["sha256"],
        "width": width,
        "height": height,
        "levels": len(pyramid.levels),
        "tile": TILE,
        "rotation": row["rotation"] or 0,
    }


def _about(live: LiveRun, access: Access) -> dict[str, Any]:
    corpus = live.corpus
    return {
        "version": live.version,
        "name": corpus.folder.resolve().name,
        "tablesim": __version__,
        "tile": TILE,
        "may_write": access.may_write,
        "pages": len(corpus),
        "problems": len(corpus.problems),
        "counts": asdict(corpus.groups.counts),
    }
