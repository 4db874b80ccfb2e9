"""The main job: find the scans, read them, find their neighbours, cluster them. The report is drawn after it.

A run is one folder. The same call again goes on where the last one stopped, and reads nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from tablesim.corpus.clustering.pipeline import number_of_clusters
from tablesim.corpus.corrections.apply import renew
from tablesim.corpus.corrections.full_readings import ReadsInFull, read_refused_in_full
from tablesim.corpus.corrections.unfinished import noted
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.indexing.ingest import absent_scans, hash_scans, read_pages, record_pages
from tablesim.corpus.indexing.pool import MakeReader, Read
from tablesim.corpus.status import PENDING
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.storage.lock import locked
from tablesim.corpus.storage.problems import LEFT_OUT
from tablesim.corpus.storage.run_folder import EVENTS, check_empty, is_run
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, ScanError, SettingsError, WeightsError
from tablesim.records.counting import counted, plural
from tablesim.records.reading import Reading
from tablesim.review.constraints import run_constraints, write_hashes
from tablesim.review.lost_decisions import remember_decisions
from tablesim.scans.books import AS_METADATA, take_for_books
from tablesim.scans.canvases import ENCODING, FetchedPage, fetch_pages
from tablesim.scans.csvfile import shortlist
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.metadata import Metadata, PageMetadata, match_lines, merged, read_metadata
from tablesim.scans.sources import ScanListing, Source, describe_left_out, name_fetched_pages, split_sources
from tablesim.scans.web import Web
from tablesim.version import __version__
from tablesim.workflow.clustering import cluster
from tablesim.workflow.event_log import EventLog
from tablesim.workflow.run_metadata import KEY, metadata_again, metadata_of_lines, metadata_record
from tablesim.workflow.run_sources import agreed_sources, list_sources, sources_in_writing

SEED = 0

STAGES = ("read", "neighbours", "clusters", "report")
"""What a run does one after the other; it can stop behind each."""

FINDINGS = "metadata_findings.csv"
"""Pages without a line, lines without a page, and what looks wrong, one by one."""

_FINDING_COLUMNS = ("what", "page", "line", "detail")
_VERSIONS_OF = ("torch", "numpy", "scipy", "scikit-learn", "opencv-python-headless", "pillow", "pyarrow")


class ReadsPages(Protocol):
    """What reads pages: the network of ``tablesim.load_network``, or anything with these two."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same page would be read otherwise."""

    def read(self, path: Path) -> Reading:
        """The reading of a scan, with its histogram."""


