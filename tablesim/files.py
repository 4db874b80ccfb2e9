"""Writes files aside and renames them (atomic replacement): one is there whole or not at all, whoever writes beside.

What a disk refuses (locks, fsync, rights, renaming, as many network and object stores do) is done without.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNSUPPORTED = frozenset(
    {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL, errno.ENOTTY, errno.EPERM}
)
"""What disks answer that can do less than a local one."""

_ASIDE = re.compile(r"\..+\.[0-9a-f]{12}\.part")
FOLDER_IN_PLACE = "a folder stands in the place of this file"


def write_aside(path: Path, write: Callable[[Path], Any], *, durable: bool = True) -> None:
    """Let ``write`` fill a file beside ``path``, bring it to the disk, and rename it to ``path``.

    A file that is not ``durable`` outlives its process but not a power cut, and is written in a tenth of the time.
    IsADirectoryError where a folder stands in the place of ``path``; an error of a full disk names ``path``.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, FOLDER_IN_PLACE, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with naming(path):
            # Made here and never given other rights after: a run folder is there to be shared, as the umask says.
            os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            write(aside)
            if durable:
                with aside.open("rb+") as file:
                    sync(file.fileno())
            give_name(aside, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the system name ``path`` where it names no file, as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def folder_aside(folder: Path) -> Path:
    """A new folder beside ``folder``, with the rights that the user's umask gives, to be filled and renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f"new-{secrets.token_hex(6)}.part")
    aside.mkdir()
    return aside


def give_name(aside: Path, path: Path) -> bool:
    """Rename a file or folder; where the disk refuses that, copy it to its name, and give False.

    A process that is killed then leaves a part of a file, which whoever reads it takes for damaged.
    """
    try:
        aside.replace(path)
    except OSError as error:
        # Some disks rename, but never onto a file that is there.
        if error.errno not in UNSUPPORTED and not (isinstance(error, FileExistsError) and aside.is_file()):
            raise
        if aside.is_dir():
            shutil.copytree(aside, path, copy_function=shutil.copyfile)
            shutil.rmtree(aside)
        else:
            shutil.copyfile(aside, path)
            aside.unlink()
        return False
    return True


def remove_asides(folder: Path) -> None:
    """Remove what killed processes left half written in a folder of somebody else: names that ``write_aside`` gives."""
    for path in folder.glob(".*.part"):
        if _ASIDE.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk too: after a power cut it is the folder that knows of a file."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # not a thing that every system can open
    try:
        os.fsync(handle)
    except OSError:
        pass  # nor one that every file system can bring to the disk
    finally:
        os.close(handle)


def sync(handle: int) -> bool:
    """Bring an open file to the disk; False where the disk cannot be told to."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return False
    return True


def refuse_special(path: Path) -> None:
    """OSError for a pipe, a socket or a device: whoever opens one may wait for ever. What the shell opened is none."""
    if path.exists() and not (path.is_file() or path.is_dir()) and path.parent.name != "fd":
        raise OSError(errno.EINVAL, "a pipe, a socket or a device", str(path))


def has_locks(path: Path) -> bool:
    """Whether the disk of a file that is there has locks of the kind that SQLite asks for (POSIX record locks)."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows: its own kind
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.filename is not None or error.errno not in UNSUPPORTED
    return True


def can_sync(path: Path) -> bool:
    """Whether the disk of a file that is there can be told to keep what was written."""
    try:
        with path.open("rb") as file:
            return sync(file.fileno())
    except OSError:
        return True  # not to be told from a file that is only read
