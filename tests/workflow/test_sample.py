import pytest

from tablesim.api import demo
from tablesim.errors import ScanError
from tablesim.workflow import sample_folder


def test_the_sample_is_found_beside_the_package_or_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.workflow.sample._PLACES", (tmp_path / "no", tmp_path / "yes"))
    (tmp_path / "yes" / "scans").mkdir(parents=True)
    assert sample_folder() == tmp_path / "yes"


def test_a_package_without_the_sample_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.workflow.sample._PLACES", (tmp_path / "no",))
    with pytest.raises(
        ScanError, match="the sample corpus, which comes with the package, is not there; install tablesim again"
    ):
        demo(tmp_path / "out")


def test_the_demo_compares_its_clusters_with_the_labels(tmp_path, monkeypatch):
    from corpus.fakes import FakeReader, write_corpus

    labels = write_corpus(tmp_path / "sample" / "scans", 3, 2, 1)
    rows = [f"{page},{label}" for page, label in labels.items() if label != "none"]
    (tmp_path / "sample" / "labels.csv").write_text("\n".join(["page,label", *rows]))
    (tmp_path / "sample" / "metadata.csv").write_text("page_id,book\nk0_e0,A\n")
    monkeypatch.setattr("tablesim.workflow.sample._PLACES", (tmp_path / "sample",))
    corpus, evaluation = demo(tmp_path / "out", network=FakeReader())
    assert (evaluation.adjusted_rand, evaluation.precision_at_1) == (1.0, 1.0)
    assert corpus.page("k0_e0")["book"] == "A"
