"""Explanations of trained networks, as numbers: depth and invariance of VGG-16, EfficientNet-lite0 on known pairs.

    python benchmarks/bilrp_trained.py depth [--photographs cat coffee] [--dimensions 100]
    python benchmarks/bilrp_trained.py pictures [--folder docs/bilrp]
    python benchmarks/bilrp_trained.py efficientnet [--photographs cat coffee] [--composites auto gamma]

Networks and photographs: `benchmarks/trained.py`. Pictures of 128 x 128 pixels, relevance of pairs of 8 x 8 tiles. Of
each pair of views (the same; shifted by 2 and by 4 tiles; mirrored; zoomed by 1.25) it is known where every tile went.
Printed is the share of the 50 strongest pairs that stand within 1.5 tiles of the *true* place, and of the *same* place
of the two pictures, beside the share of all pairs that do (chance).

depth         VGG-16 up to layers 10, 17, 24, 30 of ``features``, flattened, a random projection to 100 dimensions, the
              preset `vgg` of the paper with the bounds of Caffe's pixels (experiment 2 of Eberle et al. 2022)
efficientnet  EfficientNet-lite0, the mean of the last maps, a random projection to 50 dimensions; presets, and
              generalised gamma 0.02 in all layers. Whether bias="distribute" is refused is printed, too.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import trained
from torch import Tensor

from bilrp import BiLRP, JointRelevance
from bilrp.composites import Composite, OfKind, vgg
from bilrp.evaluation import place_pairs, pointing_game
from bilrp.exceptions import DoubtfulExplanationWarning, NotConservedError
from bilrp.features import random_projection
from bilrp.rules import Gamma

TILE = 8
DEPTHS = (10, 17, 24, 30)
KINDS = ("same", "shifted 2", "shifted 4", "mirrored", "zoomed")


def pointing(joint: JointRelevance, where: trained.Where, k: int = 50) -> dict[str, float]:
    """Shares of the strongest pairs at the true and at the same place, and chance."""
    shapes = [tuple(maps.shape[1:]) for maps in (joint.left, joint.right)]
    table = joint.matrix()
    true = pointing_game(table, place_pairs(*shapes, where), k)
    same = pointing_game(table, place_pairs(*shapes, lambda p: p), k)
    return {"true": true.share, "same": same.share, "chance": true.chance}


def amplification(joint: JointRelevance) -> float:
    return float(joint.matrix().abs().sum()) / abs(joint.similarity)


def explained(explainer: BiLRP, name: str, prepare: Any, bias: str) -> Iterator[tuple[str, JointRelevance, Any]]:
    """The joint relevance of each pair of views; the first view is explained once."""
    factors: list[tuple[Tensor, Any]] = []

    def factor(x: Tensor) -> Any:
        for known, done in factors:
            if torch.equal(known, x):
                return done
        factors.append((x, explainer.factor(x, pool=TILE, bias=bias)))
        return factors[-1][1]

    for kind, (x, y, where) in trained.known_pairs(name, tile=TILE).items():
        yield kind, factor(prepare(x)) @ factor(prepare(y)), where


def depth(names: list[str], dimensions: int) -> list[dict[str, Any]]:
    rows = []
    for layer in DEPTHS:
        network = trained.vgg16(layer)
        projection = random_projection(network.n_features(128, 128), dimensions)
        explainer = BiLRP(network, vgg(trained.CAFFE_LOW, trained.CAFFE_HIGH), projection=projection)
        for name in names:
            for kind, joint, where in explained(explainer, name, trained.caffe, "leave"):
                row = {"layer": layer, "photograph": name, "kind": kind, **pointing(joint, where)}
                rows.append({**row, "amplification": amplification(joint), "bias_share": joint.bias_share})
                print(json.dumps(rows[-1]), flush=True)
    return rows


def pictures(folder: Path, dimensions: int) -> None:
    """The coffee cup and its view shifted by 2 tiles, matched by VGG-16 at a shallow and at a deep layer."""
    x, y, _ = trained.known_pairs("coffee", tile=TILE)["shifted 2"]
    for layer in (10, 24):
        network = trained.vgg16(layer)
        projection = random_projection(network.n_features(128, 128), dimensions)
        explainer = BiLRP(network, vgg(trained.CAFFE_LOW, trained.CAFFE_HIGH), projection=projection)
        joint = explainer.explain(trained.caffe(x), trained.caffe(y), pool=TILE)
        figure = joint.plot(x, y, k=40)
        figure.savefig(folder / f"depth-{layer}.png", dpi=70)


def composite_of(name: str) -> Any:
    """A composite by name; ``gamma``: generalised gamma 0.02 in all layers."""
    return Composite([(OfKind("linear"), Gamma(0.02))], "gamma 0.02") if name == "gamma" else name


def efficientnet(names: list[str], composites: list[str]) -> list[dict[str, Any]]:
    rows = []
    for composite in composites:
        explainer = BiLRP(trained.efficientnet(), composite_of(composite), projection=random_projection(1280, 50))
        for name in names:
            for kind, joint, where in explained(explainer, name, trained.lite, "leave"):
                row = {"composite": composite, "photograph": name, "kind": kind, **pointing(joint, where)}
                rows.append({**row, "amplification": amplification(joint), "bias_share": joint.bias_share})
                print(json.dumps(rows[-1]), flush=True)
        try:
            explainer.factor(trained.lite(trained.known_pairs(names[0])["same"][0]), pool=TILE, bias="distribute")
        except NotConservedError as error:
            print(f"{composite}: {error}", flush=True)
    return rows


def table(rows: list[dict[str, Any]], by: str) -> str:
    """Markdown: a line for each value of ``by`` and photograph, same / true of each kind."""
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    lines = [f"| {by} | photograph | " + " | ".join(f"{kind}: same / true" for kind in kinds) + " | amplification |"]
    lines.append("|---" * (len(kinds) + 4) + "|")
    for key in dict.fromkeys((row[by], row["photograph"]) for row in rows):
        chosen = {row["kind"]: row for row in rows if (row[by], row["photograph"]) == key}
        cells = [f"{chosen[kind]['same']:.2f} / {chosen[kind]['true']:.2f}" for kind in kinds]
        for column in ("amplification", "bias_share"):
            values = [row[column] for row in chosen.values()]
            cells.append(f"{min(values):.2g} to {max(values):.2g}")
        lines.append(f"| {key[0]} | {key[1]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["depth", "efficientnet", "pictures"])
    parser.add_argument("--photographs", nargs="+", default=["cat", "coffee"], choices=list(trained.PHOTOGRAPHS))
    parser.add_argument("--dimensions", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=Path("docs/bilrp"), help="of the pictures")
    parser.add_argument("--composites", nargs="+", default=["auto", "mobilenet", "gamma"], help="of EfficientNet")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DoubtfulExplanationWarning)  # what it would say is printed
    began = time.process_time()
    if options.part == "depth":
        print(table(depth(options.photographs, options.dimensions), "layer"))
    elif options.part == "pictures":
        pictures(options.folder, options.dimensions)
    else:
        print(table(efficientnet(options.photographs, options.composites), "composite"))
    print(f"{time.process_time() - began:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
