"""Pipes, sockets and devices in the place of a text file: an error at once, for nobody may ever write into them."""

import os
import socket

import pytest

from tablesim.cli.config import read_config
from tablesim.digits.corrections import read_corrections
from tablesim.digits.evaluation.transcription import read_truth
from tablesim.digits.other_readings import reading_from_file
from tablesim.digits.training.annotations import read_annotations
from tablesim.errors import TablesimError
from tablesim.scans.metadata import read_metadata

READERS = [
    *((".csv", read) for read in (read_metadata, read_corrections, read_annotations)),
    *((suffix, read_truth) for suffix in (".json", ".txt", ".xml")),
    *((suffix, reading_from_file) for suffix in (".json", ".txt", ".xml", ".csv", ".jsonl")),
    (".toml", lambda path: read_config(path, ["run"])),
]


@pytest.mark.parametrize(("suffix", "read"), READERS)
def test_a_pipe_is_refused_not_waited_for(suffix, read, tmp_path):
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)
    with pytest.raises(TablesimError, match=r"pipe\..*a pipe, a socket or a device"):
        read(path)


def test_sockets_and_devices_are_refused(tmp_path):
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.csv"))
        for name in ("zero.csv", "socket.csv"):
            with pytest.raises(TablesimError, match="a pipe, a socket or a device"):
                read_metadata(tmp_path / name)


def test_what_a_shell_opened_is_read(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"page,year\np1,1553\n")
    os.close(writing)
    try:
        assert read_metadata(f"/dev/fd/{reading}").fields
    finally:
        os.close(reading)