def run(
    source: Source | Sequence[Source],
    out: str | Path,
    metadata: str | Path | None = None,
    clusters: int | str = "auto",
    workers: int = 1,
    network: ReadsPages | str | Path | None = None,
    on_event: Listener | None = None,
    *,
    web: Web | None = None,
    max_pixels: int = MAX_PIXELS,
    scheduler: str | None = None,
    retry_failed: bool = False,
    forget_away: bool = False,
    device: str = "cpu",
    until: str = "clusters",
) -> Corpus:
    """Read the scans of ``source`` into the run folder ``out``, find neighbours and clusters; draw no report.

    Parameters, result and errors are those of ``tablesim.run``, which writes the report too. Until that is there a run
    with ``until="report"`` is not finished.
    """
    if until not in STAGES:
        raise SettingsError(f"until: got {until!r}, expected one of {', '.join(STAGES)}")
    if workers < 1:
        raise SettingsError(f"workers: got {workers}, expected 1 or more")
    number_of_clusters(clusters)
    table = None if metadata is None else read_metadata(metadata)
    given = sources_in_writing(source)
    folder = Path(out)
    fingerprint, make_reader, in_full = _reader(network, max_pixels, device)
    weights, _, precision = fingerprint.partition("/")
    if not is_run(folder):
        check_empty(folder)
    with _job(folder, on_event or ignore_event) as tell:
        corpus = Corpus.resume(folder, {"network": weights}) if is_run(folder) else None
        if table is None and corpus is not None:
            table = metadata_again(corpus, tell)
        sources = given if corpus is None else agreed_sources(corpus, given)
        paths, libraries = split_sources(sources)
        on_disk = list_sources(corpus, map(str, paths), tell)
        fetched = _fetch(libraries, web or Web(), max_pixels, corpus, tell)
        if corpus is None:
            if not on_disk.scans and all(page.problem for page in fetched):
                raise RunError(f"{folder}: no page could be fetched ({fetched[0].problem}); no run was made")
            corpus = Corpus.create(folder, {"network": weights}, versions=versions())
        retry = retry_failed or _reads_otherwise(corpus, max_pixels)
        corpus.run.pop(PENDING, None)
        corpus.run.update(
            source=sources,
            seed=SEED,
            finished=False,
            metadata=corpus.run.get(KEY) if table is None else metadata_record(table),
            max_pixels=max_pixels,
            last_job=versions(),
            left_out=[asdict(item) for item in on_disk.left_out],
        )
        corpus.save_run()
        # Version 0.1.0 wrote no hashes: the pages still have the scans that people had before them.
        for remark in (*corpus.corrections.write_hashes(), *write_hashes(corpus)):
            tell(Event("remark", "ingest", message=remark))
        _index(corpus, on_disk, fetched, table, tell, retry_failed=retry, forget_away=forget_away)
        read_by = _register_versions(corpus, precision, tell)
        read_pages(corpus, make_reader, workers=workers, scheduler=scheduler, read_by=read_by, on_event=tell)
        for remark in read_refused_in_full(corpus, list(corpus.table_decisions.in_force), in_full).remarks:
            tell(Event("remark", "read", message=remark))
        # What was corrected stays corrected when its scan is read again.
        with noted(corpus.folder, ()):
            renew(corpus, neighbours=False)
        decided = (corpus.corrections.status(), corpus.table_decisions.status(), run_constraints(corpus))
        for remark in (*(remark for status in decided for remark in status.remarks()), *remember_decisions(corpus)):
            tell(Event("remark", "clusters", message=remark))
        statuses = set(corpus.page_table.column("status").to_pylist())
        if "read" not in statuses:
            first = corpus.problems[0]["problem"] if corpus.problems else "no pages"
            n = len(corpus.page_table)
            none = plural(n, "its only page could not", f"none of the {n:,} pages could")
            raise RunError(f"{folder}: {none} be read ({first}); see problems.csv")
        if until != "read":
            tell(Event("start", "neighbours"))
            corpus.build_neighbours()
            tell(Event("end", "neighbours"))
            tell(Event("start", "numbers"))
            corpus.build_number_index()
            tell(Event("end", "numbers"))
        if until in ("clusters", "report"):
            tell(Event("start", "clusters"))
            clustering = cluster(corpus, clusters, seed=SEED, on_event=tell)
            n_tables = len(clustering.pages) - len(clustering.without)
            message = (
                f"{counted(clustering.k, 'cluster')} of {counted(n_tables, 'page')}; "
                f"{counted(len(clustering.without), 'page')} in none"
            )
            tell(Event("end", "clusters", message=message))
            # A scan that was replaced meanwhile has another hash.
            corpus.run["inputs"] = _inputs_record(corpus)
            # A page that waits for its scan is read when the same command finds it.
            corpus.run["finished"] = "waiting" not in statuses
        if until == "report":
            corpus.run[PENDING] = True
        corpus.save_run()
    return corpus


@contextmanager
def _job(folder: Path, on_event: Listener) -> Iterator[Listener]:
    """Hold the run in ``folder`` and log its events; where no run comes of it, nothing is left behind."""
    with locked(folder) as remarks:
        try:
            with EventLog(folder / EVENTS, on_event) as tell:
                for remark in remarks:
                    tell(Event("remark", "ingest", message=remark))
                yield tell
        finally:
            if not is_run(folder):
                (folder / EVENTS).unlink(missing_ok=True)


def _fetch(
    libraries: Sequence[str], web: Web, max_pixels: int, corpus: Corpus | None, tell: Listener
) -> list[FetchedPage]:
    if not libraries:
        return []

    def on_page(done: int, total: int, page: str, problem: str) -> None:
        tell(Event("problem" if problem else "page", "fetch", done, total, page, problem))

    tell(Event("start", "fetch"))
    try:
        pages = fetch_pages(libraries, web, max_pixels=max_pixels, on_page=on_page)
    except ScanError as error:
        if corpus is None or not len(corpus.page_table):
            raise
        tell(Event("remark", "fetch", message=f"{error}; its pages are kept as they were"))
        return []
    causes = Counter(_cause(page.problem) for page in pages if page.problem)
    n_fetched = len(pages) - causes.total()
    reasons = "".join(f"; {count} x {cause}" for cause, count in causes.most_common(5))
    tell(Event("end", "fetch", n_fetched, len(pages), message=f"{n_fetched} of {len(pages)} pages came{reasons}"))
    guessed = {page.metadata.extra["manifest"]: how for page in pages if (how := page.metadata.extra.get(ENCODING))}
    for manifest, how in guessed.items():
        tell(Event("remark", "fetch", message=f"{manifest}: {how}; check titles and places"))
    return pages


def _cause(problem: str) -> str:
    """Why a page did not come, without its address and what to do."""
    return problem.partition(": ")[2].partition(";")[0]


def _reads_otherwise(corpus: Corpus, max_pixels: int) -> bool:
    """Whether what failed before may be read now: by other versions, or under another limit."""
    before = corpus.run.get("last_job") or corpus.run.get("versions")
    return before != versions() or corpus.run.get("max_pixels", max_pixels) != max_pixels


