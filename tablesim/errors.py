"""The errors that tablesim raises on purpose.

Each message says where, what was found, what was expected and what to do. Every class also inherits the built-in
exception that callers would expect, so that ``except ValueError`` and ``except OSError`` keep working.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires


class TablesimError(Exception):
    """Base of every error that tablesim raises on purpose."""


class ScanError(TablesimError, ValueError):
    """A scan cannot be used: unreadable, empty, truncated, too large or not an image."""


class FetchError(ScanError):
    """A file could not be fetched from the web; ``refused`` when that is about the host and not about the file."""

    def __init__(self, message: str, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class MetadataError(TablesimError, ValueError):
    """A table of metadata, labels or annotations cannot be understood."""


class TranscriptionError(TablesimError, ValueError):
    """A transcription file does not follow the format."""


class SettingsError(TablesimError, ValueError):
    """A setting has an unknown name or a value outside its range."""


class WeightsError(TablesimError, ValueError):
    """A weights file is missing, damaged or made for another network."""


class RunError(TablesimError, ValueError):
    """A run folder is missing, damaged, or made with other settings."""


class InUseError(RunError):
    """Another process, or another thread, is writing the run folder."""


class ExportError(TablesimError, ValueError):
    """Something cannot be exported as asked: a file is in the way, or the format does not fit what was chosen."""


class MissingExtraError(TablesimError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        packages = " ".join(f"'{each}'" for each in packages_of(extra))
        super().__init__(
            f"{feature} needs an optional part of tablesim; install it with: pip install 'tablesim[{extra}]'"
            + (f", which is the same as: pip install {packages}" if packages else "")
        )


def packages_of(extra: str) -> list[str]:
    """The packages that an extra stands for, by the installed metadata; none where tablesim is not installed."""
    try:
        needed = requires("tablesim") or []
    except PackageNotFoundError:
        return []
    marks = (f"extra == '{extra}'", f'extra == "{extra}"')
    return [each.split(";")[0].strip() for each in needed if each.partition(";")[2].strip() in marks]
