"""The 110 bins of a page's histogram: ten isolated digits, then the hundred pairs of neighbours."""

from __future__ import annotations

from typing import Final

N_DIGITS: Final = 10

BIN_NAMES: Final[tuple[str, ...]] = tuple(str(digit) for digit in range(N_DIGITS)) + tuple(
    f"{pair:02d}" for pair in range(N_DIGITS * N_DIGITS)
)
"""Names of the bins in their order: "0" to "9" (isolated digits), then "00" to "99" (a digit and its next)."""

N_BINS: Final = len(BIN_NAMES)


def bin_of(text: str) -> int:
    """The bin of one isolated digit or of a pair of neighbours.

    Parameters
    ----------
    text : str
        One or two of the figures 0 to 9.

    Returns
    -------
    int
        0 to 9 for an isolated digit, 10 to 109 for a pair.

    Raises
    ------
    ValueError
        When ``text`` is anything else.

    Examples
    --------
    >>> bin_of("7"), bin_of("00"), bin_of("45")
    (7, 10, 55)
    """
    if len(text) in (1, 2) and text.isascii() and text.isdigit():
        return int(text) if len(text) == 1 else N_DIGITS + int(text)
    raise ValueError(f"bin_of: got {text!r}, expected one or two of the figures 0 to 9")
