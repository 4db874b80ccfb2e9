"""The errors that tablesim raises on purpose.

Each message says where, what was found, what was expected and what to do. Every class also inherits the built-in
exception that callers would expect, so that ``except ValueError`` and ``except OSError`` keep working.
"""

from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError, requires

_LONGEST, _END = 1500, 500
"""Letters of a message, and of those that are kept at its end, where it says what to do."""

_STEERING = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""C0, C1, and what overrides the direction of writing (Unicode TR 36)."""
_LEFT_OUT = dict.fromkeys(code for code in _STEERING if chr(code) not in "\t\n\r")
_WRITTEN_OUT = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _STEERING if chr(code) not in "\n\t"
}


def shown(text: str) -> str:
    """A text as a terminal may be shown it: signs that would steer the terminal are written out, in hexadecimal."""
    return text.translate(_WRITTEN_OUT)


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def remedy_of(error: OSError) -> str:
    """What to do about an error of the file system."""
    if isinstance(error, FileNotFoundError):
        return "check the path"
    if isinstance(error, PermissionError):
        return "check your rights to it"
    if isinstance(error, FileExistsError | IsADirectoryError | NotADirectoryError):
        return "move it away, or choose another path"
    if error.errno == errno.EROFS:
        return "copy it to a disk that can be written to, or write elsewhere with --out"
    if error.errno in _FULL:
        return "make room on its disk, or choose another; then give the same command again"
    return "check the disk's space and your rights to it"


def without_steering(text: str) -> str:
    """A text of others without such signs: they say nothing of a book, and every page that shows it would be open to
    them.
    """
    return text.translate(_LEFT_OUT)


class TablesimError(Exception):
    """Base of every error that tablesim raises on purpose.

    Its message may quote what a file or a host holds: it is cut in its middle where that is long, and has nothing in it
    that would steer a terminal.
    """

    def __init__(self, message: str = "") -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST - _END]} … {message[-_END:]}"
        super().__init__(shown(message))


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


class NotWritableError(RunError):
    """A run folder cannot be written to; it can be read."""


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
