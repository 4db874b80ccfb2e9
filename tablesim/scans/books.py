"""Takes pages for books where no metadata names a book: by the file they are in, by their names, by their folders.

A name tells a book by what stands before the number of the page (``clavius_1593`` of ``clavius_1593_p12``) where a
folder has several such names, or one for most of its pages; else the pages of a folder are one book. Pages that differ
in author, title, place or date are never one book. What was taken for what is said.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tablesim.records.counting import counted
from tablesim.scans.csvfile import shortlist
from tablesim.scans.locator import Locator, normalized_name, path_in_writing
from tablesim.scans.metadata import SPHAERA_ID, PageMetadata

_MARKERS = r"pp?|pag|page|pagina|pg|s|seite|fol|folio|f|bl|blatt|img|image|bild|nr|no|n|scan|c|carta"
_NUMBERED = re.compile(
    rf"(?P<stem>.*?)(?P<marker>[\s_.\-]*(?:(?<![^\s_.\-])(?:{_MARKERS}))?[\s_.\-]*)(?P<number>\d+)"
    r"(?P<side>[\s_.\-]*(?:r|v|recto|verso|[rv]?[ab]))?(?:[\s_.\-](?:top|bottom|left|right|crop|part\w*|\d))?",
    re.IGNORECASE | re.DOTALL,
)
"""A name with the number of a page at its end, with the side of a leaf and the part of a page after it."""

_SAY_NOTHING = frozenset(
    "p pp pag page pages pagina s seite seiten fol folio f bl blatt img image imagen immagine bild bilder scan scans "
    "dsc dscf dscn pict pic photo foto table tables tab tabula tabelle tabla tavola tafel taf plate plates pl planche "
    "file untitled unbenannt screenshot crop copy kopie no nr n".split()
)
"""Words that cameras, scanners and everybody give to files of any book."""

_YEARS = range(1400, 2100)
"""A number without a word for a page before it may be the year of an edition: ``clavius_1585`` is no page of it."""

AS_METADATA = "as the metadata has"
"""What ``run.json`` says under ``books`` where nothing was taken for a book."""

BY_FILE, BY_NAME, BY_FOLDER = "the files that they are pages of", "their names", "their folders"


@dataclass(frozen=True)
class TakenForBooks:
    """Books that no metadata names: of each page its book, and by what it was told.

    Parameters
    ----------
    books : dict of str to str
        By page id.
    told_by : dict of str to str
        Of the same pages: ``BY_FILE``, ``BY_NAME`` or ``BY_FOLDER``.
    alone : tuple of str
        Pages of which nothing tells a book.
    by_names : bool
        Whether names and folders were asked.
    """

    books: dict[str, str]
    told_by: dict[str, str]
    alone: tuple[str, ...]
    by_names: bool = True

    def remarks(self) -> Iterator[str]:
        """What was taken for what, a sentence a way, and what to do where it is wrong."""
        for way in (BY_FILE, BY_NAME, BY_FOLDER):
            pages = [page for page, told_by in self.told_by.items() if told_by == way]
            if pages:
                books = list(dict.fromkeys(self.books[page] for page in pages))
                taken = f"{_count(pages, 'page')} taken for {_count(books, 'book')} by {way} ({_named(books)})"
                yield f"books: no metadata names a book; {taken}; a column `book` in --metadata says it better"
        if self.alone:
            what = "neither metadata nor name nor folder tells" if self.by_names else "the metadata does not tell"
            alone = _count(self.alone, "page")
            yield f"books: {alone} of which {what} a book count as a book each ({_named(self.alone)})"


def take_for_books(
    scans: Mapping[str, Locator], about: Mapping[str, PageMetadata] | None = None, *, by_names: bool = True
) -> TakenForBooks:
    """The books of pages whose metadata names none.

    Parameters
    ----------
    scans : dict of str to Locator
        By page id.
    about : dict of str to PageMetadata, optional
        What is known of pages; those whose book is known are left out.
    by_names : bool
        Whether names and folders may tell a book; where the metadata has a column for it, a blank is a blank.
    """
    about = about or {}
    waiting = {page: scan for page, scan in scans.items() if about.get(page, PageMetadata()).book is None}
    if not by_names:
        return TakenForBooks({}, {}, tuple(waiting), by_names)
    book_of: dict[str, tuple[str, str]] = {}
    loose: dict[Path, list[str]] = defaultdict(list)
    for page, scan in waiting.items():
        if scan.number:
            book_of[page] = normalized_name(Locator(scan.file).stem), BY_FILE
        elif named := SPHAERA_ID.fullmatch(normalized_name(scan.stem)):
            book_of[page] = named["book"], BY_NAME
        else:
            loose[scan.absolute().file.parent].append(page)
    book_of |= _by_names_and_folders({page: waiting[page] for pages in loose.values() for page in pages}, loose)
    book_of = _split_by_metadata(book_of, about)
    return TakenForBooks(
        {page: book for page, (book, _) in book_of.items()},
        {page: way for page, (_, way) in book_of.items()},
        tuple(page for page in waiting if page not in book_of),
    )


def _by_names_and_folders(
    scans: Mapping[str, Locator], folders: Mapping[Path, list[str]]
) -> dict[str, tuple[str, str]]:
    stems = _stems(scans)
    names = _folder_names(list(folders))
    book_of: dict[str, tuple[str, str]] = {}
    # A stem in several folders is one book in parts, or, where the same numbers come again, several copies.
    numbers: dict[str, dict[Path, set[str]]] = defaultdict(lambda: defaultdict(set))
    for folder, pages in folders.items():
        for page in pages:
            if page in stems:
                stem, number = stems[page]
                numbers[stem][folder].add(number)
    copies = {stem for stem, at in numbers.items() if sum(map(len, at.values())) > len(set().union(*at.values()))}
    for folder, pages in folders.items():
        of_folder = [stems[page][0] for page in pages if page in stems]
        by_name = len(set(of_folder)) > 1 or 2 * len(of_folder) > len(pages)
        numbered = any(_NUMBERED.fullmatch(scans[page].stem) for page in pages)
        for page in pages:
            if by_name and page in stems:
                stem = stems[page][0]
                book_of[page] = (f"{names[folder]}_{stem}" if stem in copies else stem), BY_NAME
            elif len(folders) > 1 or (numbered and not by_name):
                book_of[page] = names[folder], BY_FOLDER
    return book_of


def _stems(scans: Mapping[str, Locator]) -> dict[str, tuple[str, str]]:
    """Of pages whose names tell a book, the book and the number of the page."""
    found: dict[str, tuple[str, str]] = {}
    unmarked: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for page, scan in scans.items():
        named = _NUMBERED.fullmatch(normalized_name(scan.stem))
        if named is None:
            continue
        stem = named["stem"].strip(" _.-")
        words = [word.strip("0123456789") for word in re.split(r"[\s_.\-]+", stem.casefold())]
        if not any(word and word not in _SAY_NOTHING for word in words):
            continue
        found[page] = stem, f"{int(named['number'])}{(named['side'] or '').strip(' _.-').casefold()}"
        if not any(sign.isalpha() for sign in named["marker"]):
            unmarked[stem].append((page, int(named["number"])))
    for pages in unmarked.values():
        if all(number in _YEARS for _, number in pages):
            for page, _ in pages:
                del found[page]
    return found


def _folder_names(folders: list[Path]) -> dict[Path, str]:
    """A name for each folder: its path below the folder that they all share."""
    if len(folders) < 2:
        return {folder: normalized_name(path_in_writing(Path(folder.name))) for folder in folders}
    shared = Path(os.path.commonpath(folders))
    return {
        folder: normalized_name("_".join(Path(path_in_writing(folder.relative_to(shared))).parts) or shared.name)
        for folder in folders
    }


def _split_by_metadata(
    book_of: Mapping[str, tuple[str, str]], about: Mapping[str, PageMetadata]
) -> dict[str, tuple[str, str]]:
    """Books apart in which pages have several authors, titles, places or dates."""
    described: dict[str, set[str]] = defaultdict(set)
    words: dict[str, str] = {}
    for page, (book, _) in book_of.items():
        known = about.get(page, PageMetadata())
        parts = ("; ".join(known.authors), known.title, known.place, known.date)
        words[page] = ", ".join(part for part in parts if part)
        if words[page]:
            described[book].add(words[page])
    return {
        page: (f"{book}: {words[page]}" if words[page] and len(described[book]) > 1 else book, way)
        for page, (book, way) in book_of.items()
    }


def _named(names: Iterable[str]) -> str:
    return " ".join(shortlist(names, 3).split())


def _count(things: object, noun: str) -> str:
    return counted(len(things), noun)  # type: ignore[arg-type]
