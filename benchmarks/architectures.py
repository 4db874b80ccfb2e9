"""Which digit network reads best for the same cost of training? Several sizes, trained on the same practice pages.

    python benchmarks/architectures.py --seconds 600 --json sizes.jsonl

Every network is trained from the same seed on the same stream of practice pages for the same CPU-seconds of one core
(its own updates; the pages are made beforehand, once for all), then read on practice pages that none was trained on.
Prints a line a network: parameters, crops that it saw, GMAC and
CPU-seconds of a page of 1200 x 850 working pixels, F1 of digits and of whole numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from tablesim.digits.network import DigitNetwork, NetworkShape
from tablesim.digits.training.train import PAGE_SIDE, TrainingSettings, _crop, _rate, _update, make_practice_page
from tablesim.digits.training.validation import FIRST_SEED, validate_scans
from tablesim.synthesis.practice import practice_page

SIZES = {
    "today": NetworkShape(16, 32, 64, (1, 2, 4)),
    "context": NetworkShape(16, 32, 64, (1, 2, 4, 8, 1)),
    "wider": NetworkShape(24, 48, 96, (1, 2, 4)),
    "wider, context": NetworkShape(24, 40, 80, (1, 2, 4, 8)),
}


def macs(shape: NetworkShape, width: int, height: int) -> float:
    """Multiplications of a pass over a page, in thousand millions, counted by running hooks over the convolutions."""
    total = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, torch.nn.Conv2d)
        total += output.numel() * module.in_channels * int(np.prod(module.kernel_size))

    network = DigitNetwork(shape).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 1, height, width))
    return total / 1e9


def seconds_of_a_page(network: DigitNetwork, precision: str) -> float:
    """CPU-seconds of a pass over 1200 x 850 working pixels: the least of three."""
    page = torch.rand(1, 1, 1200, 850).contiguous(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    times = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        for _ in range(4):
            start = time.process_time()
            network(page)
            times.append(time.process_time() - start)
    return min(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="CPU-seconds of training for each network")
    parser.add_argument("--pages", type=int, default=600, help="practice pages to train on")
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pages = [make_practice_page(arguments.seed * 10_000_000 + n) for n in range(arguments.pages)]
    hard = [practice_page(seed, PAGE_SIDE) for seed in range(FIRST_SEED, FIRST_SEED + 30)]
    for name in arguments.only:
        shape = SIZES[name]
        torch.manual_seed(arguments.seed)
        network = DigitNetwork(shape, norm=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        settings = TrainingSettings(channels=(shape.half, shape.quarter, shape.eighth), dilations=shape.dilations)
        optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-4)
        average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
        )
        step, start = 0, time.process_time()
        while (spent := time.process_time() - start) < arguments.seconds:
            for group in optimizer.param_groups:
                # The cosine runs over the time that is left, so that every network ends it.
                group["lr"] = settings.learning_rate * _rate(round(1000 * spent / arguments.seconds), 1000)
            rng = np.random.default_rng([arguments.seed, step])
            crops = [_crop(pages[rng.integers(len(pages))], rng) for _ in range(settings.batch)]
            _update(network, optimizer, crops, settings.precision)
            average.update_parameters(network)
            step += 1
        averaged = average.module
        assert isinstance(averaged, DigitNetwork)
        plain = averaged.eval().folded()
        result = validate_scans(plain, hard)
        row = {
            "name": name,
            "parameters": sum(p.numel() for p in plain.parameters()),
            "crops": step * settings.batch,
            "gmac": round(macs(shape, 850, 1200), 1),
            "float32": round(seconds_of_a_page(plain, "float32"), 3),
            "bfloat16": round(seconds_of_a_page(plain, "bfloat16"), 3),
            "f1_digits": round(2 * result.precision * result.recall / (result.precision + result.recall), 4),
            "f1_numbers": round(result.f1_numbers, 4),
        }
        print(json.dumps(row), flush=True)
        if arguments.json:
            with arguments.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
