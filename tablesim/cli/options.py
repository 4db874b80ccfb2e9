"""Options and arguments that several commands share, so that they are called and explained the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    """Where the network computes."""

    cpu = "cpu"
    cuda = "cuda"


class PageLanguage(StrEnum):
    """What the text of pages is in."""

    en = "en"
    de = "de"
    it = "it"


def _clusters(value: str) -> str:
    if value.strip().lower() != "auto" and not (value.isascii() and value.isdigit() and int(value) > 0):
        raise typer.BadParameter(f"got {value!r}, expected auto or a number from 1")
    return value.strip().lower()


def goes_with(context: typer.Context, needed: str, given: object, *names: str) -> None:
    """Refuse options that would change nothing, so that none is ignored in silence.

    Parameters
    ----------
    context : typer.Context
        Of the command; knows what stood on the command line.
    needed : str
        What alone makes sense of the options, for the message.
    given : object
        Whether that is so.
    names : str
        The parameters of the command that stand for the options.
    """
    for parameter in () if given else context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"{parameter.opts[0]} goes with {needed}")


Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, as `tablesim run` wrote it.")]
Scans = Annotated[
    list[str],
    typer.Argument(metavar="SCAN", help="Scans, folders, book.pdf#12, or addresses of IIIF manifests."),
]
Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Folder of scans, PDF, IIIF manifest or collection; or several."),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of fetched scans; the user's cache unless given."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; take from the cache what is there.")]
MaxPixels = Annotated[
    int, typer.Option("--max-pixels", min=1, metavar="N", help="Scans of more pixels are not opened.")
]
OnDevice = Annotated[Device, typer.Option("--device", help="Where the network computes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
OtherLabels = Annotated[
    Path | None, typer.Option("--labels", metavar="CSV", help="Columns page,label: who counts as another.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else there.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", "--network", help="Weights of another digit network (safetensors)."),
]
OfRun = Annotated[
    Path | None,
    typer.Option("--run", metavar="RUN", help="The pages are those of a run, by id: as read and corrected."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes; any number gives the same result.")]
Clusters = Annotated[
    str,
    typer.Option("--clusters", metavar="auto|K", callback=_clusters, help="How many; auto lets the pages say."),
]
