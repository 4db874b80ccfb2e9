"""Fetching from a real HTTP server that has good and bad days."""

import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.library import body, endless, status
from tablesim.errors import FetchError
from tablesim.scans.networks import network_of
from tablesim.scans.web import FetchPolicy, Web, as_address, default_cache


def files(web):
    """What is in the cache, but for the notes of sizes."""
    return [path for path in web.cache.rglob("*") if path.is_file() and path.suffix != ".size"]


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
    web = Web(tmp_path, policy=FetchPolicy(refusals=3))
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
    for where in ("file:///etc/passwd", "ftp://host/x"):
        library.put("/trap", status(302, Location=where))
        with pytest.raises(FetchError, match="or out of the web"):
            web.get(f"{library.url}/trap", "x")


def test_answers_without_end_are_cut_and_leave_nothing(library, web):
    flood = library.put("/flood", endless(b"x" * 65536))
    with pytest.raises(FetchError, match=r"the answer is more than 1 MB, expected at most 1 MB"):
        web.get(flood, "x", max_bytes=1_000_000)
    huge = library.put("/huge", body(b"x", declared=5_000_000_000))
    with pytest.raises(FetchError, match=r"the answer is 5,000 MB, expected at most 64 MB"):
        web.get(huge, "x")
    drip = library.put("/drip", endless(b"x", pause=0.02))
    slow = Web(web.cache, policy=FetchPolicy(max_seconds=0.3))
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
        web.get("http://[host/a b", "x")


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


def test_blanks_and_letters_in_an_address_are_escaped(library, web):
    library.put("/a%20b/%C3%A9t%C3%A9.jpg?p=%C3%BC", body(b"x"))
    assert web.get(f"{library.url}/a b/été.jpg?p=ü", "x").read_bytes() == b"x"
    library.put("/50%25%20of.jpg", body(b"y"))
    assert web.get(f"{library.url}/50%25%20of.jpg", "x").read_bytes() == b"y"


def test_hosts_of_letters_are_asked_for_in_ascii(library, web, monkeypatch):
    asked = []
    resolve = socket.getaddrinfo

    def resolve_here(host, *more, **named):
        asked.append(host)
        return resolve("127.0.0.1", *more, **named)

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
    library.put("/x", body(b"x"))
    web.get(library.url.replace("127.0.0.1", "bücher.example") + "/x", "x")
    assert "xn--bcher-kva.example" in asked


def test_a_connection_serves_many_files(library, web):
    for number in range(20):
        web.get(library.put(f"/{number}", body(b"x")), "x")
    assert library.connections == 1


