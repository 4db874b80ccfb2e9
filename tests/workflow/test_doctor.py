import json
from itertools import combinations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.fakes import FakeReader, write_corpus
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.errors import InUseError, RunError
from tablesim.records.boxes import Box
from tablesim.records.corrections import Correction
from tablesim.workflow import run
from tablesim.workflow.alignments import RunAlignments
from tablesim.workflow.doctor import examine_run


@pytest.fixture
def folder(tmp_path):
    """A folder with ``scans`` and the finished ``run`` of them."""
    write_corpus(tmp_path / "scans", 3, 2, 1)
    run(tmp_path / "scans", tmp_path / "run", network=FakeReader())
    return tmp_path


def flip(path, at=0.4):
    """Change eight bytes within the data of a file."""
    data = bytearray(path.read_bytes())
    begin = int(at * len(data))
    data[begin : begin + 8] = bytes(byte ^ 0x55 for byte in data[begin : begin + 8])
    path.write_bytes(data)


def only(folder, name):
    (path,) = (folder / "run" / name).glob("*.parquet")
    return path


def test_nothing_is_wrong_with_a_run_that_is_whole(folder):
    assert examine_run(folder / "run") == []


@pytest.mark.parametrize("name", ["readings", "embeddings"])
def test_eight_changed_bytes_of_a_shard_are_noticed_by_all_and_mended(folder, name):
    before = Corpus.open(folder / "run").reading("k0_e0")
    flip(only(folder, name), 0.2)
    (finding,) = examine_run(folder / "run")
    assert finding.where.startswith(f"{name}/part-") and "damaged" in finding.what
    assert "its pages are read again" in finding.remedy
    with pytest.raises(RunError, match=f"{name}.*damaged"):
        run(folder / "scans", folder / "run", network=FakeReader())
    assert [f.where for f in examine_run(folder / "run", repair=True) if f.repaired] == [finding.where]
    run(folder / "scans", folder / "run", network=FakeReader())
    assert examine_run(folder / "run") == []
    assert Corpus.open(folder / "run").reading("k0_e0").numbers == before.numbers


def test_a_damaged_shard_whose_scans_are_away_is_left_alone(folder):
    flip(only(folder, "readings"), 0.2)
    (folder / "scans").rename(folder / "away")
    (finding,) = examine_run(folder / "run", repair=True)
    assert not finding.repaired
    assert "when the scans of" in finding.remedy


def test_an_embedding_that_is_no_number_never_reaches_a_clustering(folder):
    path = only(folder, "embeddings")
    table = pq.read_table(path)
    values = [[float("nan")] * 110, *table["histogram"].to_pylist()[1:]]
    column = pa.array(values, table.schema.field("histogram").type)
    pq.write_table(table.set_column(1, table.schema.field("histogram"), column), path)
    corpus = Corpus.open(folder / "run")
    for use in (corpus.cluster, corpus.build_neighbours, lambda: corpus.embeddings):
        with pytest.raises(RunError, match=r"embeddings/.*a histogram that is no number.*tablesim doctor"):
            use()
    assert any("no number" in finding.what for finding in examine_run(folder / "run"))


@pytest.mark.parametrize(
    ("name", "repairable"), [("neighbours.parquet", True), ("clusters/auto.parquet", False), ("problems.csv", True)]
)
def test_other_damage_is_told_with_a_remedy(folder, name, repairable):
    path = folder / "run" / name
    path.write_bytes(b"\xff\xfe nothing" if name.endswith("csv") else path.read_bytes()[:100])
    finding = next(finding for finding in examine_run(folder / "run") if finding.where == name)
    assert (finding.file is not None) == repairable
    if repairable:
        examine_run(folder / "run", repair=True)
        run(folder / "scans", folder / "run", network=FakeReader())
        assert examine_run(folder / "run") == []


def test_pages_without_readings_half_files_and_old_clusterings(folder):
    only(folder, "readings").unlink()
    (folder / "run" / ".pages.parquet.0.part").write_text("half")
    corpus = Corpus.open(folder / "run")
    corpus.write_pages(corpus.pages[1:])
    found = {finding.where: finding.what for finding in examine_run(folder / "run")}
    assert "6 scans that were read are missing" in found["readings"]
    assert "half written" in found[".pages.parquet.0.part"]
    assert found["clusters/auto.parquet"] == "was made of other pages: 0 are new since, 1 are gone"
    assert "names pages that the run does not have: k0_e0" in found["neighbours.parquet"]


def test_the_command_says_it_and_fails(folder):
    result = CliRunner().invoke(app, ["doctor", str(folder / "run")])
    assert (result.exit_code, result.stdout) == (0, "nothing is wrong\n")
    flip(only(folder, "readings"), 0.2)
    result = CliRunner().invoke(app, ["doctor", str(folder / "run"), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0]["repairable"] is True
    assert CliRunner().invoke(app, ["doctor", str(folder / "run"), "--repair"]).exit_code == 0


def test_a_run_at_work_is_not_examined(folder):
    with Corpus.open(folder / "run").lock(), pytest.raises(InUseError):
        examine_run(folder / "run")


def test_changed_bytes_of_the_alignments_are_noticed_and_the_pairs_aligned_again(folder):
    path = folder / "run" / "alignments.parquet"
    stored = pq.read_table(path).num_rows
    flip(path, 0.5)
    (finding,) = examine_run(folder / "run")
    assert finding.where == "alignments.parquet" and "damaged" in finding.what
    corpus = Corpus.open(folder / "run")
    events = []
    alignments = RunAlignments(corpus, events.append)
    pages = [page["page"] for page in corpus.pages if page["is_table"]]
    for a, b in combinations(pages, 2):
        alignments.pair(a, b)
    alignments.save()
    assert any("damaged" in event.message for event in events)
    assert examine_run(folder / "run") == []
    assert pq.read_table(path).num_rows >= stored


def test_a_damaged_shard_is_no_fault_of_corrections(folder):
    correct(Corpus.open(folder / "run"), [Correction("k0_e0", Box(1, 1, 5, 5), "", "77")], who="A. Reader")
    flip(only(folder, "readings"), 0.2)
    assert [finding.where.split("/")[0] for finding in examine_run(folder / "run")] == ["readings"]
