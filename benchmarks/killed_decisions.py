"""Two writers of one run killed by force at random moments, the command line and the workbench: is a decision lost?

    python benchmarks/killed_decisions.py [--n 200] [--pages 8] [--seed 0]

Both write verdicts and corrections as fast as they can and are killed together, so many times. Every line that was
acknowledged has to be in its log then, no log may be broken, and what follows from the corrections is what follows from
them in a run that nobody disturbed (``tests/web/killed_writers.py``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from corpus.fakes import FakeReader, write_corpus
from web.killed_writers import disturbed, verdict_on

from tablesim.workflow import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "scans", max(1, given.pages // 4), 4, 0)
        run(folder / "scans", folder / "run", network=FakeReader())
        start = time.monotonic()
        found = verdict_on(folder / "run", disturbed(folder / "run", given.n, given.seed))
    print(
        f"{given.n} times two writers killed ({time.monotonic() - start:.0f} s): {found['acknowledged']} lines "
        f"acknowledged, {found['verdicts']} verdicts and {found['corrections']} corrections in the logs; "
        f"lost: {len(found['lost'])}; broken: {len(found['broken'])}; half-written files left: {found['left']}"
    )
    for line in (*found["lost"], *found["broken"]):
        print(f"  {line}")
    raise SystemExit(1 if found["lost"] or found["broken"] else 0)


if __name__ == "__main__":
    main()
