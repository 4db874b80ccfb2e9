"""Writes verdicts until it is killed, and says each number that the log has acknowledged. Imports little: it starts
a hundred times.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from tablesim.review.verdicts import Verdict, VerdictLog


def write(log: VerdictLog, who: str, acknowledged: int) -> None:
    for number in range(10_000):
        for verdict in log.append([Verdict(f"page {number}", "medoid", "accept", who)]):
            os.write(acknowledged, f"{verdict.id} {who}\n".encode())


def main(path: Path, rounds: int, seed: int) -> None:
    """Start two writers at once, ``rounds`` times, and kill both at a random moment."""
    rng = random.Random(seed)
    reader, writer = os.pipe()
    for round_ in range(rounds):
        children = []
        for one in range(2):
            child = os.fork()
            if child == 0:
                os.close(reader)
                try:
                    write(VerdictLog(path), f"{round_}.{one}", writer)
                finally:
                    os._exit(1)
            children.append(child)
        time.sleep(rng.uniform(0.0, 0.08))
        for child in children:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), "the writer ended by itself"
        os.set_blocking(reader, False)
        try:
            while chunk := os.read(reader, 1 << 16):
                sys.stdout.write(chunk.decode())
        except BlockingIOError:
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
