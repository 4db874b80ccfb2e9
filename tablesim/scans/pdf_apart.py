"""Opens pages of PDFs in a process beside this one: a page can be made so that PDFium draws it for ever, or crashes.

A form that draws itself twice, a pattern of steps that are too small, a mask of itself: PDFium ends with none of them,
and nothing in this process could stop it. The process beside is started with the first PDF and serves until this one
ends; one that takes too long with a page is ended, and the page is a problem.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from PIL import Image

from tablesim.errors import ScanError
from tablesim.scans import pdf
from tablesim.scans.locator import Locator

PATIENCE = 60.0
"""Seconds of a core for one page: a scan of 100 megapixels takes 3, a map with a million lines 20."""
_BY_THE_CLOCK = 10
"""So many times as long by the clock, for a machine with other work or a page that waits for something."""
_SLOW_PAGES = 3
"""After so many pages of a file that had to be ended the rest of it is not tried."""

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from tablesim.scans.pdf_apart import serve; serve()"


def count_pages(path: Path) -> int:
    """How many pages a PDF has; errors as of ``pdf.count_pages``."""
    if not _is_possible():
        return pdf.count_pages(path)
    head, _ = _asked(path, {"path": str(path), "patience": PATIENCE})
    return int(head["count"])


def open_page(path: Path, number: int, max_pixels: int) -> Image.Image:
    """Page ``number`` of a PDF, as ``pdf.open_page`` gives it; ScanError too where PDFium does not come to an end."""
    if not _is_possible():
        return pdf.open_page(path, number, max_pixels)
    request = {"path": str(path), "number": number, "max_pixels": max_pixels, "patience": PATIENCE}
    head, data = _asked(path, request)
    return Image.frombytes(head["mode"], tuple(head["size"]), data)


def _is_possible() -> bool:
    return bool(sys.executable) and importlib.util.find_spec("pypdfium2") is not None


def _asked(path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What the process beside answers; its errors are raised here."""
    where = Locator(path, request.get("number", 0))
    if _slow[path] >= _SLOW_PAGES:
        raise ScanError(
            f"{where}: not opened, as PDFium took too long with others of this file ({_slow[path]}); save its pages as "
            "images"
        )
    try:
        head, data = _beside.ask(request)
    except _Ended as ended:
        _slow[path] += 1
        raise ScanError(
            f"{where}: {ended}; the file is damaged or made to do harm; save the page as an image"
        ) from None
    if head.get("error") == "OSError":
        raise OSError(head["errno"], head["message"], str(path))
    if head.get("error") == "MemoryError":
        raise MemoryError(head["message"])
    if "error" in head:
        raise ScanError(head["message"])
    return head, data


class _Ended(Exception):
    """The process beside is no more."""


class _Beside:
    """The process that opens pages, and what is said to it: a line of JSON there, a line and bytes back."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._of = 0
        self._of_parents: list[object] = []

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        with self._turn:
            process = self._running()
            timer = threading.Timer(_BY_THE_CLOCK * request["patience"], process.kill)
            timer.start()
            try:
                return _said(process, json.dumps(request))
            except (OSError, ValueError):
                code = process.wait()
                slow = -code in (getattr(signal, "SIGPROF", 0), getattr(signal, "SIGKILL", 0)) and code != 0
                patience = f"opening it took more than {request['patience']:g} s of a core"
                raise _Ended(patience if slow else f"PDFium crashed on it (exit code {code})") from None
            except BaseException:  # interrupted: nobody will read the answer
                process.kill()
                process.wait()
                raise
            finally:
                timer.cancel()
                if process.poll() is not None:
                    self._close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._of != os.getpid():
            # After a fork it is the parent's, which goes on asking it.
            self._of_parents.append(self._process)
            self._process = None
        if self._process is None:
            command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path)]
            pipe = subprocess.PIPE
            started = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603 - Python
            self._process = started
            self._of = os.getpid()
        return self._process

    def _close(self) -> None:
        if self._process is not None and self._of == os.getpid():
            with suppress(OSError):
                _pipe(self._process.stdin).close()
            self._process.wait()
            _pipe(self._process.stdout).close()
            self._process = None

    def close(self) -> None:
        """Let the process end: it does when nothing can be said to it any more."""
        self._close()


def _said(process: subprocess.Popen[bytes], request: str) -> tuple[dict[str, Any], bytes]:
    """What comes back on a line; OSError or ValueError where the process ends before all of it is there."""
    _pipe(process.stdin).write(f"{request}\n".encode())
    _pipe(process.stdin).flush()
    head = json.loads(_pipe(process.stdout).readline())
    data = _pipe(process.stdout).read(head.get("bytes", 0))
    if len(data) != head.get("bytes", 0):
        raise ValueError("the answer broke off")
    return head, data


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


_beside = _Beside()
_slow: Counter[Path] = Counter()
atexit.register(_beside.close)


def serve() -> None:
    """Open one page after the other, in the process beside, until nothing more is asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if hasattr(signal, "setitimer"):
            # Of a core, and without a handler: PDFium gives Python no turn in which it could run.
            signal.setitimer(signal.ITIMER_PROF, request["patience"])
        head, data = _answer(request)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps({**head, "bytes": len(data)}).encode() + b"\n" + data)
        sys.stdout.buffer.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    path = Path(request["path"])
    try:
        if "number" not in request:
            return {"count": pdf.count_pages(path)}, b""
        picture = pdf.open_page(path, request["number"], request["max_pixels"])
    except (ScanError, MemoryError) as error:
        return {"error": type(error).__name__, "message": str(error)}, b""
    except OSError as error:
        return {"error": "OSError", "errno": error.errno, "message": error.strerror or str(error)}, b""
    return {"mode": picture.mode, "size": picture.size}, picture.tobytes()
