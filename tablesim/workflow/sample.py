"""Where the sample corpus is that comes with tablesim."""

from __future__ import annotations

from pathlib import Path

from tablesim.errors import ScanError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "data" / "sample", _PACKAGE.parent / "data" / "sample")


def sample_folder() -> Path:
    """Where the sample corpus is: inside the installed package, or in the checkout; ScanError when in neither."""
    for place in _PLACES:
        if (place / "scans").is_dir():
            return place
    raise ScanError(
        f"{_PLACES[-1]}: the sample corpus is not there; run the demo from a checkout of the project, or make the "
        "corpus with `tablesim synthesize --sample --out data/sample`"
    )
