"""tablesim finds which scanned numerical tables are the same table, and shows why, down to the glyph.

>>> import tablesim
>>> network = tablesim.load_network()
>>> early = network.read("data/sample/scans/1006_tectander_1576_p91.jpg")
>>> late = network.read("data/sample/scans/1007_morellius_1595_p47.jpg")
>>> tablesim.compare(early, late).similarity > 0.9
True
>>> collation = tablesim.collate(early, late)
>>> 0 < len(collation.differences) < 20
True

A public name is loaded when it is first asked for: ``import tablesim`` costs nothing. The rooms, from the scan to the
report: ``records``, ``astronomy``, ``scans``, ``synthesis``, ``digits``, ``bigrams``, ``reader``, ``corpus``,
``evidence``, ``review``, ``workflow``, ``report``, ``export``, ``api``, ``cli``. Each imports only those before it.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "Collation": "tablesim.records.collation",
    "Comparison": "tablesim.evidence.comparison",
    "Corpus": "tablesim.corpus.store",
    "Cutter": "tablesim.evidence.collation.cutouts",
    "HistorySettings": "tablesim.corpus.history.rows",
    "PageReader": "tablesim.reader",
    "Reading": "tablesim.records.reading",
    "Review": "tablesim.review.review",
    "Shelves": "tablesim.corpus.shelves",
    "TableDecision": "tablesim.records.corrections",
    "TablesimError": "tablesim.errors",
    "__version__": "tablesim.version",
    "cluster": "tablesim.workflow.clustering",
    "collate": "tablesim.evidence.collation.collation",
    "collate_from_run": "tablesim.workflow.witnesses",
    "compare": "tablesim.evidence.comparison",
    "compare_embeddings": "tablesim.corpus.evaluation.embeddings",
    "compare_embeddings_on": "tablesim.workflow.baselines",
    "compare_pixels": "tablesim.evidence.matches.photograph_network",
    "corpus_of_histograms": "tablesim.corpus.from_histograms",
    "correct": "tablesim.corpus.corrections.apply",
    "cutouts": "tablesim.evidence.collation.cutouts",
    "decide_tables": "tablesim.corpus.corrections.apply",
    "demo": "tablesim.api",
    "evaluate": "tablesim.corpus.evaluation.run",
    "evaluate_reading": "tablesim.workflow.evaluation",
    "export_run": "tablesim.export.formats",
    "find_scans": "tablesim.scans.sources",
    "genealogy": "tablesim.evidence.genealogy.genealogy",
    "histogram_embeddings": "tablesim.corpus.evaluation.embeddings",
    "history": "tablesim.corpus.history.series",
    "load_map": "tablesim.corpus.map",
    "load_network": "tablesim.reader",
    "make_map": "tablesim.corpus.map",
    "read_corrections": "tablesim.digits.corrections",
    "read_table_decisions": "tablesim.corpus.corrections.table_decisions",
    "reading_from_file": "tablesim.digits.other_readings",
    "recluster": "tablesim.workflow.clustering",
    "recompute": "tablesim.evidence.recomputation.recompute",
    "run": "tablesim.api",
    "synthesize": "tablesim.synthesis.corpus",
    "train": "tablesim.api",
    "verified_search": "tablesim.workflow.verification",
    "write_collation": "tablesim.export.formats",
    "write_comparison": "tablesim.export.comparison_folder",
    "write_genealogy": "tablesim.export.formats",
    "write_report": "tablesim.report.writing",
}
"""Every public name and the module that defines it; ``__init__.pyi`` is made from this table."""

_RENAMED = {"Network": "PageReader"}
"""Public names of earlier versions: they work, with a DeprecationWarning."""

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        import warnings

        new = _RENAMED[name]
        warnings.warn(f"tablesim.{name} is now tablesim.{new}", DeprecationWarning, stacklevel=2)
        return __getattr__(new)
    if name not in _PUBLIC:
        from difflib import get_close_matches

        near = get_close_matches(name, _PUBLIC, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(__all__)}"
        raise AttributeError(f"module 'tablesim' has no attribute {name!r}{hint}", name=name, obj=None)
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
