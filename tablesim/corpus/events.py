"""What a job tells while it runs. Each event is one line of ``events.jsonl`` and one step of a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened.

    Parameters
    ----------
    kind : str
        "start" and "end" of a stage, "page" done, "problem" with a page, "remark".
    stage : str
        "ingest", "read", "neighbours" or "clusters".
    done, total : int or None
        Pages done and to do in this stage, where they are counted.
    page, message : str
        Which page; what there is to say. Empty where there is nothing.
    """

    kind: str
    stage: str
    done: int | None = None
    total: int | None = None
    page: str = ""
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does nothing."""
