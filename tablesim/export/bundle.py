"""A run as one zip that opens on another machine: report, tables, collations, citations; every link leads inside it.

Files are written below a temporary folder, what they say of folders on this machine is left out, the links of the
report are turned to what lies in the bundle, and the whole is packed. ``index.html`` says what is there.
"""

from __future__ import annotations

import html
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from PIL import Image

from tablesim.corpus.indexing.events import Listener, ignore_event
from tablesim.corpus.storage.outputs import file_name, file_names, refuse_existing
from tablesim.corpus.store import Corpus
from tablesim.errors import ExportError, TablesimError
from tablesim.evidence.collation.cutouts import Cutter
from tablesim.export.crate import NAME as CRATE
from tablesim.export.crate import crate
from tablesim.export.formats import COLLATION_SUFFIXES, DOCUMENTS, collation_files
from tablesim.export.kinds import BundledScans, Format
from tablesim.export.markup import json_bytes
from tablesim.export.spreadsheets import READING_COLUMNS, csv_bytes, reading_rows
from tablesim.files import write_aside
from tablesim.records.reading import Reading
from tablesim.records.relations import VERDICT_COLUMNS
from tablesim.report.citations import CITATION_FORMATS, citation_records
from tablesim.report.presentation import environment
from tablesim.report.provenance import Provenance, public_text, public_value
from tablesim.report.writing import write_report
from tablesim.review.constraints import verdicts_status
from tablesim.review.verdicts_and_names import names_by_number, page_verdicts
from tablesim.scans.images import MAX_PIXELS, open_image
from tablesim.scans.locator import Locator
from tablesim.workflow.witnesses import collate_from_run

WEB_SIDE, WEB_QUALITY = 2400, 80
"""Longer side in pixels and JPEG quality of a scan's copy for the web: figures of 12 pixels on a page of 4,000 stay
legible."""

PAGE_FORMATS = (Format.xlsx, Format.page_tei, Format.json)
"""What is written of each page with a table, beside its numbers as CSV."""

MOST_WITNESSES = 12
"""Pages of one table that are collated in a bundle: more columns cannot be looked through."""

COLLATION_FORMATS = (Format.collation_html, Format.collation_xlsx, Format.tei, Format.collation_csv)

_STORED = {".jpg", ".webp", ".png", ".xlsx", ".zip"}
"""Files that packing makes no smaller."""

_LINK = re.compile(r"""(?P<name>\b(?:href|src))=(?P<quote>["'])(?P<target>[^"']*)(?P=quote)""")


@dataclass(frozen=True)
class BundlePart:
    """A line of the bundle's contents: what it is, its files by what they are called, a remark."""

    name: str
    files: tuple[tuple[str, str], ...]
    remark: str = ""


def write_bundle(
    corpus: Corpus,
    path: str | Path,
    pages: Sequence[str] = (),
    *,
    scans: BundledScans = BundledScans.thumbnails,
    force: bool = False,
    on_event: Listener = ignore_event,
) -> Path:
    """Write a run as one zip.

    Parameters
    ----------
    corpus : Corpus
    path : path
        The file to write.
    pages : list of str
        Pages of which workbooks, TEI, JSON and CSV are written; all with a table where none is named. The report is of
        the whole run.
    scans : BundledScans
        Whether copies of the scans for the web go with it, or the small pictures of the report alone.
    force : bool
        Replace a file that is there.
    on_event : callable, optional
        Gets remarks on alignments that could not be read or kept, and on scans that could not be copied.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ExportError
        The file is there and ``force`` is False, or cannot be written; nothing was read yet.
    RunError
        No such page.
    """
    path = Path(path)
    refuse_existing([path], force=force)
    chosen = list(dict.fromkeys(pages)) or _with_table(corpus)
    for page in chosen:
        corpus.page(page)
    if not len(corpus.page_table):
        raise ExportError(f"{corpus.folder}: no page was read yet; there is nothing to export")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=path.parent) as folder:
            name = file_name(path.stem, "")
            root = Path(folder) / name
            root.mkdir()
            _Bundle(corpus, root, scans, on_event).write(chosen)
            write_aside(path, lambda aside: _pack(root, aside))
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror or error}); choose another folder") from error
    return path


def _with_table(corpus: Corpus) -> list[str]:
    table = corpus.page_table
    status, is_table = table.column("status").to_pylist(), table.flags("is_table")
    return table.ids([row for row, state in enumerate(status) if state == "read" and is_table[row]])


