"""Fetches files over HTTP into a cache, by urllib3: once, politely, within limits, and from no private network unasked.

What a library's server does when it is asked too much or too fast decides whether a corpus comes together at all, so
the rules are strict: a host that refuses several times in a row is left alone, and every file that did not come has its
cause. Where a document may lead is decided in ``networks``.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urljoin

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InvalidHeader, LocationParseError, NewConnectionError
from urllib3.util import Retry, Timeout, Url, make_headers, parse_url

from tablesim.errors import FetchError, ScanError
from tablesim.files import write_aside
from tablesim.scans.cache import DAMAGED, Cache, authority_of, default_cache, unpack
from tablesim.scans.locator import Locator
from tablesim.scans.networks import Resolver
from tablesim.version import __version__

_ADDRESS = re.compile(r"(?P<scheme>https?):/+(?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_CHUNK = 1 << 16
_LOOK = "check the address in a browser"
_BY_HAND = "download the scans by hand and give their folder"
_REMEDIES = {401: f"the host wants a login: {_BY_HAND}", 403: f"the host refuses programs: {_BY_HAND}"}
_REMEDIES |= {404: _LOOK, 410: _LOOK}
_MEGABYTE = 1_000_000
_MOST_REDIRECTS = 5
"""Libraries redirect once or twice (http to https, a resolver of identifiers)."""
_MOST_POOLS = 64
"""Hosts to which connections are kept open."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may change."""

_REFUSALS = frozenset({401, 403, 407, 451}) | _AGAIN
"""Answers that are about the asker or the host, not about the file."""


@dataclass(frozen=True)
class FetchPolicy:
    """How a host is treated, and what one answer may cost.

    Parameters
    ----------
    connections : int
        To one host at a time.
    attempts : int
        Tries for one file.
    backoff : float
        Seconds before the second try, doubled for each further one, unless the host says how long (Retry-After).
    max_wait : float
        Seconds to wait at most when the host says how long; a host that asks for more is asked again another day.
    timeout : float
        Seconds without a byte before a try counts as failed.
    max_seconds : float
        That one answer may take.
    refusals : int
        A host that refused so many files of one kind in a row is not asked for the rest.
    """

    connections: int = 2
    attempts: int = 4
    backoff: float = 2.0
    max_wait: float = 120.0
    timeout: float = 30.0
    max_seconds: float = 900.0
    refusals: int = 8


