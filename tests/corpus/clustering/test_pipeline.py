from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import adjusted_rand_score

from corpus.fakes import edition, table
from tablesim.corpus.clustering.linkage import counting_distance, tree_of, widest_cut
from tablesim.corpus.clustering.model import Clustering
from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.corpus.evaluation.labels import read_labels
from tablesim.errors import RunError, SettingsError
from tablesim.records.bins import BIN_NAMES, count_bigrams
from tablesim.records.truth import PageTruth


def corpus_of(sizes, *, rows=40, rate=0.02):
    """Histograms of ``sizes[kind]`` editions of each kind of table, and the kinds."""
    histograms, kinds = [], []
    for kind, size in enumerate(sizes):
        for copy in range(size):
            lines = edition(table(kind, rows), 1000 * kind + copy, rate)
            histograms.append(count_bigrams(text for line in lines for text in line))
            kinds.append(kind)
    return np.array(histograms, float), np.array(kinds)


def names(n):
    return [f"p{index:03d}" for index in range(n)]


def clustered(h, k="auto", is_table=None, seed=0):
    return cluster_pages(names(len(h)), h, [True] * len(h) if is_table is None else is_table, k, seed=seed)


@pytest.mark.parametrize(
    "sizes",
    [(4,) * 8, (3, 5, 4, 5, 3, 4, 5, 3), (2, 1, 1, 2, 1, 2, 1), (1,) * 6, (5,), (1,), (9, 1, 1, 1)],
    ids=str,
)
def test_auto_finds_the_tables_with_those_that_stand_alone(sizes):
    h, kinds = corpus_of(sizes)
    assert adjusted_rand_score(kinds, clustered(h).labels_) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_auto_finds_the_tables_in_bad_readings(seed):
    rng = np.random.default_rng(seed)
    h, kinds = corpus_of(rng.integers(1, 6, 10), rate=0.06)
    assert adjusted_rand_score(kinds, clustered(h).labels_) >= 0.95


@pytest.mark.parametrize("rows", [12, 40, 150])
def test_auto_does_not_mind_how_full_the_pages_are(rows):
    h, kinds = corpus_of((3, 3, 2, 1), rows=rows)
    assert adjusted_rand_score(kinds, clustered(h).labels_) == 1.0


def test_a_page_with_a_handful_of_figures_is_like_nothing():
    h, _ = corpus_of((3, 3))
    few = np.zeros((2, 110))
    few[0, :4], few[1, 50:53] = 1, 1
    labels = clustered(np.vstack([h, few])).labels_
    assert np.bincount(labels).tolist() == [3, 3, 1, 1]


def test_pages_without_a_table_or_figures_are_in_no_cluster_and_told():
    h, _ = corpus_of((2, 2, 1))
    h[3] = 0
    found = clustered(h, is_table=[True, True, True, True, False])
    assert found.labels_.tolist() == [0, 0, 1, -1, -1]
    assert found.without == {"p003": "no figures were read", "p004": "no numerical table"}


def test_large_corpora_go_block_by_block_to_the_same_clusters(monkeypatch):
    h, kinds = corpus_of((5, 4, 3, 6, 1, 1))
    shuffled = np.random.default_rng(1).permutation(len(h))
    monkeypatch.setattr("tablesim.corpus.clustering.linkage.LINKED_AT_ONCE", 4)
    monkeypatch.setattr("tablesim.corpus.clustering.pipeline.DRAWN_AT_MOST", 15)
    monkeypatch.setattr("tablesim.corpus.clustering.pipeline.NEIGHBOURHOOD", 4)
    monkeypatch.setattr("tablesim.corpus.clustering.stability.DRAWN_AT_MOST", 15)
    found = clustered(h[shuffled])
    assert adjusted_rand_score(kinds[shuffled], found.labels_) == 1.0
    assert min(cluster.stability for cluster in found.clusters) > 0.9


def test_blocks_with_a_number_of_clusters_of_their_own(monkeypatch):
    h, kinds = corpus_of((5, 4, 6))
    monkeypatch.setattr("tablesim.corpus.clustering.linkage.LINKED_AT_ONCE", 4)
    assert adjusted_rand_score(kinds, clustered(h, 3).labels_) == 1.0


@pytest.mark.parametrize("k", [1, 2, 4, 12])
def test_a_number_that_was_asked_for_is_the_number_there_is(k):
    h, _ = corpus_of((3, 3, 3, 3))
    found = clustered(h, k)
    assert found.k == k == len(found.medoids)
    assert set(found.labels_) == set(range(k))


