"""The groups of a run for the browser: tables that several pages carry, and kinds, never mixed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues

PER_ANSWER = 200


def list_groups(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """A stretch of the tables or of the kinds, by their numbers."""
    groups = live.corpus.groups
    start = asked.whole("start", 0, 0, 10**9)
    kinds = asked.text("what", "tables") == "kinds"
    chosen = groups.kinds if kinds else groups.tables
    return {
        "version": live.version,
        "known": groups.known,
        "counts": asdict(groups.counts),
        "total": len(chosen),
        "start": start,
        "groups": [{**asdict(group), "pages": list(group.pages)} for group in chosen[start : start + PER_ANSWER]],
    }
