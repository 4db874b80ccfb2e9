"""The formats a run can be exported in, and what each is written from: single pages, two pages, or witnesses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tablesim.corpus.storage.outputs import file_name, file_names, refuse_existing, write_new
from tablesim.corpus.store import Corpus
from tablesim.errors import ExportError
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.comparison import compare
from tablesim.export.alto import alto
from tablesim.export.collated import CollationTable
from tablesim.export.iiif import Linked
from tablesim.export.kinds import LOCAL, Dialect, Format
from tablesim.export.pagexml import page_xml
from tablesim.export.provenance import Provenance
from tablesim.export.spreadsheets import (
    READING_COLUMNS,
    collation_columns,
    collation_rows,
    collation_xlsx,
    csv_files,
    reading_rows,
)
from tablesim.export.tei import tei
from tablesim.records.reading import Reading

Files = Iterator[tuple[str, bytes]]
"""Name and content of each file."""


@dataclass(frozen=True)
class Document:
    """A format with a file a page."""

    suffix: str
    write: Callable[[Reading, Provenance], bytes]


def reading_json(reading: Reading, provenance: Provenance) -> bytes:
    """The item of ``tablesim read --json`` for a page, and its provenance under ``provenance``."""
    return _json({**reading.to_dict(), "provenance": provenance.only([reading.page]).to_dict()})


def collation_json(collation: dict[str, object], provenance: Provenance) -> bytes:
    """What ``tablesim collate --json`` prints of a collation, and its provenance under ``provenance``."""
    return _json({**collation, "provenance": provenance.to_dict()})


def _transkribus(reading: Reading, provenance: Provenance) -> bytes:
    return page_xml(reading, provenance, Dialect.transkribus)


DOCUMENTS = {
    Format.page_xml: Document(".page.xml", page_xml),
    Format.transkribus: Document(".transkribus.xml", _transkribus),
    Format.alto: Document(".alto.xml", alto),
    Format.json: Document(".json", reading_json),
}


def export_run(
    corpus: Corpus,
    what: Format,
    pages: Sequence[str] = (),
    out: str | Path | None = None,
    *,
    base: str = LOCAL,
    force: bool = False,
) -> list[Path]:
    """Write pages of a run in one of the formats.

    Parameters
    ----------
    corpus : Corpus
        The run.
    what : Format
        ``iiif`` takes two pages; ``tei`` and the collations take two witnesses or more; the others any number of pages.
    pages : list of str
        Page ids; every page that was read where none is named. A witness on several pages is ``A1+A2``.
    out : path, optional
        Folder; ``export/FORMAT`` in the run folder when left out. A manifest gets a folder of its own below it.
    base : str
        For ``iiif``: the address at which the written folder will be served.
    force : bool
        Replace files that are there.

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
    folder = corpus.folder / "export" / what.value if out is None else Path(out)
    provenance = Provenance.of_run(corpus, ())
    if what in DOCUMENTS or what is Format.csv:
        names = _page_names(corpus, pages, ".csv" if what is Format.csv else DOCUMENTS[what].suffix)
        refuse_existing([folder / name for name in names.values()], force=force)
        files = _of_pages(corpus, what, names, provenance)
    elif what is Format.iiif:
        if len(pages) != 2:
            raise ExportError(f"iiif: got {len(pages)} pages, expected the two whose matches are to be shown")
        comparison = compare(corpus.reading(pages[0]), corpus.reading(pages[1]), top=0)
        folder /= file_name("__".join(pages), "")
        files = iter(Linked.of(comparison, provenance.about(corpus, pages), base).files().items())
    else:
        files = _of_witnesses(corpus, what, pages, provenance)
    return _written(files, folder, force=force, every_page=what in DOCUMENTS or what is Format.csv)


def _written(files: Files, folder: Path, *, force: bool, every_page: bool) -> list[Path]:
    # The files of many pages are made one by one; the few that belong together are all looked for first.
    ready: Iterable[tuple[str, bytes]] = files if every_page else list(files)
    if not every_page:
        refuse_existing([folder / name for name, _ in ready], force=force)
    return [write_new(folder / name, data, force=force) for name, data in ready]


def _page_names(corpus: Corpus, pages: Sequence[str], suffix: str) -> dict[str, str]:
    """The name of the file of each page."""
    chosen = list(dict.fromkeys(pages)) or _read(corpus)
    if not chosen:
        raise ExportError(f"{corpus.folder}: no page was read yet; there is nothing to export")
    for page in chosen:
        corpus.page(page)
    return file_names(chosen, suffix)


def _of_pages(corpus: Corpus, what: Format, names: dict[str, str], provenance: Provenance) -> Files:
    for page, name in names.items():
        reading, about = corpus.reading(page), provenance.about(corpus, [page])
        if what is Format.csv:
            yield from csv_files(name, READING_COLUMNS, reading_rows(reading), about).items()
        else:
            yield name, DOCUMENTS[what].write(reading, about)


def _of_witnesses(corpus: Corpus, what: Format, witnesses: Sequence[str], provenance: Provenance) -> Files:
    if len(witnesses) < 2:
        raise ExportError(f"{what.value}: got {len(witnesses)} witnesses, expected two or more, as P1 P2 or A1+A2 B")
    groups = [witness_pages(corpus, witness) for witness in witnesses]
    readings = {page: corpus.reading(page) for group in groups for page in group}
    collation = collate(*([readings[page] for page in group] for group in groups)).to_dict()
    table = CollationTable.from_dict(collation)
    about = provenance.about(corpus, readings)
    stem = "__".join(witnesses)
    if what is Format.tei:
        yield file_name(stem, ".tei.xml"), tei(table, about, readings)
    elif what is Format.collation_xlsx:
        yield file_name(stem, ".xlsx"), collation_xlsx(table, about)
    elif what is Format.collation_csv:
        yield from csv_files(file_name(stem, ".csv"), collation_columns(table), collation_rows(table), about).items()
    else:
        yield file_name(stem, ".json"), collation_json(collation, about)


def witness_pages(corpus: Corpus, witness: str) -> list[str]:
    """The ids of the pages of a witness: one whose id may itself hold a plus, or several joined by it.

    Raises
    ------
    RunError
        There is no such page in the run.
    """
    if corpus.page_table.row_of(witness) is not None:
        return [witness]
    return [str(corpus.page(page)["page"]) for page in witness.split("+")]


def _read(corpus: Corpus) -> list[str]:
    """The ids of the pages that were read."""
    status = corpus.page_table.column("status").to_pylist()
    return corpus.page_table.ids([row for row, said in enumerate(status) if said == "read"])


def _json(data: dict[str, object]) -> bytes:
    # Names of files can hold halves of surrogates: escaped, they are legal JSON.
    return (json.dumps(data, indent=1) + "\n").encode("ascii")
