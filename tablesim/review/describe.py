"""What a person is shown of two pages, in words, before they decide."""

from __future__ import annotations

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.comparison import compare
from tablesim.review.questions import Question


def described(corpus: Corpus, question: Question) -> list[str]:
    """Lines on a question: the two pages, what the machine says, and what laying them over each other says."""
    page, other = question.page, question.other
    if question.kind == "member":
        asked = f"Does {page} carry the table of {other}, the middle of cluster {question.cluster}?"
    else:
        asked = f"Are the clusters of {page} and {other} one table?"
    lines = [asked, f"  {question.why}"]
    for shown in (page, other):
        row = corpus.page(shown)
        about = ", ".join(str(row[name]) for name in ("title", "place", "year") if row[name])
        lines.append(f"  {shown}: {about or 'no metadata'}; {row['scan'] or 'no scan'}")
    said = [f"similarity {question.similarity:.4f}", f"score {question.score:.1f}"]
    if question.strength is not None:
        said.append(f"strength {question.strength:.2f}")
    if question.stability is not None:
        said.append(f"stability of the cluster {question.stability:.2f}")
    lines.append(f"  {', '.join(said)}")
    return [*lines, *laid_over(corpus, question.page, question.other)]


def laid_over(corpus: Corpus, a: str, b: str) -> list[str]:
    """A line on the numbers that stand equal at matching places; nothing where there are no readings."""
    try:
        first, second = corpus.reading(a), corpus.reading(b)
    except RunError:
        return []
    comparison = compare(first, second)
    if not comparison.assignment.registered:
        return ["  laid over each other they show no common order"]
    share = comparison.assignment.relevance_supported / max(comparison.score, 1e-9)
    smaller = min(len(first.numbers), len(second.numbers))
    equal = comparison.assignment.equal_numbers
    return [f"  {equal} of {smaller} numbers stand equal at matching places and bring {share:.2f} of the score"]
