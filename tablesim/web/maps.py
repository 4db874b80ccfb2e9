"""The map of a run made in the background where it has none: one at a time, while the workbench goes on answering."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tablesim.corpus.map import make_map
from tablesim.errors import InUseError, TablesimError
from tablesim.web.live import LiveRun
from tablesim.web.request_values import RequestValues

PATIENCE_S = 0.2
"""Seconds until the run is tried again that somebody else writes."""


@dataclass
class MapJob:
    """One making of the map.

    Parameters
    ----------
    begun : float
        When, by the monotonic clock.
    problem : str
        Why it ended without a map; empty otherwise.
    """

    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    problem: str = ""

    def run(self, live: LiveRun) -> None:
        """Make the map and keep it with the run."""
        try:
            while True:
                try:
                    make_map(live.corpus)
                    break
                except InUseError:
                    time.sleep(PATIENCE_S)
        except TablesimError as error:
            self.problem = str(error)
        finally:
            self.ended = time.monotonic()


def start_map(live: LiveRun, _: RequestValues) -> dict[str, Any]:
    """Begin to make the map, if nobody did yet; says how far it is."""
    with live.one("map"):
        job = live.map_job
        if not isinstance(job, MapJob) or job.ended is not None:
            live.map_job = job = MapJob()
            threading.Thread(target=job.run, args=(live,), daemon=True).start()
    return map_state(live, _)


def map_state(live: LiveRun, _: RequestValues) -> dict[str, Any]:
    """Whether there is a map, and how many seconds one is being made."""
    job = live.map_job
    making = isinstance(job, MapJob) and job.ended is None
    return {
        "version": live.changed(),
        "there": (live.folder / "map.parquet").is_file(),
        "making": making,
        "seconds": round(time.monotonic() - job.begun, 1) if isinstance(job, MapJob) and making else 0.0,
        "problem": job.problem if isinstance(job, MapJob) else "",
    }
