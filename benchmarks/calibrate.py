"""Fits all calibrations of a weights file again, and writes them into its record: a few minutes on one core.

    python benchmarks/calibrate.py WEIGHTS [--out FILE] [--whole N] [--practice N] [--threads N]

``tablesim train`` does the same at its end. The weights themselves stay as they are. It is needed where the reader
changed after a training: the confidence of a number is fitted to all that the reader measures. Printed is what the
confidences of whole numbers are worth on kinds of pages that their fit had not seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from tablesim.digits.network import load_weights, save_weights
from tablesim.digits.training.validation import ValidationSettings, calibrate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = ValidationSettings()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, help="where to write them; the same file when not given")
    parser.add_argument("--whole", type=int, default=usual.whole)
    parser.add_argument("--practice", type=int, default=usual.practice)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network, record = load_weights(options.weights)
    fitted, _ = calibrate(network, ValidationSettings(practice=options.practice, whole=options.whole))
    save_weights(network, options.out or options.weights, record | fitted)
    print(
        json.dumps({"calibration": fitted["calibration"], "whole_pages": fitted["whole_pages"]["certainty"]}, indent=1)
    )


if __name__ == "__main__":
    main()