def _index(
    corpus: Corpus,
    on_disk: ScanListing,
    fetched: Sequence[FetchedPage],
    table: Metadata | None,
    tell: Listener,
    *,
    retry_failed: bool,
    forget_away: bool,
) -> None:
    for remark in describe_left_out(on_disk.left_out):
        tell(Event("remark", "ingest", message=remark))
    hashed = hash_scans(corpus, [*on_disk.scans, *(page.locator for page in fetched)], tell)
    absent = () if forget_away else absent_scans(corpus, hashed)
    pages = name_fetched_pages(replace(on_disk, scans=(*on_disk.scans, *absent)), fetched)
    about = dict(pages.about)
    if table is None and corpus.run.get(KEY):
        about |= {page: known for page, known in metadata_of_lines(corpus) if page in pages.scans}
    if table is not None:
        match = match_lines(table, pages.scans)
        about |= {page: merged(line, about.get(page, PageMetadata())) for page, line in match.pages.items()}
        write_csv(corpus.folder / FINDINGS, _FINDING_COLUMNS, [asdict(finding) for finding in match.findings])
        for remark in (match.summary(), *match.remarks()):
            tell(Event("remark", "ingest", message=remark))
    books = take_for_books(pages.scans, about, by_names=table is None or "book" not in table.fields.values())
    about |= {page: replace(about.get(page, PageMetadata()), book=book) for page, book in books.books.items()}
    corpus.run["books"] = "; ".join(remark.removeprefix("books: ") for remark in books.remarks()) or AS_METADATA
    for remark in books.remarks():
        tell(Event("remark", "ingest", message=remark))
    record_pages(corpus, pages.scans, hashed, about, pages.missing, tell, retry_failed=retry_failed)
    corpus.problem_log.add(
        [
            {"scan": item.example, "problem": f"{item.count} x {item.kind}: {item.reason}", "kind": LEFT_OUT}
            for item in on_disk.left_out
        ]
    )
    corpus.run["inputs"] = _inputs_record(corpus)
    corpus.save_run()


def _register_versions(corpus: Corpus, precision: str, tell: Listener) -> str:
    """The name of the versions, and the precision, that are to read what waits; ``run.json`` explains it.

    Those of before stay.
    """
    now = versions() | ({"precision": precision} if precision else {})
    readers: dict[str, dict[str, str]] = corpus.run.setdefault("readers", {})
    new = hashlib.sha256(json.dumps(now, sort_keys=True).encode()).hexdigest()[:8]
    name = next((known for known, numbers in readers.items() if numbers == now), new)
    n_waiting = corpus.page_table.column("status").to_pylist().count("waiting")
    if n_waiting and name not in readers:
        if readers:
            changed = shortlist(
                f"{part} {number}" for part, number in now.items() if number not in _numbers(readers, part)
            )
            message = f"{n_waiting} pages are read with other versions than those before ({changed}); see run.json"
            tell(Event("remark", "read", message=message))
        readers[name] = now
        corpus.save_run()
    return name


def _numbers(readers: dict[str, dict[str, str]], part: str) -> set[str | None]:
    return {reader.get(part) for reader in readers.values()}


def versions() -> dict[str, str]:
    """The versions that a run was made with."""
    found = {"python": platform.python_version(), "tablesim": __version__}
    for name in _VERSIONS_OF:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _reader(
    network: ReadsPages | str | Path | None, max_pixels: int, device: str
) -> tuple[str, MakeReader, ReadsInFull | None]:
    """The fingerprint of a network, what each process calls to get its function that reads, and what reads in full."""
    if network is None or isinstance(network, str | Path):
        from tablesim.reader import load_network

        # Loading takes 0.01 s: a damaged file is refused before anything is written.
        network = load_network(network, device=device)
    weights = getattr(network, "weights", None)
    in_full = network if isinstance(network, ReadsInFull) else None
    if isinstance(weights, Path):
        return network.fingerprint, partial(_reader_of_weights, weights, network.fingerprint, max_pixels), in_full
    return network.fingerprint, partial(getattr, network, "read"), in_full


def _reader_of_weights(weights: Path, fingerprint: str, max_pixels: int) -> Read:
    """Load the weights in the process that reads; only their path travels to it, and the precision of the job.

    Raises
    ------
    WeightsError
        They have another fingerprint: on another machine the same path may hold another file.
    """
    from tablesim.reader import load_network

    precision, _, device = fingerprint.partition("/")[2].partition(" on ")
    network = load_network(weights, device=device or "cpu", bfloat16=precision == "bfloat16")
    if network.fingerprint != fingerprint:
        raise WeightsError(
            f"{weights}: here they read as {network.fingerprint[:12]}, where the job began as {fingerprint[:12]}; "
            "give every worker the same version of tablesim and the same weights"
        )
    return partial(network.read, max_pixels=max_pixels)


def _inputs_record(corpus: Corpus) -> dict[str, Any]:
    """Which pages there are, so that a ``run.json`` of other pages can be told from that of these."""
    return {"pages": len(corpus.page_table), "sha256": corpus.page_table.digest()}
