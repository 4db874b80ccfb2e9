"""``run.json``: what a run was made of; opens run folders, makes new ones, and removes what killed jobs left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tablesim.corpus.storage.files import read_json, remove_partials, write_json
from tablesim.corpus.storage.lock import LOCK, OWNER, locked
from tablesim.errors import RunError
from tablesim.scans.csvfile import shortlist

FORMAT = "tablesim run"
FORMAT_VERSION = 2
"""2 keeps the versions that read each page and which scans are away; 1 is that of tablesim 0.1.0."""
EVENTS = "events.jsonl"

_OF_RUNS = ("pages.parquet", "readings", "embeddings")
_RUN_JSON_REMEDY = (
    "restore it from a copy, or run the scans into a new folder and take the decisions over "
    "(tablesim correct NEW --csv OLD/corrections.csv)"
)


def _is_table(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(of, value))


_KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("inputs", "metadata", "versions", "last_job"), _is_table),
    "readers": lambda value: isinstance(value, dict) and _is_list([*value.values()], _is_table),
    "decisions": lambda value: isinstance(value, dict) and _is_list([*value.values()], lambda n: type(n) is int),
    "source": lambda value: value is None or isinstance(value, str) or _is_list(value, lambda n: type(n) is str),
    "left_out": lambda value: _is_list(value, lambda n: isinstance(n, dict) and type(n.get("count")) is int),
    "max_pixels": lambda value: type(value) is int and value > 0,
    "books": lambda value: value is None or isinstance(value, str),
}
"""What is asked of the values of ``run.json`` that commands rely on."""

_LEFT_BY_KILLED_JOBS = {LOCK, OWNER, EVENTS}
"""What a job that ended before it found a page may leave in a folder that is no run yet."""


class RunFolder:
    """A run folder and its ``run.json``.

    Parameters
    ----------
    folder : Path
    record : dict
        The content of ``run.json``; ``save`` writes it.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def create(cls, folder: Path, settings: dict[str, Any], **more: Any) -> RunFolder:
        """A new run in ``folder``; see ``check_empty``."""
        check_empty(folder)
        with locked(folder):
            check_empty(folder)
            remove_partials(folder)
            record = {"format": FORMAT, "format_version": FORMAT_VERSION, "settings": dict(settings), **more}
            run = cls(folder, record)
            run.save()
        return run

    @classmethod
    def open(cls, folder: Path) -> RunFolder:
        """The run in ``folder``; RunError when it is missing, damaged, or no run of a format that is known here."""
        path = folder / "run.json"
        if not folder.is_dir():
            raise RunError(f"{folder}: there is no such run folder; make one with `tablesim run SCANS --out {folder}`")
        if not path.is_file() and any((folder / name).exists() for name in _OF_RUNS):
            state = "a folder stands in its place" if path.is_dir() else "it is missing"
            raise RunError(f"{path}: the rest of a run is here, but {state}; {_RUN_JSON_REMEDY}")
        if not path.is_file():
            raise RunError(f"{folder}: no run folder (no run.json in it); make one with `tablesim run SCANS --out RUN`")
        record = read_json(path)
        if record.get("format") != FORMAT or not isinstance(record.get("settings"), dict):
            raise RunError(f"{path}: not written by tablesim (format {record.get('format')!r}); choose another folder")
        version = record.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise RunError(
                f"{path}: format version {version}, this tablesim knows {FORMAT_VERSION}; update tablesim to go on"
            )
        if version not in (1, FORMAT_VERSION):
            raise RunError(
                f"{path}: format version {version!r}, expected {FORMAT_VERSION}; run the scans again into a new folder"
            )
        for name in sorted(_KINDS.keys() & record.keys()):
            if not _KINDS[name](record[name]):
                raise RunError(f"{path}: damaged ({name} is not what a run writes); {_RUN_JSON_REMEDY}")
        return cls(folder, record)

    def check_settings(self, settings: dict[str, Any]) -> None:
        """RunError when the run was made with other ``settings``: pages would be read otherwise."""
        for name in sorted({*settings, *self.record["settings"]}):
            was, now = self.record["settings"].get(name), settings.get(name)
            if was != now:
                raise RunError(
                    f"{self.folder}: made with {name} {_short(was)}, now {name} is {_short(now)}; "
                    "choose a new folder or the same settings, nothing was changed"
                )

    def prepare(self) -> None:
        """Remove what killed jobs left half written, and bring a run of 0.1.0 to this format. Only under the lock."""
        for where in (self.folder, self.folder / "clusters"):
            remove_partials(where)
        if self.record["format_version"] == 1:
            # Its readings do not say which versions read them: those that it was made with.
            self.record |= {"format_version": FORMAT_VERSION, "readers": {"": self.record.get("versions", {})}}
            self.save()

    def save(self) -> None:
        """Write ``run.json``."""
        write_json(self.folder / "run.json", self.record)


def is_run(folder: Path) -> bool:
    """Whether there is a run in ``folder``, of whatever format."""
    return (folder / "run.json").is_file()


def check_empty(folder: Path) -> None:
    """RunError when ``folder`` is a file, or holds anything but what a killed job may have left."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: this is a file; choose a folder for the run")
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if strangers := [name for name in names if name not in _LEFT_BY_KILLED_JOBS and not name.endswith(".part")]:
        raise RunError(
            f"{folder}: not empty and no run folder (found {shortlist(strangers, 4)} but no run.json); "
            "choose a new folder, nothing was changed"
        )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else text[:12] + "..."
