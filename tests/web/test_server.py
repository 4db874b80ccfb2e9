"""The command that serves: where it answers, to whom, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def served(folder: Path, tmp_path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tablesim", "view", str(folder), "--port", "0", *options]
    environment = {"TABLESIM_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            line = process.stdout.readline()
            yield process, re.search(r"http://\S+", line)[0]
        finally:
            process.kill()


def get(address: str, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(address, headers={"authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_slow_reader_and_one_who_sends_too_much_hinder_nobody(printed, tmp_path):
    with served(printed, tmp_path) as (_, address):
        base, token = address.split("/?token=")
        host, port = base.removeprefix("http://").split(":")
        head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(20)]
        for at, one in enumerate(slow):
            # Half of them never end their question, half never read the answer.
            one.sendall(f"GET /pages.html HTTP/1.1\r\n{head}{'' if at % 2 else chr(13) + chr(10)}".encode())
        assert get(f"{base}/api/run", token)[0] == 200
        ten = 10_000_000
        asked = f"POST /api/verdict HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {ten}\r\n\r\n"
        slow[1].close()
        with socket.create_connection((host, int(port)), timeout=30) as large:
            large.sendall(asked.encode())
            answer = large.recv(4096)
        assert b" 413 " in answer.splitlines()[0]
        assert get(f"{base}/groups.html", token)[0] == 200
        for one in slow:
            one.close()


def test_it_answers_this_machine_with_the_token_and_ends_at_once(printed, tmp_path):
    with served(printed, tmp_path) as (process, address):
        base, token = address.split("/?token=")
        assert base.startswith("http://127.0.0.1:")
        assert get(f"{base}/api/run")[0] == 401
        status, text = get(f"{base}/api/run", token)
        assert status == 200
        assert json.loads(text)["pages"] == 9
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors


def test_only_the_loopback_interface_listens(printed, tmp_path):
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no other address than the loopback's")
    with served(printed, tmp_path) as (_, address):
        port = int(address.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match=r".+"):
            socket.create_connection((own, port), timeout=5)


def test_what_was_answered_survives_a_kill(folder, tmp_path):
    from tablesim.corpus.store import Corpus

    with served(folder, tmp_path) as (process, address):
        base, token = address.split("/?token=")
        body = json.dumps({"page": "alone", "is_table": "no", "who": "Anna"}).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{base}/api/table", body, headers)) as answer:
            assert answer.status == 200
        process.kill()
    assert not Corpus.open(folder).reading("alone").is_table


def test_a_port_that_is_taken_is_one_line(printed, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "tablesim", "view", str(printed), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--port" in done.stderr
