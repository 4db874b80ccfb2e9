"""``tablesim export``: pages, matches and collations of a run in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Force, Json, Run, goes_with
from tablesim.cli.output import print_json, remark
from tablesim.export.kinds import LOCAL, Format


def command(
    context: typer.Context,
    run: Run,
    pages: Annotated[
        list[str] | None, typer.Argument(metavar="[PAGE]...", help="Page ids; a witness on several pages is A1+A2.")
    ] = None,
    what: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.page_xml,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write; RUN/export/FORMAT unless given.")] = None,
    base: Annotated[
        str, typer.Option("--base", metavar="ADDRESS", help="For iiif: where the folder will be served.")
    ] = LOCAL,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write pages, matches or collations of a run as files that other tools read, with provenance and a citation.

    Pages (all that were read unless some are named): xlsx (a workbook that looks like the page), csv-grid (its rows and
    columns), csv (a line a number), page-tei, page-xml as PRImA publishes it, transkribus, alto, json.

    Two pages: iiif, a manifest with the matched digits as annotations for Mirador and other viewers. To look at it,
    serve its folder with: python -m http.server

    Two witnesses or more: tei (table with critical apparatus), collation-csv, collation-xlsx, collation-json,
    collation-html (a page with what each scan has at every difference).

    Example: tablesim export myrun page1 page2 --format tei
    """
    goes_with(context, "--format iiif", what is Format.iiif, "base")
    from tablesim.corpus.store import Corpus
    from tablesim.export.formats import export_run

    written = export_run(Corpus.open(run), what, pages or (), out, base=base, force=force, on_event=remark)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written[:10]:
        typer.echo(f"written: {path}")
    if len(written) > 10:
        typer.echo(f"and {len(written) - 10} more files in {written[0].parent}")
