"""What one reading costs, stage by stage: decode, survey, clean, network, numbers.

    python benchmarks/reading.py [SCAN ...] [--threads N] [--repeats N]

Without a scan it reads the pages of the bundled sample corpus. Seconds are medians over the pages, each read
``repeats`` times; machines differ, so quote the machine line with them.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from tablesim.digits import detection, page, passes
from tablesim.reader import load_network
from tablesim.scans.images import load_scan

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample" / "scans"


class Clock:
    """Seconds spent in each stage of one reading."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.passes: list[tuple[int, int]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def watch(self, owner: object, function: str, name: str) -> None:
        """Time every call of ``owner.function`` as stage ``name``."""
        original = getattr(owner, function)

        def timed(*arguments: object, **options: object) -> object:
            with self.stage(name):
                return original(*arguments, **options)

        setattr(owner, function, timed)


def _macs(network: torch.nn.Module, height: int, width: int) -> int:
    """Multiplications and additions of one pass over height x width working pixels."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, height, width))
    return int(counter.get_total_flops()) // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    scans = options.scans or sorted(SAMPLE.glob("*.jpg"))[:12]
    torch.set_num_threads(options.threads)
    network = load_network()
    clock = Clock()
    clock.watch(detection, "survey", "survey")
    clock.watch(passes, "working_image", "resize")
    clock.watch(passes, "clean", "clean")
    clock.watch(passes, "find_digits", "peaks")
    clock.watch(page, "find_numbers", "numbers")
    clock.watch(page, "arrange", "rows and columns")

    digits = network.digit_reader.network

    def timed(ink: torch.Tensor) -> object:
        clock.passes.append((int(ink.shape[-2]), int(ink.shape[-1])))
        with clock.stage("network"):
            return digits(ink)

    reader = replace(network.digit_reader, network=timed)

    totals, table, macs = [], defaultdict(list), []
    network.read(scans[0])
    for scan in scans:
        for _ in range(options.repeats):
            clock.seconds.clear()
            clock.passes.clear()
            start = time.perf_counter()
            with clock.stage("decode"):
                loaded = load_scan(scan)
            page.read_page(reader, loaded)
            totals.append(time.perf_counter() - start)
            for name, seconds in clock.seconds.items():
                table[name].append(seconds)
        macs.append(sum(_macs(digits, height, width) for height, width in clock.passes))
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {options.threads} threads"
    )
    print(f"{len(scans)} pages, {options.repeats} times each")
    for name, seconds in table.items():
        print(f"{name:18s} {statistics.median(seconds):7.3f} s")
    print(f"{'one page':18s} {statistics.median(totals):7.3f} s (slowest {max(totals):.3f} s)")
    print(f"network: {statistics.median(macs) / 1e9:.1f} GMAC a page")
    print(f"one pass over 1200 x 850 working pixels: {_macs(digits, 1200, 850) / 1e9:.1f} GMAC")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
