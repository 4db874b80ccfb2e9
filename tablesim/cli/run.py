"""``tablesim run``: from a folder of scans to a run folder with its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablesim.cli.options import Cache, Clusters, Json, MaxPixels, Offline, Sources, Weights, Workers
from tablesim.cli.output import failure, print_json, progress
from tablesim.scans.images import MAX_PIXELS

if TYPE_CHECKING:
    from tablesim.corpus.store import Corpus


def command(
    source: Sources,
    out: Annotated[Path, typer.Option("--out", help="Run folder to write, or to go on with.", show_default=False)],
    metadata: Annotated[
        Path | None, typer.Option("--metadata", help="CSV with a line a page: book, year, place.", show_default=False)
    ] = None,
    clusters: Clusters = "auto",
    workers: Workers = 1,
    weights: Weights = None,
    cache: Cache = None,
    offline: Offline = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers read.", show_default=False),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed pages again.")] = False,
    as_json: Json = False,
) -> None:
    """Read scans, find each page's neighbours, cluster the pages, and write a report that opens from disk.

    Scans are images, PDFs and TIFFs of many pages, and IIIF manifests or collections by their address. The same command
    again goes on where it stopped. A page that cannot be read or fetched goes into RUN/problems.csv and the job goes
    on; --retry-failed tries such pages again. The exit code is 1 only when nothing could be read.

    --workers N reads in N processes of this machine, --scheduler on a cluster (docs/cluster.md), with the same result.

    Example: tablesim run scans --out myrun --metadata pages.csv --workers 2
    """
    from tablesim.scans.web import Web
    from tablesim.workflow import run

    web = Web(cache, offline=offline)
    with progress(quiet=as_json) as show:
        corpus = run(
            source,
            out,
            metadata,
            clusters,
            workers,
            weights,
            show,
            web=web,
            max_pixels=max_pixels,
            scheduler=scheduler,
            retry_failed=retry_failed,
        )
    finish(corpus, as_json=as_json)


def finish(corpus: Corpus, *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Write the report of ``corpus`` and say what there is and where."""
    from tablesim.report import write_report

    report = write_report(corpus)
    status = corpus.status()
    if corpus.problems:
        failure(f"{len(corpus.problems)} pages could not be read; {corpus.folder / 'problems.csv'} says why")
    if as_json:
        print_json({**status, "report": str(report), "problems": corpus.problems, **(more or {})})
        return
    typer.echo(
        f"{status['read']} pages read, {status['tables']} with a numerical table, in {status['clusters']} clusters"
    )
    for name, value in (more or {}).items():
        typer.echo(f"{name.replace('_', ' ')}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    typer.echo(f"report: {report}")
