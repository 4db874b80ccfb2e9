"""What was read and found, in the formats of other tools, each with its provenance and a citation.

Pages as PAGE-XML, ALTO, JSON and CSV; matches of two pages as Web Annotations in a IIIF manifest; collations as TEI,
XLSX, CSV, JSON and HTML; comparisons as folders of pictures. ``formats.export_run`` writes them from a run,
``formats.write_collation``, ``write_genealogy`` and ``comparison_folder.write_comparison`` what was just made.
"""
