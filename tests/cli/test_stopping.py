"""Signals end a command in good order and with one line."""

import signal
import subprocess
import sys

import pytest

from tablesim.cli.stopping import stopped_sentence

JOB = """
import signal, sys, time, types
import tablesim.cli

def wait() -> None:
    try:
        print("at work", flush=True)
        time.sleep(60)
    finally:
        print("tidied up", flush=True)

signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore it
sys.modules["tablesim.cli.run"] = types.SimpleNamespace(command=wait)
tablesim.cli.main()
"""


def start(ignored=None):
    code = (f"import signal; signal.signal({int(ignored)}, signal.SIG_IGN)\n" if ignored else "") + JOB
    job = subprocess.Popen(
        [sys.executable, "-c", code, "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert job.stdout.readline() == "at work\n"
    return job


@pytest.mark.parametrize(
    ("number", "by"), [(signal.SIGINT, ""), (signal.SIGTERM, " by SIGTERM"), (signal.SIGHUP, " by SIGHUP")]
)
def test_a_job_that_is_stopped_tidies_up_and_says_that_it_goes_on(number, by):
    job = start()
    job.send_signal(number)
    out, said = job.communicate(timeout=60)
    assert (out, job.returncode) == ("tidied up\n", 128 + number)
    assert said == (f"tablesim: stopped{by}; what was done is kept, and the same command goes on where it stopped\n")


def test_what_nohup_ignores_stays_ignored():
    job = start(ignored=signal.SIGHUP)
    job.send_signal(signal.SIGHUP)
    job.send_signal(signal.SIGTERM)
    assert "by SIGTERM" in job.communicate(timeout=60)[1]


def test_commands_that_begin_again_do_not_say_that_they_go_on():
    assert stopped_sentence("cluster", signal.SIGTERM) == "tablesim: stopped by SIGTERM; no file is half written"