class Web:
    """Fetches files into ``cache`` and finds them there the next time.

    Parameters
    ----------
    cache : Path, optional
        Folder of what was fetched, ``default_cache()`` unless given. Delete it, or a part of it, to fetch anew.
    offline : bool
        Take from the cache alone.
    policy : FetchPolicy
        How hosts are treated.
    sleep : callable
        What waits, given seconds.
    """

    def __init__(
        self,
        cache: Path | None = None,
        *,
        offline: bool = False,
        policy: FetchPolicy | None = None,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self.cache = default_cache() if cache is None else cache
        self.files = Cache(self.cache)
        self.offline = offline
        self.policy = policy or FetchPolicy()
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._connections = _Connections(self.policy)

    def path_of(self, url: str, name: str) -> Path:
        """Where the file at ``url`` is kept, under the name ``name``."""
        return self.files.path_of(url, name)

    def get(
        self,
        url: str,
        name: str,
        *,
        referrer: str | None = None,
        accept: str = "*/*",
        max_bytes: int = 64 * _MEGABYTE,
        check: Callable[[Path], object] | None = None,
    ) -> Path:
        """The file at ``url``, from the cache or fetched into it.

        Parameters
        ----------
        url, name : str
            Address, and the file's name in the cache.
        referrer : str, optional
            The document that names the address, for which its own network is open; without one it is the user's word,
            for which every network is.
        accept : str
            What kind is asked for; refusals are counted for each kind.
        max_bytes : int
            Larger answers are cut short and refused.
        check : callable, optional
            Looks at the fetched file before it is kept, and raises ScanError when it is not what was asked for.

        Raises
        ------
        FetchError
            The file did not come, with the cause.
        OSError
            The cache cannot be written.
        """
        path = self.path_of(url, name)
        if self.files.is_sound(path, check):
            return path
        if as_address(url) is None:
            raise FetchError(f"{url}: only http and https addresses are fetched; download it and give its path")
        if self.offline:
            state = "damaged in" if path.is_file() else "not in"
            raise FetchError(
                f"{url}: {state} the cache ({self.cache}), and offline nothing is fetched; give the command once "
                "without --offline"
            )
        with self._lock:
            name = authority_of(url)
            host = self._hosts.setdefault(name, _Host(name, threading.Semaphore(self.policy.connections)))
        with host.gate:
            for attempt in range(1, self.policy.attempts + 1):
                host.wait_for_turn(url, self.policy.refusals, self._sleep)
                try:
                    with _tries(), closing(self._connections.open(url, accept, referrer)) as response:
                        self._keep(url, response, path, max_bytes, check)
                except _FailedTry as failed:
                    wait = failed.wait if failed.wait is not None else self.policy.backoff * 2 ** (attempt - 1)
                    if failed.again and attempt < self.policy.attempts and wait <= self.policy.max_wait:
                        # The host asked for quiet, not this file: the other connections wait too.
                        host.not_before = time.monotonic() + wait
                        continue
                    if failed.refusal:
                        host.count_refusal(accept, failed.cause)
                    asked = f"; it asks to wait {wait:.0f} s" if failed.wait and wait > self.policy.max_wait else ""
                    raise FetchError(f"{url}: {failed.cause}{asked}; {failed.remedy}", failed.refusal) from failed
                host.refused[accept] = 0
                break
        return path

    def _keep(
        self,
        url: str,
        response: urllib3.BaseHTTPResponse,
        path: Path,
        max_bytes: int,
        check: Callable[[Path], object] | None,
    ) -> None:
        """Put an answer into the cache, whole and checked or not at all."""
        declared = response.length_remaining
        if declared is not None and declared > max_bytes:
            raise FetchError(_too_large(url, declared, max_bytes))

        def fill(aside: Path) -> None:
            with aside.open("wb") as file:
                self._receive(url, response, file, max_bytes)
            try:
                if (unpacked := unpack(aside, max_bytes)) is not None and unpacked > max_bytes:
                    raise FetchError(_too_large(url, None, max_bytes))
            except DAMAGED as error:
                raise _FailedTry(f"the answer cannot be unpacked ({_plain(error)})", again=True) from error
            if check is not None:
                try:
                    check(aside)
                except ScanError as error:
                    raise FetchError(str(error).replace(f"{Locator(aside)}: ", f"{url}: ", 1)) from error

        write_aside(path, fill, durable=False)
        self.files.note_size(path)

    def _receive(self, url: str, response: urllib3.BaseHTTPResponse, file: IO[bytes], max_bytes: int) -> None:
        size, started = 0, time.monotonic()
        while True:
            try:
                # At most one packet a time: a server that sends a byte now and then must not keep us for ever.
                chunk = response.read1(_CHUNK, decode_content=True)
            except (HTTPError, OSError) as error:
                raise _FailedTry(f"the answer broke off after {size:,} bytes ({_plain(error)})", again=True) from error
            if not chunk:
                return
            size += len(chunk)
            if size > max_bytes:
                raise FetchError(_too_large(url, None, max_bytes))
            if time.monotonic() - started > self.policy.max_seconds:
                raise FetchError(
                    f"{url}: the answer took longer than {self.policy.max_seconds:.0f} s ({size:,} bytes came); "
                    "give the same command again when the host is faster"
                )
            file.write(chunk)


class _Connections:
    """Opens addresses, follows redirects, keeps connections open; each host at an address that was checked."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._timeout = Timeout(policy.timeout)
        self._resolver = Resolver()
        self._pools = urllib3.PoolManager(_MOST_POOLS, maxsize=policy.connections)
        self._proxy = cache(partial(urllib3.ProxyManager, maxsize=policy.connections))

    def open(self, url: str, accept: str, referrer: str | None) -> urllib3.BaseHTTPResponse:
        """The answer at ``url`` or where it sends on to, with its body unread; FetchError or _FailedTry otherwise."""
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._request(_parsed(url), accept, referrer)
            location = response.get_redirect_location()
            if not location and response.status < 300:
                return response
            response.close()
            if not location:
                raise _refusal_of(response)
            referrer, url = url, urljoin(url, location)
            if as_address(url) is None:
                break
        raise _FailedTry(f"HTTP {response.status}, sent on too often, in a circle, or out of the web", remedy=_LOOK)

    def _request(self, url: Url, accept: str, referrer: str | None) -> urllib3.BaseHTTPResponse:
        host, scheme = _host_of(url), url.scheme or ""
        headers = {"Accept": accept, "User-Agent": f"tablesim/{__version__}", "Host": url.netloc or ""}
        if url.auth:
            headers |= make_headers(basic_auth=unquote(url.auth))
        options: dict[str, Any] = {"preload_content": False, "redirect": False, "retries": False, "headers": headers}
        options["timeout"] = self._timeout
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)
        try:
            addresses = self._resolver.allowed(host, referrer and _host_of(_parsed(referrer)))
        except socket.gaierror:
            if proxy is None:
                raise
        except FetchError as error:
            raise FetchError(f"{url}: {error}") from error
        if proxy is not None:
            # Names that only the proxy can resolve are its business.
            return self._proxy(proxy).urlopen("GET", url.url, **options)
        names = {"server_hostname": host, "assert_hostname": host} if scheme == "https" else {}
        for address in addresses:
            pool = self._pools.connection_from_host(address, url.port, scheme, pool_kwargs=names)
            try:
                return pool.urlopen("GET", url.request_uri, **options)
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
        self._resolver.forget(host)
        raise failed


@dataclass
class _Host:
    """What is remembered of one host while a ``Web`` lives. Refusals in a row are counted for each kind of file."""

    name: str
    gate: threading.Semaphore
    not_before: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    cause: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for_turn(self, url: str, refusals: int, sleep: Callable[[float], Any]) -> None:
        """Wait as long as the host asked for; FetchError when it is left alone."""
        most = max(self.refused.values(), default=0)
        if most >= refusals:
            raise FetchError(
                f"{url}: not asked for, because {self.name} refused {most} files in a row ({self.cause}); "
                "give the same command again later",
                True,
            )
        if (wait := self.not_before - time.monotonic()) > 0:
            sleep(wait)

    def count_refusal(self, kind: str, cause: str) -> None:
        with self.lock:
            self.refused[kind] += 1
            self.cause = cause


@dataclass
class _FailedTry(Exception):
    """A try that failed; whether another may help, and after how many seconds if the host said so."""

    cause: str
    again: bool = False
    wait: float | None = None
    refusal: bool = False
    remedy: str = "give the same command again later"


def as_address(source: object) -> str | None:
    """The address that ``source`` is, mended where a Path swallowed a slash; None for anything else."""
    match = _ADDRESS.fullmatch(str(source))
    return f"{match['scheme'].lower()}://{match['rest']}" if match else None


def _parsed(url: str) -> Url:
    """The parts of an address, everything escaped that has to be; LocationParseError for what is none."""
    authority = authority_of(url)
    try:
        # urllib3 escapes paths, but wants another package for hosts such as bücher.example.
        return parse_url(url if authority.isascii() else url.replace(authority, authority.encode("idna").decode(), 1))
    except ValueError as error:
        raise LocationParseError(url) from error


def _host_of(url: Url) -> str:
    return (url.host or "").strip("[]")


@contextmanager
def _tries() -> Iterator[None]:
    """Say what urllib3 and the system say of a connection as a failed try."""
    try:
        yield
    except (FetchError, _FailedTry):
        raise
    except LocationParseError as error:
        raise _FailedTry(f"no address ({_plain(error)})", remedy=_LOOK) from error
    except (HTTPError, socket.gaierror) as error:
        untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
        raise _FailedTry(f"no answer ({_plain(error)})", again=not untrusted, refusal=True) from error


def _refusal_of(response: urllib3.BaseHTTPResponse) -> _FailedTry:
    try:
        wait = Retry().get_retry_after(response)
    except InvalidHeader:
        wait = None
    code = response.status
    return _FailedTry(
        f"HTTP {code} {response.reason or ''}".strip(),
        again=code in _AGAIN,
        wait=wait,
        refusal=code in _REFUSALS,
        remedy=_REMEDIES.get(code, _FailedTry.remedy),
    )


def _too_large(url: str, size: int | None, most: int) -> str:
    amount = f"{size / _MEGABYTE:,.0f} MB" if size is not None else f"more than {most / _MEGABYTE:,.0f} MB"
    return f"{url}: the answer is {amount}, expected at most {most / _MEGABYTE:,.0f} MB; download it by hand"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those behind it, as urllib3 wraps them."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        yield from (inner for inner in cause.args if isinstance(inner, BaseException))
        cause = cause.__cause__ or cause.__context__


def _plain(error: BaseException) -> str:
    """What the system says of a failed connection, else what the error says, in one line."""
    words = next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    if words is None and isinstance(error, urllib3.exceptions.TimeoutError):
        return "timed out"
    return " ".join(str(words or error).split()) or type(error).__name__
