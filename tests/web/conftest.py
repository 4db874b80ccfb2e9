"""A small run that can be changed, and a browser that holds its token."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from tablesim.web.access import Access
from tablesim.web.app import make_app
from tablesim.web.live import LiveRun
from tests.report.conftest import run_of_printed

TOKEN = "the-token"
HERE = "127.0.0.1"
HOST = f"{HERE}:8737"


@pytest.fixture(scope="session")
def printed(
    tmp_path_factory: pytest.TempPathFactory, made_once: Callable[[str, Callable[[Path], object]], Path]
) -> Path:
    """The run as it was made; tests take copies."""
    made = made_once("printed", run_of_printed)
    return Path(shutil.copytree(made / "myrun", tmp_path_factory.mktemp("workbench") / "myrun"))


@pytest.fixture
def folder(printed: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(printed, tmp_path / "myrun"))


@pytest.fixture
def live(folder: Path) -> LiveRun:
    return LiveRun(folder)


@pytest.fixture
def workbench(live: LiveRun) -> Iterator[str]:
    """The address of the workbench of a run, with its token.

    A thread answers there: as a process of its own (`tests.web.test_server`) it would take seconds to start.
    """
    with socket.create_server((HERE, 0)) as opened:
        port = opened.getsockname()[1]
        app = make_app(live, Access.of([HERE], port, TOKEN), live.folder.parent / "scratch")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        answering = threading.Thread(target=server.run, args=([opened],))
        answering.start()
        yield f"http://{HERE}:{port}/?token={TOKEN}"
        server.should_exit = True
        answering.join()


@pytest.fixture
def browser(live: LiveRun) -> TestClient:
    """A browser that opened the address with the token."""
    made = TestClient(
        make_app(live, Access.of([HERE], 8737, TOKEN), live.folder.parent / "scratch"), base_url=f"http://{HOST}"
    )
    made.cookies.set("tablesim-8737", TOKEN)
    return made


@pytest.fixture
def post(browser: TestClient) -> Callable[..., Any]:
    """Sends JSON as the workbench's own pages do."""

    def post(path: str, **body: Any) -> Any:
        return browser.post(path, json=body, headers={"origin": f"http://{HOST}"})

    return post
