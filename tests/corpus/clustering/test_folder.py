import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from corpus.clustering.test_pipeline import clustered, corpus_of, names
from tablesim.corpus.clustering.folder import Clusterings, keep_labels
from tablesim.corpus.clustering.pipeline import cluster_pages
from tablesim.errors import RunError
from tablesim.records.relations import SAME_TABLE, PageRelation


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


def test_clusters_are_numbered_from_one_in_files_and_from_zero_in_arrays(tmp_path):
    h, _ = corpus_of((3, 2))
    saved = Clusterings(tmp_path).save(clustered(h))
    table = pq.read_table(tmp_path / "auto.parquet")
    assert table["cluster"].to_pylist() == [label + 1 for label in saved.labels_.tolist()]
    assert [cluster.to_dict()["cluster"] for cluster in saved.clusters] == [1, 2]
    assert saved.number_of(saved.pages[0]) == saved.groups.cluster_of(saved.pages[0]) == saved.labels_[0] + 1


def test_a_clustering_of_the_first_version_keeps_its_labels_and_says_nothing_of_tables(tmp_path):
    h, _ = corpus_of((3, 2))
    now = clustered(h).to_table()
    settings = json.loads(now.schema.metadata[b"clustering"])
    del settings["first_number"], settings["verified"]
    labels = pc.subtract(now["cluster"], 1).cast(pa.int32())
    before = now.set_column(1, now.schema.field("cluster"), labels).drop_columns(["table", "relation", "relation_to"])
    pq.write_table(before.replace_schema_metadata({"clustering": json.dumps(settings)}), tmp_path / "auto.parquet")
    read = Clusterings(tmp_path)["auto"]
    assert (read.labels_ == clustered(h).labels_).all()
    assert not read.groups.known
    assert read.groups.tables == ()


def test_what_relates_pages_is_read_back(tmp_path):
    h, _ = corpus_of((3, 2))
    clustering = clustered(h)
    a, b = clustering.clusters[1].pages
    related = {page: PageRelation(page, SAME_TABLE, other, 1) for page, other in ((a, b), (b, a))}
    Clusterings(tmp_path).save(replace(clustering, relations=related))
    read = Clusterings(tmp_path)["auto"]
    assert read.relations == related
    assert [table.pages for table in read.groups.tables] == [tuple(sorted((a, b)))]
