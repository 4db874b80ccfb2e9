"""The metadata of a bundle as an RO-Crate 1.1 (Soiland-Reyes et al., Data Science 5, 2022): what is in it, who made it.

One JSON-LD file beside the others. Every file is an entity with its size and SHA-256, the report one data set; the run
of the software is a `CreateAction`, the books are works that the crate is about. Archives and WorkflowHub read it.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tablesim.report.citations import CitationRecord
from tablesim.report.provenance import SOFTWARE, Provenance

NAME = "ro-crate-metadata.json"
CONTEXT, PROFILE = "https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/crate/1.1"

_TYPES = {".csv": "text/csv", ".ris": "application/x-research-info-systems", ".bib": "application/x-bibtex"}
_AS_ONE = "report"
"""A folder whose files are named together: pages and pictures that only make sense as a whole."""

Entity = dict[str, Any]


def crate(root: Path, title: str, provenance: Provenance, records: Sequence[CitationRecord]) -> Entity:
    """The metadata of the files below a folder.

    Parameters
    ----------
    root : Path
        The folder, with all its files but this one.
    title : str
        Of the run.
    provenance : Provenance
        Of the pages that were read, without folders of this machine.
    records : sequence of CitationRecord
        Of the run, its books and the software.

    Returns
    -------
    dict
        JSON-LD.
    """
    files = list(_files(root))
    if (root / _AS_ONE).is_dir():
        report = {"@id": f"{_AS_ONE}/", "@type": "Dataset", "name": "Report: every page, group and pair"}
        files.append({**report, "encodingFormat": "text/html"})
    books = [_book(record) for record in records if record.kind == "book"]
    network = {
        "@id": "#network",
        "@type": "SoftwareApplication",
        "name": "digit network",
        "identifier": provenance.network,
        "softwareVersion": provenance.network[:12],
    }
    software = {
        "@id": "#software",
        "@type": "SoftwareApplication",
        "name": SOFTWARE,
        "softwareVersion": provenance.version,
        "softwareRequirements": _id(network),
    }
    action = {
        "@id": "#reading",
        "@type": "CreateAction",
        "name": "Reading, comparing and collating of scanned pages",
        "description": provenance.settings_text,
        "instrument": [_id(software), _id(network)],
        "object": [_id(book) for book in books],
        "result": {"@id": "./"},
        "endTime": provenance.created,
    }
    licence = {
        "@id": "#licence",
        "@type": "CreativeWork",
        "name": "None is stated",
        "description": "Ask whoever made this bundle, who may put a licence here. Scans may have their own.",
    }
    dataset = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Numerical tables of the run {title}",
        "description": f"What {SOFTWARE} {provenance.version} read on scanned pages, which of them carry the same "
        "table, and collations of these.",
        "datePublished": provenance.created[:10],
        "license": _id(licence),
        "creditText": provenance.citation,
        "hasPart": [_id(file) for file in files],
        "about": [_id(book) for book in books],
        "mentions": _id(action),
    }
    descriptor = {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": PROFILE},
        "about": {"@id": "./"},
    }
    entities: list[Entity] = [descriptor, dataset, *files, action, software, network, licence, *books]
    return {"@context": CONTEXT, "@graph": [_compact(entity) for entity in entities]}


def _compact(entity: Entity) -> Entity:
    """The entity with single values instead of lists of one, and without empty lists, as RO-Crate recommends."""
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in entity.items()
        if value != []
    }


def _id(entity: Entity) -> Entity:
    return {"@id": entity["@id"]}


def _files(root: Path) -> Iterator[Entity]:
    """The files outside of the report, in order."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name == NAME or name.startswith(f"{_AS_ONE}/"):
            continue
        data = path.read_bytes()
        suffix = path.suffix.lower()
        yield {
            "@id": quote(name, errors="surrogateescape"),
            "@type": "File",
            "name": name.encode("utf-8", "replace").decode(),
            "encodingFormat": _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream",
            "contentSize": str(len(data)),
            "sha256": hashlib.sha256(data).hexdigest(),
        }


def _book(record: CitationRecord) -> Entity:
    facts = {
        "@id": record.address or f"#{record.key}",
        "@type": "Book",
        "name": record.title,
        "author": list(record.authors),
        "publisher": record.publisher,
        "locationCreated": record.place,
        "datePublished": "/".join(str(year) for year in dict.fromkeys(record.years)),
    }
    return {name: value for name, value in facts.items() if value}
