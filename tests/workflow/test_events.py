import io
import json
import os
import platform

import pytest

from tablesim.corpus.indexing.events import Event
from tablesim.version import __version__
from tablesim.workflow.event_log import EventLog, ProgressBars, ProgressLines, progress

JOB = (
    Event("start", "read", 0, 2),
    Event("page", "read", 1, 2, "a"),
    Event("problem", "read", 2, 2, "b", "b.jpg: [0 bytes] is empty"),
    Event("end", "read", 2, 2),
    Event("start", "clusters"),
    Event("end", "clusters", message="1 cluster"),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_plain_lines():
    stream = io.StringIO()
    with progress(stream) as show:
        assert isinstance(show, ProgressLines)
        for event in JOB:
            show(event)
    assert stream.getvalue().splitlines() == [
        "problem: b.jpg: [0 bytes] is empty",
        "reading pages: 2 of 2 pages",
        "clusters: 1 cluster",
    ]


def test_a_terminal_gets_bars_and_problems_as_they_are_written():
    stream = Terminal()
    with progress(stream) as show:
        assert isinstance(show, ProgressBars)
        for event in JOB:
            show(event)
    assert "b.jpg: [0 bytes] is empty" in stream.getvalue()
    assert all(task.finished for task in show.bars.tasks)


def test_every_event_is_a_line_of_json_and_goes_on(tmp_path):
    seen = []
    with EventLog(tmp_path / "events.jsonl", seen.append) as tell:
        for event in JOB:
            tell(event)
    job, *lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert seen == list(JOB)
    assert (job["kind"], job["tablesim"], job["host"], job["pid"]) == ("job", __version__, platform.node(), os.getpid())
    assert [line["kind"] for line in lines] == [event.kind for event in JOB]
    assert all(line["at"].endswith("+00:00") for line in lines)
    assert lines[2]["message"] == "b.jpg: [0 bytes] is empty"


def test_a_log_is_written_line_by_line_and_appended_to(tmp_path):
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        with EventLog(path, lambda event: None) as tell:
            tell(JOB[0])
            assert path.read_text().endswith("\n")
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == 2 * ["job", "start"]


@pytest.mark.parametrize("kind", ["start", "end", "page", "problem", "remark"])
def test_counts_that_are_not_known_are_left_out(kind):
    assert Event(kind, "clusters").to_dict() == {"kind": kind, "stage": "clusters"}
    assert Event(kind, "read", 0, 5).to_dict()["done"] == 0


def test_half_a_line_of_a_killed_job_stays_alone(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"at": "2026-')
    with EventLog(path, lambda event: None) as tell:
        tell(JOB[0])
    torn, _, whole = path.read_text().splitlines()
    assert torn == '{"at": "2026-'
    assert json.loads(whole)["kind"] == "start"


def test_a_log_says_how_fast_and_how_long(monkeypatch):
    clock = iter([0.0, 5.0, 20.0])
    monkeypatch.setattr("tablesim.workflow.event_log.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    with progress(stream) as show:
        show(Event("start", "read", 100, 1000))
        show(Event("page", "read", 110, 1000, "a"))
        show(Event("page", "read", 140, 1000, "b"))
    assert stream.getvalue() == "reading pages: 140 of 1,000 pages, 2 pages/s, 7 min left\n"
