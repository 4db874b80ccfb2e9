import pytest

from scans.library import open_library
from tablesim.scans.web import FetchPolicy, Web


@pytest.fixture
def library(monkeypatch):
    """A digital library on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,127.0.0.2,library.example")
    with open_library() as opened:
        yield opened


@pytest.fixture
def inner_library(monkeypatch, library):
    """A second library, in what counts as a private network, while the first counts as a public one."""
    monkeypatch.setattr(
        "tablesim.scans.networks.network_of", lambda address: {"127.0.0.1": "public"}.get(address, address)
    )
    with open_library("127.0.0.2") as opened:
        yield opened


@pytest.fixture
def web(tmp_path, library):
    """Fetches from it, and does not really wait: ``web.waits`` are the seconds that it would have."""
    waits: list[float] = []
    made = Web(tmp_path / "cache", policy=FetchPolicy(timeout=60), sleep=waits.append)
    made.waits = waits
    return made
