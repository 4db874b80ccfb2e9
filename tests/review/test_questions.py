import csv
from dataclasses import replace

import numpy as np
import pytest

from review.conftest import histograms
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.errors import MetadataError, RunError, SettingsError
from tablesim.review.questions import audit_sample, clustering_hash, describe_question, questions
from tablesim.review.review import read_verdicts, write_questions, write_verdicts
from tablesim.review.verdicts import Verdict, VerdictLog


def test_the_page_that_could_go_either_way_comes_first(run):
    found = questions(run)
    assert "mixed" in (found[0].page, found[0].other)
    assert [q.priority for q in found] == sorted((q.priority for q in found), reverse=True)
    members = {q.page for q in found if q.kind == "member"}
    assert members == {page for cluster in run.clusters.clusters for page in cluster.pages[1:]}
    first = found[0]
    a, b = (
        np.sqrt(run.histograms[1][run.histograms[0].index(page)]).astype(float) for page in (first.page, first.other)
    )
    assert first.score == pytest.approx(a @ b)
    assert first.similarity == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert first.page_sha256 == run.page(first.page)["sha256"]


def test_an_answered_question_is_not_asked_again_but_a_second_reader_sees_it(run):
    first = questions(run)[0]
    VerdictLog.of_run(run.folder).append([first.answered("unsure", "Anna", "the print is worn")])
    assert first.pair not in {q.pair for q in questions(run)}
    assert first.pair in {q.pair for q in questions(run, who="Bela")}
    assert first.pair not in {q.pair for q in questions(run, who="Anna")}
    (kept,) = VerdictLog.of_run(run.folder).all()
    assert (kept.similarity, kept.embedding_hash, kept.reason) == (
        first.similarity,
        first.embedding_hash,
        "the print is worn",
    )


def test_a_page_that_is_read_otherwise_is_a_new_question(run, tmp_path):
    first = questions(run)[0]
    changed = histograms()
    changed["mixed"] = changed["mixed"] + (np.arange(110) == 7)
    again = corpus_of_histograms(tmp_path / "again", changed)
    again.cluster(4)
    VerdictLog.of_run(again.folder).append([first.answered("accept", "Anna")])
    assert any("mixed" in (q.page, q.other) and q.embedding_hash != first.embedding_hash for q in questions(again))


def test_clusters_that_might_be_one_table_are_asked_about(tmp_path):
    corpus = corpus_of_histograms(tmp_path / "run", histograms((6, 5), mixed=False))
    corpus.cluster(4)
    merges = [q for q in questions(corpus) if q.kind == "merge"]
    assert merges
    assert all(q.page[:2] == q.other[:2] for q in merges[:1])


def test_an_audit_sample_is_random_named_and_the_same_again(run):
    sample = audit_sample(run, 6, seed=1)
    assert sample == audit_sample(run, 6, seed=1)
    assert {q.page for q in sample} != {q.page for q in audit_sample(run, 6, seed=2)}
    assert {q.audit for q in sample} == {f"{clustering_hash(run.clusters)[:12]}:1:6:11"}
    counts = dict.fromkeys((q.page for q in audit_sample(run, 11)), 0)
    for seed in range(120):
        counts[audit_sample(run, 1, seed)[0].page] += 1
    assert min(counts.values()) > 2
    with pytest.raises(SettingsError, match="got 12, expected 1 to 11, the memberships beside the medoids"):
        audit_sample(run, 12)


def test_a_run_without_clusters_has_no_questions(tmp_path):
    with pytest.raises(RunError, match="no clusters yet"):
        questions(corpus_of_histograms(tmp_path / "run", histograms()))


def test_what_is_shown_names_the_pages_and_the_figures(run):
    first = questions(run)[0]
    text = "\n".join(describe_question(run, first))
    for part in (first.page, first.other, f"similarity {first.similarity:.4f}", first.why):
        assert part in text


