import pytest

from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.corpus.evaluation.labels import Labels, read_labels
from tablesim.corpus.evaluation.measures import purity
from tablesim.corpus.evaluation.run import evaluate
from tablesim.errors import MetadataError


def test_a_perfect_run_scores_one(whole, tmp_path):
    corpus, labels = whole
    path = tmp_path / "labels.csv"
    path.write_bytes(
        "page;label\r\n".encode("utf-8-sig") + "".join(f"{p}.png;{t}\r\n" for p, t in labels.items()).encode()
    )
    figures = evaluate(corpus, path)
    assert (figures.n_pages, figures.n_labels, figures.n_clusters, figures.n_queries) == (12, 4, 4, 12)
    for figure in (
        "precision_at_1",
        "precision_at_5",
        "detection",
        "mean_average_precision",
        "adjusted_rand",
        "mutual_information",
        "purity",
    ):
        assert getattr(figures, figure) == pytest.approx(1.0)
    assert (figures.missing, figures.false_tables, figures.missed_tables) == ((), (), ())


def test_wrong_labels_score_less_and_are_counted_by_hand(whole):
    corpus, labels = whole
    wrong = {page: label for page, label in labels.items() if label != "none"} | {"k0_e0": "table 1", "gone": "x"}
    figures = evaluate(corpus, Labels(wrong, frozenset({"k3_e0"})))
    # k0_e0 finds table 0; two of table 0 find each other; the others are right.
    assert figures.precision_at_1 < 1
    assert figures.purity == pytest.approx(11 / 12)
    assert figures.adjusted_rand < 1
    assert figures.missing == ("gone",)
    assert figures.false_tables == ("k3_e0",)


def test_pages_that_stand_alone_are_no_queries(whole):
    corpus, _ = whole
    figures = evaluate(corpus, Labels({"k0_e0": "a", "k1_e0": "b"}, frozenset()))
    assert (figures.n_queries, figures.precision_at_1, figures.mean_average_precision) == (0, None, None)
    assert figures.adjusted_rand == 1.0


def test_a_labelled_page_that_was_taken_for_no_table_counts_against_the_run(whole):
    corpus, _ = whole
    figures = evaluate(corpus, Labels({"k0_e0": "a", "k0_e1": "a", "prose_1": "a"}, frozenset()))
    assert figures.missed_tables == ("prose_1",)
    assert figures.precision_at_1 == pytest.approx(2 / 3)
    assert figures.adjusted_rand < 1


def test_another_clustering_can_be_given(whole):
    corpus, labels = whole
    ids, h = corpus.histograms
    lumped = cluster_pages(ids, h, [corpus.page(page)["is_table"] for page in ids], 1)
    assert (
        evaluate(corpus, Labels({p: t for p, t in labels.items() if t != "none"}, frozenset()), lumped).purity == 0.25
    )


def test_purity_counts_the_commonest_label():
    assert purity(["a", "a", "b", "b"], [0, 0, 0, 1]) == 0.75


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("page,kind of thing\np,1\n", "no column for the label; found the columns page, kind of thing"),
        ("sheet,label\np,1\n", "no column for the page; found the columns sheet, label; expected page,label"),
        ("page,label\np,1\np.jpg,2\n", "page p is labelled '1' and '2'; keep one of them"),
    ],
)
def test_labels_that_cannot_be_understood(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(MetadataError, match=message):
        read_labels(path)


def test_labels_of_other_pages_are_refused(whole):
    with pytest.raises(
        MetadataError, match=r"none of the 1 labelled pages is in .* \(it has k0_e0, .* the labels other\)"
    ):
        evaluate(whole[0], Labels({"other": "a"}, frozenset()))
