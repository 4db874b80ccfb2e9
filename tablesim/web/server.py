"""Serves the workbench of a run to this machine, or, read-only, to a network."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tablesim.errors import InUseError, MissingExtraError, SettingsError
from tablesim.scans.cache import default_cache

HERE = ("127.0.0.1", "localhost")

FIRST_PORT, PORTS = 8737, 20
"""Where nothing is said of the port: the first free one of so many from this one."""


def serve(
    folder: Path, port: int | None, *, share: bool, on_address: Callable[[str], None], language: str = ""
) -> None:
    """Serve the run in ``folder`` until it is interrupted.

    Parameters
    ----------
    folder : Path
        A run.
    port : int or None
        Where; a free one where it is None.
    share : bool
        Answer the network as well, for reading only.
    on_address : callable
        Gets the address to open, with its token, when the workbench answers there.
    language : str
        What it answers in where nobody chose one: one of ``tablesim.language.LANGUAGES``; empty for the browser's.

    Raises
    ------
    MissingExtraError
        starlette and uvicorn are not installed.
    SettingsError
        The port is taken.
    RunError
        The folder is no run.
    """
    try:
        import uvicorn

        from tablesim.web.app import make_app
    except ImportError as error:
        raise MissingExtraError("tablesim view", "view") from error
    from tablesim.corpus.corrections.apply import finish
    from tablesim.web.access import Access, new_token
    from tablesim.web.live import LiveRun

    live = LiveRun(folder)
    if not share:
        # Who was killed between a decision and what follows from it left that undone.
        with suppress(InUseError), live.writing() as corpus:
            finish(corpus)
    opened = _opened(port, share=share)
    number = int(opened.getsockname()[1])
    hosts = (*HERE, *({socket.gethostname().lower(), _own_address()} if share else ()))
    access = Access.of(hosts, number, new_token(), may_write=not share)
    name = hosts[-1] if share else HERE[0]
    settings = uvicorn.Config(
        make_app(live, access, scratch_of(folder), language),
        log_level="warning",
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=2,
        limit_concurrency=200,
    )

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_address(f"http://{name}:{number}/?token={access.token}")

    with opened:
        Announcing(settings).run([opened])


def scratch_of(folder: Path) -> Path:
    """Where pictures of a run are kept for the next time: in the user's cache, by the folder of the run."""
    key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return default_cache() / "view" / key


def _opened(port: int | None, *, share: bool) -> socket.socket:
    """A socket that listens; nobody else can take its port from then on."""
    host = "0.0.0.0" if share else HERE[0]  # noqa: S104 - asked for by --share
    for number in range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else (port,):
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, number))
        except (OSError, OverflowError):
            opened.close()
        else:
            return opened
    tried = f"{FIRST_PORT} to {FIRST_PORT + PORTS - 1}" if port is None else str(port)
    raise SettingsError(f"port: {tried} cannot be used here; choose another with --port, 0 for any that is free")


def _own_address() -> str:
    """The address by which this machine is known in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return HERE[0]
