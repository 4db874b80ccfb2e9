"""Fills a run: finds and hashes the pages, reads those that are not read yet, in one process or several.

A page is done when its reading and its embedding stand in a shard under the hash of its bytes, so a job that was
stopped, even by force, goes on where it stopped. A page that failed stands in ``problems.csv`` with that hash, and is
tried again when its file changes or somebody asks. A page whose scan is away keeps what was read on it.
"""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablesim.corpus.indexing.costs import Cost, Done
from tablesim.corpus.indexing.engine import read_scans
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.indexing.pool import MakeReader, Task, Unreachable
from tablesim.corpus.storage.problems import AWAY, FAILED
from tablesim.corpus.storage.shards import embedding_row, reading_row
from tablesim.corpus.store import Corpus
from tablesim.errors import SettingsError
from tablesim.records.counting import counted, plural
from tablesim.records.reading import Reading
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import PageMetadata

JOINED_PAGES = 64
"""Shards of one page each that are joined into one."""

HASHES = ".hashes.jsonl"
"""Hashes of scans, a line each, while scans are hashed: a job that is killed over a large collection goes on there."""


_CLOSED = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ELOOP)
"""Why the system refuses a file that is there."""


class ScanState(NamedTuple):
    """What a scan was when it was hashed."""

    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class HashedScans:
    """Scans with their hashes, and why others cannot be hashed.

    Parameters
    ----------
    states : dict of Locator to ScanState
    unreachable : dict of Locator to OSError
    """

    states: dict[Locator, ScanState] = field(default_factory=dict)
    unreachable: dict[Locator, OSError] = field(default_factory=dict)


def ingest(
    corpus: Corpus,
    scans: Mapping[str, Locator],
    about: Mapping[str, PageMetadata] | None = None,
    missing: Mapping[str, str] | None = None,
    on_event: Listener = ignore_event,
    *,
    retry_failed: bool = False,
) -> None:
    """Write ``pages.parquet`` for ``scans`` alone, with the hash of each and what is known about it.

    See ``hash_scans`` and ``record_pages`` for the two parts.
    """
    hashed = hash_scans(corpus, scans.values(), on_event)
    record_pages(corpus, scans, hashed, about, missing, on_event, retry_failed=retry_failed)


def hash_scans(corpus: Corpus, scans: Iterable[Locator], on_event: Listener = ignore_event) -> HashedScans:
    """The hash of each scan. Files whose path, size and time are as they were keep the hash they had."""
    table = corpus.page_table
    columns = (table.column(name).to_pylist() for name in ("scan", *ScanState._fields))
    known = {scan: ScanState(*state) for scan, *state in zip(*columns, strict=True) if state[0]}
    path = corpus.folder / HASHES
    known |= _logged(path)
    hashed, scans = HashedScans(), list(scans)
    on_event(Event("start", "ingest", 0, len(scans)))
    with path.open("a", encoding="utf-8", buffering=1) as log:
        for done, locator in enumerate(scans, 1):
            scan = str(locator.absolute())
            try:
                stat = locator.stat()
                state = known.get(scan)
                if state is None or state[1:] != (stat.st_size, stat.st_mtime_ns):
                    state = ScanState(locator.sha256(), stat.st_size, stat.st_mtime_ns)
                    log.write(json.dumps([scan, *state]) + "\n")
                hashed.states[locator] = state
            except OSError as error:
                hashed.unreachable[locator] = error
            on_event(Event("page", "ingest", done, len(scans), locator.stem))
    return hashed


