"""The guard of the workbench: who is let through, what is refused and why, which headers bind the browser."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tablesim.web.access import HEADERS, MAX_BODY, Access, Guard, TooLarge, new_token

HOST = "127.0.0.1:8737"
TOKEN = "the-token"


async def _echo(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(f"{request.method} {len(await request.body())}")
    except TooLarge:
        return PlainTextResponse("too large", 413)


def client(*, may_write: bool = True) -> TestClient:
    access = Access.of(["127.0.0.1", "localhost"], 8737, TOKEN, may_write=may_write)
    inner = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"])])
    return TestClient(Guard(inner, access), base_url=f"http://{HOST}", follow_redirects=False)


@pytest.fixture
def known():
    """A browser that opened the address with the token."""
    made = client()
    made.cookies.set("tablesim-8737", TOKEN)
    return made


def post(browser: TestClient, content: bytes = b"{}", **headers: str):
    return browser.post(
        "/api/correct",
        content=content,
        headers={"content-type": "application/json", "origin": f"http://{HOST}"}
        | {k.replace("_", "-"): v for k, v in headers.items()},
    )


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address():
    answer = client().get(f"/page?id=a%20b&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/page?id=a+b"
    cookie = answer.headers["set-cookie"].lower()
    assert f"tablesim-8737={TOKEN}" in cookie
    assert "httponly" in cookie and "samesite=strict" in cookie


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%2f/evil.example"])
def test_the_redirect_stays_on_this_host(path):
    answer = client().get(f"{path}?token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith(("//", "/\\"))


@pytest.mark.parametrize("given", ["", "?token=wrong", "?token=", f"?token={TOKEN}x", "?token=%ff"])
def test_without_the_token_nothing_is_answered(given):
    answer = client().get(f"/api/run{given}")
    assert answer.status_code == 401
    assert "open the address that `tablesim view` printed" in answer.json()["error"]


def test_with_cookie_or_bearer_it_is_answered(known):
    assert known.get("/api/run").status_code == 200
    assert client().get("/api/run", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client().get("/api/run", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client().get("/api/run", headers={"cookie": "tablesim-8738=" + TOKEN}).status_code == 401, "another port's"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8737", "127.0.0.1:8738", "127.0.0.1", ""])
def test_a_foreign_host_is_refused_whatever_else_is_right(known, host):
    answer = known.get("/api/run", headers={"host": host})
    assert answer.status_code == 403
    assert "Host" in answer.json()["error"]


def test_a_change_comes_from_the_own_origin(known):
    assert post(known).status_code == 200
    assert post(known, origin="http://localhost:8737").status_code == 200
    for foreign in ("http://evil.example", "null", "https://127.0.0.1:8737", "http://127.0.0.1:8738"):
        assert post(known, origin=foreign).status_code == 403, foreign
    without = known.post("/api/correct", content=b"{}", headers={"content-type": "application/json"})
    assert without.status_code == 403, "a browser always names its origin"


def test_a_script_with_the_token_needs_no_origin():
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    assert client().post("/api/correct", content=b"{}", headers=headers).status_code == 200
    assert (
        client().post("/api/correct", content=b"{}", headers=headers | {"origin": "http://evil.example"}).status_code
        == 403
    )


def test_only_json_changes_anything(known):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert post(known, content_type=kind).status_code == 415
    assert post(known, content_type="application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(known, method):
    assert known.request(method, "/api/correct", headers={"origin": f"http://{HOST}"}).status_code == 405


def test_a_shared_run_cannot_be_changed():
    shared = client(may_write=False)
    shared.cookies.set("tablesim-8737", TOKEN)
    assert shared.get("/api/run").status_code == 200
    answer = post(shared)
    assert answer.status_code == 403
    assert "reading" in answer.json()["error"]


def test_sizes_are_bounded_by_what_is_said_and_by_what_comes(known):
    assert post(known, b"x" * MAX_BODY).status_code == 200
    assert post(known, b"x" * (MAX_BODY + 1)).status_code == 413
    pieces = (b"x" * 100_000 for _ in range(20))
    headers = {"content-type": "application/json", "origin": f"http://{HOST}"}
    assert known.post("/api/correct", content=pieces, headers=headers).status_code == 413, "no length was said"


@pytest.mark.parametrize("path", ["/api/run", "/nowhere", "/api/run?token=wrong"])
def test_every_answer_binds_the_browser(known, path):
    for answer in (known.get(path), client().get(path), client().get(path, headers={"host": "evil.example"})):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["default-src"] == "'none'"
        assert answer.headers["cache-control"] == "no-store"


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32
    assert TOKEN not in repr(Access.of(["127.0.0.1"], 1, TOKEN))
