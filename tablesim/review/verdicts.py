"""The log of verdicts: who decided what about two scans, when, why, and what the machine showed them.

One SQLite file, ``verdicts.sqlite`` in the run folder. Lines are added and never changed: the file itself refuses
updates and deletions. A line is on the disk before ``append`` returns. Plain rollback journal, no write-ahead log,
since run folders stand on network drives.

A verdict is about two scans, by their hashes: the page ids are for people and may change. What the machine showed
(cluster, similarity, settings) stands beside it as its provenance and does not decide whether it holds. A name is about
one scan: the cluster that holds it has the name, whatever its number is. Undo is one more line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from tablesim.corpus.corrections.decisions import unknown_decisions
from tablesim.corpus.storage.files import is_written
from tablesim.corpus.storage.lock import locked
from tablesim.errors import RunError, SettingsError
from tablesim.files import can_sync, has_locks

NAME = "verdicts.sqlite"
NAME_IT, WITHDRAW = "name", "withdraw"
ANSWERS = ("accept", "kind", "reject", "unsure", "merge", "split")
"""What is said of two scans."""

DECISIONS = (*ANSWERS, NAME_IT, WITHDRAW)
LONGEST_NAME, LONGEST_REASON = 120, 2_000
"""Characters of the name of a cluster, and of a reason, at most."""

_FORMAT = 3
"""Version 1, of 0.1.0, has no column ``decided_at``; before version 3 there were neither names nor withdrawals. An
older file is brought to this version when something is added, in the same transaction."""

_PATIENCE_S = 60.0
"""Seconds that a writer waits for another one: many times what a file of verdicts takes on a slow network drive."""


@dataclass(frozen=True)
class Verdict:
    """One decision about two scans.

    Parameters
    ----------
    page, other : str
        Ids that the pages of the two scans had: the page, and the one it was shown with, for accept, reject and unsure
        the medoid of its cluster.
        A name is about the first alone, and ``other`` is empty.
    decision : str
        ``accept``: the page belongs with the other. ``reject``: it does not. ``kind``: it does not, and both are of one
        kind. ``unsure``. ``merge``: the clusters of both are one table. ``split``: their cluster holds two tables, and
        each of the two stands for one. ``name``: the cluster of the page is called ``name``. ``withdraw``: what was
        said of the same scans at the moment ``withdraws`` is taken back.
    who : str
    reason : str
    clustering : str
        Name of the clustering that was shown ("auto", "k12").
    cluster : int or None
        The page's cluster in it.
    score, similarity, strength, stability : float or None
        What the machine said: dot product and cosine of the embeddings, the page's strength, its cluster's stability.
    page_sha256, other_sha256 : str
        Hashes of the two scans; empty in lines of version 0.1.0 that came from a CSV without them.
    settings_hash, embedding_hash : str
        Hashes of the run's settings, and of the two pages' histograms.
    audit : str
        The random sample that the question belongs to; empty for none.
    at : str
        When it came into the log: UTC, ISO 8601 with milliseconds; given by the log.
    id : int or None
        Given by the log.
    decided_at : str
        When it was decided, where it was taken over from another log; empty otherwise.
    name : str
        Of the cluster; empty where a name is taken away.
    withdraws : str
        The moment of the line that is taken back.
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
    decided_at: str = ""
    name: str = ""
    withdraws: str = ""

    def __post_init__(self) -> None:
        if self.decision not in DECISIONS:
            raise SettingsError(f"decision: got {self.decision!r}, expected one of {', '.join(DECISIONS)}")
        if not self.who.strip():
            raise SettingsError("who: got nothing, expected the name of the person who decides")
        if self.decision == WITHDRAW and not self.withdraws:
            raise SettingsError("withdraws: got nothing, expected the moment of what is taken back")
        if self.is_name:
            if not self.page:
                raise SettingsError("name: got no page, expected one of the cluster that is named")
        elif not self.page or not self.other or self.page == self.other:
            raise SettingsError(f"verdict: got the pages {self.page!r} and {self.other!r}, expected two different ones")

    @property
    def is_name(self) -> bool:
        """Whether it is about one scan: a name, or the withdrawal of one."""
        return not self.other and self.decision in (NAME_IT, WITHDRAW)

    @property
    def scans(self) -> tuple[str, ...]:
        """The scans that it is about: their hashes, or the page ids where no hashes are known."""
        return tuple(key or page for page, key in self.named_scans)

    @property
    def pair(self) -> tuple[str, str]:
        """The two scans in one order: a verdict on A and B is one on B and A. Of a name twice the one."""
        return min(self.scans), max(self.scans)

    @property
    def named_scans(self) -> tuple[tuple[str, str], ...]:
        """Page id and hash of each scan that it is about."""
        page = (self.page, self.page_sha256)
        return (page,) if self.is_name else (page, (self.other, self.other_sha256))

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes of the scans that it is about; empty ones where they are not known."""
        return tuple(key for _, key in self.named_scans)

    @property
    def summary(self) -> str:
        """What it says, in a few words."""
        what = f"{self.decision} {self.page} {self.other}".strip() + (f" {self.name!r}" if self.name else "")
        return f"{what} ({self.who})"

    @property
    def statement(self) -> tuple[object, ...]:
        """What it says, by whom and why, whenever that was."""
        return self.scans, self.decision, self.who, self.reason, self.audit, self.name, self.withdraws

    @property
    def moments(self) -> tuple[str, str]:
        """When it was decided, where it comes from another log, else ""; and when it came into this one."""
        return self.decided_at, self.at

    @property
    def meaning(self) -> str:
        """What it says of the two scans: "same" table, same "kind", "other" tables, "unsure"; "" for no answer."""
        return _MEANINGS.get(self.decision, "")

    @property
    def apart(self) -> bool:
        """Whether it says that the two scans carry different tables."""
        return self.meaning in ("kind", "other")

    @property
    def moment(self) -> str:
        """When it was decided."""
        return self.decided_at or self.at


_MEANINGS = {
    "accept": "same",
    "merge": "same",
    "kind": "kind",
    "reject": "other",
    "split": "other",
    "unsure": "unsure",
}
COLUMNS = tuple(field.name for field in fields(Verdict))
_WRITTEN = tuple(name for name in COLUMNS if name != "id")
_END_OF_TIME = "~"
_SINCE = {1: COLUMNS[: COLUMNS.index("decided_at")], 2: COLUMNS[: COLUMNS.index("name")], 3: COLUMNS}
"""The columns of each version of the file."""

_SCHEMA = (
    f"""CREATE TABLE IF NOT EXISTS verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    page TEXT NOT NULL, other TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ({", ".join(f"'{name}'" for name in DECISIONS)})),
    who TEXT NOT NULL, reason TEXT NOT NULL,
    clustering TEXT NOT NULL, cluster INTEGER,
    score REAL, similarity REAL, strength REAL, stability REAL,
    page_sha256 TEXT NOT NULL, other_sha256 TEXT NOT NULL,
    settings_hash TEXT NOT NULL, embedding_hash TEXT NOT NULL,
    audit TEXT NOT NULL, at TEXT NOT NULL, decided_at TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '', withdraws TEXT NOT NULL DEFAULT ''
)""",
    """CREATE TRIGGER IF NOT EXISTS verdicts_are_not_changed BEFORE UPDATE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added, never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS verdicts_are_not_deleted BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added, never deleted'); END""",
)