def _logged(path: Path) -> Iterator[tuple[str, ScanState]]:
    """What a job that was killed had hashed."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            scan, *state = json.loads(line)
            yield scan, ScanState(*state)
        except (ValueError, TypeError, RecursionError):
            continue  # the last line, half written


def absent_scans(corpus: Corpus, hashed: HashedScans) -> list[Locator]:
    """The scans of the run's pages that are not among those hashed, unless they were moved or renamed.

    A scan was moved where its bytes turned up under a path that is new to the run.
    """
    table = corpus.page_table
    before = dict(zip(table.column("scan").to_pylist(), table.column("sha256").to_pylist(), strict=True))
    now = {str(locator.absolute()): state.sha256 for locator, state in hashed.states.items()}
    now |= {str(locator.absolute()): "" for locator in hashed.unreachable}
    moved = Counter(key for scan, key in now.items() if scan not in before)
    absent = []
    for scan, key in before.items():
        if key and scan not in now:
            moved[key] -= 1
            if moved[key] < 0:
                absent.append(Locator.of(scan))
    return absent


def record_pages(
    corpus: Corpus,
    scans: Mapping[str, Locator],
    hashed: HashedScans,
    about: Mapping[str, PageMetadata] | None = None,
    missing: Mapping[str, str] | None = None,
    on_event: Listener = ignore_event,
    *,
    retry_failed: bool = False,
) -> None:
    """Write ``pages.parquet`` and ``problems.csv``.

    What is already read stays read, and what failed stays failed while its file is the same. A page that is in the run
    and whose scan is away stays as it was.

    Parameters
    ----------
    corpus : Corpus
        The run.
    scans : dict of str to Locator
        By page id.
    hashed : HashedScans
        Those of the scans that are there.
    about : dict of str to PageMetadata, optional
        By page id, as far as something is known.
    missing : dict of str to str, optional
        Why the scan of a page is not there, by page id: what ``problems.csv`` says of it.
    on_event : callable
        Gets an ``Event`` for what is remarkable.
    retry_failed : bool
        Forget what failed, so that ``read_pages`` tries it again.
    """
    about, missing = about or {}, missing or {}
    table = corpus.page_table
    line_of = {scan: line for line, scan in enumerate(table.column("scan").to_pylist())}
    old_keys = table.column("sha256").to_pylist()
    failed = {}
    if not retry_failed:
        failed = {(p["scan"], p["sha256"]): p for p in corpus.problems if p["sha256"] and p["kind"] == FAILED}
    rows, problems, replaced, away = [], [], [], []
    for page, locator in scans.items():
        scan = str(locator.absolute())
        row: dict[str, Any] = {"page": page, "scan": scan, "sha256": "", "status": "waiting", "away": False}
        old_key = old_keys[line_of[scan]] if scan in line_of else ""
        if locator in hashed.states:
            row |= hashed.states[locator]._asdict()
            if old_key not in ("", row["sha256"]):
                replaced.append(page)
            if problem := failed.get((scan, row["sha256"])):
                problems.append({**problem, "page": page})
        elif old_key:
            row = {**table.line(line_of[scan]), **row, "sha256": old_key, "away": True}
            away.append(row)
        elif page not in missing and _vanished(locator, hashed.unreachable.get(locator)):
            row["away"] = True
            away.append(row)
        else:
            error = hashed.unreachable.get(locator)
            cause = "no file" if error is None else error.strerror or error
            remedy = "check the rights to it"
            if error is not None and error.errno == errno.EINVAL:
                remedy = "give an image, or a folder of images"
            if locator.file.is_symlink() and not locator.file.exists():
                remedy = "this is a link; check where it leads"
            why = f"{locator}: cannot be opened ({cause}); {remedy}"
            row["status"] = "failed"
            problems.append(_problem(row, missing.get(page, why), FAILED))
        rows.append(row | (asdict(about[page]) if page in about else {}))
    corpus.write_pages(rows)
    (corpus.folder / HASHES).unlink(missing_ok=True)
    has_reading = corpus.reading_shards.places.rows([row["sha256"] for row in away]) >= 0
    for row, read in zip(away, has_reading, strict=True):
        then = "what was read on it stays" if read else "it is read when the same command finds it"
        problems.append(_problem(row, f"{row['scan']}: the scan is away; {then}", AWAY))
    corpus.problem_log.write(problems)
    _take_over(corpus)
    if replaced:
        message = f"scans replaced by others of the same name, read anew: {len(replaced)} ({shortlist(replaced)})"
        on_event(Event("remark", "ingest", message=message))
    if away:
        folders = shortlist(sorted({str(Locator.of(row["scan"]).file.parent) for row in away}), 3)
        kept = plural(len(away), "is kept as it was: its scan is", "are kept as they were: their scans are")
        message = f"{len(away)} of {counted(len(rows), 'page')} {kept} away ({folders})"
        on_event(Event("remark", "ingest", message=message))
    on_event(Event("end", "ingest", len(rows), len(rows)))


def read_pages(
    corpus: Corpus,
    make_reader: MakeReader,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    read_by: str = "",
    on_event: Listener = ignore_event,
) -> None:
    """Read the pages of ``corpus`` that are not read yet and write their shards; the result is the same for any
    number of workers.

    Parameters
    ----------
    corpus : Corpus
        With its pages ingested.
    make_reader : callable
        Gives the function that reads one scan. Called once in each process; with more than one worker it must be
        picklable, so that each loads its own network.
    workers : int
        Processes. Each computes on one thread, which is also what one worker does: another number of threads sums in
        another order.
    scheduler : str, optional
        Address of a Dask scheduler whose workers read instead (extra ``dask``).
    read_by : str
        The name of the versions that read, in ``run.json`` under "readers".
    on_event : callable
        Gets an ``Event`` a page.

    Notes
    -----
    A page that is done is on the disk before the next is looked at: a job that is killed loses the pages that were
    being read, and no other. A page that cannot be read goes into ``problems.csv`` and the job goes on, also when it
    takes its process down. A scan that was not there for a moment, or was replaced since it was hashed, is looked at
    again after the rest; one that is still away waits for the next job.
    """
    if workers < 1:
        raise SettingsError(f"workers: got {workers}, expected 1 or more")
    table = corpus.page_table
    names = ("page", "scan", *ScanState._fields, "status", "away")
    columns = (table.column(name).to_pylist() for name in names)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    waiting = [row for row in rows if row["status"] == "waiting" and not row["away"]]
    job = _ReadingJob(corpus, read_by, on_event, len(rows), len(rows) - len(waiting))
    on_event(Event("start", "read", job.done, job.total))
    read = partial(
        read_scans,
        make_reader,
        workers=workers,
        scheduler=scheduler,
        remark=lambda message: on_event(Event("remark", "read", message=message)),
    )
    if doubtful := job.read_all(read, waiting):
        still_waiting = _look_again(corpus, doubtful, on_event)
        job.done += len(doubtful) - len(still_waiting)
        job.is_last_try = True
        job.read_all(read, still_waiting)
    order = corpus.page_table.column("sha256").to_pylist()
    corpus.reading_shards.compact(order)
    corpus.embedding_shards.compact(order)
    _take_over(corpus)
    corpus.problem_log.write(corpus.problem_log.rows())
    on_event(Event("end", "read", job.done, job.total))


def _vanished(locator: Locator, error: OSError | None) -> bool:
    """Whether a scan that was listed just now is gone, rather than closed to us or a link to nowhere."""
    return error is not None and error.errno not in _CLOSED and not locator.file.is_symlink()


class _ReadingJob:
    """Takes in readings, and why there is none, and counts the pages."""

    def __init__(self, corpus: Corpus, read_by: str, on_event: Listener, total: int, done: int) -> None:
        self.corpus = corpus
        self.shelf = _Shelf(corpus, read_by)
        self.on_event = on_event
        self.total = total
        self.done = done
        self.is_last_try = False

    def read_all(
        self, read: Callable[[Sequence[Task]], Iterator[tuple[str, Done]]], rows: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Read the scans of some pages; gives back the pages whose scans are to be looked at again."""
        pages: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            pages.setdefault(row["sha256"], []).append(row)
        doubtful: list[dict[str, Any]] = []
        # The first of several equal scans gives its name to the reading.
        for key, (outcome, cost) in (
            read([(key, Path(same[0]["scan"])) for key, same in pages.items()]) if pages else ()
        ):
            assert outcome is not None
            if isinstance(outcome, Reading) and outcome.sha256 in ("", key):
                self.shelf.put(outcome if outcome.sha256 else replace(outcome, sha256=key))
                for row in pages[key]:
                    self._tell("page", row["page"], cost=cost)
            elif not self.is_last_try and _is_doubtful(outcome, pages[key][0]):
                doubtful += pages[key]
            else:
                self._fail(pages[key], outcome, cost)
        return doubtful

    def _fail(self, rows: Sequence[dict[str, Any]], outcome: Reading | str, cost: Cost | None) -> None:
        tried_again = _is_doubtful(outcome, rows[0])
        message = (
            outcome
            if isinstance(outcome, str)
            else (f"{rows[0]['scan']}: the file is being written to; give the same command again when it is whole")
        )
        # Without a hash the next job does not take the page for one that cannot be read.
        problems = [_problem(row | ({"sha256": ""} if tried_again else {}), message, FAILED) for row in rows]
        self.corpus.problem_log.add(problems)
        for row in rows:
            self._tell("problem", row["page"], message, cost)

    def _tell(self, kind: str, page: str, message: str = "", cost: Cost | None = None) -> None:
        self.done += 1
        taken = {} if cost is None else {name: getattr(cost, name) for name in Cost.__slots__}
        self.on_event(Event(kind, "read", self.done, self.total, page, message, **taken))


