"""What a person is shown of two pages, in words, before they decide."""

from __future__ import annotations

from tablesim.corpus.store import Corpus
from tablesim.errors import RunError
from tablesim.evidence.comparison import compare
from tablesim.review.questions import Question


def describe_question(corpus: Corpus, question: Question) -> list[str]:
    """Lines on a question: the two pages, what the machine says, and how they are registered on each other."""
    page, other = question.page, question.other
    if question.kind == "member":
        asked = f"Does {page} carry the table of {other}, the medoid of cluster {question.cluster}?"
    else:
        asked = f"Are the clusters of {page} and {other} one table?"
    lines = [asked, f"  {question.why}"]
    for shown in (page, other):
        row = corpus.page(shown)
        about = ", ".join(str(row[name]) for name in ("title", "place", "year") if row[name])
        lines.append(f"  {shown}: {about or 'no metadata'}; {row['scan'] or 'no scan'}")
    quantities = [f"similarity {question.similarity:.4f}", f"score {question.score:.1f}"]
    if question.strength is not None:
        quantities.append(f"strength {question.strength:.2f}")
    if question.stability is not None:
        quantities.append(f"stability of the cluster {question.stability:.2f}")
    lines.append(f"  {', '.join(quantities)}")
    return [*lines, *describe_registration(corpus, question.page, question.other)]


def describe_registration(corpus: Corpus, a: str, b: str) -> list[str]:
    """A line on the equal numbers at positions that match; nothing where there are no readings."""
    try:
        first, second = corpus.reading(a), corpus.reading(b)
    except RunError:
        return []
    comparison = compare(first, second)
    if not comparison.assignment.registered:
        return ["  their numbers show no common order"]
    share = comparison.assignment.relevance_supported / max(comparison.score, 1e-9)
    smaller = min(len(first.numbers), len(second.numbers))
    equal = comparison.assignment.equal_numbers
    return [f"  {equal} of {smaller} numbers are equal at positions that match and bring {share:.2f} of the score"]
