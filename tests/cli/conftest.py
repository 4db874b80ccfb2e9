"""The command line, called in this process."""

import pytest
from corpus.fakes import FakeReader
from scans.library import open_library
from typer.testing import CliRunner

from tablesim import reader
from tablesim.cli import app


@pytest.fixture
def call(monkeypatch):
    """Call the command line with a reader that needs no weights."""
    monkeypatch.setattr(reader, "load_network", lambda path=None, device="cpu": FakeReader())

    def call(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


@pytest.fixture
def library(monkeypatch, tmp_path):
    """A digital library on this machine, and a cache of its own."""
    monkeypatch.setenv("TABLESIM_CACHE", str(tmp_path / "cache"))
    with open_library() as opened:
        yield opened
