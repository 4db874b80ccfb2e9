"""Questions for people: doubtful or influential memberships, clusters that may be one table; random audit samples.

Questions are ordered by doubt times the logarithm of how many pages an answer would move (active learning by expected
change).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tablesim.bigrams.embedding import score, similarity
from tablesim.corpus.clustering.model import Cluster, Clustering
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError, SettingsError
from tablesim.evidence.collation.grids import TableAlignment
from tablesim.evidence.comparison import compare
from tablesim.language import stored
from tablesim.records.counting import counted, plural
from tablesim.records.dates import YearRange
from tablesim.review.constraints import settled
from tablesim.review.verdicts import COLUMNS, Verdict, VerdictLog
from tablesim.scans.csvfile import shortlist

AlignmentOf = Callable[[str, str], TableAlignment | None]

N_NEIGHBOURS = 5
"""Nearest pages of each page among which other clusters are looked for: chosen by eye."""

LONELY_COHESION = 0.95
"""Similarity that two editions of one table usually have: a cluster of one page has no cohesion of its own."""


@dataclass(frozen=True)
class Question:
    """Two pages to be looked at.

    ``kind`` is "member" (does the page belong with the medoid ``other``?) or "merge" (are the clusters of the two one
    table?). ``doubt`` is 0 to 1; ``moves`` how many pages would move; questions come by their product with the
    logarithm of the latter. ``why`` says in words what is doubtful. The rest as in ``Verdict``.
    """

    kind: str
    page: str
    other: str
    clustering: str
    cluster: int
    moves: int
    doubt: float
    why: str
    score: float
    similarity: float
    strength: float | None
    stability: float | None
    page_sha256: str
    other_sha256: str
    settings_hash: str
    embedding_hash: str
    audit: str = ""

    @property
    def priority(self) -> float:
        """What questions are ordered by: doubt times log2(1 + moves)."""
        return self.doubt * float(np.log2(1 + self.moves))

    @property
    def pair(self) -> tuple[str, str]:
        """The two scans in one order, as in ``Verdict``."""
        return min(self.page_sha256, self.other_sha256), max(self.page_sha256, self.other_sha256)

    def to_dict(self) -> dict[str, Any]:
        """By name, rounded to six digits."""
        return {name: round(v, 6) if isinstance(v, float) else v for name, v in asdict(self).items()}

    def answered(self, decision: str, who: str, reason: str = "") -> Verdict:
        """The verdict on this question."""
        shown = {name: value for name, value in vars(self).items() if name in COLUMNS}
        return Verdict(decision=decision, who=who, reason=reason, **shown)


def questions(
    corpus: Corpus,
    clustering: Clustering | None = None,
    *,
    who: str | None = None,
    top: int | None = None,
    every: Sequence[Question] | None = None,
) -> list[Question]:
    """The open questions of a run, the most pressing first.

    Parameters
    ----------
    corpus : Corpus
        With clusters and neighbours.
    clustering : Clustering, optional
        The one made last unless given.
    who : str, optional
        Leave out only what this person has decided: a second reader sees every question afresh.
    top : int, optional
        How many at most.
    every : sequence of Question, optional
        As ``every_question`` gives them, where they are known already.
    """
    clustering = _clustering(corpus, clustering)
    shown = _Shown(corpus, clustering)
    every = every_question(corpus, clustering) if every is None else every
    lines = [one for one in VerdictLog.of_run(corpus.folder).standing() if who is None or one.who == who]
    # What nobody was sure of is asked again where it is read otherwise now; what is known of two scans never is.
    answered = {(one.pair, one.embedding_hash) for one in lines if one.meaning == "unsure"}
    known = settled(lines)

    def is_open(question: Question) -> bool:
        page, other = question.page_sha256, question.other_sha256
        if known.find(page) == known.find(other) or known.find(other) in known.forbidden(page):
            return False
        return not answered or answered.isdisjoint(
            (question.pair, h) for h in ("", *shown.digests(question.page, question.other))
        )

    still_open = [question for question in every if is_open(question)]
    return sorted(still_open, key=lambda q: (-round(q.priority, 9), q.page, q.other))[:top]


def every_question(corpus: Corpus, clustering: Clustering | None = None) -> list[Question]:
    """What could be asked of a clustering, whatever was answered: it follows from clusters and readings alone."""
    clustering = _clustering(corpus, clustering)
    shown = _Shown(corpus, clustering)
    return [*_members(clustering, shown), *_merges(corpus, clustering, shown)]


def audit_sample(corpus: Corpus, n: int, seed: int = 0, clustering: Clustering | None = None) -> list[Question]:
    """``n`` memberships drawn at random, each as likely as any other: what the precision of a clustering rests on.

    Questions that were answered before are in the sample too; SettingsError for fewer than 1 or more than there are.
    """
    clustering = _clustering(corpus, clustering)
    memberships = [
        (cluster, member)
        for cluster in sorted(clustering.clusters, key=lambda c: c.label)
        for member in cluster.members[1:]
    ]
    if not 1 <= n <= len(memberships):
        raise SettingsError(f"audit: got {n}, expected 1 to {len(memberships)}, the memberships beside the medoids")
    name = f"{clustering_hash(clustering)[:12]}:{seed}:{n}:{len(memberships)}"
    chosen = np.random.default_rng(seed).permutation(len(memberships))[:n]
    shown = _Shown(corpus, clustering)
    why, drawn = stored("drawn at random"), [memberships[at] for at in chosen.tolist()]
    return [
        shown.question("member", c, m.page, c.medoid, 1, 1.0, why, strength=m.strength, audit=name) for c, m in drawn
    ]


def clustering_hash(clustering: Clustering) -> str:
    """Changes when a page is in another cluster, whatever the clusters are called."""
    sets = sorted(sorted(cluster.pages) for cluster in clustering.clusters)
    return hashlib.sha256(json.dumps(sets).encode()).hexdigest()


def _clustering(corpus: Corpus, clustering: Clustering | None) -> Clustering:
    clustering = corpus.clusters if clustering is None else clustering
    if clustering is None:
        raise RunError(f"{corpus.folder}: no clusters yet; make some with `tablesim cluster {corpus.folder}`")
    return clustering


class _Shown:
    """What the machine shows with a question."""

    def __init__(self, corpus: Corpus, clustering: Clustering) -> None:
        self.corpus, self.clustering = corpus, clustering
        pages, self.histograms = corpus.histograms
        self.row = {page: at for at, page in enumerate(pages)}
        if strangers := sorted(page for page in clustering.pages if page not in self.row):
            raise RunError(
                f"{corpus.folder / 'clusters' / clustering.name}.parquet: was made of pages that the run does not "
                f"have or did not read: {shortlist(strangers)}; make it again with `tablesim cluster {corpus.folder}`, "
                "or see `tablesim doctor`"
            )
        self.settings = corpus.settings_hash
        columns = (corpus.page_table.column(name).to_pylist() for name in ("page", "sha256"))
        self.scan_of = {page: key or "" for page, key in zip(*columns, strict=True)}

    def question(
        self,
        kind: str,
        cluster: Cluster,
        page: str,
        other: str,
        moves: int,
        doubt: float,
        why: str,
        *,
        strength: float | None = None,
        audit: str = "",
    ) -> Question:
        phi = [np.sqrt(self._counts(name)) for name in sorted((page, other))]
        return Question(
            kind,
            page,
            other,
            self.clustering.name,
            cluster.number,
            moves,
            round(doubt, 6),
            why,
            score(*phi),
            similarity(*phi),
            strength,
            cluster.stability,
            self.scan_of[page],
            self.scan_of[other],
            self.settings,
            self._digest(*sorted((page, other))),
            audit,
        )

    def digests(self, page: str, other: str) -> tuple[str, str]:
        """Hashes of the two pages' histograms in either order: 0.1.0 went by the order of the page ids of its time."""
        first, second = sorted((page, other))
        return self._digest(first, second), self._digest(second, first)

    def _digest(self, *pages: str) -> str:
        return hashlib.sha256(b"".join(self._counts(page).astype("<f8").tobytes() for page in pages)).hexdigest()

    def _counts(self, page: str) -> NDArray[np.float64]:
        return np.asarray(self.histograms[self.row[page]], dtype=np.float64)


