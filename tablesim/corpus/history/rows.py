"""What a history is drawn with, and its rows: the entropy of one year or place in one mode."""

from __future__ import annotations

from dataclasses import dataclass

from tablesim.errors import SettingsError

SIGMA = 4.0
"""Width of the Gaussian window in years, as in the published study."""
REACH = 2.0
"""Where the corrected window ends, in sigmas: 95 % of a Gaussian; chosen by eye."""


@dataclass(frozen=True)
class HistorySettings:
    """What a history is drawn with.

    Parameters
    ----------
    sigma : float
        Of the Gaussian window, in years.
    reach : float
        Where the corrected window ends, in sigmas.
    n_pages : int, optional
        Pages that are compared at each year or place. By default 80, or as many as half the years or places have.
    repeats : int
        Half-samples of books and permutations of the null model.
    leave_out : tuple of str
        Books that are left out.
    min_digits : int
        Pages with fewer digits are left out (0 to 300 in the published study).
    seed : int
    """

    sigma: float = SIGMA
    reach: float = REACH
    n_pages: int | None = None
    repeats: int = 100
    leave_out: tuple[str, ...] = ()
    min_digits: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("sigma", 0.0), ("reach", 0.0), ("repeats", 1), ("n_pages", 1)):
            value = getattr(self, name)
            if value is not None and not (value > 0 and value >= least):
                raise SettingsError(f"{name}: got {value}, expected more than 0")


@dataclass(frozen=True)
class HistoryRow:
    """One year or place in one mode; entropies in bits, None where there is too little to say.

    ``pages`` and ``books`` are those in the window (corrected), or all that could be drawn (published); ``depth`` is
    the number of pages that are compared. ``low`` and ``high``: corrected, 95 % of what other books would have given;
    published, one standard deviation of the draws. ``null``, ``null_low`` and ``null_high``: mean and 95 % of the null
    model. ``far`` is the share of the drawn pages more than two sigma away.
    """

    by: str
    at: str
    mode: str
    entropy: float | None
    low: float | None
    high: float | None
    null: float | None
    null_low: float | None
    null_high: float | None
    pages: int
    books: int
    clusters: int
    depth: int
    far: float | None = None
