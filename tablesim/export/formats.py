"""The formats of results, and what each is written from: single pages, two pages, or the witnesses of a collation."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.storage.outputs import file_name, file_names, refuse_existing, write_new
from tablesim.corpus.store import Corpus
from tablesim.errors import ExportError, RunError
from tablesim.evidence.collation.cutouts import Cutter
from tablesim.evidence.comparison import compare
from tablesim.evidence.genealogy.links import Genealogy
from tablesim.export.alto import alto
from tablesim.export.collation_workbook import collation_xlsx
from tablesim.export.dishas import collation_dishas, page_dishas
from tablesim.export.iiif import FILES as IIIF_FILES
from tablesim.export.iiif import MatchManifest
from tablesim.export.kinds import GENEALOGY_SUFFIXES, LOCAL, Dialect, Format
from tablesim.export.markup import json_bytes
from tablesim.export.page_tei import page_tei
from tablesim.export.page_workbook import page_xlsx
from tablesim.export.pagexml import page_xml
from tablesim.export.run_tables import ONE_FILE, run_csv
from tablesim.export.spreadsheets import (
    READING_COLUMNS,
    collation_columns,
    collation_rows,
    csv_files,
    description_name,
    grid_csv,
    reading_rows,
)
from tablesim.export.tei import tei
from tablesim.files import remove_asides
from tablesim.records.collation import Collation
from tablesim.records.reading import Reading
from tablesim.report.citations import CITATION_FORMATS, citation_records
from tablesim.report.collation_page import collation_page
from tablesim.report.provenance import Provenance
from tablesim.scans.csvfile import with_mark
from tablesim.scans.images import MAX_PIXELS
from tablesim.workflow.witnesses import collate_from_run, witness_pages

GENEALOGY_DPI = 150
"""Dots an inch of the picture of a genealogy, as ``Genealogy.plot`` writes it."""


@dataclass(frozen=True)
class Document:
    """A format with a file a page; ``cutter`` opens scans for those that show pictures of them."""

    suffix: str
    write: Callable[[Reading, Provenance, Cutter], bytes]


def reading_json(reading: Reading, provenance: Provenance) -> bytes:
    """The item of ``tablesim read --json`` for a page, and its provenance under ``provenance``."""
    return json_bytes({**reading.to_dict(), "provenance": provenance.only([reading.page]).to_dict()})


def _alone(write: Callable[[Reading, Provenance], bytes]) -> Callable[[Reading, Provenance, Cutter], bytes]:
    """A writer that shows no pictures."""
    return lambda reading, provenance, cutter: write(reading, provenance)


DOCUMENTS = {
    Format.page_xml: Document(".page.xml", _alone(page_xml)),
    Format.transkribus: Document(".transkribus.xml", _alone(partial(page_xml, dialect=Dialect.transkribus))),
    Format.alto: Document(".alto.xml", _alone(alto)),
    Format.json: Document(".json", _alone(reading_json)),
    Format.page_tei: Document(".tei.xml", _alone(page_tei)),
    Format.dishas: Document(".dishas.json", _alone(page_dishas)),
    Format.xlsx: Document(".xlsx", page_xlsx),
    Format.csv_grid: Document(".grid.csv", lambda reading, provenance, cutter: grid_csv(reading)),
}
"""The formats that hold one page in one file."""

COLLATION_SUFFIXES = {
    Format.tei: ".tei.xml",
    Format.collation_csv: ".csv",
    Format.collation_xlsx: ".xlsx",
    Format.collation_json: ".json",
    Format.collation_html: ".html",
    Format.collation_dishas: ".dishas.json",
}
"""The formats of collations, and how the names of their files end."""


def export_run(
    corpus: Corpus,
    what: Format | str,
    pages: Sequence[str] = (),
    out: str | Path | None = None,
    *,
    base: str = LOCAL,
    title: str = "",
    force: bool = False,
    on_event: Listener = ignore_event,
) -> list[Path]:
    """Write pages of a run in one of the formats.

    Parameters
    ----------
    corpus : Corpus
        The run.
    what : Format or its name
        ``iiif`` takes two pages; ``tei`` and the collations take two witnesses or more; the others any number of pages.
    pages : list of str
        Page ids; every page that was read where none is named. A witness on several pages is ``A1+A2``.
    out : path, optional
        Folder; ``export/FORMAT`` in the run folder when left out. A manifest gets a folder of its own below it.
    base : str
        For ``iiif``: the address at which the written folder will be served.
    title : str
        For citations: what the pages are together, such as ``Table 3 of the run``; made of their ids when left out.
    force : bool
        Replace files that are there.
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ExportError
        A number of pages that the format cannot take; a file is in the way; nothing to write.
    RunError
        No such page, or it was not read.
    """
    if isinstance(what, str):
        if what not in (forms := [form.value for form in Format]):
            raise ExportError(f"format: got {what!r}, expected one of {', '.join(forms)}")
        what = Format(what)
    folder = corpus.folder / "export" / what.value if out is None else Path(out)
    remove_asides(folder)
    if what in COLLATION_SUFFIXES:
        if len(pages) < 2:
            raise ExportError(f"{what.value}: got {len(pages)} witnesses, expected two or more, as P1 P2 or A1+A2 B")
        path = folder / file_name("__".join(pages), COLLATION_SUFFIXES[what])
        refuse_existing(collation_paths(path, what), force=force)
        collation = collate_from_run(corpus, pages, on_event)
        about = Provenance.of_run(corpus, (reading.page for reading in collation.readings))
        return write_collation(collation, path, about, form=what, force=force)
    if what is Format.iiif:
        if len(pages) != 2:
            raise ExportError(f"iiif: got {len(pages)} pages, expected the two whose matches are to be shown")
        a, b = (corpus.reading(page) for page in pages)
        folder /= file_name("__".join(pages), "")
        refuse_existing([folder / name for name in IIIF_FILES], force=force)
        extra = {page: corpus.page(page)["extra"] for page in pages}
        collation = collate_from_run(corpus, pages, on_event)
        about = Provenance.of_run(corpus, pages)
        manifest = MatchManifest.of(compare(a, b, top=0), about, base, collation=collation, extra=extra)
        return [write_new(folder / name, data, force=force) for name, data in manifest.files().items()]
    if what.value in CITATION_FORMATS:
        return [_write_citations(corpus, what, pages, folder, title, force=force)]
    chosen = list(dict.fromkeys(pages)) or _read(corpus)
    if not chosen:
        raise ExportError(f"{corpus.folder}: no page was read yet; there is nothing to export")
    for page in chosen:
        corpus.page(page)
    if what in ONE_FILE:
        return [write_new(folder / ONE_FILE[what], run_csv(corpus, what, chosen), force=force)]
    names = file_names(chosen, ".csv" if what is Format.csv else DOCUMENTS[what].suffix)
    refuse_existing([folder / name for name in names.values()], force=force)
    return [write_new(folder / name, data, force=force) for name, data in _documents(corpus, what, names)]


def pages_of_group(corpus: Corpus, table: int | None, cluster: int | None) -> tuple[tuple[str, ...], str]:
    """The pages that carry one table, or those of one cluster, by its number in the report, and what they are together.

    Raises
    ------
    RunError
        There is no such table or cluster.
    """
    groups, run = corpus.groups, corpus.folder.resolve().name
    if table is not None:
        of_table = [group for group in groups.tables if group.number == table]
        if not of_table:
            raise RunError(f"table {table}: the run has {len(groups.tables)} tables that several pages carry")
        return of_table[0].pages, f"Table {table} of the run {run}"
    members = tuple(page for page, number in groups.clusters.items() if number == cluster)
    if not members:
        raise RunError(f"cluster {cluster}: the run has {len(set(groups.clusters.values()))} clusters")
    return members, f"Cluster {cluster} of the run {run}"


def _write_citations(
    corpus: Corpus, what: Format, pages: Sequence[str], folder: Path, title: str, *, force: bool
) -> Path:
    """The records of what pages are together, of each page or book, and of the software, in one file."""
    suffix, write = CITATION_FORMATS[what.value]
    run = corpus.folder.resolve().name
    if not title:
        title = {0: f"Numerical tables of the run {run}", 1: f"Numbers of the page {''.join(pages)}"}.get(
            len(pages), f"Comparison and collation of {', '.join(pages)}"
        )
    chosen = list(dict.fromkeys(part for page in pages for part in witness_pages(corpus, page))) or _read(corpus)
    if not chosen:
        raise ExportError(f"{corpus.folder}: no page was read yet; there is nothing to cite")
    records = citation_records(Provenance.of_run(corpus, chosen), title)
    path = folder / file_name("__".join(pages) or run, suffix)
    return write_new(path, write(records).encode("utf-8", errors="replace"), force=force)


def _documents(corpus: Corpus, what: Format, names: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files of single pages, made one by one."""
    provenance, cutter = Provenance.of_run(corpus, ()), Cutter(corpus.run.get("max_pixels", MAX_PIXELS))
    for page, name in names.items():
        reading, about = corpus.reading(page), provenance.about(corpus, [page])
        if what is Format.csv:
            yield from csv_files(name, READING_COLUMNS, reading_rows(reading), about).items()
        else:
            yield name, DOCUMENTS[what].write(reading, about, cutter)


