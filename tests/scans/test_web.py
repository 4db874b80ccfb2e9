"""Fetching from a real HTTP server that has good and bad days."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.library import body, endless, status
from tablesim.errors import FetchError
from tablesim.scans.web import FetchPolicy, Web, as_address, default_cache


def files(web):
    return [path for path in web.cache.rglob("*") if path.is_file()]


def test_a_file_is_fetched_once_and_then_found_offline(library, web):
    url = library.put("/a/page.jpg", body(b"pixels"))
    first = web.get(url, "page.jpg")
    assert first.read_bytes() == b"pixels"
    assert web.get(url, "page.jpg") == first
    assert Web(web.cache, offline=True).get(url, "page.jpg") == first
    assert library.asked["/a/page.jpg"] == 1
    with pytest.raises(FetchError, match=r"other\.jpg: not in the cache .*without --offline"):
        Web(web.cache, offline=True).get(url.replace("page", "other"), "page.jpg")
    assert sum(library.asked.values()) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_host_that_asks_to_wait_is_given_its_time(library, web, form):
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    url = library.put("/busy", status(429, Retry_After="60" if form == "seconds" else until), body(b"here"))
    assert web.get(url, "busy").read_bytes() == b"here"
    assert len(web.waits) == 1
    assert 50 < web.waits[0] <= 60


def test_a_host_that_asks_to_wait_too_long_is_left_for_today(library, web):
    url = library.put("/busy", status(429, Retry_After="3600"))
    with pytest.raises(FetchError, match=r"/busy: HTTP 429 .*asks to wait 3600 s; give the same command again later"):
        web.get(url, "busy")
    assert (library.asked["/busy"], web.waits) == (1, [])


def test_a_host_that_stumbles_is_asked_again_after_longer_and_longer_pauses(library, web):
    url = library.put("/weak", status(500), status(503), body(b"cut", declared=9), body(b"at last"))
    assert web.get(url, "weak").read_bytes() == b"at last"
    assert [round(wait) for wait in web.waits] == [2, 4, 8]
    library.put("/dead", status(500))
    with pytest.raises(FetchError, match=r"/dead: HTTP 500"):
        web.get(library.url + "/dead", "dead")
    assert library.asked["/dead"] == 4
    assert [path.name for path in files(web)] == ["weak"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (403, "HTTP 403 Forbidden; the host refuses programs"),
        (401, "wants a login"),
        (404, "Not Found; check"),
    ],
)
def test_an_answer_that_will_not_change_is_not_asked_for_again(library, web, code, message):
    url = library.put("/no", status(code))
    with pytest.raises(FetchError, match=message):
        web.get(url, "no")
    assert library.asked["/no"] == 1


def test_a_host_that_keeps_refusing_is_left_alone_but_missing_files_do_not_count(library, tmp_path):
    web = Web(tmp_path, manners=FetchPolicy(refusals=3))
    for number in range(5):
        library.put(f"/wall/{number}", status(403))
        with pytest.raises(FetchError, match="HTTP 404"):
            web.get(f"{library.url}/gone/{number}", "x")
    came = library.put("/came", body(b"x"))
    for number in range(7, 9):
        library.put(f"/wall/{number}", status(403))
        with pytest.raises(FetchError, match="HTTP 403"):
            web.get(f"{library.url}/wall/{number}", "x")
    # Two refusals, and then something came: the count begins anew.
    web.get(came, "x")
    for number in range(5):
        message = "HTTP 403" if number < 3 else r"not asked for, because 127\.0\.0\.1:\d+ refused 3 files in a row"
        with pytest.raises(FetchError, match=message):
            web.get(f"{library.url}/wall/{number}", "x")
    assert sum(count for path, count in library.asked.items() if path.startswith("/wall/")) == 2 + 3


def test_redirects_are_followed_a_few_times_and_only_on_the_web(library, web):
    library.put("/end", body(b"end"))
    library.put("/one", status(302, Location=f"{library.url}/end"))
    assert web.get(f"{library.url}/one", "end").read_bytes() == b"end"
    library.put("/round", status(302, Location=f"{library.url}/round"))
    with pytest.raises(FetchError, match="HTTP 302, sent on too often, in a circle"):
        web.get(f"{library.url}/round", "x")
    for number in range(9):
        library.put(f"/chain/{number}", status(302, Location=f"{library.url}/chain/{number + 1}"))
    with pytest.raises(FetchError, match="sent on too often"):
        web.get(f"{library.url}/chain/0", "x")
    assert library.asked["/chain/8"] == 0
    for where, message in (("file:///etc/passwd", "or out of the web"), ("ftp://host/x", "only http and https")):
        library.put("/trap", status(302, Location=where))
        with pytest.raises(FetchError, match=message):
            web.get(f"{library.url}/trap", "x")


def test_answers_without_end_are_cut_and_leave_nothing(library, web):
    flood = library.put("/flood", endless(b"x" * 65536))
    with pytest.raises(FetchError, match=r"the answer is more than 1 MB, expected at most 1 MB"):
        web.get(flood, "x", max_bytes=1_000_000)
    huge = library.put("/huge", body(b"x", declared=5_000_000_000))
    with pytest.raises(FetchError, match=r"the answer is 5,000 MB, expected at most 64 MB"):
        web.get(huge, "x")
    drip = library.put("/drip", endless(b"x", pause=0.02))
    slow = Web(web.cache, manners=FetchPolicy(longest=0.3))
    with pytest.raises(FetchError, match="took longer than 0 s"):
        slow.get(drip, "x")
    assert files(web) == []


def test_no_more_than_two_connections_at_once(library, web):
    urls = [library.put(f"/{number}", body(b"x", wait=0.02)) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda url: web.get(url, "x"), urls))
    # The server still counts an answer for a moment that its asker has already; six would ask at once otherwise.
    assert 2 <= library.most_at_once <= 4


def test_a_host_that_is_not_there_is_named_with_the_reason(web):
    with pytest.raises(FetchError, match=r"no answer \(.*refused\)"):
        web.get("http://127.0.0.1:1/x", "x")
    with pytest.raises(FetchError, match="only http and https"):
        web.get("ftp://host/x", "x")
    with pytest.raises(FetchError, match="no address"):
        web.get("http://host/a b", "x")


def test_a_file_that_the_check_refuses_is_not_kept(library, web):
    def check(path: Path) -> None:
        raise FetchError(f"{path.read_bytes().decode()} is no image")

    url = library.put("/wall", body(b"<html>"))
    with pytest.raises(FetchError, match="<html> is no image"):
        web.get(url, "x", check=check)
    assert files(web) == []


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_host(library, tmp_path):
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(OSError, match="cache"):
        Web(tmp_path / "cache").get(library.put("/x", body(b"x")), "x")


@given(st.sampled_from(["http", "https", "HTTPS"]), st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_an_address_survives_being_a_path(scheme, rest):
    address = f"{scheme.lower()}://{rest}/x"
    assert as_address(address) == as_address(Path(address)) == address
    assert as_address(f"scans/{rest}") is None


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "tablesim"
    monkeypatch.setenv("TABLESIM_CACHE", str(tmp_path / "own"))
    assert default_cache() == tmp_path / "own"
