"""How surely tables are told apart: many tables in several editions, with misprints and other layouts.

The figures of each edition are taken as printed, without scan or reader, so that the whole takes a minute; with
``--misread`` some of them are misread or missed as a reader would. Prints the embeddings of the papers side by side,
and how the clusters that ``tablesim`` finds by itself agree with the tables.

    python benchmarks/tables.py --tables 60 --editions 6 --misprints 0.02
"""

from __future__ import annotations

import argparse
import json
import re

import numpy as np
from sklearn.metrics import adjusted_rand_score

from tablesim.corpus.clusters import cluster_pages
from tablesim.corpus.embeddings import compare_embeddings, histogram_embeddings
from tablesim.digits.scores import histogram110
from tablesim.synthesis.corpus import draw_plan
from tablesim.synthesis.editions import Edition, draw_editions
from tablesim.synthesis.stemma import grow
from tablesim.synthesis.tables import build


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--editions", type=int, default=6)
    parser.add_argument("--misprints", type=float, default=0.02, help="that a copy adds, for each place of the table")
    parser.add_argument("--misread", type=float, default=0.0, help="share of figures and numbers read wrongly")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    histograms, labels = {}, {}
    for index, (name, parameters, count) in enumerate(draw_plan(given.seed, given.tables, given.editions, 0).tables):
        rng = np.random.default_rng([given.seed, index])
        stemma = grow(build(name, **parameters), count, rng, rate=given.misprints)
        for copy, edition in enumerate(draw_editions(stemma, 1001 + index * count, rng)):
            page = f"{index:03d}_{copy}"
            histograms[page] = histogram110(misread(figures(edition), given.misread, rng))
            labels[page] = edition.table.label
    pages = sorted(histograms)
    h, truth = np.array([histograms[page] for page in pages]), [labels[page] for page in pages]
    clustering = cluster_pages(pages, h, [True] * len(pages))
    table = compare_embeddings(histogram_embeddings(h), truth)
    result = {
        "settings": vars(given),
        "pages": len(pages),
        "tables": len(set(truth)),
        "clusters": clustering.k,
        "adjusted_rand_of_the_clusters": round(float(adjusted_rand_score(truth, clustering.labels_)), 4),
        "embeddings": [row.to_dict() for row in table],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
