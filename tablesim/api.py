"""What is done with one call over several rooms: a run with its report, the demo on the sample corpus.

These are public names of ``tablesim`` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tablesim.corpus.evaluation.labels import Evaluation, evaluate
from tablesim.corpus.indexing.events import Listener
from tablesim.corpus.store import Corpus
from tablesim.report.writing import write_report
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.sources import Source
from tablesim.scans.web import Web
from tablesim.workflow.running import ReadsPages
from tablesim.workflow.running import run as run_without_report
from tablesim.workflow.sample import sample_folder


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
    report: bool = True,
) -> Corpus:
    """Read the scans of ``source`` into the run folder ``out``, find neighbours and clusters, and write the report.

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
        Processes that read pages. The result is the same.
    network : optional
        Weights (a path) or a network; the bundled weights unless given. With more than one worker each process loads
        the weights for itself.
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
    report : bool
        Write ``RUN/report/index.html`` at the end, as ``write_report`` does.

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
    corpus = run_without_report(
        source,
        out,
        metadata=metadata,
        clusters=clusters,
        workers=workers,
        network=network,
        on_event=on_event,
        web=web,
        max_pixels=max_pixels,
        scheduler=scheduler,
        retry_failed=retry_failed,
    )
    if report:
        write_report(corpus)
    return corpus


def demo(
    out: str | Path,
    *,
    workers: int = 1,
    network: ReadsPages | str | Path | None = None,
    on_event: Listener | None = None,
    report: bool = True,
) -> tuple[Corpus, Evaluation]:
    """Run the bundled sample corpus into ``out``; see ``run`` for the parameters.

    Returns
    -------
    tuple of Corpus and Evaluation
        The run, and how it compares with the labels of the sample.
    """
    sample = sample_folder()
    corpus = run(
        sample / "scans",
        out,
        metadata=sample / "metadata.csv",
        workers=workers,
        network=network,
        on_event=on_event,
        report=report,
    )
    return corpus, evaluate(corpus, sample / "labels.csv")
