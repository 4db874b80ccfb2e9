"""Writes files aside and renames them (atomic replacement): one is there whole or not at all, whoever writes beside."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNSUPPORTED = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL, errno.ENOTTY})
"""What disks answer that can do less than a local one."""

_ASIDE = re.compile(r"\..+\.[0-9a-f]{12}\.part")
FOLDER_IN_PLACE = "a folder stands in the place of this file"


def write_aside(path: Path, write: Callable[[Path], Any], *, durable: bool = True) -> None:
    """Let ``write`` fill a file beside ``path``, bring it to the disk, and rename it to ``path``.

    A file that is not ``durable`` outlives its process but not a power cut, and is written in a tenth of the time.
    IsADirectoryError where a folder stands in the place of ``path``.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, FOLDER_IN_PLACE, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        # Made here and never given other rights after: a run folder is there to be shared, as the user's umask says.
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        write(aside)
        if durable:
            with aside.open("rb+") as file:
                sync(file.fileno())
        aside.replace(path)
        if durable:
            _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


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
