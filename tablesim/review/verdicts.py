"""The log of verdicts: who decided what about two pages, when, why, and what the machine showed them.

One SQLite file, ``verdicts.sqlite`` in the run folder. Lines are added and never changed: the file itself refuses
updates and deletions. A line is on the disk before ``append`` returns. What the machine said stands in columns of its
own beside what the person said. Plain rollback journal, no write-ahead log, since run folders stand on network drives.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from tablesim.errors import RunError, SettingsError

DECISIONS = ("accept", "reject", "unsure", "merge", "split")
_FORMAT = 1
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Verdict:
    """One decision about two pages.

    Parameters
    ----------
    page, other : str
        The page, and the one it was shown with: for accept, reject and unsure the medoid of its cluster.
    decision : str
        ``accept``: the page belongs with the other. ``reject``: it does not. ``unsure``. ``merge``: the clusters of
        both are one table. ``split``: their cluster holds two tables, and each of the two stands for one.
    who : str
    reason : str
    clustering : str
        Name of the clustering that was shown ("auto", "k12").
    cluster : int or None
        The page's cluster in it.
    score, similarity, strength, stability : float or None
        What the machine said: dot product and cosine of the embeddings, the page's strength, its cluster's stability.
    page_sha256, other_sha256 : str
        Hashes of the two scans.
    settings_hash, embedding_hash : str
        Hashes of the run's settings, and of the two pages' histograms.
    audit : str
        The random sample that the question belongs to; empty for none.
    at : str
        UTC, ISO 8601 with milliseconds; given by the log.
    id : int or None
        Given by the log.
    """

    page: str
    other: str
    decision: str
    who: str
    reason: str = ""
    clustering: str = ""
    cluster: int | None = None
    score: float | None = None
    similarity: float | None = None
    strength: float | None = None
    stability: float | None = None
    page_sha256: str = ""
    other_sha256: str = ""
    settings_hash: str = ""
    embedding_hash: str = ""
    audit: str = ""
    at: str = ""
    id: int | None = None

    def __post_init__(self) -> None:
        if self.decision not in DECISIONS:
            raise SettingsError(f"decision: got {self.decision!r}, expected one of {', '.join(DECISIONS)}")
        if not self.who.strip():
            raise SettingsError("who: got nothing, expected the name of the person who decides")
        if not self.page or not self.other or self.page == self.other:
            raise SettingsError(f"verdict: got the pages {self.page!r} and {self.other!r}, expected two different ones")

    @property
    def pair(self) -> tuple[str, str]:
        """The two pages in the order of their ids: a verdict on A and B is one on B and A."""
        return min(self.page, self.other), max(self.page, self.other)


COLUMNS = tuple(field.name for field in fields(Verdict))
_GIVEN = tuple(name for name in COLUMNS if name != "id")
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    page TEXT NOT NULL, other TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ({", ".join(f"'{name}'" for name in DECISIONS)})),
    who TEXT NOT NULL, reason TEXT NOT NULL,
    clustering TEXT NOT NULL, cluster INTEGER,
    score REAL, similarity REAL, strength REAL, stability REAL,
    page_sha256 TEXT NOT NULL, other_sha256 TEXT NOT NULL,
    settings_hash TEXT NOT NULL, embedding_hash TEXT NOT NULL,
    audit TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS verdicts_are_not_changed BEFORE UPDATE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added, never changed'); END;
CREATE TRIGGER IF NOT EXISTS verdicts_are_not_deleted BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added, never deleted'); END;
"""


class VerdictLog:
    """The verdicts in a file, which is made with the first of them. Several processes may write at once."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def append(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Add verdicts, all or none, and give them back with their time and number; on the disk when this returns.

        RunError where the file cannot be written or is no log of verdicts.
        """
        if not verdicts:
            return []
        marks = ", ".join("?" * len(_GIVEN))
        written = []
        with self._connection(write=True) as db:
            # No verdict is older than the one before it, even where a clock was set back.
            last = db.execute("SELECT max(at) FROM verdicts").fetchone()[0] or ""
            at = max(datetime.now(UTC).isoformat(timespec="milliseconds"), last)
            for verdict in verdicts:
                dated = replace(verdict, at=at)
                row = [getattr(dated, name) for name in _GIVEN]
                number = db.execute(f"INSERT INTO verdicts ({', '.join(_GIVEN)}) VALUES ({marks})", row).lastrowid
                written.append(replace(dated, id=number))
        return written

    def all(self, as_of: str | None = None) -> list[Verdict]:
        """Every verdict, in the order in which they came; with ``as_of`` (a date or time) those until then."""
        limit = () if as_of is None else (until(as_of),)
        if not self.path.is_file():
            return []
        query = f"SELECT {', '.join(COLUMNS)} FROM verdicts"
        if limit:
            query += " WHERE at <= ?"
        with self._connection(write=False) as db:
            empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            rows = [] if empty else db.execute(query + " ORDER BY id", limit).fetchall()
        return [Verdict(**dict(zip(COLUMNS, row, strict=True))) for row in rows]

    def state(self, as_of: str | None = None) -> list[Verdict]:
        """The verdict that holds on each pair of pages, the last one given, in the order in which they came."""
        held: dict[tuple[str, str], Verdict] = {}
        for verdict in self.all(as_of):
            held.pop(verdict.pair, None)
            held[verdict.pair] = verdict
        return list(held.values())

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        try:
            # No transaction but those named here: Python would else commit before a CREATE.
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE_S, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous = EXTRA")
                db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    self._check(db)
                    if write:
                        self._make(db)
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{self.path}: the log of verdicts cannot be used ({error}); check the rights to it, or restore it "
                "from a copy: nothing was changed"
            ) from error

    def _check(self, db: sqlite3.Connection) -> None:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        # A file that is empty is that of a first writer who was killed.
        if version != _FORMAT and (version or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
            raise RunError(
                f"{self.path}: no log of verdicts of this format (version {version}, expected {_FORMAT}); "
                "put it elsewhere, nothing was changed"
            )

    @staticmethod
    def _make(db: sqlite3.Connection) -> None:
        for statement in _statements():
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {_FORMAT}")


def _statements() -> Iterator[str]:
    statement = ""
    for line in _SCHEMA.strip().splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def until(text: str) -> str:
    """The last moment of a day such as ``2026-11-24``, or a moment, as the log writes them (UTC)."""
    try:
        if len(text.strip()) == 10:
            moment = datetime.combine(date.fromisoformat(text.strip()), time.max, UTC)
        else:
            moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SettingsError(f"as of: got {text!r}, expected a day such as 2026-11-24 or a time with it") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values, in the order of ``COLUMNS``."""
    return {name: getattr(verdict, name) for name in COLUMNS}
