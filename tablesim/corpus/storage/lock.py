"""The lock of a run folder: one process at a time writes it (flock by way of filelock), and a note says which one.

The system lets go of ``.lock`` when its process ends, however it ends. ``.owner.json`` beside it names the process, and
its time of change is the heartbeat: messages and ``status`` read the note and never ask for the lock. On a disk without
locks the note alone keeps processes apart, as well as it can, and a remark says so.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tablesim.errors import InUseError, NotWritableError, remedy_of
from tablesim.files import UNSUPPORTED, give_name, naming, remove_asides, sync

LOCK, OWNER = ".lock", ".owner.json"
BEAT_SECONDS = 15.0
"""How often the holder renews its note."""
SILENT_SECONDS = 120.0
"""A holder on another machine that was silent for so long is taken for dead: eight beats, for slow shared disks."""

NO_LOCKS = "the disk of the run has no file locks: give one command at a time that writes into this run"
NO_SYNC = "the disk of the run cannot be told to keep what was written (fsync): a power cut may cost the last pages"

NO_RENAME = (
    "the disk of the run cannot rename files: a job that is killed may leave one half written, which `tablesim doctor` "
    "names"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a run folder, or held it when it was killed.

    Parameters
    ----------
    host : str
    pid : int
    since : str
        Local time, ISO 8601.
    started : str
        When the process began, in the system's own count: numbers of processes are used again. Blank where unknown.
    alive : bool
        Whether it is at work: on this machine the process exists, on another it was heard of lately.
    """

    host: str
    pid: int
    since: str
    started: str = ""
    alive: bool = True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


def owner(folder: Path) -> Owner | None:
    """Who holds the run in ``folder``, by its note; None where nobody does. Asks for no lock and writes nothing."""
    path = folder / OWNER
    try:
        note = Owner(**json.loads(path.read_text(encoding="utf-8")))
        silent = time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # nobody, or a note that is being written
    if note.host == platform.node() and os.name == "posix":
        alive = _started(note.pid) == note.started if note.started else _exists(note.pid)
    else:
        alive = silent < SILENT_SECONDS
    return Owner(note.host, note.pid, note.since, note.started, alive)


@contextmanager
def locked(folder: Path) -> Iterator[tuple[str, ...]]:
    """Hold the run in ``folder``, which is made if need be; gives remarks on what its disk cannot do.

    A folder that was made for this and in which nothing was written goes again. The thread that holds it may ask once
    more, for any ``Corpus`` of the folder.

    Raises
    ------
    InUseError
        Another process holds it, or another thread of this one.
    NotWritableError
        The folder cannot be made or written to.
    """
    key = os.path.realpath(folder)
    with _guard:
        hold = _held.get(key)
        if hold is not None and hold.pid != os.getpid():
            hold = None  # inherited by a fork: the parent's
        if hold is None:
            hold = _held[key] = _take(folder)
        elif hold.thread != threading.get_ident():
            raise InUseError(f"{folder}: in use by another thread of this process: wait until it is done")
        hold.depth += 1
    try:
        yield hold.remarks
    finally:
        with _guard:
            hold.depth -= 1
            if not hold.depth:
                del _held[key]
                hold.release.close()


@dataclass
class _Hold:
    remarks: tuple[str, ...]
    release: ExitStack
    pid: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=threading.get_ident)
    depth: int = 0


_guard = threading.Lock()
_held: dict[str, _Hold] = {}
"""The folders that this process holds: several ``Corpus`` objects of one folder share its lock."""


def _take(folder: Path) -> _Hold:
    remarks = []
    with ExitStack() as release:
        release.callback(_remove_empty, [path for path in (folder, *folder.parents) if not path.exists()])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            release.enter_context(FileLock(folder / LOCK, blocking=False, thread_local=False, fallback_to_soft=False))
        except Timeout as error:
            raise _in_use(folder) from error
        except (NotImplementedError, OSError) as error:
            # Refused by name: the file itself, not its lock.
            if isinstance(error, OSError) and (error.errno not in UNSUPPORTED or error.filename is not None):
                reason = error.strerror or error
                raise NotWritableError(f"{folder}: cannot be written ({reason}); {remedy_of(error)}") from error
            if (note := owner(folder)) is not None and note.alive:
                raise _in_use(folder) from error
            remarks.append(NO_LOCKS)
        else:
            # Nobody else writes now: what is half written was left by processes that were killed.
            for where in (folder, folder / "clusters"):
                remove_asides(where)
        release.callback(_remove_note, folder)
        remarks += _write_note(folder / OWNER)
        done = threading.Event()
        threading.Thread(target=_beat, args=(folder / OWNER, done), daemon=True).start()
        release.callback(done.set)
        return _Hold(tuple(remarks), release.pop_all())


def _remove_note(folder: Path) -> None:
    with suppress(OSError):
        (folder / OWNER).unlink(missing_ok=True)
        if [path.name for path in folder.iterdir()] == [LOCK]:
            # Nothing came of it. While it is locked: a lock file without its name is nobody's.
            (folder / LOCK).unlink()


def _remove_empty(made: Iterable[Path]) -> None:
    """Remove folders that were made for the lock and in which nothing was written."""
    for path in made:
        with suppress(OSError):
            path.rmdir()


def _in_use(folder: Path) -> InUseError:
    note = owner(folder)
    who = f" ({note})" if note is not None and note.alive else ""
    return InUseError(f"{folder}: in use by another process{who}: wait until it is done; nothing was changed")


def _write_note(path: Path) -> Iterator[str]:
    """Write who holds the run; gives what the disk cannot do."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    note = asdict(Owner(platform.node(), os.getpid(), since, _started(os.getpid())))
    del note["alive"]
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with naming(path), aside.open("x", encoding="utf-8") as file:
            json.dump(note, file)
            file.flush()
            if not sync(file.fileno()):
                yield NO_SYNC
        if not give_name(aside, path):
            yield NO_RENAME
    finally:
        aside.unlink(missing_ok=True)


def _beat(path: Path, done: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)


def _started(pid: int) -> str:
    """When a process began (clock ticks since the system did); blank where it ended or the system does not say."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if state == "Z" else fields[18]
    except (OSError, ValueError, IndexError):
        return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True
