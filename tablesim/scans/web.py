"""Files from the web, fetched once and politely: few connections a host, waiting when asked to, kept on the disk.

What a library's server does when it is asked too much or too fast decides whether a corpus comes together at all, so
the rules are strict: a host that refuses several times in a row is left alone, and every file that did not come has its
cause.
"""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import os
import re
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tablesim.errors import FetchError

_ADDRESS = re.compile(r"(?P<scheme>https?):/+(?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_CHUNK = 1 << 16
_LOOK = "check the address in a browser"
_MEGABYTE = 1_000_000
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
    patience : float
        Seconds to wait at most when the host says how long; a host that asks for more is asked again another day.
    timeout : float
        Seconds without a byte before a try counts as failed.
    longest : float
        Seconds that one answer may take.
    refusals : int
        A host that refused so many files in a row is not asked for the rest.
    """

    connections: int = 2
    attempts: int = 4
    backoff: float = 2.0
    patience: float = 120.0
    timeout: float = 30.0
    longest: float = 900.0
    refusals: int = 8


class Web:
    """Fetches files into ``cache`` and finds them there the next time.

    Parameters
    ----------
    cache : Path, optional
        Folder of what was fetched, ``default_cache()`` unless given. Delete it, or a part of it, to fetch anew.
    offline : bool
        Take from the cache alone.
    manners : Manners
        See there.
    sleep : callable
        What waits, given seconds.
    """

    def __init__(
        self,
        cache: Path | None = None,
        *,
        offline: bool = False,
        manners: FetchPolicy | None = None,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self.cache = default_cache() if cache is None else cache
        self.offline = offline
        self.manners = manners or FetchPolicy()
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        # Only these two schemes are ever opened: see _scheme and _Redirects.
        self._opener = urllib.request.build_opener(_Redirects)
        self._opener.addheaders = [("User-Agent", f"tablesim/{version('tablesim')}")]

    def place(self, url: str, name: str) -> Path:
        """Where the file at ``url`` is kept, under the name ``name``."""
        host = re.sub(r"[^\w.-]", "_", urlsplit(url).netloc.rpartition("@")[2]) or "host"
        return self.cache / host / hashlib.sha256(url.encode()).hexdigest()[:16] / name

    def get(
        self,
        url: str,
        name: str,
        *,
        accept: str = "*/*",
        max_bytes: int = 64 * _MEGABYTE,
        check: Callable[[Path], None] | None = None,
    ) -> Path:
        """The file at ``url``, from the cache or fetched into it.

        Parameters
        ----------
        url, name : str
            Address, and the file's name in the cache.
        accept : str
            What kind is asked for.
        max_bytes : int
            Larger answers are cut short and refused.
        check : callable, optional
            Looks at the fetched file before it is kept, and raises FetchError when it is not what was asked for.

        Raises
        ------
        FetchError
            The file did not come, with the cause.
        OSError
            The cache cannot be written.
        """
        path = self.place(url, name)
        if path.is_file():
            return path
        _scheme(url)
        if self.offline:
            raise FetchError(
                f"{url}: not in the cache ({self.cache}), and offline nothing is fetched; give the command once "
                "without --offline"
            )
        host = self._host(urlsplit(url).netloc)
        with host.gate:
            self._try(url, host, lambda: self._fetch(url, path, accept, max_bytes, check))
        return path

    def _host(self, name: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(name, _Host(name, threading.Semaphore(self.manners.connections)))

    def _try(self, url: str, host: _Host, fetch: Callable[[], None]) -> None:
        for attempt in range(1, self.manners.attempts + 1):
            host.refuse_if_closed(url, self.manners.refusals)
            if (wait := host.not_before - time.monotonic()) > 0:
                self._sleep(wait)
            try:
                fetch()
            except _FailedTry as failed:
                wait = failed.wait if failed.wait is not None else self.manners.backoff * 2 ** (attempt - 1)
                if failed.again and attempt < self.manners.attempts and wait <= self.manners.patience:
                    # The host asked for quiet, not this file: the other connections wait too.
                    host.not_before = time.monotonic() + wait
                    continue
                host.count(failed)
                asked = f"; it asks to wait {wait:.0f} s" if failed.wait and wait > self.manners.patience else ""
                raise FetchError(f"{url}: {failed.cause}{asked}; {failed.remedy}", failed.refusal) from failed
            host.came()
            return

    def _fetch(self, url: str, path: Path, accept: str, max_bytes: int, check: Callable[[Path], None] | None) -> None:
        request = urllib.request.Request(url, headers={"Accept": accept})
        with self._answer(request) as answer:
            declared = answer.headers.get("Content-Length") or ""
            expected = int(declared) if declared.isascii() and declared.isdigit() else None
            if expected is not None and expected > max_bytes:
                raise FetchError(_too_large(url, expected, max_bytes))
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            aside = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    size = self._receive(url, answer, file, max_bytes)
                if expected is not None and size < expected:
                    raise _FailedTry(f"the answer was cut off after {size:,} of {expected:,} bytes", again=True)
                if check is not None:
                    check(aside)
                aside.chmod(0o644)
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)

    @contextmanager
    def _answer(self, request: urllib.request.Request) -> Iterator[Any]:
        try:
            answer = self._opener.open(request, timeout=self.manners.timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _failed(error) from error
        except FetchError:
            raise
        except (http.client.InvalidURL, UnicodeError) as error:
            raise _FailedTry(f"no address ({_plain(error)})", remedy="check it in a browser") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            untrusted = isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError)
            raise _FailedTry(f"no answer ({_plain(error)})", again=not untrusted, refusal=True) from error
        with answer:
            yield answer

    def _receive(self, url: str, answer: Any, file: Any, max_bytes: int) -> int:
        size, started = 0, time.monotonic()
        while True:
            try:
                # At most one packet a time: a server that sends a byte now and then must not keep us for ever.
                chunk = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise _FailedTry(f"the answer broke off after {size:,} bytes ({_plain(error)})", again=True) from error
            if not chunk:
                return size
            size += len(chunk)
            if size > max_bytes:
                raise FetchError(_too_large(url, None, max_bytes))
            if time.monotonic() - started > self.manners.longest:
                raise FetchError(
                    f"{url}: the answer took longer than {self.manners.longest:.0f} s ({size:,} bytes came); "
                    "give the same command again when the host is faster"
                )
            file.write(chunk)


@dataclass
class _Host:
    """What is remembered of one host while a ``Web`` lives."""

    name: str
    gate: threading.Semaphore
    not_before: float = 0.0
    refused: int = 0
    cause: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse_if_closed(self, url: str, refusals: int) -> None:
        if self.refused >= refusals:
            raise FetchError(
                f"{url}: not asked for, because {self.name} refused {self.refused} files in a row ({self.cause}); "
                "give the same command again later",
                True,
            )

    def count(self, failed: _FailedTry) -> None:
        with self.lock:
            if failed.refusal:
                self.refused, self.cause = self.refused + 1, failed.cause

    def came(self) -> None:
        with self.lock:
            self.refused = 0


class _FailedTry(Exception):
    """A try that failed; whether another may help, and after how many seconds if the host said so."""

    def __init__(
        self, cause: str, *, again: bool = False, wait: float | None = None, refusal: bool = False, remedy: str = ""
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.again = again
        self.wait = wait
        self.refusal = refusal
        self.remedy = remedy or "give the same command again later"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and only to the web."""

    max_repeats = 2
    max_redirections = 5

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def default_cache() -> Path:
    """Where fetched files are kept: ``$TABLESIM_CACHE``, or ``tablesim`` in the user's folder of caches."""
    named = os.environ.get("TABLESIM_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tablesim"


def as_address(source: Any) -> str | None:
    """The address that ``source`` is, mended where a Path swallowed a slash; None for anything else."""
    match = _ADDRESS.fullmatch(str(source))
    return f"{match['scheme'].lower()}://{match['rest']}" if match else None


def _scheme(url: str) -> None:
    if as_address(url) is None:
        raise FetchError(f"{url}: only http and https addresses are fetched; download it and give its path")


def _failed(error: urllib.error.HTTPError) -> _FailedTry:
    code = error.code
    if 300 <= code < 400:
        return _FailedTry(f"HTTP {code}, sent on too often, in a circle, or out of the web", remedy=_LOOK)
    remedy = {
        401: "the host wants a login: download the scans by hand and give their folder",
        403: "the host refuses programs: download the scans by hand and give their folder",
        404: _LOOK,
        410: _LOOK,
    }.get(code, "")
    return _FailedTry(
        f"HTTP {code} {error.reason or ''}".strip(),
        again=code in _AGAIN,
        wait=_retry_after(error.headers.get("Retry-After") if error.headers else None),
        refusal=code in _REFUSALS,
        remedy=remedy,
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date - datetime.now(UTC)).total_seconds()) if date.tzinfo else None


def _too_large(url: str, size: int | None, most: int) -> str:
    found = f"{size / _MEGABYTE:,.0f} MB" if size is not None else f"more than {most / _MEGABYTE:,.0f} MB"
    return f"{url}: the answer is {found}, expected at most {most / _MEGABYTE:,.0f} MB; download it by hand"


def _plain(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, BaseException) else error
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return " ".join(f"{inner}".split()) or type(inner).__name__
