"""``tablesim run``: from a folder of scans to a run folder with its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Cache, Clusters, Json, MaxPixels, Offline, Sources, Weights, Workers
from tablesim.cli.output import print_run, progress
from tablesim.scans.images import MAX_PIXELS


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
    from tablesim.api import run
    from tablesim.scans.web import Web

    web = Web(cache, offline=offline)
    with progress(quiet=as_json) as show:
        corpus = run(
            source,
            out,
            metadata=metadata,
            clusters=clusters,
            workers=workers,
            network=weights,
            on_event=show,
            web=web,
            max_pixels=max_pixels,
            scheduler=scheduler,
            retry_failed=retry_failed,
        )
    print_run(corpus, as_json=as_json)
