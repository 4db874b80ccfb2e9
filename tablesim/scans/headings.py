"""Which column of a table of pages says what: headings in English, German, French, Italian, Spanish and Latin.

Headings are compared without case, accents, signs and what stands in brackets: ``Autor(en)`` is ``autor``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

HEADINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "page": {
        "English": ("page_id", "page_id_", "page", "tableUri", "filename", "file name", "image", "scan", "image file"),
        "German": ("Seite", "Dateiname", "Datei", "Bilddatei", "Bild", "Scandatei", "Seiten-ID"),
        "French": ("nom du fichier", "nom de fichier", "fichier", "image", "page"),
        "Italian": ("nome file", "nome del file", "pagina", "immagine"),
        "Spanish": ("nombre de archivo", "nombre del archivo", "archivo", "fichero", "página", "imagen"),
        "Latin": ("pagina", "folium"),
    },
    "book": {
        "English": ("book", "book_id", "bookId", "book title id"),
        "German": ("Buch", "Buch-ID", "Buchnummer"),
        "French": ("livre", "identifiant du livre"),
        "Italian": ("libro", "id libro"),
        "Spanish": ("libro", "id del libro"),
        "Latin": ("liber",),
    },
    "authors": {
        "English": ("credited_authors", "authors", "author", "creator"),
        "German": ("Autor", "Autoren", "Autorin", "Verfasser", "Verfasserin", "Urheber"),
        "French": ("auteur", "auteurs", "autrice"),
        "Italian": ("autore", "autori", "autrice"),
        "Spanish": ("autor", "autores", "autora"),
        "Latin": ("auctor", "auctores", "autor"),
    },
    "title": {
        "English": ("short_title", "title", "bookTitle"),
        "German": ("Kurztitel", "Titel", "Buchtitel"),
        "French": ("titre", "titre court", "titre abrégé"),
        "Italian": ("titolo", "titolo breve"),
        "Spanish": ("título", "título breve"),
        "Latin": ("titulus", "inscriptio"),
    },
    "printers": {
        "English": ("printers", "printer", "printed by"),
        "German": ("Drucker", "Druckerei", "Offizin"),
        "French": ("imprimeur", "imprimeurs", "imprimeur-libraire"),
        "Italian": ("stampatore", "stampatori", "tipografo", "tipografi"),
        "Spanish": ("impresor", "impresores", "tipógrafo"),
        "Latin": ("typographus", "typographi", "impressor", "excudit"),
    },
    "publishers": {
        "English": ("publishers", "publisher"),
        "German": ("Verlag", "Verleger", "Verlage"),
        "French": ("éditeur", "éditeurs", "libraire", "libraires"),
        "Italian": ("editore", "editori", "libraio"),
        "Spanish": ("editorial", "librero", "casa editorial"),
        "Latin": ("bibliopola", "sumptibus"),
    },
    "place": {
        "English": ("place_of_publication", "place", "city", "location", "publication place", "place of printing"),
        "German": ("Ort", "Druckort", "Erscheinungsort", "Verlagsort", "Stadt", "Veröffentlichungsort"),
        "French": ("lieu", "lieu de publication", "lieu d'édition", "lieu d'impression", "ville"),
        "Italian": ("luogo", "luogo di stampa", "luogo di pubblicazione", "luogo di edizione", "città"),
        "Spanish": ("lugar", "lugar de publicación", "lugar de impresión", "lugar de edición", "ciudad"),
        "Latin": ("locus", "urbs", "locus impressionis"),
    },
    "year": {
        "English": (
            *("year_of_publication", "year", "date", "publication date", "date of publication", "date issued"),
            *("issued", "published", "publication year", "year of printing", "dating", "century"),
        ),
        "German": ("Jahr", "Druckjahr", "Erscheinungsjahr", "Datum", "Datierung", "Erscheinungsdatum", "Jahrhundert"),
        "French": ("année", "année de publication", "date de publication", "date d'édition", "datation", "siècle"),
        "Italian": ("anno", "anno di stampa", "anno di pubblicazione", "data", "datazione", "secolo"),
        "Spanish": ("año", "año de publicación", "año de impresión", "fecha", "datación", "siglo"),
        "Latin": ("annus", "anno", "tempus", "saeculum"),
    },
    "handle": {
        "English": ("handle", "permalink", "persistent link", "persistent url", "purl", "doi", "urn", "ark"),
        "German": ("Dauerlink", "persistenter Link", "Persistente URL"),
        "French": ("lien permanent", "lien pérenne"),
        "Italian": ("link permanente", "link persistente"),
        "Spanish": ("enlace permanente",),
        "Latin": (),
    },
}
"""Our name of a field, and by language the headings that it goes by; the first that says something counts."""

CENTURIES = frozenset({"century", "jahrhundert", "siecle", "secolo", "siglo", "saeculum"})
"""Headings, as ``heading_key`` gives them, of columns in which ``16`` and ``XVI`` are centuries."""


def _names(field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in HEADINGS[field].values() for name in names))


ALIASES: dict[str, tuple[str, ...]] = {field: _names(field) for field in HEADINGS if field != "page"}
"""Our name of a field, and all headings that it goes by."""

KEY_COLUMNS = (*_names("page"), "file", "id")
"""Headings that can name the page, the first that the file has; an ``id`` only where there is nothing better."""

CONTAINER_COLUMNS = (
    *("filename", "file name", "file", "tableUri", "manifest", "Dateiname", "Datei", "nom du fichier", "fichier"),
    *("nome file", "nome del file", "nombre de archivo", "archivo", "fichero", *ALIASES["book"]),
)
"""Headings of what names the file or book of a page where the page itself is only a number."""


@lru_cache(maxsize=4096)
def heading_key(heading: str) -> str:
    """A heading in the form in which headings are compared."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]|[/:*](?:in|innen|e|a|as|os|en|s)\b", "", heading)
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text or heading).casefold())
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


_FIELD_OF = {heading_key(name): field for field, names in ALIASES.items() for name in (field, *names)}


def field_of(heading: str) -> str | None:
    """Our name of the field that a heading stands for; None for a column of the corpus's own."""
    return _FIELD_OF.get(heading_key(heading))


def find_heading(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """The column that has the first of ``names`` which any has, as it is written or else by its key; None without."""
    columns = list(columns)
    exact = {column.casefold(): column for column in reversed(columns)}
    keys = by_key(columns)
    found = (exact.get(name.casefold()) or keys.get(heading_key(name)) for name in names)
    return next((column for column in found if column), None)


def by_key(columns: Iterable[str]) -> Mapping[str, str]:
    """Columns by their ``heading_key``, of two with one key the first."""
    written: dict[str, str] = {}
    for column in columns:
        written.setdefault(heading_key(column), column)
    return written
