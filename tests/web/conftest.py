"""A small run that can be changed, and a browser that holds its token."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tablesim.web.access import Access
from tablesim.web.app import make_app
from tablesim.web.live import LiveRun
from tablesim.workflow.running import run
from tests.report.conftest import print_corpus

TOKEN = "the-token"
HOST = "127.0.0.1:8737"


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it was made; tests take copies."""
    folder = tmp_path_factory.mktemp("workbench")
    reader = print_corpus(folder / "scans")
    return run(folder / "scans", folder / "myrun", folder / "metadata.csv", 3, network=reader).folder


@pytest.fixture
def folder(printed: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(printed, tmp_path / "myrun"))


@pytest.fixture
def live(folder: Path) -> LiveRun:
    return LiveRun(folder)


@pytest.fixture
def browser(live: LiveRun) -> TestClient:
    """A browser that opened the address with the token."""
    made = TestClient(
        make_app(live, Access.of(["127.0.0.1"], 8737, TOKEN), live.folder.parent / "scratch"), base_url=f"http://{HOST}"
    )
    made.cookies.set("tablesim-8737", TOKEN)
    return made


@pytest.fixture
def post(browser: TestClient) -> Callable[..., Any]:
    """Sends JSON as the workbench's own pages do."""

    def post(path: str, **body: Any) -> Any:
        return browser.post(path, json=body, headers={"origin": f"http://{HOST}"})

    return post