def _is_doubtful(outcome: Reading | str, row: Mapping[str, Any]) -> bool:
    """Whether a page was not read because its scan was not there, or is another one than was hashed."""
    if isinstance(outcome, Reading | Unreachable):
        return True
    try:
        stat = Locator.of(row["scan"]).stat()
    except OSError:
        return True
    return (stat.st_size, stat.st_mtime_ns) != (row["size"], row["modified_ns"])


def _look_again(corpus: Corpus, rows: Sequence[dict[str, Any]], on_event: Listener) -> list[dict[str, Any]]:
    """Hash scans again that were not there or were replaced while the job ran; gives those pages that can be read."""
    now: dict[str, dict[str, Any]] = {}
    problems = []
    for row in rows:
        locator = Locator.of(row["scan"])
        try:
            stat = locator.stat()
            now[row["page"]] = {**row, **ScanState(locator.sha256(), stat.st_size, stat.st_mtime_ns)._asdict()}
        except OSError:
            now[row["page"]] = {**row, "away": True}
            message = f"{row['scan']}: the scan went away while the job ran; the same command reads it when it is back"
            problems.append(_problem(row, message, AWAY))
            on_event(Event("problem", "read", page=row["page"], message=message))
    corpus.problem_log.add(problems)
    if replaced := [row["page"] for row in rows if now[row["page"]]["sha256"] != row["sha256"]]:
        message = f"scans replaced while the job ran: {len(replaced)} ({shortlist(replaced)})"
        on_event(Event("remark", "read", message=message))
    table = corpus.page_table
    ids = table.column("page").to_pylist()
    columns = {}
    for name in (*ScanState._fields, "away"):
        values = zip(ids, table.column(name).to_pylist(), strict=True)
        columns[name] = pa.array([now[page][name] if page in now else value for page, value in values])
    corpus.change_pages(columns)
    is_read = corpus.embedding_shards.places.rows([row["sha256"] for row in now.values()]) >= 0
    return [row for row, read in zip(now.values(), is_read, strict=True) if not (read or row["away"])]


