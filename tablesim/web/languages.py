"""The language that the workbench answers in: the one that was chosen, in the address or before, else the browser's.

Pages and ``/api`` answer in it; what is taken away as a file is English, as it is by command, and so is what a run
keeps (``language.stored``).
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tablesim.language import ENGLISH, LANGUAGES, speaking

CHOSEN = "language"
"""What an address says behind its question mark for the language that it is to be read in, from then on."""

COOKIE = "tablesim-language"
"""Name of the cookie that keeps what was chosen; front/words.js sets it too."""

YEAR_S = 31_536_000


class Spoken:
    """Answers each request in the language of who asks; ASGI.

    Parameters
    ----------
    app : ASGI application
    default : str
        Where nothing was chosen: one of ``LANGUAGES``, or empty for that of the browser.
    """

    def __init__(self, app: ASGIApp, default: str = "") -> None:
        self.app, self.default = app, default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        chosen = parse_qs(scope["query_string"].decode("latin-1")).get(CHOSEN, [""])[0]
        kept = chosen in LANGUAGES
        with speaking(chosen if kept else asked_language(Headers(scope=scope), self.default)):
            await self.app(scope, receive, _keeping(send, chosen) if kept else send)


def asked_language(headers: Headers, default: str = "") -> str:
    """The language of a request: that of its cookie, the default, or the first of the browser's that there is."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    if cookie is not None and cookie.value in LANGUAGES:
        return cookie.value
    # Browsers name the language that is liked best first.
    wanted = [part.partition(";")[0].strip()[:2].lower() for part in headers.get("accept-language", "").split(",")]
    return default or next((name for name in wanted if name in LANGUAGES), ENGLISH)


def _keeping(send: Send, chosen: str) -> Send:
    async def keeping(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{COOKIE}={chosen}; Path=/; Max-Age={YEAR_S}; SameSite=strict"
            MutableHeaders(scope=message).append("set-cookie", cookie)
        await send(message)

    return keeping
