import json

import pytest
from corpus.fakes import FakeReader, write_corpus
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.errors import MetadataError
from tablesim.reader import load_network
from tablesim.workflow import run
from tablesim.workflow.baselines import compare_embeddings_on


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rivals")
    labels = write_corpus(folder / "scans", kinds=3, editions=2, prose=1)
    corpus = run(folder / "scans", folder / "run", network=FakeReader())
    (folder / "labels.csv").write_text("page,label\n" + "".join(f"{page},{label}\n" for page, label in labels.items()))
    return corpus, folder / "labels.csv"


def test_every_embedding_is_measured_beside_ours(labelled):
    corpus, labels = labelled
    rows = compare_embeddings_on(corpus, labels, network=load_network(), vgg16="random")
    names = [row.name for row in rows]
    assert names == [
        "bigrams, root",
        "bigrams",
        "single digits, root",
        "pooled maps, root",
        "pooled maps",
        "VGG-16, random weights",
        "random",
    ]
    assert rows[5].dimensions == 512 * 7 * 7
    assert rows[0].measures["mean_average_precision"].value == 1.0
    assert rows[-1].measures["mean_average_precision"].difference < 0


def test_the_table_on_the_command_line(labelled):
    corpus, labels = labelled
    words = ["evaluate", str(corpus.folder), "--labels", str(labels), "--embeddings"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["embedding"] for row in rows] == ["bigrams, root", "bigrams", "single digits, root", "random"]
    assert rows[0]["detection"]["value"] == 1.0
    lines = CliRunner().invoke(app, words).stdout.splitlines()
    assert lines[0].split()[:3] == ["embedding", "measure", "value"]
    assert any("random" in line and "(-" in line for line in lines)
    gone = CliRunner().invoke(app, [*words, "--vgg16", str(labels.parent / "none.pth")])
    assert gone.exit_code == 1
    assert len(gone.stderr.splitlines()) == 1


def test_labels_of_other_pages_are_refused(labelled, tmp_path):
    (tmp_path / "labels.csv").write_text("page,label\nother,1\n")
    with pytest.raises(MetadataError, match="none of the 1 labelled pages"):
        compare_embeddings_on(labelled[0], tmp_path / "labels.csv")