class _Bundle:
    """Writes the files of a bundle below a folder."""

    def __init__(self, corpus: Corpus, root: Path, scans: BundledScans, on_event: Listener) -> None:
        self.corpus = corpus
        self.root = root
        self.scans = scans
        self.on_event = on_event
        self.title = corpus.folder.resolve().name
        self.provenance = public_provenance(Provenance.of_run(corpus, ()))
        ids = [row["page"] for row in corpus.pages]
        self.copies = {page: f"scans/{name}" for page, name in file_names(ids, ".jpg").items()}

    def write(self, pages: Sequence[str]) -> None:
        copied = self._copy_scans() if self.scans is BundledScans.web else {}
        self._report(copied)
        parts = [
            BundlePart("Report", (("open", "report/index.html"),), "every page, group and pair, with pictures"),
            self._list_of_pages(copied),
            *self._pages(pages, copied),
            *self._tables(),
            *self._citations("Citation of the run", self.title, _read(self.corpus)),
            BundlePart("Metadata", (("RO-Crate", CRATE),), "what is here and how it was made, for archives"),
        ]
        template = environment().get_template("bundle.html")
        every = self.provenance.about(self.corpus, _read(self.corpus))
        text = template.render(
            title=self.title,
            parts=parts,
            citation=public_provenance(every).citation,
            n_pages=len(self.corpus.page_table),
            scans=self.scans.value,
        )
        self._text("index.html", text)
        records = citation_records(every, f"Numerical tables of the run {self.title}")
        self._bytes(CRATE, json_bytes(crate(self.root, self.title, public_provenance(every), records)))

    def _copy_scans(self) -> dict[str, str]:
        """Copies of the scans for the web, by page their name in the bundle; what cannot be opened is left out."""
        copied = {}
        for row in self.corpus.pages:
            try:
                image = open_image(row["scan"], self.corpus.run.get("max_pixels", MAX_PIXELS), 2 * WEB_SIDE)
            except TablesimError:
                continue
            picture = image.convert("RGB")
            picture.thumbnail((WEB_SIDE, WEB_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
            name = self.copies[row["page"]]
            target = self._path(name)
            picture.save(target, "JPEG", quality=WEB_QUALITY)
            copied[row["page"]] = name
        return copied

    def _report(self, copied: dict[str, str]) -> None:
        """The report, whose links to scans lead to their copies or are taken away."""
        write_report(self.corpus, self.root / "report", on_event=self.on_event)
        by_scan: dict[Path, str] = {}
        for page, name in copied.items():
            by_scan.setdefault(Locator.of(self.corpus.page(page)["scan"]).file.resolve(), name)
        for file in sorted((self.root / "report").rglob("*.html")):
            text = file.read_text(encoding="utf-8")
            turned = inward(text, file, self.root, lambda target: by_scan.get(target))
            if turned != text:
                file.write_text(turned, encoding="utf-8")

    def _list_of_pages(self, copied: dict[str, str]) -> BundlePart:
        columns = (
            *("page", "scan", "status", "is_table", "n_numbers", "legibility", "table", "relation", "relation_to"),
            *("relation_by", "cluster_name", *VERDICT_COLUMNS),
            *("cluster", "book", "authors", "title", "place", "printers", "year", "year_latest", "handle", "sha256"),
        )
        groups = self.corpus.groups
        verdicts = page_verdicts(verdicts_status(self.corpus))
        names = names_by_number(self.corpus, self.corpus.clusters)

        def line(row: dict[str, object]) -> dict[str, object]:
            page = str(row["page"])
            relation = groups.relations.get(page)
            lists = {name: "; ".join(map(str, row[name] or ())) for name in ("authors", "printers")}  # type: ignore[call-overload]
            related: dict[str, object] = {} if relation is None else dict(relation.to_dict())
            cluster = groups.cluster_of(page)
            related |= {} if page not in verdicts else asdict(verdicts[page])
            related |= {"cluster_name": names.get(cluster or 0)}
            return {**row, **lists, **related, "cluster": cluster, "scan": copied.get(page, self._name(page))}

        self._bytes("pages.csv", csv_bytes(columns, map(line, self.corpus.pages)))
        return BundlePart("List of all pages", (("CSV", "pages.csv"),), "with metadata, groups and hashes")

    def _pages(self, pages: Sequence[str], copied: dict[str, str]) -> Iterator[BundlePart]:
        cutter = Cutter(self.corpus.run.get("max_pixels", MAX_PIXELS))
        names = {form: file_names(pages, DOCUMENTS[form].suffix) for form in PAGE_FORMATS}
        csv_names = file_names(pages, ".csv")
        for page in pages:
            reading = self.corpus.reading(page)
            about = public_provenance(self.provenance.about(self.corpus, [page]))
            files = []
            for form in PAGE_FORMATS:
                name = f"pages/{names[form][page]}"
                # Words are cut out of the scan; what is written down is its name alone.
                shown = reading if form is Format.xlsx else self._public(reading, copied)
                self._bytes(name, DOCUMENTS[form].write(shown, about, cutter))
                files.append((form.value, name))
            name = f"pages/{csv_names[page]}"
            self._bytes(name, csv_bytes(READING_COLUMNS, reading_rows(reading)))
            files += [("csv", name), *self._citation_files(f"page_{page}", f"Numbers of the page {page}", [page])]
            yield BundlePart(f"Page {page}", tuple(files), next((p.about for p in about.pages), ""))

    def _tables(self) -> Iterator[BundlePart]:
        """The collations of pages that carry one table, and their citations."""
        for group in self.corpus.groups.tables:
            name, files = f"Table {group.number}", []
            pages = list(group.scans)
            remark = ", ".join(pages[:MOST_WITNESSES])
            if 1 < len(pages) <= MOST_WITNESSES:
                collation = collate_from_run(self.corpus, pages, self.on_event)
                about = public_provenance(self.provenance.about(self.corpus, pages))
                scans = [reading.scan for reading in collation.readings]
                for form in COLLATION_FORMATS:
                    stem = f"table_{group.number}{COLLATION_SUFFIXES[form]}"
                    first, *_ = made = collation_files(collation, form, about, stem)
                    for each, data in made.items():
                        self._bytes(f"tables/{each}", _public_page(data, scans) if each.endswith(".html") else data)
                    files.append((form.value, f"tables/{first}"))
            else:
                remark = f"{len(pages)} pages, more than are collated here"
            files += self._citation_files(f"table_{group.number}", f"{name} of the run {self.title}", pages)
            yield BundlePart(name, tuple(files), remark)

    def _citations(self, name: str, stem: str, pages: Sequence[str]) -> Iterator[BundlePart]:
        yield BundlePart(name, tuple(self._citation_files("run", f"Numerical tables of the run {stem}", pages)))

    def _citation_files(self, stem: str, title: str, pages: Sequence[str]) -> Iterator[tuple[str, str]]:
        records = citation_records(self.provenance.about(self.corpus, pages), title)
        for form, (suffix, write) in CITATION_FORMATS.items():
            name = f"citations/{file_name(stem, suffix)}"
            self._text(name, write(records))
            yield form, name

    def _public(self, reading: Reading, copied: dict[str, str]) -> Reading:
        """A reading that names its scan by its copy, or by the name of its file."""
        return replace(reading, scan=copied.get(reading.page) or self._name(reading.page))

    def _name(self, page: str) -> str:
        return Locator.of(self.corpus.page(page)["scan"]).name

    def _path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _bytes(self, name: str, data: bytes) -> None:
        self._path(name).write_bytes(data)

    def _text(self, name: str, text: str) -> None:
        self._path(name).write_text(text, encoding="utf-8", errors="replace", newline="")


def _read(corpus: Corpus) -> list[str]:
    status = corpus.page_table.column("status").to_pylist()
    return corpus.page_table.ids([row for row, state in enumerate(status) if state == "read"])


def public_provenance(provenance: Provenance) -> Provenance:
    """The same without folders of this machine: scans by the names of their files, settings by `public_value`."""
    pages = tuple(replace(page, scan=page.file_name) for page in provenance.pages)
    return replace(provenance, settings=public_value(provenance.settings), pages=pages)


def _public_page(data: bytes, scans: Iterable[str]) -> bytes:
    """A page of HTML that names scans, where they could not be opened, by their files alone."""
    named = [name for scan in scans for name in (scan, html.escape(scan))]
    return public_text(data.decode("utf-8"), named).encode("utf-8")


def inward(text: str, file: Path, root: Path, copy_of: Callable[[Path], str | None]) -> str:
    """A page of HTML whose links to files all lead to files below a folder.

    Parameters
    ----------
    text : str
        The page.
    file, root : Path
        Where it lies, and the folder that is packed.
    copy_of : callable
        The name below ``root`` of what stands for a file outside, or None. A link without one leads nowhere: its words
        stay, and ``data-left-out`` stands for its ``href``.
    """

    def turned(match: re.Match[str]) -> str:
        target = urlsplit(html.unescape(match["target"]))
        if target.scheme or target.netloc or not target.path:
            return match[0]
        path = Path(os.path.normpath(file.parent / os.fsdecode(unquote(target.path, errors="surrogateescape"))))
        if path.is_relative_to(root) and path.exists():
            return match[0]
        name = copy_of(path.resolve())
        if name is None:
            return "data-left-out" if match["name"] == "href" else f"src={match['quote']}data:,{match['quote']}"
        relative = PurePosixPath(os.path.relpath(root / name, file.parent)).as_posix()
        return f"{match['name']}={match['quote']}{html.escape(quote(relative))}{match['quote']}"

    return _LINK.sub(turned, text)


def _pack(root: Path, path: Path) -> None:
    """The folder as a zip with its own name on top, its files in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                way = zipfile.ZIP_STORED if file.suffix in _STORED else zipfile.ZIP_DEFLATED
                packed.write(file, file.relative_to(root.parent).as_posix(), way)
