"""Clusters decided about in the browser: merged, split, named, and made again, looked at before they are kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tablesim.errors import SettingsError
from tablesim.review.review import Review
from tablesim.review.verdicts import Verdict
from tablesim.web.decisions import asked_name, plain_verdict
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues
from tablesim.workflow.clustering import Reclustering, recluster

MOST_MOVES = 500
"""Pages that moved which are listed one by one."""

HIGHEST = 10**9


def take_merge(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Say that clusters are one table; the next clustering keeps to it."""
    numbers = asked.numbers("clusters", 1, HIGHEST)
    with live.writing() as corpus:
        lines = Review(corpus).merge(numbers, asked_name(asked), asked.text("reason", ""))
    return _written(live, lines)


def take_split(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Say that some pages of a cluster carry a table of their own."""
    number = asked.whole("cluster", 0, 1, HIGHEST)
    with live.writing() as corpus:
        lines = Review(corpus).split(number, asked.texts("pages"), asked_name(asked), asked.text("reason", ""))
    return _written(live, lines)


def take_name(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Call a cluster by a name; an empty one takes the name away."""
    number, name = asked.whole("cluster", 0, 1, HIGHEST), asked.text("name", "")
    with live.writing() as corpus:
        line = Review(corpus).name(number, name, asked_name(asked), asked.text("reason", ""))
    return _written(live, [line])


def take_undo(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Take lines of the log of verdicts back, each by a new line."""
    numbers = asked.numbers("lines", 1, HIGHEST)
    with live.writing() as corpus:
        lines = Review(corpus).withdraw(numbers, asked_name(asked), asked.text("reason", ""))
    return _written(live, lines)


def _written(live: LiveRun, lines: list[Verdict]) -> dict[str, Any]:
    return {"version": live.changed(), "lines": [plain_verdict(line) for line in lines]}


def propose(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Cluster again by what is known now, without keeping it: what would move, which clusters join or split, why."""
    clusters = asked.text("clusters", "auto") or "auto"
    corpus, version = live.corpus, live.version
    found = recluster(corpus, clusters, method=asked.text("method", "tables"), keep=False)
    live.proposal = (version, found)
    return {"version": version, **proposed(found)}


def proposed(found: Reclustering) -> dict[str, Any]:
    """A clustering that is not kept yet beside the one that is."""
    before = found.before
    return {
        "name": found.clustering.name,
        "before": None if before is None else {"clusters": before.k, "groups": before.groups.sentence},
        "after": {"clusters": found.clustering.k, "groups": found.clustering.groups.sentence},
        "changes": [change.to_dict() for change in found.changes],
        "n_moves": len(found.moves),
        "moves": [asdict(move) for move in found.moves[:MOST_MOVES]],
        "remarks": list(found.known.remarks()),
    }


def keep_proposal(live: LiveRun, asked: RequestValues) -> dict[str, Any]:
    """Keep the clustering that was looked at; refused where the run has changed since."""
    version = asked.whole("version", 0, 0, HIGHEST)
    with live.writing() as corpus:
        proposal = live.proposal
        if proposal is None or proposal[0] != version or live.changed() != version:
            raise SettingsError(
                "cluster again: the run was changed since this was looked at, or it was kept already; look again"
            )
        proposal[1].save(corpus)
        live.proposal = None
    return {"version": live.changed(), "clusters": proposal[1].clustering.k}
