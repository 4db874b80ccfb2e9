"""What RapidOCR prints on scans, a JSON line each; run by benchmarks/rivals.py with the Python that has it.

    python benchmarks/rapidocr_words.py SCAN ...

The first line has the version; each of the others the words, each with the middle of its box in source pixels, and the
CPU-seconds. The models are those that come with the package, every setting is as it comes. Needs nothing of tablesim.
"""

import json
import logging
import sys
import time
from importlib.metadata import version


def main() -> None:
    import rapidocr

    engine = rapidocr.RapidOCR()
    logging.disable(logging.CRITICAL)
    print(json.dumps({"version": f"{version('rapidocr')} (onnxruntime {version('onnxruntime')})"}), flush=True)
    for scan in sys.argv[1:]:
        start = time.process_time()
        found = engine(scan, return_word_box=True)
        seconds = time.process_time() - start
        words = []
        for word in (word for line in found.word_results or () for word in line):
            text, corners = word[0], word[2]
            words.append([text, *(sum(float(corner[axis]) for corner in corners) / 4 for axis in (0, 1))])
        print(json.dumps({"seconds": seconds, "words": words}), flush=True)


if __name__ == "__main__":
    main()
