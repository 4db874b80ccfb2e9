import pytest

from corpus.clustering.test_pipeline import clustered, corpus_of, names
from tablesim.corpus.clustering.folder import Clusterings, keep_labels
from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.errors import RunError


def without_page(h, row):
    keep = [at for at in range(len(h)) if at != row]
    return cluster_pages([names(len(h))[at] for at in keep], h[keep], [True] * len(keep))


def test_clusters_keep_their_numbers_when_sizes_change():
    h, _ = corpus_of((4, 3, 2))
    before = clustered(h)
    # Without three pages of the first table the second is the largest: fresh numbers would change places.
    keep = [0, *range(4, 9)]
    fresh = cluster_pages([names(9)[at] for at in keep], h[keep], [True] * len(keep))
    now = keep_labels(before, fresh)
    assert [now.label_of(page) for page in ("p000", "p004", "p007")] == [0, 1, 2]
    assert [cluster.label for cluster in now.clusters] == [1, 2, 0]
    assert fresh.label_of("p004") == 0


def test_a_number_that_was_used_is_never_given_to_another_table():
    h, _ = corpus_of((3, 2, 2))
    first = clustered(h)
    second = keep_labels(first, cluster_pages(names(5), h[:5], [True] * 5))
    third = keep_labels(second, cluster_pages(["p000", "p001", "p002", "q0", "q1"], h[[0, 1, 2, 5, 6]], [True] * 5))
    assert set(third.facts) == {0, 3}
    assert third.next_label == 4


def test_of_two_halves_the_larger_keeps_the_number():
    h, _ = corpus_of((5, 3))
    lumped = clustered(h, 1)
    now = keep_labels(lumped, clustered(h))
    assert now.label_of("p000") == 0
    assert now.label_of("p005") == 1


def test_the_last_clustering_of_each_kind_is_kept(tmp_path):
    h, _ = corpus_of((3, 2))
    kept = Clusterings(tmp_path)
    assert kept.last is None
    saved = kept.save(clustered(h))
    kept.save(clustered(h, 1))
    assert kept.names == ["auto", "k1"]
    assert kept.last.k == 1
    assert kept["auto"].to_dict() == saved.to_dict()


def test_a_damaged_clustering_is_said_and_its_numbers_do_not_start_anew(tmp_path):
    h, _ = corpus_of((3, 2))
    kept = Clusterings(tmp_path)
    (tmp_path / "auto.parquet").write_bytes(b"damaged")
    remedy = "restore this file from a copy, or remove it and cluster again: its clusters get new numbers"
    with pytest.raises(RunError, match=rf"auto\.parquet: damaged .*; {remedy}"):
        kept.save(clustered(h))
    assert (tmp_path / "auto.parquet").read_bytes() == b"damaged"
    (tmp_path / "auto.parquet").unlink()
    assert kept.save(clustered(h)).label_of("p000") == 0