def _members(clustering: Clustering, shown: _Shown) -> Iterable[Question]:
    for cluster in clustering.clusters:
        if len(cluster.members) < 2:
            continue
        unstable = 0.0 if cluster.stability is None else 1.0 - cluster.stability
        for member in cluster.members[1:]:
            outlier = member.page in cluster.outliers
            doubt = 1.0 if outlier else max(1.0 - member.strength, unstable)
            if outlier:
                why = stored("differs from the rest of its cluster more than editions of one table do")
            elif unstable > 1.0 - member.strength:
                share = f"{1 - unstable:.2f}"
                why = stored("only {share} of its cluster comes back when the pages are read again", share=share)
            else:
                strength = f"{member.strength:.2f}"
                why = stored("strength {strength}: another cluster is nearly as near", strength=strength)
            # With fewer members each says more of what the cluster is.
            moves = 2 if len(cluster.members) == 2 else 1
            yield shown.question(
                "member", cluster, member.page, cluster.medoid, moves, doubt, why, strength=member.strength
            )


def _merges(corpus: Corpus, clustering: Clustering, shown: _Shown) -> Iterable[Question]:
    """For two clusters that are neighbours, their nearest pages: as doubtful as they are like the members within."""
    clusters = {cluster.label: cluster for cluster in clustering.clusters}
    lines, near, similarities = corpus.searching.nearest_lines(N_NEIGHBOURS)
    ids = corpus.page_table.column("page")
    label_of = _labels(clustering, ids)
    apart = (label_of[lines] >= 0) & (label_of[near] >= 0) & (label_of[lines] != label_of[near])
    pairs = np.sort(np.stack([lines[apart], near[apart]], axis=1), axis=1)
    labels, similarities = np.sort(label_of[pairs], axis=1), similarities[apart]
    # The nearest pages of each two clusters; lines are in the order of the ids.
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -similarities, labels[:, 1], labels[:, 0]))
    order = order[np.flatnonzero((np.diff(labels[order], axis=0, prepend=-1) != 0).any(axis=1))]
    named = zip(
        ids.take(pa.array(pairs[order, 0])).to_pylist(), ids.take(pa.array(pairs[order, 1])).to_pylist(), strict=True
    )
    for (first, second), at, (a, b) in zip(labels[order].tolist(), order.tolist(), named, strict=True):
        cohesions = [c for label in (first, second) if (c := clusters[label].cohesion) is not None]
        usual, alike = min(cohesions) if cohesions else LONELY_COHESION, float(similarities[at])
        doubt = min(1.0, max(0.0, 1.0 - (usual - alike) / max(1e-9, 1.0 - usual) / 4.0))
        if doubt <= 0:
            continue
        moves = min(len(clusters[first].members), len(clusters[second].members))
        label_a, label_b = (first, second) if clustering.label_of(a) == first else (second, first)
        why = stored(
            "similarity {similarity} with a page of cluster {cluster}",
            similarity=f"{alike:.3f}",
            cluster=clusters[label_b].number,
        )
        yield shown.question("merge", clusters[label_a], a, b, moves, doubt, why)


