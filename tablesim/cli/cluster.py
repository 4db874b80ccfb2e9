"""``tablesim cluster``: clusters of a run, with another number of them if wanted."""

from __future__ import annotations

import typer

from tablesim.cli.options import Clusters, Json, Run
from tablesim.cli.output import print_json, print_table


def command(run: Run, clusters: Clusters = "auto", as_json: Json = False) -> None:
    """Cluster the pages of a run again, store the clusters in it, and print them.

    Stability is how much of a cluster comes back when the bigrams are resampled, 0 to 1. Pages without a numerical
    table are in no cluster. `tablesim report RUN` draws the report anew.

    Example: tablesim cluster myrun --clusters 12
    """
    from tablesim.corpus.store import Corpus
    from tablesim.workflow import cluster

    corpus = Corpus.open(run)
    with corpus.lock():
        clustering = cluster(corpus, clusters)
    if as_json:
        print_json(clustering.to_dict())
        return
    rows = [(c.label, len(c.members), c.stability, c.medoid, " ".join(c.pages[1:])) for c in clustering.clusters]
    print_table(("cluster", "pages", "stability", "medoid", "other pages"), rows)
    for reason in sorted(set(clustering.without.values())):
        pages = [page for page, why in clustering.without.items() if why == reason]
        typer.echo(f"in no cluster, {reason}: {' '.join(pages)}")
