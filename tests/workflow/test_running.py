import json

import pytest
from corpus.fakes import FakeReader, table, write_corpus, write_scan

from tablesim.corpus.store import Corpus
from tablesim.errors import MetadataError, RunError, ScanError, SettingsError, WeightsError
from tablesim.workflow import run


@pytest.fixture
def scans(tmp_path):
    write_corpus(tmp_path / "scans", 2, 2, 1)
    return tmp_path / "scans"


def test_a_run_leaves_everything_in_its_folder(tmp_path, scans):
    metadata = tmp_path / "pages.csv"
    metadata.write_text("page;place;year;shelf\nk0_e0.png;Köln;1550;A 1\nnobody;Rom;1551;B\n", encoding="cp1252")
    corpus = run(scans, tmp_path / "out", metadata, network=FakeReader())
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "run.json",
        "pages.parquet",
        "readings",
        "embeddings",
        "neighbours.parquet",
        "clusters",
        "problems.csv",
    } <= names
    row = Corpus.open(tmp_path / "out").page("k0_e0")
    assert (row["place"], row["year"], row["extra"]) == ("Köln", 1550, {"shelf": "A 1"})
    assert corpus.clusters.k == 2
    status = corpus.status()
    assert (status["read"], status["tables"], status["finished"]) == (5, 4, True)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["settings"] == {"network": "fake-1"}
    assert record["versions"]["tablesim"] and record["versions"]["numpy"]
    assert record["inputs"]["pages"] == 5
    assert len(record["metadata"]["sha256"]) == 64
    remarks = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    assert any("1 of 5 pages has a line" in event.get("message", "") for event in remarks)


@pytest.mark.parametrize("gone", [False, True])
def test_metadata_given_once_stay_with_the_run(tmp_path, scans, gone):
    metadata = tmp_path / "pages.csv"
    metadata.write_text("page,place,date,author,shelf\nk0_e0,Köln,um 1550,Apian; Reisch,A 1\n", encoding="utf-8")
    before = run(scans, tmp_path / "out", metadata, network=FakeReader()).page("k0_e0")
    record = json.loads((tmp_path / "out" / "run.json").read_text())["metadata"]
    if gone:
        metadata.unlink()
    said = []
    corpus = run(scans, tmp_path / "out", network=FakeReader(), on_event=lambda event: said.append(event.message))
    assert corpus.page("k0_e0") == before
    assert (before["place"], before["date"], before["extra"]) == ("Köln", "um 1550", {"shelf": "A 1"})
    assert json.loads((tmp_path / "out" / "run.json").read_text())["metadata"] == record
    assert any(f"{metadata}: {'not there now' if gone else 'read again'}" in message for message in said)


def test_the_same_call_reads_nothing_twice(tmp_path, scans):
    run(scans, tmp_path / "out", network=FakeReader())
    log = tmp_path / "log"
    corpus = run(scans, tmp_path / "out", network=FakeReader(log=str(log)))
    assert not log.exists()
    assert corpus.status()["read"] == 5


def test_failed_pages_are_tried_again_when_asked_or_under_another_limit(tmp_path, scans):
    write_scan(scans / "odd.png", "mistake", 250)
    log = tmp_path / "log"

    def again(**options):
        log.write_text("")
        run(scans, tmp_path / "out", network=FakeReader(log=str(log)), **options)
        return [line.split()[1] for line in log.read_text().splitlines()]

    assert "odd" in again()
    assert again() == []
    assert again(retry_failed=True) == ["odd"]
    assert again(max_pixels=1000) == ["odd"]
    assert again(max_pixels=1000) == []


def test_a_worker_with_other_weights_is_refused(tmp_path):
    from tablesim.reader import BUNDLED_WEIGHTS
    from tablesim.workflow.running import _reader_of_weights

    with pytest.raises(
        WeightsError, match=r"digits\.safetensors: here they read as .*, where the job began as another"
    ):
        _reader_of_weights(BUNDLED_WEIGHTS, "another", 1000)


def test_new_scans_are_added(tmp_path, scans):
    run(scans, tmp_path / "out", network=FakeReader())
    write_corpus(scans, 3, 2, 1)
    log = tmp_path / "log"
    corpus = run(scans, tmp_path / "out", network=FakeReader(log=str(log)))
    assert len(log.read_text().splitlines()) == 2
    assert corpus.clusters.k == 3


