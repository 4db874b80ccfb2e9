"""``tablesim run``: from a folder of scans to a run folder with its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import (
    Cache,
    Clusters,
    Device,
    Json,
    MaxPixels,
    Offline,
    OnDevice,
    Sources,
    Weights,
    Workers,
    goes_with,
)
from tablesim.cli.output import failure, print_run, progress
from tablesim.records.counting import counted, plural
from tablesim.scans.images import MAX_PIXELS


def command(
    context: typer.Context,
    source: Sources,
    out: Annotated[Path, typer.Option("--out", help="Run folder to write, or to go on with.")],
    metadata: Annotated[
        Path | None, typer.Option("--metadata", help="CSV with a line a page: book, year, place.")
    ] = None,
    clusters: Clusters = "auto",
    workers: Workers = 1,
    weights: Weights = None,
    cache: Cache = None,
    offline: Offline = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers read.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed pages again.")] = False,
    forget_away: Annotated[
        bool, typer.Option("--forget-away", help="Drop the pages whose scans are not there, for good.")
    ] = False,
    max_failures: Annotated[
        int | None,
        typer.Option("--max-failures", min=0, metavar="N", help="Fail when more pages than N failed or are away."),
    ] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="read|neighbours|clusters|report", help="Stop behind this stage.")
    ] = "report",
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")] = True,
    device: OnDevice = Device.cpu,
    as_json: Json = False,
) -> None:
    """Read scans, find each page's neighbours, cluster the pages, and write a report that opens from disk.

    Scans are images, PDFs and TIFFs of many pages, and IIIF manifests or collections by their address. The same command
    again goes on where it stopped. A page that cannot be read or fetched goes into RUN/problems.csv and the job goes
    on; --retry-failed tries such pages again. A page whose scan is away keeps what was read on it. Give every source of
    the run again; others are added to it.

    The exit code is 1 when nothing could be read, when a page waits for a scan that went away, and when more pages than
    --max-failures could not be read or are away.

    The report comes last and takes about 10 ms a page; --no-report leaves it to `tablesim report RUN`, which goes on
    where it was interrupted. --until read or neighbours stops earlier.

    --workers N reads in N processes of this machine, --scheduler on a cluster (docs/cluster.md), with the same result.
    With --device cuda they share the GPU: while one computes there, the others decode scans and arrange tables. Pages
    read on another device or in another precision than those before are named.

    Example: tablesim run scans --out myrun --metadata pages.csv --workers 2
    """
    goes_with(context, "this machine alone, without --scheduler", scheduler is None, "workers")
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
            forget_away=forget_away,
            device=device.value,
            until=until,
            report=report,
        )
    print_run(corpus, as_json=as_json)
    status = corpus.status()
    if n := status["waiting"]:
        failure(
            f"{counted(n, 'page waits for a scan that is', 'pages wait for scans that are')} away; the same command "
            f"reads {plural(n, 'it when it is', 'them when they are')} back"
        )
        raise typer.Exit(1)
    if max_failures is not None and (missing := status["failed"] + status["away"]) > max_failures:
        failed_or_away = counted(missing, "page failed or is away", "pages failed or are away")
        failure(f"{failed_or_away}, more than --max-failures {max_failures}")
        raise typer.Exit(1)
