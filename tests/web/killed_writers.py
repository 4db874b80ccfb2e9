"""Two writers of one run, the command line and the workbench, killed by force at random moments: is anything lost?

    python tests/web/killed_writers.py RUN ROUNDS SEED

In each round both write verdicts and corrections as fast as they can, and say through a pipe what was acknowledged to
them; then both are killed. In the end every acknowledged line has to be in the logs, and the run has to be whole: what
follows from the corrections is what follows from them in a run that nobody disturbed.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from starlette.testclient import TestClient

import tablesim.bigrams.network  # writers are forked with PyTorch, and do not each load it
import tablesim.cli.correct
import tablesim.cli.review  # noqa: F401 - nor what a command loads when it is called
from tablesim.bigrams.embedding import histogram
from tablesim.cli import app
from tablesim.corpus.corrections.apply import renew
from tablesim.corpus.store import Corpus
from tablesim.review.review import Review
from tablesim.web.access import Access
from tablesim.web.app import make_app
from tablesim.web.live import LiveRun
from tablesim.workflow.doctor import examine_run

MOST, LONGEST = 9, 0.06
"""Both are killed after fewer than ``MOST`` acknowledged lines and at most ``LONGEST`` seconds, which is about
what writing a line takes: drawn anew in each round."""

Say = Callable[[str], None]


def command_line(folder: Path, round_: int, say: Say) -> None:
    """Writes as the commands do, a file at a time."""
    rng = random.Random(round_)
    corpus = Corpus.open(folder)
    pages = [page for page in corpus if corpus.page(page)["is_table"]]
    file = folder.parent / "given.csv"
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until it is killed
    for number in count():
        text = f"{1 + round_:03}{number:03}1"
        page, other = rng.sample(pages, 2)
        if number % 2:
            box = rng.choice(corpus.machine_reading(page).numbers).box
            row = {"page": page, **box.to_dict(), "read": "", "correct": text, "who": "Anna", "reason": text}
            words = ["correct", str(folder), "--csv", str(file), "--json"]
        else:
            row = {"page": page, "other": other, "decision": rng.choice(["accept", "kind", "unsure"]), "reason": text}
            words = ["review", str(folder), "--in", str(file), "--who", "Anna", "--json"]
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            writer.writeheader()
            writer.writerow(row)
        # An exit code where the workbench was writing: nothing was promised then.
        if not app(words, standalone_mode=False):
            say(text)


def workbench(folder: Path, round_: int, say: Say) -> None:
    """Writes as a browser does that clicks without end."""
    rng = random.Random(round_)
    live = LiveRun(folder)
    browser = TestClient(make_app(live, Access.of(["127.0.0.1"], 1, "t"), folder.parent / "scratch"))
    browser.headers |= {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1", "authorization": "Bearer t"}
    pages = [page for page in live.corpus if live.corpus.page(page)["is_table"]]
    for number in count():
        text = f"{1 + round_:03}{number:03}2"
        page, other = rng.sample(pages, 2)
        if number % 2:
            shown = browser.get("/api/page", params={"id": page}).json()
            one = rng.choice(shown["reading"]["numbers"])
            body = {side: one[side] for side in ("x", "y", "width", "height")}
            body |= {"page": page, "sha256": shown["sha256"], "expected": one["text"], "correct": text, "who": "Bela"}
            answer = browser.post("/api/correct", json=body)
        else:
            body = {"page": page, "other": other, "decision": "accept", "who": "Bela", "reason": text}
            answer = browser.post("/api/verdict", json=body)
        # 409: the other one writes; a conflict: somebody corrected this number meanwhile. Nothing was promised.
        if answer.status_code == 200 and "conflict" not in answer.json():
            say(text)
        else:
            assert answer.status_code in (200, 409), answer.text


def disturbed(folder: Path, rounds: int, seed: int) -> list[str]:
    """Start both writers, kill both; what was acknowledged in all rounds."""
    rng = random.Random(seed)
    said: list[str] = []
    for round_ in range(rounds):
        reader, writer = os.pipe()

        def say(text: str, writer: int = writer) -> None:
            os.write(writer, f"{text}\n".encode())

        children = []
        for write in (command_line, workbench):
            child = os.fork()
            if not child:
                os.close(reader)
                try:
                    write(folder, seed * rounds + round_, say)
                except BaseException:
                    traceback.print_exc(file=sys.__stderr__)
                    sys.__stderr__.flush()
                finally:
                    os._exit(1)
            children.append(child)
        os.close(writer)
        heard = b""
        wanted = rng.randrange(MOST)
        while heard.count(b"\n") < wanted and (chunk := os.read(reader, 4096)):
            heard += chunk
        time.sleep(rng.uniform(0, LONGEST))
        for child in children:
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            assert os.WIFSIGNALED(status), "a writer ended by itself"
        with os.fdopen(reader, "rb") as stream:
            said += (heard + stream.read()).decode().split()
    return said


def verdict_on(folder: Path, said: list[str]) -> dict[str, object]:
    """What is in the logs, what is lost, and what is broken."""
    broken = []
    review = Review(Corpus.open(folder))
    with sqlite3.connect(review.log.path) as db:
        if (state := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            broken.append(f"verdicts.sqlite: {state}")
    verdicts = review.log.all()
    corrections = review.corpus.corrections.all
    kept = Counter([one.reason for one in verdicts] + [one.correct for one in corrections])
    twice = [text for text, n in kept.items() if n > 1]
    if twice:
        broken.append(f"written twice: {twice[:5]}")
    renew(Corpus.open(folder))
    corpus = Corpus.open(folder)
    for page in corpus.corrections.pages:
        reading = corpus.reading(page)
        if not np.array_equal(reading.histogram, histogram(reading)):
            broken.append(f"{page}: an embedding that is not that of its corrected reading")
    findings = [f"{one.where}: {one.what}" for one in examine_run(folder)]
    # What a killed writer leaves is no part of the run; the next job removes it.
    left = [one for one in findings if ".part: left half written" in one]
    broken += [one for one in findings if one not in left]
    return {
        "acknowledged": len(said),
        "verdicts": len(verdicts),
        "corrections": len(corrections),
        "lost": sorted(set(said) - set(kept)),
        "broken": broken,
        "left": len(left),
    }


if __name__ == "__main__":
    run_folder = Path(sys.argv[1])
    answer = verdict_on(run_folder, disturbed(run_folder, int(sys.argv[2]), int(sys.argv[3])))
    print(json.dumps(answer))
