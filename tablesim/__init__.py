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
    from tablesim.corpus.store import Corpus as Corpus
    from tablesim.digits.reading import Reading as Reading
    from tablesim.evidence.collation import Collation as Collation
    from tablesim.evidence.collation import collate as collate
    from tablesim.evidence.comparison import Comparison as Comparison
    from tablesim.evidence.comparison import compare as compare
    from tablesim.reader import Network as Network
    from tablesim.reader import load_network as load_network
    from tablesim.workflow import run as run

# Loaded when first asked for: `import tablesim` costs nothing, and a missing part is named when it is needed.
_WHERE = {
    "Collation": "tablesim.evidence.collation",
    "Comparison": "tablesim.evidence.comparison",
    "Corpus": "tablesim.corpus.store",
    "Network": "tablesim.reader",
    "Reading": "tablesim.digits.reading",
    "collate": "tablesim.evidence.collation",
    "compare": "tablesim.evidence.comparison",
    "load_network": "tablesim.reader",
    "run": "tablesim.workflow",
}

__all__ = [
    "Collation",
    "Comparison",
    "Corpus",
    "Network",
    "Reading",
    "TablesimError",
    "collate",
    "compare",
    "load_network",
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