def write_collation(
    collation: Collation,
    path: str | Path,
    provenance: Provenance | None = None,
    *,
    form: Format | None = None,
    force: bool = False,
) -> list[Path]:
    """Write a collation as TEI, CSV, workbook, JSON, or as a page to read.

    Parameters
    ----------
    collation : Collation
    path : path
        The file. Beside a CSV file its description is written.
    provenance : Provenance, optional
        Software, network and scans, with the citation; what the readings say of themselves when left out.
    form : Format, optional
        One of ``COLLATION_SUFFIXES``; by the suffix of ``path`` (.xml, .csv, .xlsx, .json, .html) when left out.
    force : bool
        Replace files that are there.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ExportError
        A file is in the way or cannot be written, the suffix is of no format, or there is more than a sheet can hold.
    MissingExtraError
        A workbook without openpyxl.
    """
    path = Path(path)
    form = collation_format(path) if form is None else form
    refuse_existing(collation_paths(path, form), force=force)
    files = collation_files(collation, form, provenance, path.name)
    return [write_new(path.with_name(name), data, force=force) for name, data in files.items()]


def collation_format(path: Path) -> Format:
    """The format of a collation by the suffix of its file; ExportError for another one."""
    # A suffix of two parts goes before its last part alone: c.dishas.json is no c.json.
    endings = {".xml": Format.tei} | {suffix: form for form, suffix in COLLATION_SUFFIXES.items()}
    for suffix in sorted(endings, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return endings[suffix]
    raise ExportError(f"{path}: got {path.suffix or 'no suffix'}, expected one of {', '.join(endings)}")


def collation_paths(path: Path, form: Format) -> list[Path]:
    """The files that ``write_collation`` writes: ``path``, and the description beside a CSV file."""
    return [path, path.with_name(description_name(path.name))] if form is Format.collation_csv else [path]


def collation_files(
    collation: Collation, form: Format, provenance: Provenance | None = None, name: str = "collation"
) -> dict[str, bytes]:
    """The files of a collation in a format, by name; ``name`` is that of the first."""
    about = Provenance.of_readings(collation.readings) if provenance is None else provenance
    if form is Format.collation_csv:
        return csv_files(name, collation_columns(collation), collation_rows(collation), about)
    if form is Format.collation_json:
        return {name: json_bytes({**collation.to_dict(), "provenance": about.to_dict()})}
    if form is Format.collation_dishas:
        return {name: collation_dishas(collation, about)}
    if form is Format.collation_html:
        return {name: collation_page(collation, about).encode("utf-8", errors="replace")}
    return {name: tei(collation, about) if form is Format.tei else collation_xlsx(collation, about, Cutter())}


def write_genealogy(genealogy: Genealogy, path: str | Path, *, force: bool = False) -> Path:
    """Write who copied whom: links as CSV, the graph as GraphML, or its picture as PNG, PDF or SVG, by the suffix.

    Parameters
    ----------
    genealogy : Genealogy
    path : path
        The file; its suffix chooses the format.
    force : bool
        Replace a file that is there.

    Raises
    ------
    ExportError
        Another suffix; the file is there and ``force`` is False, or it cannot be written.
    """
    path = check_genealogy_path(Path(path), force=force)
    return write_new(path, genealogy_bytes(genealogy, path.suffix.lower()), force=force)


def genealogy_bytes(genealogy: Genealogy, suffix: str) -> bytes:
    """What ``write_genealogy`` writes into a file with a suffix."""
    if suffix in (".csv", ".graphml"):
        return with_mark(genealogy.to_csv()) if suffix == ".csv" else genealogy.to_graphml().encode()
    stream = io.BytesIO()
    genealogy.plot().savefig(stream, format=suffix.removeprefix("."), dpi=GENEALOGY_DPI)
    return stream.getvalue()


def check_genealogy_path(path: Path, *, force: bool = False) -> Path:
    """The path, if ``write_genealogy`` could write it: ExportError for another suffix or a file in the way."""
    if path.suffix.lower() not in GENEALOGY_SUFFIXES:
        raise ExportError(f"{path}: got {path.suffix or 'no suffix'}, expected one of {', '.join(GENEALOGY_SUFFIXES)}")
    refuse_existing([path], force=force)
    return path


def _read(corpus: Corpus) -> list[str]:
    """The ids of the pages that were read."""
    status = corpus.page_table.column("status").to_pylist()
    return corpus.page_table.ids([row for row, state in enumerate(status) if state == "read"])
