"""The main job: find the scans, read them, find their neighbours, cluster them. The report is drawn after it.

A run is one folder. The same call again goes on where the last one stopped, and reads nothing twice.
"""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from tablesim.corpus.clustering.pipeline import number_of_clusters
from tablesim.corpus.corrections.apply import renew
from tablesim.corpus.indexing.events import Event, Listener, ignore_event
from tablesim.corpus.indexing.ingest import ingest, read_pages
from tablesim.corpus.indexing.pool import MakeReader, Read
from tablesim.corpus.storage.files import write_csv
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError, WeightsError
from tablesim.records.reading import Reading
from tablesim.scans.canvases import FetchedPage, fetch_pages
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.joining import join
from tablesim.scans.locator import Locator
from tablesim.scans.metadata import Metadata, PageMetadata, merged, read_metadata
from tablesim.scans.sources import (
    Pages,
    ScanListing,
    Source,
    describe_left_out,
    list_scans,
    name_fetched_pages,
    split_sources,
)
from tablesim.scans.web import Web, as_address
from tablesim.workflow.clustering import cluster
from tablesim.workflow.event_log import EventLog

SEED = 0
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
) -> Corpus:
    """Read the scans of ``source`` into the run folder ``out``, find neighbours and clusters.

    Parameters
    ----------
    source : path, address, or several
        Folders and files of scans; IIIF manifests and collections.
    out : path
        The run folder: new, empty, or a run of the same source with the same network, which is continued.
    metadata : path, optional
        CSV with a line a page. What it says counts before what a library says of its pages;
        ``RUN/metadata_findings.csv`` lists what did not fit.
    clusters : "auto" or int
        How many clusters.
    workers : int
        Processes that read; any number gives the same result.
    network : optional
        Weights (a path) or a network; the bundled weights unless given. Each process that reads loads the weights for
        itself.
    on_event : callable, optional
        Gets each ``Event``; ``RUN/events.jsonl`` gets them too.
    web : Web, optional
        Fetches what is not on the disk.
    max_pixels : int
        Larger scans are not read. A network that is not from a weights file has its own limit.
    scheduler : str, optional
        Address or scheduler file of a Dask scheduler whose workers read instead.
    retry_failed : bool
        Try pages again that could not be read. That is also done when ``max_pixels`` or a version changed.

    Returns
    -------
    Corpus
        Pages that could not be read stand in its ``problems``.

    Raises
    ------
    TablesimError
        ScanError without scans, MetadataError for an unusable CSV, WeightsError, SettingsError for a wrong number, and
        RunError where ``out`` is something else, damaged, in use, or was made from another source or with another
        network. What can be told beforehand is told before anything is written.
    """
    if workers < 1:
        raise SettingsError(f"workers: got {workers}, expected 1 or more")
    number_of_clusters(clusters)
    paths, libraries = split_sources(source)
    on_disk = list_scans(paths) if paths or not libraries else ScanListing(())
    table = None if metadata is None else read_metadata(metadata)
    sources = _written(source)
    _same_source(Path(out), sources)
    fingerprint, make_reader = _reader(network, max_pixels)
    corpus = Corpus.resume(out, {"network": fingerprint}, source=sources, seed=SEED)
    with corpus.lock(), EventLog(corpus.folder / "events.jsonl", on_event or ignore_event) as tell:
        retry = retry_failed or _reads_otherwise(corpus, max_pixels)
        corpus.run |= {"finished": False, "versions": versions(), "metadata": _metadata_record(table)}
        corpus.run["max_pixels"] = max_pixels
        corpus.save_run()
        pages = name_fetched_pages(on_disk, _fetch(libraries, web or Web(), max_pixels, tell))
        _index(corpus, pages, table, tell, retry_failed=retry)
        read_pages(corpus, make_reader, workers=workers, scheduler=scheduler, on_event=tell)
        # What was corrected stays corrected when its scan is read again.
        renew(corpus, neighbours=False)
        if not any(status == "read" for status in corpus.page_table.column("status").to_pylist()):
            first = corpus.problems[0]["problem"] if corpus.problems else "no pages"
            raise RunError(
                f"{corpus.folder}: none of the {len(pages.scans)} pages could be read ({first}); see problems.csv"
            )
        tell(Event("start", "neighbours"))
        corpus.build_neighbours()
        tell(Event("end", "neighbours"))
        tell(Event("start", "clusters"))
        clustering = cluster(corpus, clusters, seed=SEED)
        n_tables = len(clustering.pages) - len(clustering.without)
        what = f"{clustering.k} clusters of {n_tables} pages; {len(clustering.without)} pages without a table"
        tell(Event("end", "clusters", message=what))
        corpus.run["finished"] = True
        corpus.save_run()
    return corpus


