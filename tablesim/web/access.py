"""Who may ask the workbench: a token, the hosts and origins that are meant, bounded sizes, headers that bind a browser.

A page from elsewhere that a browser shows can send requests to this machine, and a name of a foreign host can be made
to point to it (DNS rebinding). So every request needs the token, names a host that is meant, and a request that changes
something comes from the workbench's own origin.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1_000_000
"""Bytes of a request at most: a thousand corrections take a tenth of it."""

READS = ("GET", "HEAD")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content security policy of every answer: no script and no style but the workbench's own files, nothing in a
page, nothing from elsewhere."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def new_token() -> str:
    """A token that nobody guesses: 192 bits."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Parameters
    ----------
    hosts : frozenset of str
        Values of the header ``Host`` that are meant, as ``127.0.0.1:8123``.
    token : str
        RequestValues of everyone.
    may_write : bool
        False where the run is shared: nothing can be changed then.
    cookie : str
        Name of the cookie that keeps the token; browsers give the cookies of a machine to each of its ports.
    """

    hosts: frozenset[str]
    token: str = field(repr=False)
    may_write: bool = True
    cookie: str = "tablesim"

    @classmethod
    def of(cls, hosts: Iterable[str], port: int, token: str, *, may_write: bool = True) -> Access:
        """Access by these names of a machine on a port."""
        return cls(frozenset(f"{host}:{port}" for host in hosts), token, may_write, f"tablesim-{port}")

    def knows(self, token: str) -> bool:
        """Whether this is the token; takes as long whatever differs."""
        return secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode())


class Guard:
    """Lets through to ``app`` what ``access`` allows, with the headers that bind the browser; ASGI."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self.app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through; None where it is."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self.access.hosts:
            return problem(403, "Host: not a name of this workbench; open the address that `tablesim view` printed")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given and scope["method"] in READS and self.access.knows(given[0]):
            return self._keep_token(scope, [pair for pair in query if pair[0] != "token"])
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if not (bearer and self.access.knows(bearer)) and not self.access.knows(self._cookie(headers)):
            return problem(
                401, "token: missing or wrong; open the address that `tablesim view` printed, with its token"
            )
        if scope["method"] not in READS:
            return self._refusal_to_write(scope["method"], headers, scripted=bool(bearer))
        return None

    def _refusal_to_write(self, method: str, headers: Headers, *, scripted: bool) -> Response | None:
        if method != "POST":
            return problem(405, f"method: got {method}, expected GET or POST")
        if not self.access.may_write:
            return problem(403, "this run is shared for reading; nothing can be changed here")
        origin = headers.get("origin")
        # A script that holds the token sends no origin; a browser always does.
        if origin is None and not scripted:
            return problem(403, "Origin: missing; requests that change something come from the workbench's own pages")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self.access.hosts}:
            return problem(403, "Origin: not this workbench; nothing was changed")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return problem(415, "Content-Type: expected application/json")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return problem(413, f"the request has more than {MAX_BODY:,} bytes; send it in parts")
        return None

    def _cookie(self, headers: Headers) -> str:
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(self.access.cookie)
        except CookieError:
            return ""
        return "" if kept is None else kept.value

    def _keep_token(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """To the same address without the token, which a cookie keeps: so it is in no history, link or picture."""
        path = quote(scope["path"])
        # Two slashes at the beginning would name another host.
        target = "/" + path.lstrip("/\\") + (f"?{urlencode(query)}" if query else "")
        answer = RedirectResponse(target, 303)
        answer.set_cookie(self.access.cookie, self.access.token, httponly=True, samesite="strict", path="/")
        return answer


class TooLarge(Exception):
    """More came than a request may have, whatever its length was said to be."""


def problem(status: int, message: str) -> Response:
    """An answer that says what was wrong and what to do."""
    return JSONResponse({"error": message}, status)


def _bounded(receive: Receive) -> Receive:
    """What is received, up to ``MAX_BODY`` bytes."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise TooLarge
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return with_headers
