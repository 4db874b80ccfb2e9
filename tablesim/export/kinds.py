"""The names of the formats. Nothing heavy is imported here, so that the command line can list them at once."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What an export is written as."""

    page_xml = "page-xml"
    transkribus = "transkribus"
    alto = "alto"
    json = "json"
    csv = "csv"
    csv_grid = "csv-grid"
    xlsx = "xlsx"
    page_tei = "page-tei"
    dishas = "dishas"
    iiif = "iiif"
    tei = "tei"
    collation_csv = "collation-csv"
    collation_xlsx = "collation-xlsx"
    collation_json = "collation-json"
    collation_html = "collation-html"
    collation_dishas = "collation-dishas"
    ris = "ris"
    bibtex = "bibtex"
    csl_json = "csl-json"
    pixplot = "pixplot"
    vikus = "vikus"
    clusters_csv = "clusters-csv"
    neighbours_csv = "neighbours-csv"


class BundledScans(StrEnum):
    """What of the scans goes into a bundle."""

    thumbnails = "thumbnails"
    web = "web"


class Dialect(StrEnum):
    """Whose PAGE-XML."""

    prima = "prima"
    transkribus = "transkribus"


LOCAL = "http://localhost:8000/"
"""Where a manifest is read from unless told otherwise: ``python -m http.server`` in its folder."""

GENEALOGY_SUFFIXES = (".csv", ".graphml", ".png", ".pdf", ".svg")
"""What a genealogy can be written as: its links, its graph, its picture."""
