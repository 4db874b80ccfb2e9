"""What was read and found, in the formats of other tools, each with its provenance and a citation.

Pages as PAGE-XML, ALTO, JSON and CSV; matches of two pages as Web Annotations in a IIIF manifest; collations as TEI,
XLSX, CSV and JSON. ``formats.export_run`` writes them from a run.
"""