def test_the_same_pages_give_the_same_clusters_in_any_order():
    h, _ = corpus_of((4, 3, 3, 1))
    first, second = clustered(h), clustered(h)
    assert first.to_dict() == second.to_dict()
    order = np.random.default_rng(0).permutation(len(h))
    again = cluster_pages([names(len(h))[at] for at in order], h[order], [True] * len(h))
    assert {frozenset(cluster.pages) for cluster in again.clusters} == {frozenset(c.pages) for c in first.clusters}


def test_equal_scans_fall_into_one_cluster():
    h, _ = corpus_of((1, 1))
    assert np.bincount(clustered(np.repeat(h, 3, axis=0)).labels_).tolist() == [3, 3]
    assert np.bincount(clustered(np.repeat(h, 3, axis=0), 2).labels_).tolist() == [3, 3]


def test_the_medoid_is_the_page_most_like_the_others_and_comes_first():
    h, _ = corpus_of((6,))
    cluster = clustered(h).clusters[0]
    unit = np.sqrt(h) / np.linalg.norm(np.sqrt(h), axis=1, keepdims=True)
    assert cluster.medoid == names(6)[int((unit @ unit.T).sum(axis=1).argmax())]
    similarities = [member.similarity for member in cluster.members]
    assert similarities[0] == pytest.approx(1.0)
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= member.strength <= 1 for member in cluster.members)


def test_clear_clusters_are_stable_and_forced_ones_are_not():
    h, _ = corpus_of((4, 4, 4))
    assert all(cluster.stability > 0.95 for cluster in clustered(h).clusters)
    assert min(cluster.stability for cluster in clustered(h, 7).clusters) < 0.9


def test_a_clustering_comes_back_from_its_table(tmp_path):
    h, _ = corpus_of((3, 2, 1))
    found = clustered(h, is_table=[True] * 5 + [False])
    again = Clustering.from_table(found.to_table(), tmp_path)
    assert again.to_dict() == found.to_dict()
    assert again.labels_.tolist() == found.labels_.tolist()


def test_a_table_without_its_settings_is_refused(tmp_path):
    h, _ = corpus_of((2,))
    table_of = clustered(h).to_table().replace_schema_metadata(None)
    with pytest.raises(RunError, match="lacks the settings of its clustering; make it again"):
        Clustering.from_table(table_of, tmp_path / "auto.parquet")


def test_the_number_that_was_chosen_is_the_most_stable_of_the_wide_gaps():
    h, _ = corpus_of((4, 4, 4))
    found = clustered(h)
    assert found.choices[0].k == found.k == 3
    assert found.choices[0].stability == max(choice.stability for choice in found.choices)
    assert clustered(h, 3).choices == ()


def test_a_cluster_says_how_it_holds_together_and_what_is_its_own():
    h, _ = corpus_of((5, 4))
    first = clustered(h).clusters[0]
    rows = [names(len(h)).index(page) for page in first.pages]
    unit = np.sqrt(h[rows]) / np.linalg.norm(np.sqrt(h[rows]), axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(len(rows), 1)]
    assert first.cohesion == pytest.approx(cosines.mean(), abs=1e-5)
    here, elsewhere = h[rows].sum(axis=0), np.delete(h, rows, axis=0).sum(axis=0)
    for apart in first.apart:
        at = BIN_NAMES.index(apart.bigram)
        assert apart.here == pytest.approx(here[at] / here.sum())
        assert apart.elsewhere == pytest.approx(elsewhere[at] / elsewhere.sum())
        assert apart.here > apart.elsewhere
        table_of = [[here[at], here.sum() - here[at]], [elsewhere[at], elsewhere.sum() - elsewhere[at]]]
        whole = chi2_contingency(table_of, correction=False, lambda_="log-likelihood").statistic
        # Dunning's two-cell form leaves out the cells of the other bigrams, which bring little.
        assert apart.keyness == pytest.approx(whole, rel=0.35)


def test_a_page_of_another_table_in_a_forced_cluster_is_an_outlier():
    h, _ = corpus_of((8, 1))
    assert [cluster.outliers for cluster in clustered(h, 1).clusters] == [("p008",)]
    assert clustered(h).clusters[0].outliers == ()


def test_hdbscan_finds_the_tables_and_leaves_lonely_pages_out():
    h, kinds = corpus_of((4, 5, 3, 1, 1))
    found = cluster_pages(names(14), h, [True] * 14, method="hdbscan")
    assert adjusted_rand_score(kinds[:12], found.labels_[:12]) == 1.0
    assert found.without["p012"] == "like no other page"
    # The other lonely page came in at the edge of a cluster, and is told.
    assert "p013" in {*found.without, *(page for cluster in found.clusters for page in cluster.outliers)}
    assert min(cluster.stability for cluster in found.clusters) > 0.9


