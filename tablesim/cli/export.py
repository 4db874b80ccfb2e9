"""``tablesim export``: pages, matches and collations of a run in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tablesim.cli.options import Force, Json, Run, goes_with
from tablesim.cli.output import print_json, remark
from tablesim.export.kinds import LOCAL, BundledScans, Format
from tablesim.records.counting import counted


def command(
    context: typer.Context,
    run: Run,
    pages: Annotated[
        list[str] | None, typer.Argument(metavar="[PAGE]...", help="Page ids; a witness on several pages is A1+A2.")
    ] = None,
    what: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.page_xml,
    table: Annotated[
        int | None, typer.Option("--table", min=1, metavar="N", help="The pages that carry table N of the report.")
    ] = None,
    cluster: Annotated[
        int | None, typer.Option("--cluster", min=1, metavar="N", help="The pages of cluster N of the report.")
    ] = None,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="All of the run as one zip that opens on another machine.")
    ] = False,
    scans: Annotated[
        BundledScans, typer.Option("--scans", help="With --bundle: small pictures of the scans, or copies for the web.")
    ] = BundledScans.thumbnails,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write, with --bundle the zip; below RUN/export unless given."),
    ] = None,
    base: Annotated[
        str, typer.Option("--base", metavar="ADDRESS", help="For iiif: where the folder will be served.")
    ] = LOCAL,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write pages, matches or collations of a run as files that other tools read, with provenance and a citation.

    --bundle packs the report, workbooks, TEI, JSON and CSV of every page with a table, collations, citations, and an
    RO-Crate for archives.

    Pages (all that were read unless some are named): xlsx (a workbook that looks like the page), csv-grid (its rows and
    columns), csv (a line a number), page-tei, page-xml as PRImA publishes it, transkribus, alto, dishas, json.

    Two pages: iiif, a manifest with matched digits and differences as annotations for Mirador and other viewers, on the
    canvases of the libraries that the pages came from. To look at it, serve its folder with: python -m http.server

    Citations of pages, of a pair or collation, with --table or --cluster of a group, without pages of the run: ris,
    bibtex, csl-json.

    Lists of pages: clusters-csv, neighbours-csv; for viewers that lay out pictures pixplot, vikus.

    Two witnesses or more: tei (table with critical apparatus), collation-csv, collation-xlsx, collation-json,
    collation-html (a page with what each scan has at every difference), collation-dishas (the first witness, the others
    in its apparatus).

    Example: tablesim export myrun page1 page2 --format tei
    """
    goes_with(context, "--format iiif", what is Format.iiif, "base")
    goes_with(context, "--bundle", bundle, "scans")
    goes_with(context, "single formats, without --bundle", not bundle, "what")
    if sum((bool(pages), table is not None, cluster is not None)) > 1:
        raise typer.BadParameter("give one of PAGE, --table and --cluster")
    from tablesim.corpus.store import Corpus
    from tablesim.export.formats import export_run, pages_of_group

    corpus = Corpus.open(run)
    chosen, title = (pages or (), "") if table is None and cluster is None else pages_of_group(corpus, table, cluster)
    if bundle:
        from tablesim.export.bundle import write_bundle

        path = corpus.folder / "export" / f"{corpus.folder.resolve().name}.zip" if out is None else out
        written = [write_bundle(corpus, path, chosen, scans=scans, force=force, on_event=remark)]
    else:
        written = export_run(corpus, what, chosen, out, base=base, title=title, force=force, on_event=remark)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written[:10]:
        typer.echo(f"written: {path}")
    if len(written) > 10:
        typer.echo(f"and {counted(len(written) - 10, 'more file')} in {written[0].parent}")
