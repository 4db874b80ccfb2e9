"""Which words make ten pairs of sentences alike for all-MiniLM-L6-v2: this library, integrated Jacobians beside it.

    python benchmarks/bilrp_sentences.py [--steps 4] [--pairs 10] [--picture docs/bilrp/words.png]

The trained sentence encoder of `benchmarks/trained.py`, mean pooling, cosine; `composite="auto"`. Of each pair: the
similarity, amplification (sum of absolute relevance over the similarity), the share of pairs with a special token, and
the strongest pairs of words. Beside it integrated Jacobians from padding tokens [Moeller et al. 2023], which take
``--steps`` Jacobians of 384 rows a side, and for how many of the expected pairs of words each is among its three
strongest. What is expected was written down with the sentences, before anything was run.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import trained

from bilrp import BiLRP, JointRelevance
from bilrp.baselines import IntegratedJacobians
from bilrp.exceptions import DoubtfulExplanationWarning
from bilrp.text import sentence_model

PAIRS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "The dog runs after the kitten in the yard.",
        "Outside in the garden the cat is chased by the dog.",
        (("kitten", "cat"), ("dog", "dog"), ("yard", "garden"), ("runs", "chased")),
    ),
    ("A man is playing a guitar on stage.", "Someone performs music with a guitar.", (("guitar", "guitar"),)),
    ("The physician treated the sick child.", "A doctor cared for the ill boy.", (("physician", "doctor"),)),
    ("She bought a new car last week.", "He sold his automobile yesterday.", (("car", "automobile"),)),
    ("The ship sank in a heavy storm.", "A boat was lost in the tempest.", (("ship", "boat"), ("storm", "tempest"))),
    ("Snow fell in the mountains.", "The hills were covered with snow.", (("snow", "snow"), ("mountains", "hills"))),
    ("The astronomer measured the stars.", "Planets were observed by a scientist.", (("stars", "planets"),)),
    ("My sister cooks soup for dinner.", "A meal of broth was prepared.", (("soup", "broth"), ("dinner", "meal"))),
    ("The price of oil rose sharply.", "Petroleum became more expensive.", (("oil", "petroleum"),)),
    ("The teacher reads a book to the pupils.", "Students listen to a story in class.", (("pupils", "students"),)),
)


def word_pairs(joint: JointRelevance, k: int) -> list[tuple[str, str, float]]:
    return [(a, b, value) for a, b, value in joint.words(special="drop").top_pairs(k, names=True)]


def hits(pairs: list[tuple[str, str, float]], expected: tuple[tuple[str, str], ...]) -> int:
    return sum((a, b) in {(first, second) for first, second, _ in pairs} for a, b in expected)


def shown(pairs: list[tuple[str, str, float]]) -> str:
    return ", ".join(f"{a}-{b} {value:.2f}" for a, b, value in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="of the integrated Jacobians; 0 leaves them out")
    parser.add_argument("--pairs", type=int, default=len(PAIRS))
    parser.add_argument("--picture", type=Path, help="of the first pair")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DoubtfulExplanationWarning)  # biases keep a share below zero here, which is printed
    model, tokenizer = trained.sentence_encoder()
    encoder = sentence_model(model, tokenizer)
    ours = BiLRP(encoder, "auto", similarity="cosine")
    rival = IntegratedJacobians(encoder, similarity="cosine", steps=options.steps or 1, reference=lambda ids: 0 * ids)
    rows: list[dict[str, Any]] = []
    for first, second, expected in PAIRS[: options.pairs]:
        began = time.process_time()
        joint = ours.explain(first, second)
        if options.picture and not rows:
            joint.words(special="drop").plot(k=15).savefig(options.picture, dpi=70)
        row: dict[str, Any] = {"first": first, "second": second, "similarity": joint.similarity}
        row["amplification"] = float(joint.matrix().abs().sum()) / abs(joint.similarity)
        row |= {"bias_share": joint.bias_share, "special_share": joint.special_share, "expected": len(expected)}
        row |= {"ours": word_pairs(joint, 3), "ours_seconds": time.process_time() - began}
        row["ours_hits"] = hits(row["ours"], expected)
        if options.steps:
            began = time.process_time()
            other = rival.explain(first, second)
            row |= {"rival": word_pairs(other, 3), "rival_seconds": time.process_time() - began}
            row |= {"rival_hits": hits(row["rival"], expected), "rival_bias_share": other.bias_share}
        rows.append(row)
        print(json.dumps(row), flush=True)
    print("| pair (cosine) | amplification | strongest pairs of words | integrated Jacobians |\n|---|---|---|---|")
    for row in rows:
        beside = shown(row["rival"]) if "rival" in row else ""
        names = f"{row['first']} / {row['second']} ({row['similarity']:.2f})"
        print(f"| {names} | {row['amplification']:.2f} | {shown(row['ours'])} | {beside} |")
    for key in ("ours", "rival"):
        if key in rows[0]:
            found, of = sum(row[f"{key}_hits"] for row in rows), sum(row["expected"] for row in rows)
            print(
                f"{key}: {found} of {of} expected pairs, {sum(row[f'{key}_seconds'] for row in rows):.0f} CPU-seconds"
            )


if __name__ == "__main__":
    main()
