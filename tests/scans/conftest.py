import pytest

from scans.library import open_library
from tablesim.scans.web import FetchPolicy, Web


@pytest.fixture
def library(monkeypatch):
    """A digital library on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with open_library() as opened:
        yield opened


@pytest.fixture
def web(tmp_path, library):
    """Fetches from it, and does not really wait: ``web.waits`` are the seconds that it would have."""
    waits: list[float] = []
    made = Web(tmp_path / "cache", manners=FetchPolicy(timeout=5), sleep=waits.append)
    made.waits = waits
    return made
