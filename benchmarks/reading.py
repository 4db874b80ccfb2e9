"""What one reading costs: text pages and table pages, against the floor of the machine, beside an older version.

    python benchmarks/reading.py [SCAN ...] [--beside FOLDER] [--float32] [--repeats N]

Without a scan it reads pages of the bundled sample corpus. All figures are CPU-seconds of one process on one thread.
``--beside`` takes the folder of another version of tablesim: it reads the same pages, turn by turn, in a process of its
own. The floor of a page is the work of the largest pass of the network over it, which no reading can do without, over
what this machine's convolutions reach. Machines differ, so quote the machine line with the figures.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from tablesim.digits import detection, page, passes
from tablesim.digits.network import CellMaps, DigitNetwork
from tablesim.digits.passes import DigitReader
from tablesim.reader import load_network
from tablesim.scans.images import load_scan

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample" / "scans"

# Public names alone, which every version has.
_OTHER_VERSION = """
import sys, time, torch
torch.set_num_threads(1)
import tablesim
network = tablesim.load_network()
for line in sys.stdin:
    start = time.process_time()
    network.read(line.rstrip("\\n"))
    print(time.process_time() - start, flush=True)
"""

STAGES = (
    (detection, "survey", "survey"),
    (detection, "first_look", "first look"),
    (passes, "working_image", "resize"),
    (passes, "clean", "clean"),
    (passes, "find_digits", "peaks"),
    (passes, "find_marks", "marks"),
    (page, "find_numbers", "numbers"),
    (page, "arrange_level", "rows and columns"),
    (page, "number_features", "features of doubt"),
    (page, "second_looks", "second looks"),
)
"""Where each stage is called: module, name, and what it is called here."""


class OtherVersion:
    """Another version of tablesim in a process of its own."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OTHER_VERSION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def seconds(self, scan: Path) -> float:
        """CPU-seconds of one reading."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{scan.resolve()}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


class Clock:
    """CPU-seconds spent in each stage of one reading."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.macs: list[int] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.process_time() - start

    def watch(self, owner: object, function: str, name: str) -> None:
        """Time every call of ``owner.function`` as stage ``name``."""
        original = getattr(owner, function)

        def timed(*arguments: object, **options: object) -> object:
            with self.stage(name):
                return original(*arguments, **options)

        setattr(owner, function, timed)

    def watch_network(self, network: DigitNetwork) -> None:
        """Time every pass of ``network`` and count its multiplications and additions."""
        # On the device "meta" shapes are computed and nothing else.
        shapes = copy.deepcopy(network).to("meta")
        original = network.cells

        def timed(ink: torch.Tensor) -> CellMaps:
            with self.stage("network"):
                maps = original(ink)
            with self.stage("(counting)"), FlopCounterMode(display=False) as counter:
                shapes.cells(torch.empty_like(ink, device="meta"))
            self.macs.append(int(counter.get_total_flops()) // 2)
            return maps

        network.cells = timed  # type: ignore[method-assign]


@dataclass(frozen=True)
class PageCost:
    """CPU-seconds of one page: ours, in stages, at the least, in the other version; multiplications and additions."""

    is_table: bool
    ours: float
    stages: dict[str, float]
    floor: float
    theirs: float | None
    macs: int


def _convolution_rate(*, bfloat16: bool) -> float:
    """Multiplications and additions a CPU-second that this machine reaches in the network's usual convolution."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    maps = torch.rand(1, 64, 160, 120).contiguous(memory_format=torch.channels_last)
    if bfloat16:
        convolution, maps = convolution.bfloat16(), maps.bfloat16()
    best = float("inf")
    with torch.inference_mode():
        for _ in range(20):
            start = time.process_time()
            convolution(maps)
            best = min(best, time.process_time() - start)
    return 64 * 64 * 9 * 160 * 120 / best


def _cost(reader: DigitReader, clock: Clock, scan: Path, rate: float, other: OtherVersion | None) -> PageCost:
    clock.seconds.clear()
    clock.macs.clear()
    start = time.process_time()
    with clock.stage("decode"):
        loaded = load_scan(scan)
    reading = page.read_page(reader, loaded)
    ours = time.process_time() - start - clock.seconds.pop("(counting)", 0.0)
    return PageCost(
        reading.is_table,
        ours,
        dict(clock.seconds),
        max(clock.macs, default=0) / rate,
        None if other is None else other.seconds(scan),
        sum(clock.macs),
    )


def _print_costs(name: str, costs: Sequence[PageCost]) -> None:
    if not costs:
        return
    ours, floor = sum(cost.ours for cost in costs), sum(cost.floor for cost in costs)
    print(f"{name}: {len(costs)} pages, {ours / len(costs):.3f} s a page, slowest {max(c.ours for c in costs):.3f} s")
    print(f"  floor {floor / len(costs):.3f} s: {ours / floor:.2f} times the floor")
    theirs = [cost.theirs for cost in costs if cost.theirs is not None]
    if theirs:
        print(f"  the other version {sum(theirs) / len(costs):.3f} s: ours is {ours / sum(theirs):.2f} of it")
    stages = {stage: statistics.mean(cost.stages.get(stage, 0.0) for cost in costs) for stage in costs[0].stages}
    print("  " + ", ".join(f"{stage} {seconds:.3f}" for stage, seconds in stages.items()))
    print(f"  network {statistics.mean(cost.macs for cost in costs) / 1e9:.1f} GMAC a page")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--beside", type=Path, help="folder of another version of tablesim")
    parser.add_argument("--float32", action="store_true", help="no bfloat16, where the processor has it")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(bfloat16=False if options.float32 else None)
    bfloat16 = network.digit_reader.bfloat16
    rate = _convolution_rate(bfloat16=bfloat16)
    clock = Clock()
    for owner, function, name in STAGES:
        clock.watch(owner, function, name)
    reader = network.digit_reader
    clock.watch_network(reader.network)
    other = None if options.beside is None else OtherVersion(options.beside)
    scans = options.scans or sorted(SAMPLE.glob("*.jpg"))[:12]
    _cost(reader, clock, scans[0], rate, other)
    costs = [_cost(reader, clock, scan, rate, other) for scan in scans for _ in range(options.repeats)]
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, one thread, "
        f"{'bfloat16' if bfloat16 else 'float32'}; its convolutions reach {rate / 1e9:.0f} GMAC/s"
    )
    _print_costs("table pages", [cost for cost in costs if cost.is_table])
    _print_costs("other pages", [cost for cost in costs if not cost.is_table])
    print("(first and second looks hold their share of network and peaks)")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