def filled(path, question, **columns):
    write_questions(path, [question])
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    rows[0] |= columns
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_decisions_go_out_as_csv_and_come_back(run, tmp_path):
    first, second = questions(run)[:2]
    path = tmp_path / "questions.csv"
    write_questions(path, [first, second])
    assert read_verdicts(path, run) == ([], [])
    ((verdict,), _) = read_verdicts(filled(path, first, decision="Reject", reason="wrong; radius"), run, "Anna")
    meant = first.answered("reject", "Anna", "wrong; radius")
    figures = ("score", "similarity", "strength", "stability")
    assert replace(verdict, **{name: getattr(meant, name) for name in figures}) == meant
    assert verdict.similarity == pytest.approx(meant.similarity, abs=1e-6)
    VerdictLog.of_run(run.folder).append([verdict])
    write_verdicts(tmp_path / "log.csv", VerdictLog.of_run(run.folder).all())
    (line,) = csv.DictReader((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines())
    assert (line["decision"], line["who"], line["page"], line["id"]) == ("reject", "Anna", first.page, "1")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"decision": "perhaps"}, "row 2: decision 'perhaps', expected one of accept"),
        ({"decision": "accept", "who": ""}, "row 2: no name in the column who"),
        ({"decision": "accept", "page": "gone", "page_sha256": ""}, "row 2: no page 'gone' in"),
        ({"decision": "accept", "page_sha256": "0" * 64}, "has none of the scans that its 1 verdicts are about"),
        (
            {"decision": "accept", "page": "mixed", "other": "mixed", "page_sha256": "", "other_sha256": ""},
            "row 2: page and other are both 'mixed'",
        ),
        ({"decision": "accept", "decided_at": "then"}, "leave the columns at and decided_at as they were"),
        ({"decision": "accept", "score": "high"}, "leave the machine's columns as they were"),
    ],
)
def test_decisions_that_cannot_be_taken(run, tmp_path, columns, message):
    path = filled(tmp_path / "q.csv", questions(run)[0], **{"who": "Anna", **columns})
    with pytest.raises(MetadataError, match=message):
        read_verdicts(path, run)
    assert VerdictLog.of_run(run.folder).all() == []


def test_a_file_without_the_columns_is_refused(run, tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("page,verdict\nmixed,accept\n")
    with pytest.raises(MetadataError, match="no column other, decision; found page, verdict"):
        read_verdicts(path, run)


def test_page_names_that_begin_like_a_formula_come_back_as_they_were(tmp_path):
    names = {page: f"={page}" for page in histograms()}
    run = corpus_of_histograms(tmp_path / "run", {names[page]: h for page, h in histograms().items()})
    run.cluster(4)
    first = questions(run)[0]
    path = filled(tmp_path / "q.csv", first, decision="accept", page_sha256="", other_sha256="")
    assert f"'{first.page}" in path.read_text()
    ((verdict,), _) = read_verdicts(path, run, "Anna")
    assert (verdict.page, verdict.other, verdict.pair) == (first.page, first.other, first.pair)


def test_a_question_of_other_settings_or_another_clustering_is_still_about_its_scans(run, tmp_path):
    first = questions(run)[0]
    path = filled(tmp_path / "q.csv", first, decision="accept", settings_hash="0" * 64, clustering="k99")
    ((verdict,), _) = read_verdicts(path, run, "Anna")
    assert (verdict.settings_hash, verdict.clustering) == ("0" * 64, "k99")


def test_a_question_that_was_answered_under_other_names_is_not_asked_again(run, tmp_path):
    first = questions(run)[0]
    answered = first.answered("accept", "Anna")
    VerdictLog.of_run(run.folder).append([replace(answered, page=first.other, other=first.page)])
    swapped = replace(answered, page_sha256=first.other_sha256, other_sha256=first.page_sha256)
    assert first.pair == swapped.pair
    assert first.pair not in {q.pair for q in questions(run)}


def test_what_follows_from_verdicts_is_settled_and_never_asked(run):
    """A is B and B is C settle A and C; a verdict holds however the page is read later."""
    member = next(q for q in questions(run) if q.kind == "member")
    third = next(page for page in run if page not in (member.page, member.other))
    shas = {page: run.page(page)["sha256"] for page in run}
    log = VerdictLog.of_run(run.folder)
    for page, other in ((member.page, third), (third, member.other)):
        log.append([Verdict(page, other, "accept", "Anna", page_sha256=shas[page], other_sha256=shas[other])])
    assert member.pair not in {q.pair for q in questions(run)}
    assert member.pair in {q.pair for q in questions(run, who="Bela")}, "a second reader is asked all of it"
    (last,) = [one for one in log.all() if one.page == third]
    log.append(
        [
            Verdict(
                third,
                member.other,
                "withdraw",
                "Anna",
                "",
                page_sha256=shas[third],
                other_sha256=shas[member.other],
                withdraws=last.moment,
            )
        ]
    )
    assert member.pair in {q.pair for q in questions(run)}, "what was taken back settles nothing"