def test_workers_make_no_difference(tmp_path, scans):
    one = run(scans, tmp_path / "one", network=FakeReader())
    two = run(scans, tmp_path / "two", network=FakeReader(), workers=2)
    for name in ("pages.parquet", "neighbours.parquet", "clusters/auto.parquet"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert one.run["inputs"] == two.run["inputs"]


def test_a_run_goes_on_in_another_precision_and_says_so(tmp_path, scans):
    run(scans, tmp_path / "out", network=FakeReader(fingerprint="fake-1/bfloat16"))
    write_scan(scans / "late.png", table(7))
    remarks = []
    corpus = run(scans, tmp_path / "out", network=FakeReader(fingerprint="fake-1/float32"), on_event=remarks.append)
    said = [event.message for event in remarks if event.kind == "remark" and "precision" in event.message]
    assert len(said) == 1 and said[0].startswith("1 pages are read with other versions than those before (precision")
    assert "float32" in said[0]
    parts = corpus.read_with()
    assert {part["versions"]["precision"]: part["pages"] for part in parts} == {
        "bfloat16": len(corpus.pages) - 1,
        "float32": 1,
    }


def test_another_network_or_source_is_refused_before_anything_is_written(tmp_path, scans):
    out = tmp_path / "out"
    run(scans, out, network=FakeReader())
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="made with network fake-1, now network is fake-2"):
        run(scans, out, network=FakeReader(fingerprint="fake-2"))
    write_corpus(tmp_path / "others", 1, 1, 0)
    with pytest.raises(RunError, match=r"made from .*scans, now the source is .*others; choose a new folder"):
        run(tmp_path / "others", out, network=FakeReader())
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_scans_that_were_moved_are_the_same_scans(tmp_path, scans):
    run(scans, tmp_path / "out", network=FakeReader())
    scans.rename(tmp_path / "elsewhere")
    log = tmp_path / "log"
    corpus = run(tmp_path / "elsewhere", tmp_path / "out", network=FakeReader(log=str(log)))
    assert not log.exists()
    assert corpus.page("k0_e0")["scan"] == str(tmp_path / "elsewhere" / "k0_e0.png")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"workers": 0}, SettingsError, "workers: got 0"),
        ({"clusters": "some"}, SettingsError, "clusters: got 'some'"),
        ({"metadata": "gone.csv"}, MetadataError, r"gone\.csv: there is no such file"),
        ({"source": "gone"}, ScanError, "gone: there is no such file or folder"),
    ],
)
def test_what_can_be_told_beforehand_leaves_no_folder(tmp_path, scans, change, error, message):
    with pytest.raises(error, match=message):
        run(**{"source": scans, "out": tmp_path / "out", "network": FakeReader(), **change})
    assert not (tmp_path / "out").exists()


def test_a_run_inside_its_source_does_not_read_itself(tmp_path, scans):
    run(scans, scans / "out", network=FakeReader())
    (scans / "out" / "report").mkdir()
    (scans / "out" / "report" / "picture.png").write_bytes((scans / "k0_e0.png").read_bytes())
    assert len(run(scans, scans / "out", network=FakeReader()).pages) == 5


def test_a_run_in_which_nothing_can_be_read_fails_with_the_first_reason(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.jpg").write_bytes(b"")
    with pytest.raises(RunError, match=r"its only page could not be read \(.*a\.jpg: the file is empty"):
        run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    assert len(Corpus.open(tmp_path / "out").problems) == 1


def test_one_page_is_a_corpus(tmp_path):
    write_corpus(tmp_path / "scans", 1, 1, 0)
    corpus = run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    assert corpus.clusters.k == 1
    assert corpus.neighbours("k0_e0") == []


def test_a_corpus_without_tables_has_no_clusters(tmp_path):
    write_corpus(tmp_path / "scans", 0, 0, 2)
    corpus = run(tmp_path / "scans", tmp_path / "out", network=FakeReader())
    assert corpus.clusters.k == 0
    assert len(corpus.clusters.without) == 2
