"""What is done with one call over several rooms: a run with its report, the demo, training on annotated scans.

These are public names of ``tablesim`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tablesim.corpus.evaluation.run import Evaluation, evaluate
from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.store import Corpus
from tablesim.digits.network import DigitNetwork
from tablesim.digits.training.annotated_pages import AnnotatedPage, annotated_pages
from tablesim.digits.training.annotations import read_annotations
from tablesim.digits.training.train import TrainingProgress, TrainingSettings
from tablesim.digits.training.train import train as train_on_pages
from tablesim.digits.training.validation import ValidationSettings
from tablesim.errors import SettingsError
from tablesim.reader import BUNDLED_WEIGHTS
from tablesim.report.writing import write_report
from tablesim.scans.csvfile import shortlist
from tablesim.scans.images import MAX_PIXELS
from tablesim.scans.sources import Source
from tablesim.scans.web import Web
from tablesim.workflow.running import ReadsPages
from tablesim.workflow.running import run as run_without_report
from tablesim.workflow.sample import sample_folder

FINE_TUNING = {"steps": 1500, "learning_rate": 4e-4}
"""Settings of a training that goes on from weights, unless others are given: what reads already needs fewer and smaller
steps.
"""


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
    report: bool = True,
    until: str = "report",
) -> Corpus:
    """Read the scans of ``source`` into the run folder ``out``, find neighbours and clusters, and write the report.

    Parameters
    ----------
    source : path, address, or several
        Folders and files of scans; IIIF manifests and collections.
    out : path
        The run folder: new, empty, or a run with the same network and at least these sources, which is continued. Each
        source of the run is to be named; others are added to it. A page whose scan is away keeps what was read on it.
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
    forget_away : bool
        Drop the pages whose scans are not there, for good.
    device : str
        Where networks from weights files compute: ``"cpu"``, ``"cuda"``. Processes (``workers``) share a GPU.
    report : bool
        Write ``RUN/report/index.html`` at the end, as ``write_report`` does.
    until : str
        Stop behind a stage: "read", "neighbours" or "clusters". The same call without it goes on from there.

    Returns
    -------
    Corpus
        Pages that could not be read stand in its ``problems``.

    Raises
    ------
    TablesimError
        ScanError without scans, MetadataError for an unusable CSV, WeightsError, SettingsError for a wrong number, and
        RunError where ``out`` is something else, damaged, in use (InUseError), or was made from another source or with
        another network. What can be told beforehand is told before anything is written.
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
        forget_away=forget_away,
        device=device,
        until="clusters" if until == "report" and not report else until,
    )
    if report and until == "report":
        write_report(corpus, workers=workers, on_event=on_event or ignore_event)
    return corpus


def demo(
    out: str | Path,
    *,
    workers: int = 1,
    network: ReadsPages | str | Path | None = None,
    on_event: Listener | None = None,
    report: bool = True,
) -> tuple[Corpus, Evaluation]:
    """Run the bundled sample corpus into ``out``.

    Parameters
    ----------
    out, workers, network, on_event, report
        As in ``run``.

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


def train(
    out: str | Path,
    *,
    annotations: str | Path | Iterable[str | Path] | None = None,
    scans: str | Path | None = None,
    start: str | Path | None = None,
    workers: int = 1,
    threads: int = 1,
    on_start: Callable[[int], None] | None = None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    on_remark: Callable[[str], None] | None = None,
    validation: Mapping[str, int] | None = None,
    **settings: Any,
) -> DigitNetwork:
    """Train the digit network on synthetic practice pages and annotated scans, or go on with a training.

    Parameters
    ----------
    out : path
        Folder for checkpoints, metrics, weights (``digits.safetensors``) and ``report.md``.
    annotations : path or several, optional
        CSV files with annotated digits or numbers, or the corrections of a run.
    scans : path, optional
        Folder with the annotated scans; goes with ``annotations``.
    start : "bundled", "none" or path, optional
        Weights to go on from; with annotations the bundled ones, otherwise none.
    workers : int
        Processes that make practice pages; 0 for none beside this one. The pages are the same.
    threads : int
        Threads of the network.
    on_start : callable, optional
        Called with the number of steps when the annotations are read and the training begins.
    on_progress : callable, optional
        Called at each checkpoint.
    on_remark : callable, optional
        Gets a line on what of the annotations is used and what is not.
    validation : dict of str to int, optional
        Fields of ``ValidationSettings`` that are to differ from its defaults: on how many pages the network is measured
        and its confidences are calibrated, which takes minutes in the end. With fewer, confidences are worth less.
    **settings
        Fields of ``TrainingSettings`` that are to differ from its defaults; from weights on, from ``FINE_TUNING``.

    Returns
    -------
    DigitNetwork
        The averaged network: what ``digits.safetensors`` holds.

    Raises
    ------
    SettingsError
        One of annotations and scans is missing, a setting is none, or ``out`` holds a training with other settings.
    TablesimError
        WeightsError where ``start`` is no file of weights; AnnotationError for an unusable CSV.
    """
    if (annotations is None) != (scans is None):
        raise SettingsError("train: got one of annotations and scans, expected both or none")
    pages: list[AnnotatedPage] = []
    if annotations is not None and scans is not None:
        pages = _annotated(annotations, scans, on_remark or (lambda line: None))
    name = str(start or ("bundled" if pages else "none"))
    weights = {"none": None, "bundled": BUNDLED_WEIGHTS}.get(name, Path(name))
    usual = FINE_TUNING if weights is not None else {}
    for given, known in ((settings, TrainingSettings()), (validation or {}, ValidationSettings())):
        if unknown := given.keys() - asdict(known).keys():
            expected = f"fields of {type(known).__name__}"
            raise SettingsError(f"train: got {', '.join(sorted(unknown))}, expected {expected}")
    chosen = TrainingSettings(**{**usual, **settings})
    if on_start is not None:
        on_start(chosen.steps)
    return train_on_pages(
        out,
        chosen,
        annotations=pages,
        start=weights,
        workers=workers,
        threads=threads,
        on_progress=on_progress,
        checkpoint_every=min(250, chosen.steps),
        validation=ValidationSettings(**(validation or {})),
    )


def _annotated(
    annotations: str | Path | Iterable[str | Path], scans: str | Path, on_remark: Callable[[str], None]
) -> list[AnnotatedPage]:
    """The annotated pages whose scans are there."""
    read = read_annotations(annotations)
    pages, left_out = annotated_pages(read, scans)
    for line in read.summary():
        on_remark(f"annotations: {line}")
    for reason, names in left_out.items():
        on_remark(f"annotations: {len(names)} pages left out, {reason} ({shortlist(names, 3)})")
    on_remark(f"annotations: {len(pages)} pages of {len({page.book for page in pages})} books have their scans")
    return pages