class _Shelf:
    """Puts each reading on the disk when it comes, in a shard of its own, and joins them when there are many.

    A directory of a hundred thousand small files is slow on every system, slowest on those of clusters. A shard of one
    outlives the job; only the joined ones are waited for until they would outlive a power cut too.
    """

    def __init__(self, corpus: Corpus, read_by: str) -> None:
        self.corpus = corpus
        self.read_by = read_by
        self.single: list[Path] = []
        self.rows: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def put(self, reading: Reading) -> None:
        histogram = reading.histogram
        if histogram is None:
            raise SettingsError(f"reader: the reading of {reading.scan} has no histogram; expected 110 counts")
        self.rows.append((reading_row(reading, self.read_by), embedding_row(reading.sha256, histogram)))
        self.single += self._append(self.rows[-1:], durable=False)
        if len(self.rows) >= JOINED_PAGES:
            self._append(self.rows, durable=True)
            for path in self.single:
                path.unlink()
            self.rows.clear()
            self.single.clear()

    def _append(self, rows: Sequence[tuple[dict[str, Any], dict[str, Any]]], *, durable: bool) -> list[Path]:
        # The embedding comes last: a page that has one has both.
        readings = self.corpus.reading_shards.append([reading for reading, _ in rows], durable=durable)
        return [readings, self.corpus.embedding_shards.append([embedding for _, embedding in rows], durable=durable)]


def _problem(row: Mapping[str, Any], message: str, kind: str) -> dict[str, str]:
    return {"page": row["page"], "scan": row["scan"], "problem": message, "sha256": row["sha256"], "kind": kind}


def _take_over(corpus: Corpus) -> None:
    """Bring what the shards know of each page into ``pages.parquet``."""
    keys = corpus.page_table.column("sha256")
    stored = corpus.reading_shards.places.rows(keys)
    read = (stored >= 0) & (corpus.embedding_shards.places.rows(keys) >= 0)
    failed = {problem["page"] for problem in corpus.problems if problem["kind"] == FAILED}
    ids = corpus.page_table.column("page").to_pylist()
    left = np.array(["failed" if page in failed else "waiting" for page in ids], dtype=object)
    columns: dict[str, pa.Array] = {"status": pa.array(np.where(read, "read", left), pa.string())}
    if read.any():
        facts = pa.concat_tables(_facts(table) for table in corpus.reading_shards.tables())
        facts = facts.take(pa.array(stored, mask=~read)).combine_chunks()
        columns |= {name: facts[name].combine_chunks() for name in facts.schema.names}
    corpus.change_pages(columns)


def _facts(table: pa.Table) -> pa.Table:
    """What ``pages.parquet`` says of each reading of a shard."""
    numbers = table["numbers"].combine_chunks()
    per_page = pc.list_value_length(numbers).to_numpy(zero_copy_only=False)
    per_number = pc.list_value_length(pc.struct_field(pc.list_flatten(numbers), "digits")).to_numpy(
        zero_copy_only=False
    )
    of_page = np.repeat(np.arange(len(table)), per_page)
    digits = np.bincount(of_page, weights=per_number, minlength=len(table)) if len(of_page) else np.zeros(len(table))
    facts = table.select(["width", "height", "rotation", "is_table", "legibility", "note"])
    facts = facts.append_column("n_numbers", pa.array(per_page.astype(np.int32)))
    return facts.append_column("n_digits", pa.array(digits.astype(np.int32)))
