"""Numbers in sentences: ``1 page``, ``2 pages``; ``a, b and c``. Every count takes its noun from here."""

from __future__ import annotations

from collections.abc import Sequence


def counted(n: int, one: str, many: str = "") -> str:
    """``1 page``, ``0 pages``, ``1,204 pages``; ``many`` is the plural where it is not ``one`` with an s."""
    return f"{n:,} {plural(n, one, many or one + 's')}"


def plural(n: int, one: str, many: str) -> str:
    """The word for one or for many."""
    return one if n == 1 else many


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])


def cut(value: float, decimals: int = 3) -> str:
    """A similarity with its last decimal cut, not rounded: 1.000 stands for equal proportions only."""
    scale = 10**decimals
    return f"{int(value * scale + 1e-9) / scale:.{decimals}f}"