def _fetch(libraries: Sequence[str], web: Web, max_pixels: int, tell: Listener) -> list[FetchedPage]:
    if not libraries:
        return []

    def on_page(done: int, total: int, page: str, problem: str) -> None:
        tell(Event("problem" if problem else "page", "fetch", done, total, page, problem))

    tell(Event("start", "fetch"))
    pages = fetch_pages(libraries, web, max_pixels=max_pixels, on_page=on_page)
    causes = Counter(_cause(page.problem) for page in pages if page.problem)
    came = len(pages) - causes.total()
    told = "".join(f"; {count} x {cause}" for cause, count in causes.most_common(5))
    tell(Event("end", "fetch", came, len(pages), message=f"{came} of {len(pages)} pages came{told}"))
    return pages


def _cause(problem: str) -> str:
    """Why a page did not come, without its address and what to do."""
    return problem.partition(": ")[2].partition(";")[0]


def _reads_otherwise(corpus: Corpus, max_pixels: int) -> bool:
    """Whether what failed before may be read now: by other versions, or under another limit."""
    before, now = corpus.run.get("versions"), versions()
    return (before or now) != now or corpus.run.get("max_pixels", max_pixels) != max_pixels


def _index(corpus: Corpus, pages: Pages, table: Metadata | None, tell: Listener, *, retry_failed: bool) -> None:
    for remark in describe_left_out(pages.left_out):
        tell(Event("remark", "ingest", message=remark))
    about = dict(pages.about)
    if table is not None:
        match = join(table, pages.scans)
        about |= {page: merged(line, about.get(page, PageMetadata())) for page, line in match.pages.items()}
        write_csv(corpus.folder / FINDINGS, _FINDING_COLUMNS, [asdict(finding) for finding in match.findings])
        for remark in (match.summary(), *match.remarks()):
            tell(Event("remark", "ingest", message=remark))
    ingest(corpus, pages.scans, about, pages.missing, tell, retry_failed=retry_failed)
    corpus.run["inputs"] = {"pages": len(pages.scans), "sha256": _inputs_hash(corpus)}
    corpus.save_run()


def versions() -> dict[str, str]:
    """The versions that a run was made with."""
    found = {"python": platform.python_version(), "tablesim": version("tablesim")}
    for name in _VERSIONS_OF:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _reader(network: ReadsPages | str | Path | None, max_pixels: int) -> tuple[str, MakeReader]:
    """The fingerprint of a network, and what each process calls to get its function that reads."""
    if network is None or isinstance(network, str | Path):
        from tablesim.reader import load_network

        # Loading takes 0.01 s: a damaged file is refused before anything is written.
        network = load_network(network)
    weights = getattr(network, "weights", None)
    if isinstance(weights, Path):
        return network.fingerprint, partial(_reader_of_weights, weights, network.fingerprint, max_pixels)
    return network.fingerprint, partial(getattr, network, "read")


def _reader_of_weights(weights: Path, fingerprint: str, max_pixels: int) -> Read:
    """Load the weights in the process that reads; only their path travels to it.

    Raises
    ------
    WeightsError
        They have another fingerprint: on another machine the same path may hold another file.
    """
    from tablesim.reader import load_network

    network = load_network(weights)
    if network.fingerprint != fingerprint:
        raise WeightsError(
            f"{weights}: here they read as {network.fingerprint[:12]}, where the job began as {fingerprint[:12]}; "
            "give every worker the same version of tablesim and the same weights"
        )
    return partial(network.read, max_pixels=max_pixels)


def _written(source: Source | Sequence[Source]) -> list[str]:
    """The sources as ``run.json`` keeps them: addresses as they are, paths from the root."""
    paths, libraries = split_sources(source)
    kept = [library if as_address(library) else str(Path(library).absolute()) for library in libraries]
    return sorted([*kept, *(str(Locator.of(path).absolute()) for path in paths)])


def _same_source(out: Path, sources: list[str]) -> None:
    """Refuse to mix two sets of scans in one run; a source that was moved may come from its new place."""
    if not (out / "run.json").is_file():
        return
    before = Corpus.open(out).run.get("source") or sources
    if before != sources and any(as_address(source) or Locator.of(source).file.exists() for source in before):
        raise RunError(
            f"{out}: made from {', '.join(before)}, now the source is {', '.join(sources)}; "
            "choose a new folder, nothing was changed"
        )


def _metadata_record(table: Metadata | None) -> dict[str, Any] | None:
    if table is None:
        return None
    return {"path": str(table.path.absolute()), "sha256": hashlib.sha256(table.path.read_bytes()).hexdigest()}


def _inputs_hash(corpus: Corpus) -> str:
    hashed = hashlib.sha256()
    table = corpus.page_table
    for page, key in zip(table.column("page").to_pylist(), table.column("sha256").to_pylist(), strict=True):
        hashed.update(f"{page}\t{key}\n".encode())
    return hashed.hexdigest()
