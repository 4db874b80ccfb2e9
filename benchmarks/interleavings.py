"""Several processes in one run folder at random moments: run, status, cluster, report, review and correct.

    python benchmarks/interleavings.py [--n 50] [--seed 0] [--jobs 5]

Each interleaving begins with an empty folder or a finished run, starts its jobs at moments drawn at random, and asks of
each that it is done, or is told that the folder is in use. After it nothing may be lost: every decision that a job said
it had made is there, the same run makes the folder whole, and ``tablesim doctor`` finds nothing wrong with it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from corpus.fakes import FakeReader, write_corpus
from processes import jobs

from tablesim.review.verdicts import VerdictLog
from tablesim.workflow import run
from tablesim.workflow.doctor import examine_run

N_PAGES = 4 * 4 + 1


def _job(job: str, folder: Path, seed: int, path: Path) -> None:
    """Do a job and write what is to be said of it, or its traceback."""
    try:
        path.write_text(jobs.words(job, folder, seed))
    except BaseException:
        path.write_text(traceback.format_exc())


def tried(folder: Path, seed: int, n_jobs: int) -> tuple[list[str], list[str]]:
    """Run jobs at random moments; what each said, and what is wrong after them."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        run(folder / "scans", folder / "run", network=FakeReader())
    context = multiprocessing.get_context("fork")
    names = [chance.choice(jobs.JOBS) for _ in range(n_jobs)]
    paths = [folder / f"words{number}" for number in range(n_jobs)]
    processes = []
    for number, name in enumerate(names):
        processes.append(context.Process(target=_job, args=(name, folder, 100 * seed + number, paths[number])))
        processes[-1].start()
        time.sleep(chance.uniform(0, 0.6))
    for process in processes:
        process.join()
    words = [path.read_text() for path in paths]
    wrong = [text for text in words if text not in ("done", "in use", "not yet")]
    corpus = run(folder / "scans", folder / "run", network=FakeReader())
    done = Counter(name for name, text in zip(names, words, strict=True) if text == "done")
    if len(corpus.corrections.all) != done["correct"]:
        wrong.append(f"{done['correct']} corrections were made, {len(corpus.corrections.all)} are there")
    if (n_verdicts := len(VerdictLog.of_run(corpus.folder).all())) != done["review"]:
        wrong.append(f"{done['review']} verdicts were made, {n_verdicts} are there")
    if corpus.status()["read"] != N_PAGES:
        wrong.append(f"{corpus.status()['read']} pages are read, expected {N_PAGES}")
    wrong += [f"{finding.where}: {finding.what}" for finding in examine_run(corpus.folder)]
    return [f"{name}: {text.splitlines()[-1]}" for name, text in zip(names, words, strict=True)], wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=5)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    failed = 0
    for seed in range(given.seed, given.seed + given.n):
        folder = Path(tempfile.mkdtemp())
        write_corpus(folder / "scans", 4, 4, 1)
        words, wrong = tried(folder, seed, given.jobs)
        counts.update(words)
        failed += bool(wrong)
        print(f"{seed}: {', '.join(words)}", *wrong, sep="\n  ", flush=True)
        shutil.rmtree(folder)
    print(f"{given.n - failed} of {given.n} interleavings without a failure or loss; {dict(sorted(counts.items()))}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
