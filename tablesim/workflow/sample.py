"""Where the sample corpus is that comes with tablesim."""

from __future__ import annotations

from pathlib import Path

from tablesim.errors import ScanError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "data" / "sample", _PACKAGE.parent / "data" / "sample")


def sample_folder() -> Path:
    """Where the sample corpus is: inside the installed package, or in the checkout.

    Returns
    -------
    Path
        With ``scans/``, ``truth/``, ``metadata.csv`` and ``labels.csv``; not to be written.

    Raises
    ------
    ScanError
        In neither place.
    """
    for place in _PLACES:
        if (place / "scans").is_dir():
            return place
    raise ScanError(
        f"{_PLACES[0]}: the sample corpus, which comes with the package, is not there; install tablesim again"
    )
