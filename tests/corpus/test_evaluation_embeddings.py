import numpy as np
import pytest
from sklearn.metrics import average_precision_score, normalized_mutual_info_score

from corpus.clustering.test_pipeline import corpus_of
from tablesim.corpus.evaluation.embeddings import compare_embeddings, histogram_embeddings
from tablesim.corpus.evaluation.measures import detection_rates, purity, rank_pages
from tablesim.errors import SettingsError


def test_average_precision_by_hand_and_as_scikit_learn_has_it():
    unit = np.eye(110)[:4] * 0.5
    unit[:, 100] = np.array([1.0, 0.9, 0.8, 0.7])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    found = rank_pages(unit, ["a", "b", "a", "c"])
    # Row 0 ranks 1, 2, 3: its fellow is second. Row 2 ranks 0 first.
    assert found.rows.tolist() == [0, 2]
    assert found.average_precision.tolist() == [0.5, 1.0]
    assert found.precision_at[1].tolist() == [0.0, 1.0]
    rng = np.random.default_rng(0)
    vectors, truth = rng.random((30, 8)), rng.choice(list("abc"), 30)
    found = rank_pages(vectors, truth)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for row, value in zip(found.rows, found.average_precision, strict=True):
        others = np.delete(np.arange(30), row)
        assert value == pytest.approx(
            average_precision_score(truth[others] == truth[row], unit[others] @ unit[row]), abs=1e-9
        )


def test_precision_at_k_counts_no_more_than_there_are():
    vectors = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1.0]])
    found = rank_pages(vectors, ["a", "a", "a", "b"])
    assert found.precision_at[5].tolist() == [1.0, 1.0, 1.0]


def test_a_page_without_figures_answers_nothing():
    found = rank_pages(np.array([[0.0, 0], [0, 0], [1, 1]]), ["a", "a", "a"])
    assert found.average_precision.tolist() == [0, 0, 0]


def detection_reference(x, truth, seed):
    """The test as it is told in words, page by page."""
    rng = np.random.default_rng(seed)
    hits = {}
    for _ in range(10):
        order = rng.permutation(len(x))
        known, others = order[: len(x) // 2], order[len(x) // 2 :]
        for row in others:
            if truth[row] is None or truth[row] not in {truth[other] for other in known}:
                continue
            nearest = min(known, key=lambda other: np.linalg.norm(x[row] - x[other]))
            hits.setdefault(int(row), []).append(truth[nearest] == truth[row])
    return {row: np.mean(values) for row, values in hits.items()}


def test_detection_is_the_published_test():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 5)) + 2 * np.eye(5)[rng.integers(0, 5, 40)]
    truth = [None if value == 4 else f"t{value}" for value in rng.integers(0, 5, 40)]
    found, reference = detection_rates(x, truth, seed=3), detection_reference(x, truth, 3)
    assert {row for row in range(40) if np.isfinite(found[row])} == set(reference)
    for row, value in reference.items():
        assert found[row] == pytest.approx(value)


def test_purity_counts_the_commonest_label():
    assert purity(["a", "a", "b", "b"], [0, 0, 0, 1]) == 0.75


@pytest.fixture(scope="module")
def table():
    h, kinds = corpus_of((4,) * 8, rate=0.05)
    return compare_embeddings(histogram_embeddings(h), [f"t{kind}" for kind in kinds]), h, kinds


def test_bigrams_find_the_tables_and_noise_does_not(table):
    rows = {row.name: row for row in table[0]}
    assert list(rows) == ["bigrams, root", "bigrams", "single digits, root", "random"]
    ours, noise = rows["bigrams, root"].measures, rows["random"].measures
    assert ours["mean_average_precision"].value > 0.99
    assert ours["adjusted_rand"].value == 1.0
    assert noise["mean_average_precision"].value < 0.4
    assert rows["single digits, root"].dimensions == 10


def test_differences_have_intervals_that_tell(table):
    rows = {row.name: row for row in table[0]}
    for name, value in rows["random"].measures.items():
        assert value.low <= value.value <= value.high
        assert value.difference_high < 0
        assert value.difference == pytest.approx(value.value - rows["bigrams, root"].measures[name].value)
    assert rows["bigrams, root"].measures["purity"].difference is None


def test_a_difference_from_itself_is_none_at_all(table):
    _, h, kinds = table
    same = compare_embeddings({"a": np.sqrt(h), "b": np.sqrt(h)}, [f"t{kind}" for kind in kinds])[1]
    for value in same.measures.values():
        assert (value.difference, value.difference_low, value.difference_high) == (0, 0, 0)


def test_pages_without_a_label_are_in_the_way_in_detection_alone(table):
    _, h, kinds = table
    truth = [None if kind == 7 else f"t{kind}" for kind in kinds]
    row = compare_embeddings({"a": np.sqrt(h)}, truth)[0]
    assert row.measures["mean_average_precision"].value > 0.99
    assert row.measures["mutual_information"].value == pytest.approx(
        normalized_mutual_info_score(kinds[kinds != 7], kinds[kinds != 7])
    )


def test_embeddings_that_do_not_fit_are_refused(table):
    _, h, kinds = table
    with pytest.raises(
        SettingsError, match=r"other has shape \(3, 110\), expected finite numbers of shape \(32, any\)"
    ):
        compare_embeddings({"other": h[:3]}, [str(kind) for kind in kinds])
    with pytest.raises(SettingsError, match="no two pages share a label"):
        compare_embeddings({"a": h}, [str(at) for at in range(len(h))])