class VerdictLog:
    """The verdicts in a file, which is made with the first of them. Several processes may write at once."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def of_run(cls, folder: Path) -> VerdictLog:
        """The log of the run in ``folder``."""
        return cls(folder / NAME)

    def append(self, verdicts: Sequence[Verdict], *, once: bool = False) -> list[Verdict]:
        """Add verdicts, all or none, and give them back with their time and number; on the disk when this returns.

        With ``once`` those that the log has already are left out, so that a file of verdicts counts once however often
        it is taken in. RunError where the file cannot be written or is no log of verdicts.
        """
        if not verdicts:
            return []
        for verdict in verdicts:
            _check_lengths(verdict)
        marks = ", ".join("?" * len(_WRITTEN))
        written = []
        with self._connection(write=True) as db:
            if once:
                verdicts = unknown_decisions(_select(db), verdicts, _last_words)
            # No verdict is older than the one before it, even where a clock was set back.
            last = db.execute("SELECT max(at) FROM verdicts").fetchone()[0] or ""
            at = max(datetime.now(UTC).isoformat(timespec="milliseconds"), last)
            withdrawn = db.execute("SELECT 1 FROM verdicts WHERE at = ? AND decision = ?", (at, WITHDRAW)).fetchone()
            if at == last and (withdrawn or any(verdict.decision == WITHDRAW for verdict in verdicts)):
                # A withdrawal names a moment: no other line may have it.
                later = datetime.fromisoformat(at) + timedelta(milliseconds=1)
                at = later.isoformat(timespec="milliseconds")
            for verdict in verdicts:
                dated = replace(verdict, at=at)
                row = [getattr(dated, name) for name in _WRITTEN]
                number = db.execute(f"INSERT INTO verdicts ({', '.join(_WRITTEN)}) VALUES ({marks})", row).lastrowid  # noqa: S608 - our own column names
                written.append(replace(dated, id=number))
        return written

    def all(self, as_of: str | None = None) -> list[Verdict]:
        """Every verdict, in the order they were decided; with ``as_of`` (a date or time) those known then.

        A line of version 0.1.0 without hashes is left out where a later one says the same with them.
        """
        last_moment = None if as_of is None else until(as_of)
        if not is_written(self.path):
            return []
        with self._connection(write=False) as db:
            return _select(db, last_moment)

    def standing(self, as_of: str | None = None) -> list[Verdict]:
        """What was said and not taken back, answers and names, in their order."""
        return standing(self.all(as_of))

    def state(self, as_of: str | None = None) -> list[Verdict]:
        """The verdict that holds on each pair of scans, the last one given, in the order in which they came."""
        latest: dict[tuple[str, str], Verdict] = {}
        for verdict in self.standing(as_of):
            latest.pop(verdict.pair, None)
            latest[verdict.pair] = verdict
        return list(latest.values())

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        try:
            # No transaction but those named here: Python would else commit before a CREATE.
            with self._opened(write=write) as db:
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

    @contextmanager
    def _opened(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """The file, without what its disk refuses: fsync, and locks, for which the run's own lock stands in."""
        run = self.path.with_name("run.json")
        locks, syncs = (has_locks(run), can_sync(run)) if run.is_file() else (True, True)
        address = f"{self.path.absolute().as_uri()}{'' if locks else '?nolock=1'}"
        with (
            nullcontext() if locks or not write else locked(self.path.parent),
            closing(sqlite3.connect(address, timeout=_PATIENCE_S, isolation_level=None, uri=True)) as db,
        ):
            db.execute(f"PRAGMA synchronous = {'EXTRA' if syncs else 'OFF'}")
            yield db

    def _check(self, db: sqlite3.Connection) -> None:
        version = _version(db)
        # A file that is empty is that of a first writer who was killed.
        if version not in _SINCE and (version or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
            raise RunError(
                f"{self.path}: no log of verdicts of this format (version {version}, expected 1 to {_FORMAT}); "
                "put it elsewhere, nothing was changed"
            )

    @staticmethod
    def _make(db: sqlite3.Connection) -> None:
        version = _version(db)
        if version == _FORMAT:
            return
        # What may stand in the column of decisions cannot be changed; the lines and their numbers are taken along.
        if version:
            db.execute("ALTER TABLE verdicts RENAME TO verdicts_before")
            for trigger in ("verdicts_are_not_changed", "verdicts_are_not_deleted"):
                db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in _SCHEMA:
            db.execute(statement)
        if version:
            columns = ", ".join(_SINCE[version])
            db.execute(f"INSERT INTO verdicts ({columns}) SELECT {columns} FROM verdicts_before ORDER BY id")  # noqa: S608 - our own column names
            db.execute("DROP TABLE verdicts_before")
        db.execute(f"PRAGMA user_version = {_FORMAT}")


def standing(verdicts: Iterable[Verdict], *, withdrawals: bool = False) -> list[Verdict]:
    """Those of a log in its order that were not taken back; a withdrawal can be taken back itself.

    The withdrawals that stand are left out unless they are asked for.
    """
    lines = list(verdicts)
    withdrawn: set[tuple[tuple[str, str], str]] = set()
    kept = []
    # What takes back comes later: from the end, so that a withdrawal that is withdrawn takes nothing back.
    for line in reversed(lines):
        if (line.pair, line.moment) in withdrawn:
            continue
        if line.decision == WITHDRAW:
            withdrawn.add((line.pair, line.withdraws))
        if withdrawals or line.decision != WITHDRAW:
            kept.append(line)
    return kept[::-1]


def _check_lengths(verdict: Verdict) -> None:
    if max(len(verdict.reason or "") - LONGEST_REASON, len(verdict.name) - LONGEST_NAME) > 0:
        raise SettingsError(
            f"reason and name: got {len(verdict.reason):,} and {len(verdict.name):,} characters, expected "
            f"{LONGEST_REASON:,} and {LONGEST_NAME} at most"
        )


def _last_words(verdicts: Iterable[Verdict]) -> Iterable[Verdict]:
    """What each person said last of each two scans, in each audit sample."""
    return {(verdict.pair, verdict.who, verdict.audit): verdict for verdict in verdicts}.values()


def _select(db: sqlite3.Connection, last_moment: str | None = None) -> list[Verdict]:
    version = _version(db)
    if not version:
        return []  # not even the first verdict was written
    columns = _SINCE[version]
    query = f"SELECT {', '.join(columns)} FROM verdicts WHERE at <= ? ORDER BY id"  # noqa: S608 - our own column names
    rows = db.execute(query, (_END_OF_TIME if last_moment is None else last_moment,))
    verdicts = [Verdict(**dict(zip(columns, row, strict=True))) for row in rows]
    repeated = {(v.page, v.other, v.decision, v.who, v.decided_at) for v in verdicts if v.page_sha256}
    kept = [v for v in verdicts if v.page_sha256 or (v.page, v.other, v.decision, v.who, v.moment) not in repeated]
    return sorted(kept, key=lambda verdict: verdict.moment)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def until(text: str) -> str:
    """The last moment of a day such as ``2026-11-24``, or a moment, as the log writes them (UTC)."""
    try:
        if len(text.strip()) == 10:
            moment = datetime.combine(date.fromisoformat(text.strip()), time.max, UTC)
        else:
            moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SettingsError(f"date: got {text!r}, expected a day such as 2026-11-24 or a time with it") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")
