"""Numbers in sentences: ``1 page``, ``2 pages``. Every count takes its noun from here, or from ``language.say_n``."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """``1 page``, ``0 pages``, ``1,204 pages``; ``many`` is the plural where it is not ``one`` with an s."""
    return f"{n:,} {plural(n, one, many or one + 's')}"


def plural(n: int, one: str, many: str) -> str:
    """The word for one or for many."""
    return one if n == 1 else many


def cut(value: float, decimals: int = 3) -> str:
    """A similarity with its last decimal cut, not rounded: 1.000 stands for equal proportions only."""
    scale = 10**decimals
    return f"{int(value * scale + 1e-9) / scale:.{decimals}f}"
