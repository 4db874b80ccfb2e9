"""Fuzzes every parser by mutation of good files: no crash, hang, flood of memory or of output (after Miller 1990, AFL).

    python benchmarks/fuzz.py [TARGET...] [--seconds 600] [--seed 0] [--out FOLDER]

Each target is a kind of file and what reads it (``tests/fuzz/targets.py``, ``targets_of_runs.py``). A process of its
own reads one mutated file after the other; it may take ``MEMORY`` bytes more than at its start and write ``OUTPUT``
bytes, and is ended where a file takes more than ``PATIENCE`` seconds of a core, or ten times as long without working. A
file is a finding where anything is raised but the errors that tablesim raises on purpose, where such an error does not
name the file, is longer than 2,000 letters or holds a control character, and where the process dies. Findings are kept
in FOLDER, each with what it did, one for each place of the code. What was mended stays as an input in
``tests/fuzz/inputs``.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fuzz.mutations import mutated
from fuzz.targets import TARGETS, Target, wrong_with
from fuzz.targets_of_runs import OF_RUNS, built_run

MEMORY = 2_000_000_000
OUTPUT = 64_000_000
PATIENCE = 20.0

_EXIT_FINDING = 77
ALL = TARGETS | OF_RUNS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(ALL))
    parser.add_argument("--seconds", type=float, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    if unknown := sorted({*given.targets} - {*ALL}):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(ALL)}")
    found = 0
    for name in given.targets or ALL:
        if name in OF_RUNS:
            built_run()
        found += _fuzz(name, ALL[name], given.seconds, given.seed, given.out)
    raise SystemExit(1 if found else 0)


def _fuzz(name: str, target: Target, seconds: float, seed: int, out: Path) -> int:
    """How many findings a target has, each of another place of the code."""
    places: set[str] = set()
    end = time.monotonic() + seconds
    done = deaths = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        while time.monotonic() < end:
            pid = _start(target, folder, seed, done, end)
            status = _wait(pid, folder)
            done = int((folder / "count").read_text() or 0)
            if status == 0:
                break
            deaths += 1
            place, words = _told(folder, status)
            if place.startswith("harness"):
                raise SystemExit(f"{name}: {place}\n{words}")
            if place not in places:
                places.add(place)
                kept = out / name / f"{len(places)}{target.suffix}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes((folder / f"input{target.suffix}").read_bytes())
                kept.with_name(kept.name + ".txt").write_text(words)
                print(f"    {kept}: {place}", flush=True)
            done += 1
    print(f"{name}: {done} inputs, {len(places)} findings ({deaths} times)", flush=True)
    return len(places)


def _start(target: Target, folder: Path, seed: int, done: int, end: float) -> int:
    """Read mutated files in a process of its own, from the one with the number ``done`` on, until ``end``."""
    (folder / "count").write_text(str(done))
    (folder / "finding").unlink(missing_ok=True)
    pid = os.fork()
    if pid:
        return pid
    log = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        code = _read(target, folder, seed, done, end)
    except BaseException as error:
        (folder / "finding").write_text(f"harness: {type(error).__name__}\n{traceback.format_exc()}")
    os._exit(code)


def _read(target: Target, folder: Path, seed: int, done: int, end: float) -> int:
    seeds, parse = target.prepare(folder)
    path = folder / f"input{target.suffix}"
    for number in range(done, sys.maxsize):
        if time.monotonic() > end:
            return 0
        chance = random.Random(f"{seed} {number}")
        data = chance.choice(seeds) if number < len(seeds) else mutated(chance, seeds, target.words)
        path.unlink(missing_ok=True)  # not written over: another file of the same size and time would be taken for it
        path.write_bytes(data)
        (folder / "count").write_text(str(number))
        if number == done:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
            resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        if wrong := wrong_with(parse, path, target):
            (folder / "finding").write_text(wrong)
            return _EXIT_FINDING
    return 0


def _wait(pid: int, folder: Path) -> int:
    """How a process ended; it is ended where it stays with one file."""
    count = folder / "count"
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.time() - count.stat().st_mtime > 10 * PATIENCE:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return -signal.SIGALRM
        time.sleep(0.1)


def _told(folder: Path, status: int) -> tuple[str, str]:
    finding = folder / "finding"
    if finding.is_file():
        place, _, words = finding.read_text(errors="replace").partition("\n")
        return place, words
    kind = "hangs" if status in (-signal.SIGALRM, -signal.SIGPROF) else f"ends with {status}"
    output = (folder / "output").read_bytes()[-3000:].decode(errors="replace")
    return f"the process {kind}", output


if __name__ == "__main__":
    main()
