"""tablesim finds which scanned numerical tables are the same table, and shows why, down to the glyph.

>>> import tablesim
>>> net = tablesim.load_network()                      # doctest: +SKIP
>>> reading = net.read("scan.jpg")                     # doctest: +SKIP
>>> comparison = tablesim.compare("a.jpg", "b.jpg")    # doctest: +SKIP
>>> collation = tablesim.collate("a.jpg", "b.jpg")     # doctest: +SKIP

The rooms, from the scan to the report: ``scans``, ``synthesis``, ``digits``, ``bigrams``, ``reader``, ``corpus``,
``evidence``, ``workflow``, ``report``, ``cli``. Each imports only those before it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tablesim.errors import TablesimError

if TYPE_CHECKING:
    from tablesim.corpus.evaluation.embeddings import compare_embeddings as compare_embeddings
    from tablesim.corpus.evaluation.embeddings import histogram_embeddings as histogram_embeddings
    from tablesim.corpus.evaluation.labels import evaluate as evaluate
    from tablesim.corpus.from_histograms import corpus_of_histograms as corpus_of_histograms
    from tablesim.corpus.history.history import HistorySettings as HistorySettings
    from tablesim.corpus.history.history import history as history
    from tablesim.corpus.map import make_map as make_map
    from tablesim.corpus.store import Corpus as Corpus
    from tablesim.evidence.collation.collation import collate as collate
    from tablesim.evidence.collation.cutouts import Cutter as Cutter
    from tablesim.evidence.collation.cutouts import cutouts as cutouts
    from tablesim.evidence.comparison import Comparison as Comparison
    from tablesim.evidence.comparison import compare as compare
    from tablesim.evidence.matches.photograph_network import compare_pixels as compare_pixels
    from tablesim.reader import PageReader as PageReader
    from tablesim.reader import load_network as load_network
    from tablesim.records.collation import Collation as Collation
    from tablesim.records.reading import Reading as Reading
    from tablesim.review.review import Review as Review
    from tablesim.workflow import cluster as cluster
    from tablesim.workflow import run as run

# Loaded when first asked for: `import tablesim` costs nothing, and a missing part is named when it is needed.
_WHERE = {
    "Collation": "tablesim.records.collation",
    "Comparison": "tablesim.evidence.comparison",
    "Corpus": "tablesim.corpus.store",
    "Cutter": "tablesim.evidence.collation.cutouts",
    "HistorySettings": "tablesim.corpus.history.history",
    "PageReader": "tablesim.reader",
    "Reading": "tablesim.records.reading",
    "Review": "tablesim.review.review",
    "cluster": "tablesim.workflow",
    "collate": "tablesim.evidence.collation.collation",
    "compare": "tablesim.evidence.comparison",
    "compare_embeddings": "tablesim.corpus.evaluation.embeddings",
    "compare_pixels": "tablesim.evidence.matches.photograph_network",
    "corpus_of_histograms": "tablesim.corpus.from_histograms",
    "cutouts": "tablesim.evidence.collation.cutouts",
    "evaluate": "tablesim.corpus.evaluation.labels",
    "histogram_embeddings": "tablesim.corpus.evaluation.embeddings",
    "history": "tablesim.corpus.history.history",
    "load_network": "tablesim.reader",
    "make_map": "tablesim.corpus.map",
    "run": "tablesim.workflow",
}

__all__ = [
    "Collation",
    "Comparison",
    "Corpus",
    "Cutter",
    "HistorySettings",
    "PageReader",
    "Reading",
    "Review",
    "TablesimError",
    "cluster",
    "collate",
    "compare",
    "compare_embeddings",
    "compare_pixels",
    "corpus_of_histograms",
    "cutouts",
    "evaluate",
    "histogram_embeddings",
    "history",
    "load_network",
    "make_map",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'tablesim' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
