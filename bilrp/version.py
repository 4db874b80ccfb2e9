"""The version of this library, as installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("tablesim")  # one distribution carries both packages
except PackageNotFoundError:  # a checkout that is not installed
    VERSION = "0+unknown"
