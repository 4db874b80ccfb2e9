"""The version of the distribution, from its metadata: ``pyproject.toml`` is the one place where it is written."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tablesim")
except PackageNotFoundError:  # a checkout that nobody installed
    __version__ = "0+unknown"
