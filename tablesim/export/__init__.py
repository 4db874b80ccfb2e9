"""What was read and found, in the formats of other tools, each with its provenance and a citation.

Pages as workbooks, TEI, PAGE-XML, ALTO, JSON and CSV; matches and differences of two pages as Web Annotations in a
IIIF manifest; collations as TEI, XLSX, CSV, JSON and HTML; citations; comparisons as folders of pictures; all of a run
as one zip. ``formats.export_run`` and ``bundle.write_bundle`` write them from a run, ``formats.write_collation``,
``write_genealogy`` and ``comparison_folder.write_comparison`` what was just made.
"""
