"""What the confidences of whole numbers are worth on scans with transcriptions.

    python benchmarks/doubt.py SCANS --truth FOLDER [--weights FILE] [--threads N] [--list]

Of every scan in the folder SCANS that has a transcription in ``--truth``: how many numbers were read, how many of them
are wrong, how many wrong ones the confidences announce, and how many wrong and right ones carry a doubt (a confidence
below 0.9, or a reason for doubt). Over all pages together: the expected calibration error over 10 equal-count bins, the
share of right ones among numbers said to be 0.99 sure or more, and the doubts. ``--list`` prints wrong numbers without
a doubt beside what is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from tablesim.digits.calibration import expected_calibration_error, reliability
from tablesim.digits.certainty import DOUBTED
from tablesim.digits.evaluation.alignment import align
from tablesim.digits.evaluation.transcription import find_truth, read_truth
from tablesim.reader import load_network

SURE = 0.99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = load_network(options.weights)
    confidence: list[float] = []
    right: list[bool] = []
    doubted: list[bool] = []
    print(f"{'page':36s} numbers  wrong announced  doubted: wrong  right")
    for scan in sorted(options.scans.iterdir()):
        truth = find_truth(options.truth, scan.stem)
        if truth is None:
            continue
        alignment = align(network.read(scan), read_truth(truth))
        printed = {id(alignment.read[a]): alignment.printed[b].digits_text for a, b in alignment.pairs}
        answers = alignment.answers()
        doubts = [number.confidence < DOUBTED or bool(number.doubts) for number, _ in answers]
        of_wrong = sum(doubt for doubt, (_, is_right) in zip(doubts, answers, strict=True) if not is_right)
        wrong = sum(not is_right for _, is_right in answers)
        print(
            f"{scan.stem:36s} {len(answers):7d} {wrong:6d} {sum(1 - n.confidence for n, _ in answers):9.1f} "
            f"{of_wrong:15d} {sum(doubts) - of_wrong:6d}",
            flush=True,
        )
        if options.list:
            for doubt, (number, is_right) in zip(doubts, answers, strict=True):
                if not is_right and not doubt:
                    print(f"    {number.text} for {printed.get(id(number), 'nothing')} at {number.confidence:.3f}")
        confidence += [number.confidence for number, _ in answers]
        right += [is_right for _, is_right in answers]
        doubted += doubts
    if not right:
        parser.error(f"{options.scans}: no scan there has a transcription in {options.truth}")
    said, is_right_, has_doubt = np.array(confidence), np.array(right), np.array(doubted)
    sure = said >= SURE
    bins = " ".join(f"{each.confidence:.3f}:{each.right:.3f}" for each in reliability(said, is_right_))
    print(f"expected calibration error {expected_calibration_error(said, is_right_):.4f}; said:right {bins}")
    print(f"said to be {SURE} sure or more: {sure.sum()}, right {_share(is_right_[sure]):.4f}")
    print(f"with a doubt: {_share(has_doubt[~is_right_]):.3f} of {(~is_right_).sum()} wrong, ", end="")
    print(f"{_share(has_doubt[is_right_]):.4f} of {is_right_.sum()} right")


def _share(answers: np.ndarray) -> float:
    return float(answers.mean()) if len(answers) else 1.0


if __name__ == "__main__":
    main()