def test_answers_that_are_packed_unasked_are_unpacked(library, web):
    url = library.put("/m.json", body(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    assert web.get(url, "m.json").read_bytes() == b'{"a": 1}'
    bomb = library.put("/bomb", body(gzip.compress(bytes(3_000_000)), Content_Encoding="gzip"))
    with pytest.raises(FetchError, match="more than 1 MB"):
        web.get(bomb, "x", max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "public"),
        ("2001:4860:4860::8888", "public"),
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("10.1.2.3", "intranet"),
        ("172.16.0.9", "intranet"),
        ("192.168.1.1", "intranet"),
        ("100.64.0.1", "intranet"),
        ("fd00::1", "intranet"),
        ("::ffff:10.0.0.1", "intranet"),
        ("169.254.169.254", "169.254.169.254"),
        ("fe80::1", "fe80::1"),
        ("0.0.0.0", "0.0.0.0"),
        ("224.0.0.1", "224.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
    ],
)
def test_addresses_belong_to_networks(address, network):
    assert network_of(address) == network


PRIVATE = (
    r"not asked for, because it lies in a private network, to which only sources of your own .* may lead; download"
)


@pytest.mark.parametrize(
    "referrer", ["http://8.8.8.8/manifest.json", "https://[2001:4860:4860::8888]/m", "http://10.0.0.1/m"]
)
def test_a_document_leads_to_no_other_private_network(library, web, referrer):
    url = library.put("/x", body(b"x"))
    for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
        with pytest.raises(FetchError, match=PRIVATE):
            web.get(address, "x", referrer=referrer)
    # The same words for a port at which nobody listens: nothing is learnt of what there is.
    with pytest.raises(FetchError, match=PRIVATE):
        web.get("http://127.0.0.1:1/x", "x", referrer=referrer)
    assert not library.asked
    assert library.connections == 0


def test_a_document_leads_within_its_own_network_and_the_user_anywhere(library, web):
    url = library.put("/x", body(b"x"))
    assert web.get(url, "x", referrer="http://127.0.0.2:99/manifest.json").read_bytes() == b"x"
    assert web.get(library.put("/y", body(b"y")), "y").read_bytes() == b"y"
    with pytest.raises(FetchError, match=PRIVATE):
        web.get("http://169.254.169.254/latest/meta-data", "x", referrer=url)


def test_a_redirect_leads_to_no_other_private_network(library, inner_library, web):
    inner = inner_library.put("/secret", body(b"secret"))
    url = library.put("/x", status(302, Location=inner))
    with pytest.raises(FetchError, match=PRIVATE):
        web.get(url, "x")
    assert not inner_library.asked
    assert files(web) == []
    # From the private library to itself and to the public one it is no trap.
    inner_library.put("/round", status(302, Location=inner))
    assert web.get(f"{inner_library.url}/round", "x").read_bytes() == b"secret"


def test_the_address_that_was_checked_is_the_one_that_is_asked(library, web, monkeypatch):
    answers = iter(["127.0.0.1"])
    resolve = socket.getaddrinfo

    def rebind(host, *more, **named):
        # The second answer of a hostile name server would be another address.
        return resolve(next(answers) if host == "library.example" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    for number in range(3):
        library.put(f"/{number}", body(b"x"))
        url = f"{library.url}/{number}".replace("127.0.0.1", "library.example")
        web.get(url, "x", referrer="http://127.0.0.1/manifest.json")
    assert sum(library.asked.values()) == 3


def test_the_next_address_of_a_host_is_asked_where_the_first_is_silent(library, web, monkeypatch):
    resolve = socket.getaddrinfo

    def resolve_two(host, *more, **named):
        hosts = ("127.0.0.9", "127.0.0.1") if host == "library.example" else (host,)
        return [info for address in hosts for info in resolve(address, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_two)
    library.put("/x", body(b"x"))
    assert web.get(library.url.replace("127.0.0.1", "library.example") + "/x", "x").read_bytes() == b"x"
    assert web.waits == []


def test_what_is_cut_off_in_the_cache_is_fetched_again(library, web):
    url = library.put("/p.jpg", body(b"pixels"))
    path = web.get(url, "p.jpg")
    path.write_bytes(b"pix")
    with pytest.raises(FetchError, match="damaged in the cache"):
        Web(web.cache, offline=True).get(url, "p.jpg")
    assert Web(web.cache).get(url, "p.jpg").read_bytes() == b"pixels"
    assert library.asked["/p.jpg"] == 2


def test_what_an_earlier_version_kept_is_checked_once(library, web):
    def check(path: Path) -> None:
        checked.append(path)
        if path.read_bytes() != b"{}":
            raise FetchError("no JSON")

    checked: list[Path] = []
    url = library.put("/info.json", body(b"{}"))
    path = web.path_of(url, "info.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>login</html>")
    assert web.get(url, "info.json", check=check).read_bytes() == b"{}"
    path.with_name(".info.json.size").unlink()
    checked.clear()
    assert [web.get(url, "info.json", check=check) for _ in range(3)] == [path] * 3
    assert (checked, library.asked["/info.json"]) == ([path], 1)


def test_files_of_another_kind_that_come_do_not_open_a_wall(library, tmp_path):
    web = Web(tmp_path, policy=FetchPolicy(refusals=3))
    for number in range(9):
        library.put(f"/{number}.jpg", status(403))
        library.put(f"/{number}.json", body(b"{}"))
        try:
            web.get(f"{library.url}/{number}.json", "x", accept="application/json")
            web.get(f"{library.url}/{number}.jpg", "x", accept="image/*")
        except FetchError:
            pass
    assert sum(count for path, count in library.asked.items() if path.endswith("jpg")) == 3