def test_the_published_method_clusters_roots_that_keep_their_length():
    h, kinds = corpus_of((4, 4))
    # The same proportions on pages twice as full: apart for the published method, one table for ours.
    fuller = np.vstack([h, 8 * h])
    published = cluster_pages(names(16), fuller, [True] * 16, 4, method="published")
    assert adjusted_rand_score(np.concatenate([kinds, kinds + 2]), published.labels_) == 1.0
    with pytest.raises(SettingsError, match="got 1500, expected at most 8"):
        cluster_pages(names(8), h, [True] * 8, method="published")


@pytest.mark.parametrize(
    ("method", "k", "message"),
    [("kmeens", "auto", "expected one of tables, hdbscan, published"), ("hdbscan", 3, "finds the number by itself")],
)
def test_methods_that_cannot_be_had(method, k, message):
    h, _ = corpus_of((2, 2))
    with pytest.raises(SettingsError, match=message):
        cluster_pages(names(4), h, [True] * 4, k, method=method)


def test_histograms_may_stay_on_the_disk(tmp_path):
    h, _ = corpus_of((4, 3, 2))
    np.save(tmp_path / "h.npy", h.astype(np.float32))
    on_disk = np.load(tmp_path / "h.npy", mmap_mode="r")
    assert cluster_pages(names(9), on_disk, [True] * 9).to_dict() == clustered(h).to_dict()


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ("many", "got 'many', expected 'auto' or a number"),
        (0, "got 0, expected 1 or more"),
        (-2, "got -2"),
        (7, "got 7, expected at most 3, the number of different pages"),
    ],
)
def test_impossible_numbers_are_refused(k, message):
    h, _ = corpus_of((1, 1, 1))
    with pytest.raises(SettingsError, match=message):
        clustered(h, k)


def test_a_corpus_without_tables_has_no_clusters():
    found = clustered(np.zeros((2, 110)))
    assert (found.k, found.labels_.tolist()) == (0, [-1, -1])
    with pytest.raises(SettingsError, match="there is no page with a table to cluster"):
        clustered(np.zeros((2, 110)), 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400))
def test_the_distance_is_symmetric_zero_to_itself_and_grows_with_the_counts(seed, factor):
    h = np.random.default_rng(seed).integers(0, 9, (3, 110)).astype(float)
    distance = counting_distance(h, h)
    np.testing.assert_allclose(distance, distance.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(distance), 0, atol=1e-6)
    # The same proportions seen on more figures are stronger evidence that two pages differ.
    assert (counting_distance(h * factor, h * factor) >= distance - 1e-6).all()


SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"


@pytest.mark.skipif(not (SAMPLE / "labels.csv").is_file(), reason="the sample corpus is not in this checkout")
@pytest.mark.parametrize("error", [0.0, 0.02, 0.04])
def test_auto_finds_the_tables_of_the_sample_corpus(error):
    rng = np.random.default_rng(5)
    labels = read_labels(SAMPLE / "labels.csv").labels
    histograms = []
    for page in sorted(labels):
        numbers = [number.digits_text for number in PageTruth.load(SAMPLE / "truth" / f"{page}.json").numbers]
        read = ["".join(str(rng.integers(10)) if rng.random() < error / 2 else c for c in text) for text in numbers]
        histograms.append(count_bigrams(text for text in read if rng.random() > error))
    found = cluster_pages(sorted(labels), np.array(histograms), [True] * len(labels))
    assert adjusted_rand_score([labels[page] for page in sorted(labels)], found.labels_) >= 0.95


def kindred(kind, other, share, seed):
    """A table that has ``share`` of its numbers from another."""
    rng = np.random.default_rng(seed)
    return [a if rng.random() < share else b for a, b in zip(table(kind, 120), table(other, 120), strict=True)]


def test_kindred_tables_are_told_apart_where_editions_lie_much_nearer():
    tables = [kindred(1, 2 + which, 0.92, which) for which in range(2)]
    lines = [(which, edition(rows, 10 * which + copy, 0.002)) for which, rows in enumerate(tables) for copy in range(5)]
    h = np.array([count_bigrams(text for row in rows for text in row) for _, rows in lines])
    tree = tree_of(h)
    # The widest gap of the tree would leave them together.
    assert tree[:, 2].max() < widest_cut(tree)
    assert adjusted_rand_score([which for which, _ in lines], clustered(h).labels_) == 1.0


def test_families_of_editions_stay_one_table():
    families = [edition(table(1, 120), seed, 0.01) for seed in (1, 2)]
    copies = [edition(rows, 7 + copy, 0.004) for rows in families for copy in range(4)]
    h = np.array([count_bigrams(text for row in rows for text in row) for rows in copies])
    assert clustered(h).k == 1
