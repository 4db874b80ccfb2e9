"""A headless Chromium for the tests that look at pages, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NOWHERE = "MAP * ~NOTFOUND"
"""No host has an address."""

HERE = f"{NOWHERE}, EXCLUDE 127.0.0.1, EXCLUDE localhost"
"""None but this machine."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

PATIENCE = 60_000
"""Milliseconds that a page is waited for, on machines that do much else."""


def _missing(what: str) -> None:
    """Skip where a developer lacks the browser; fail where the checks are meant to be complete."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: no page was opened in a browser")
    pytest.skip(f"{what}: no page is opened in a browser here")


@contextmanager
def launched(hosts: str = NOWHERE) -> Iterator[Any]:
    """A headless browser; ``hosts`` are rules of Chromium that say what it reaches."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        _missing("chromium is not installed")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--host-resolver-rules={hosts}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()
