"""``tablesim cluster``: clusters of a run, with another number of them if wanted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tablesim.cli.options import Clusters, Json, Run
from tablesim.cli.output import note, print_json, print_table, remark
from tablesim.records.counting import counted


def command(
    run: Run,
    clusters: Clusters = "auto",
    method: Annotated[
        str, typer.Option("--method", metavar="tables|hdbscan|published", help="How; see below.")
    ] = "tables",
    draw_map: Annotated[bool, typer.Option("--map", help="Map the pages too: RUN/map.parquet.")] = False,
    as_json: Json = False,
) -> None:
    """Cluster the pages of a run again, store the clusters in it, and print them.

    The method tables finds how many tables counting can tell apart; hdbscan leaves out pages that are like no other;
    published is K-means with K = 1500 (or --clusters) on the roots of the histograms. Clusters keep their numbers from
    one call to the next, and keep to the verdicts of `tablesim review`.

    Pages of one table were verified cell by cell; a kind is alike by figures and not shown to be one table. Stability
    is how much of a cluster comes back when its pages are read again with the reader's doubt, 0 to 1, where pages of
    one table stay together; cohesion the mean likeness of two of its pages. Pages without a numerical table are in no
    cluster.
    `tablesim report RUN` draws the report anew.

    Example: tablesim cluster myrun --clusters 12
    """
    from tablesim.corpus.store import Corpus
    from tablesim.workflow.clustering import recluster

    corpus = Corpus.open(run)
    result = recluster(corpus, clusters, method=method, on_event=remark)
    if draw_map:
        from tablesim.corpus.map import make_map

        make_map(corpus)
    clustering, groups = result.clustering, result.clustering.groups
    decided = (result.known, corpus.corrections.status(), corpus.table_decisions.status())
    for status in decided:
        for message in status.remarks():
            note(message)
    for message in corpus.table_decisions.sentences():
        note(message)
    if as_json:
        moves = [asdict(move) for move in result.moves]
        changed = [change.to_dict() for change in result.changes]
        print_json({**clustering.to_dict(), "groups": groups.to_dict(), "moves": moves, "changes": changed})
        return
    typer.echo(groups.sentence)
    rows = [
        (
            f"{c.number} {clustering.names.get(c.label, '')}".strip(),
            len(c.members),
            " ".join(map(str, dict.fromkeys(t.number for page in c.pages if (t := groups.table_of(page))))),
            " ".join(map(str, dict.fromkeys(k.number for page in c.pages if (k := groups.kind_of(page))))),
            c.stability,
            c.cohesion,
            " ".join(a.bigram for a in c.apart),
            c.medoid,
            " ".join(page + "(?)" * (page in c.outliers) for page in c.pages[1:]),
        )
        for c in clustering.clusters
    ]
    print_table(
        ("cluster", "pages", "table", "kind", "stability", "cohesion", "its own bigrams", "medoid", "other pages"), rows
    )
    for change in result.changes:
        note(f"{change.sentence}; {'; '.join(change.why)}")
    for move in result.moves:
        note(f"moved: {move.page} from cluster {move.before} to {move.after}")
    if any(c.outliers for c in clustering.clusters):
        note("(?) differs from the others of its cluster more than editions of one table do")
    for candidate in clustering.choices:
        chosen = "chosen" if candidate is clustering.choices[0] else "weighed"
        after = (
            "" if chosen == "weighed" or candidate.k == len(rows) else f"; {len(rows)} as cells that agree join them"
        )
        note(
            f"{chosen} by their figures: {counted(candidate.k, 'cluster')}, stability {candidate.stability:.2f}, "
            f"gap {candidate.gap:.2f}{after}"
        )
    for reason in sorted(set(clustering.without.values())):
        pages = [page for page, why in clustering.without.items() if why == reason]
        typer.echo(f"in no cluster, {reason}: {' '.join(pages)}")
