"""How surely tables are told apart: many tables in several editions, with misprints and other layouts.

    python benchmarks/tables.py --tables 60 --editions 6 --misprints 0.02
    python benchmarks/tables.py --tables 60 --editions 6 --misprints 0.02 --scans DIR [--workers 2]

The figures of each edition are taken as printed, without scan or reader, so that the whole takes a minute; with
``--misread`` some of them are misread or missed as a reader would. Prints the embeddings of the papers side by side,
and how the clusters that ``tablesim`` finds by itself agree with the tables.

With ``--scans`` each edition is set, printed and aged into a scan, and ``tablesim run`` reads them all, about a second
of a core a page. Pooled maps and an untrained VGG-16 are then among the embeddings. Scans, labels and the run folder
stay in DIR; the same command again goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import adjusted_rand_score

from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.corpus.evaluation.embeddings import compare_embeddings, histogram_embeddings
from tablesim.corpus.evaluation.run import evaluate
from tablesim.reader import load_network
from tablesim.records.bins import count_bigrams
from tablesim.synthesis.corpus import JPEG_QUALITY, draw_plan
from tablesim.synthesis.editions import Edition, draw_editions
from tablesim.synthesis.pages import table_page
from tablesim.synthesis.stemma import grow
from tablesim.synthesis.tables import build
from tablesim.workflow.baselines import UNTRAINED, compare_embeddings_on
from tablesim.workflow.running import run


def editions(given: argparse.Namespace) -> Iterator[tuple[str, Edition, int]]:
    """Each edition with its name and the seed of its scan."""
    for index, (name, parameters, count) in enumerate(draw_plan(given.seed, given.tables, given.editions, 0).tables):
        rng = np.random.default_rng([given.seed, index])
        stemma = grow(build(name, **parameters), count, rng, rate=given.misprints)
        for copy, edition in enumerate(draw_editions(stemma, 1001 + index * count, rng)):
            yield f"{index:03d}_{copy}", edition, given.seed * 100_000 + index * 100 + copy


def figures(edition: Edition) -> list[str]:
    """The numbers of an edition as its layout prints them; a column in Roman numerals has none."""
    table, layout = edition.table, edition.layout
    place = {column.name: at for at, column in enumerate(table.columns)}
    printed = [place[name] for name in layout.columns if name != layout.roman]
    texts = (re.sub(r"\D", "", str(entry)) for row in table.rows for at in printed for entry in row[at])
    return [text for text in texts if text]


def misread(texts: list[str], rate: float, rng: np.random.Generator) -> list[str]:
    """Each figure is read as another with half of ``rate``, each number is missed with the other half."""
    read = ("".join(str(rng.integers(10)) if rng.random() < rate / 2 else c for c in text) for text in texts)
    return [text for text in read if rng.random() >= rate / 2]


def as_printed(given: argparse.Namespace) -> dict[str, Any]:
    """The figures of the tables as the layouts print them."""
    histograms, labels = {}, {}
    for page, edition, seed in editions(given):
        histograms[page] = count_bigrams(misread(figures(edition), given.misread, np.random.default_rng(seed)))
        labels[page] = edition.table.label
    pages = sorted(histograms)
    h, truth = np.array([histograms[page] for page in pages]), [labels[page] for page in pages]
    clustering = cluster_pages(pages, h, [True] * len(pages))
    return {
        "pages": len(pages),
        "tables": len(set(truth)),
        "clusters": clustering.k,
        "adjusted_rand_of_the_clusters": round(float(adjusted_rand_score(truth, clustering.labels_)), 4),
        "embeddings": [row.to_dict() for row in compare_embeddings(histogram_embeddings(h), truth)],
    }


def from_scans(given: argparse.Namespace) -> dict[str, Any]:
    """The same through scans: synthesized where they are not there yet, read, clustered, measured."""
    folder: Path = given.scans
    scans, labels = folder / "scans", folder / "labels.csv"
    scans.mkdir(parents=True, exist_ok=True)
    rows = []
    for page, edition, seed in editions(given):
        rows.append(f"{page},{edition.table.label}\n")
        if not (scans / f"{page}.jpg").is_file():
            _, packed = cv2.imencode(".jpg", table_page(edition, seed).grey, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            aside = scans / f"{page}.part"
            aside.write_bytes(packed.tobytes())
            aside.rename(scans / f"{page}.jpg")
    labels.write_text("page,label\n" + "".join(rows), encoding="utf-8")
    corpus = run(scans, folder / "run", workers=given.workers)
    table = compare_embeddings_on(corpus, labels, network=load_network(), vgg16=UNTRAINED)
    return {
        "run": str(corpus.folder),
        "of_the_run": evaluate(corpus, labels).to_dict(),
        "embeddings": [row.to_dict() for row in table],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--editions", type=int, default=6)
    parser.add_argument("--misprints", type=float, default=0.02, help="that a copy adds, for each place of the table")
    parser.add_argument("--misread", type=float, default=0.0, help="share of figures and numbers read wrongly")
    parser.add_argument("--scans", type=Path, metavar="DIR", help="go through scans, which are written there")
    parser.add_argument("--workers", type=int, default=1, help="processes that read, with --scans")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    result = as_printed(given) if given.scans is None else from_scans(given)
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()}
    print(json.dumps({"settings": settings, **result}, indent=1))


if __name__ == "__main__":
    main()
