"""A disk that is full at any moment: an error that names the file, and a run that goes on as if it had not been."""

import errno
import resource

import pytest
from corpus.fakes import FakeReader

from tablesim.cli import one_line
from tablesim.workflow import run
from workflow.test_killed import contents

MOST = (0, 100, 400, 900, 1500, 2500, 4000, 6000, 9000, 13000)
"""Bytes that a file may have: each lets other files through, from none to all but the largest."""


@pytest.mark.parametrize("most", MOST)
def test_a_run_goes_on_when_there_is_room_again(most, straight, tmp_path):
    out = tmp_path / "out"
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, kept[1]))
    try:
        with pytest.raises(OSError) as told:
            run(straight / "scans", out, network=FakeReader())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert told.value.errno == errno.EFBIG and str(out) in one_line(told.value)
    assert one_line(told.value).endswith("make room on its disk, or choose another; then give the same command again")
    assert not list(tmp_path.rglob("*.part"))
    run(straight / "scans", out, network=FakeReader())
    assert contents(out) == contents(straight / "run")