def _labels(clustering: Clustering, ids: pa.Array) -> NDArray[np.int64]:
    """The cluster of each line of ``pages.parquet``; -1 for none."""
    found = pc.index_in(ids, value_set=pa.array(clustering.pages, pa.string())).fill_null(-1)
    labels: NDArray[np.int64] = np.append(clustering.labels_, -1)[found.to_numpy(zero_copy_only=False)]
    return labels


def describe_question(corpus: Corpus, question: Question, alignment_of: AlignmentOf | None = None) -> list[str]:
    """Lines on a question: the two pages, what the machine says, and how they are registered on each other.

    ``alignment_of`` gives the alignment of two pages where it is kept; without it they are aligned anew.
    """
    page, other = question.page, question.other
    if question.kind == "member":
        asked = f"Does {page} carry the table of {other}, the medoid of cluster {question.cluster}?"
    else:
        asked = f"Are the clusters of {page} and {other} one table?"
    lines = [asked, f"  {question.why}"]
    for shown in (page, other):
        row = corpus.page(shown)
        about = ", ".join(text for text in (row["title"], row["place"], YearRange.of_row(row).shown) if text)
        lines.append(f"  {shown}: {about or 'no metadata'}; {row['scan'] or 'no scan'}")
    quantities = [f"similarity {question.similarity:.4f}", f"score {question.score:.1f}"]
    if question.strength is not None:
        quantities.append(f"strength {question.strength:.2f}")
    if question.stability is not None:
        quantities.append(f"stability of the cluster {question.stability:.2f}")
    lines.append(f"  {', '.join(quantities)}")
    return [*lines, *describe_registration(corpus, question.page, question.other, alignment_of)]


def describe_registration(corpus: Corpus, a: str, b: str, alignment_of: AlignmentOf | None = None) -> list[str]:
    """A line on the equal numbers at positions that match; nothing where there are no readings."""
    try:
        first, second = corpus.reading(a), corpus.reading(b)
    except RunError:
        return []
    comparison = compare(first, second, alignment=None if alignment_of is None else alignment_of(a, b))
    if not comparison.assignment.registered:
        return ["  their numbers show no common order"]
    share = comparison.assignment.relevance_supported / max(comparison.score, 1e-9)
    smaller = min(len(first.numbers), len(second.numbers))
    equal = comparison.assignment.equal_numbers
    are, bring = plural(equal, "is", "are"), plural(equal, "brings", "bring")
    return [
        f"  {equal} of {counted(smaller, 'number')} {are} equal at positions that match and {bring} {share:.2f} of the "
        "score"
    ]
