import csv
import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from corpus.fakes import FakeReader, table, write_corpus, write_scan
from scans.library import body

from tablesim.cli import COMMANDS, one_line
from tablesim.export.formats import DOCUMENTS, Document
from tablesim.export.kinds import Format
from tablesim.report.addresses import page_href


@pytest.fixture
def run_folder(tmp_path):
    from tablesim.workflow import run

    write_corpus(tmp_path / "scans", 2, 3, 1)
    return run(tmp_path / "scans", tmp_path / "run", network=FakeReader()).folder


def test_help_of_everything_is_quick_for_it_loads_nothing_heavy():
    script = (
        "import sys; from typer.testing import CliRunner; from tablesim.cli import app; "
        "out = CliRunner().invoke(app, ['--help']); assert out.exit_code == 0, out; "
        "heavy = {'torch', 'cv2', 'scipy', 'sklearn', 'matplotlib', 'pyarrow'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_listed_and_explained_with_an_example(call, name):
    assert name in call("--help").output
    text = " ".join(call(name, "--help").output.split())
    assert f"Example: tablesim {name} " in text


def test_version_and_unknown_commands(call):
    assert call("--version").output.startswith("tablesim 0")
    assert call("raed", code=2).stderr == "tablesim: No such command 'raed'; did you mean read?; see tablesim --help\n"
    assert call("frobnicate", code=2).stderr == "tablesim: No such command 'frobnicate'; see tablesim --help\n"
    assert call("-h").output == call("--help").output
    assert call("read", "-h").output == call("read", "--help").output


FULL = "make room on its disk, or choose another; then give the same command again"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (FileNotFoundError(2, "No such file or directory"), "check the path"),
        (PermissionError(13, "Permission denied"), "check your rights to it"),
        (FileExistsError(17, "File exists"), "move it away, or choose another path"),
        (OSError(28, "No space left on device"), FULL),
        (OSError(27, "File too large"), FULL),
        (
            OSError(30, "Read-only file system"),
            "copy it to a disk that can be written to, or write elsewhere with --out",
        ),
        (OSError(5, "Input/output error"), "check the disk's space and your rights to it"),
    ],
)
def test_an_error_of_the_file_system_has_a_remedy_that_fits(error, remedy):
    error.filename = "nope.csv"
    assert one_line(error) == f"nope.csv: {error.strerror}; {remedy}"


def test_the_shell_completes_commands_without_loading_them():
    script = (
        "import sys; from tablesim.cli import main\n"
        "try: main()\nfinally: assert not {'torch', 'cv2'} & set(sys.modules)"
    )
    words = {"_TABLESIM_COMPLETE": "complete_bash", "COMP_WORDS": "tablesim co", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env={**os.environ, **words}
    )
    assert done.stdout.split() == ["compare", "collate", "correct"], done.stderr


def test_errors_are_one_line_with_a_remedy_and_a_traceback_on_demand(call, tmp_path):
    result = call("status", tmp_path / "nowhere", code=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "there is no such run folder; make one with `tablesim run" in result.stderr
    for words in (("--debug", "status", tmp_path / "nowhere"), ("status", tmp_path / "nowhere", "--debug")):
        assert "Traceback" in call(*words, code=1).stderr


def test_errors_of_the_disk_are_one_line_too(call, tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("tablesim.corpus.store.Corpus.open", full)
    result = call("status", tmp_path, code=1)
    assert result.stderr == f"tablesim: {tmp_path}: No space left on device; {FULL}\n"


# read


def test_read_as_json_has_an_item_a_scan(call, tmp_path):
    write_corpus(tmp_path / "scans", 1, 2, 0)
    items = json.loads(call("read", tmp_path / "scans", "--json").stdout)
    assert all(item["units"] == [] or item["units"][0].keys() >= {"columns", "bases", "decided"} for item in items)
    assert [item["page"] for item in items] == ["k0_e0", "k0_e1"]
    assert {"scan", "sha256", "width", "is_table", "legibility", "numbers", "histogram"} <= set(items[0])
    assert len(items[0]["histogram"]) == 110


def test_read_as_csv_has_a_line_a_number_under_one_head(call, tmp_path):
    for name in ("a", "b"):
        write_scan(tmp_path / f"{name}.png", [["12", "3"], ["4", "56"]])
    rows = list(csv.DictReader(io.StringIO(call("read", tmp_path / "a.png", tmp_path / "b.png", "--csv").stdout)))
    assert [(row["page"], row["text"], row["row"], row["column"]) for row in rows[:3]] == [
        ("a", "12", "1", "1"),
        ("a", "3", "1", "2"),
        ("a", "4", "2", "1"),
    ]
    assert rows[1]["address"] == "row 1, column 2"
    assert len(rows) == 8


def test_read_for_people_is_the_table_as_it_stands(call, tmp_path):
    write_scan(tmp_path / "a.png", [["12", "3"], ["4", "56"], ["7"]])
    lines = call("read", tmp_path / "a.png").stdout.splitlines()
    assert lines[0] == "# a: table, 5 numbers, 7 digits, legibility 0.90"
    assert lines[1:] == ["# table 1", "12 |  3", " 4 | 56", " 7 |"]


def test_read_names_each_bad_scan_and_reads_the_others(call, tmp_path):
    write_scan(tmp_path / "a.png", table(1))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "letter.jpg").write_text("no scan")
    words = (tmp_path / "empty.jpg", tmp_path / "a.png", tmp_path / "gone.jpg", tmp_path / "letter.jpg")
    result = call("read", *words, "--json", code=1)
    assert [item["page"] for item in json.loads(result.stdout)] == ["a"]
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert "gone.jpg: there is no such file" in lines[0]
    assert "empty.jpg: the file is empty (0 bytes)" in lines[1]
    assert "letter.jpg: not an image" in lines[2]


def test_a_library_without_pages_is_an_error_and_no_silence(call, library):
    empty = {"@context": "http://iiif.io/api/presentation/2/context.json", "@type": "sc:Collection", "label": "none"}
    address = library.put("/empty.json", body(json.dumps({"@id": library.url + "/empty.json", **empty}).encode()))
    for words in (("read", address, "--json"), ("compare", address, address)):
        result = call(*words, code=1)
        assert "empty.json: this IIIF collection leads to no manifest" in result.stderr
        assert result.stderr.count("\n") == 1


def test_read_writes_a_file_a_scan_and_refuses_one_that_is_there_before_it_reads(call, tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.report.provenance.Provenance.of_readings", lambda readings, network: None)
    monkeypatch.setitem(DOCUMENTS, Format.alto, Document(".alto.xml", lambda reading, provenance, scan: b"<alto/>"))
    for name in ("a", "b"):
        write_scan(tmp_path / f"{name}.png", table(1))
    words = ("read", tmp_path / "a.png", tmp_path / "b.png", "--alto", "--out", tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.alto.xml").write_text("mine")
    assert "b.alto.xml: already there, nothing was written; give --force" in call(*words, code=1).stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.alto.xml"]
    call(*words, "--force")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.alto.xml", "b.alto.xml"}


def test_read_wants_one_form(call, tmp_path):
    said = call("read", tmp_path, "--json", "--csv", code=2).stderr
    assert "give one of --json, --csv, --xlsx, --tei, --page-xml and --alto" in said


# run, status


def test_run_writes_the_run_and_its_report(call, tmp_path):
    write_corpus(tmp_path / "scans", 2, 2, 1)
    (tmp_path / "scans" / "bad.jpg").write_bytes(b"")
    result = call("run", tmp_path / "scans", "--out", tmp_path / "run")
    assert (tmp_path / "run" / "report" / "index.html").is_file()
    assert result.stdout.splitlines() == [
        "5 pages read, 4 with a numerical table. Of 4 pages with a table, 4 carry the same table as another, verified "
        "cell by cell: 2 tables on several pages.",
        f"report: {tmp_path / 'run' / 'report' / 'index.html'}",
    ]
    assert "bad.jpg: the file is empty" in result.stderr
    assert "1 page could not be read" in result.stderr
    status = json.loads(call("run", tmp_path / "scans", "--out", tmp_path / "run", "--json").stdout)
    assert (status["read"], status["failed"], status["clusters"], len(status["problems"])) == (5, 1, 2, 1)


@pytest.mark.parametrize("words", [("--clusters", "many"), ("--clusters", "0"), ("--workers", "0"), ("--frobnicate",)])
def test_run_with_impossible_options_is_a_mistake_of_usage(call, tmp_path, words):
    write_corpus(tmp_path / "scans", 1, 1, 0)
    call("run", tmp_path / "scans", "--out", tmp_path / "run", *words, code=2)
    assert not (tmp_path / "run").exists()


def test_run_refuses_a_folder_of_somebody_else(call, tmp_path):
    write_corpus(tmp_path / "scans", 1, 1, 0)
    result = call("run", tmp_path / "scans", "--out", tmp_path / "scans", code=1)
    assert "not empty and no run folder" in result.stderr
    assert not (tmp_path / "scans" / "run.json").exists()


def test_status_says_where_a_run_stands(call, run_folder):
    status = json.loads(call("status", run_folder, "--json").stdout)
    assert (status["pages"], status["read"], status["failed"], status["finished"]) == (7, 7, 0, True)
    assert {row["status"] for row in status["page_list"]} == {"read"}
    assert "finished yes" in " ".join(call("status", run_folder).stdout.split())


# search, cluster, demo


def test_search_by_page_and_by_numbers(call, run_folder):
    hits = json.loads(call("search", run_folder, "k1_e0", "--top", "2", "--json").stdout)
    assert [hit["page"] for hit in hits] == ["k1_e1", "k1_e2"] or [hit["page"] for hit in hits] == ["k1_e2", "k1_e1"]
    assert hits[0]["shared"][0].keys() == {"bigram", "relevance", "count_query", "count_page"}
    numbers = " / ".join(" ".join(row[1:]) for row in table(1)[3:6])
    lines = call("search", run_folder, "--numbers", numbers, "--top", "3").stdout.splitlines()
    assert lines[0].split("  ")[:2] == ["rank", "what the page does"]
    assert all(" k1_e" in line for line in lines[1:])
    row = table(1)[3]
    found = call("search", run_folder, "--numbers", " ".join(row[1:]), "--json")
    first = json.loads(found.stdout)[0]
    assert first["page"].startswith("k1_e")
    assert (first["standing"], first["rank"], first["n_places"]) == ("holds them", 1, 1)
    assert [cell["text"] for cell in first["places"][0]["cells"]] == row[1:]
    assert first["report"] is None
    in_report = run_folder / "report" / page_href(first["page"])
    in_report.parent.mkdir(parents=True)
    in_report.touch()
    again = json.loads(call("search", run_folder, "--numbers", " ".join(row[1:]), "--json").stdout)[0]
    assert again["report"] == f"{in_report}#{first['places'][0]['cells'][0]['anchor']}"
    shutil.rmtree(run_folder / "report")
    assert found.stderr.startswith(f"looked for {', '.join(row[1:])} in a row or in a column: ")
    shuffled = call("search", run_folder, "--numbers", " ".join(row[:0:-1]), "--any-order", "--json")
    assert json.loads(shuffled.stdout)[0]["standing"] == "holds them"


def test_verified_search_counts_by_labels_too(call, run_folder, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("page,label\nk0_e0,one\nk0_e1,one\nk1_e0,two\nk1_e1,two\n", encoding="utf-8")
    (hit, *_) = json.loads(call("search", run_folder, "k0_e0", "--verify", "--labels", labels, "--json").stdout)
    assert hit["page"] == "k0_e1"
    assert hit["surprise"]["by"] == "label"
    assert hit["verification"] is not None


def test_search_wants_either_a_page_or_numbers(call, run_folder):
    assert "give either PAGE or --numbers" in call("search", run_folder, code=2).stderr
    assert "no page 'k9'" in call("search", run_folder, "k9", code=1).stderr
    result = call("search", run_folder, "k0_e0", "--across-books", "--json")
    assert "books: " in result.stderr, "it is said what was taken for a book where no metadata says it"
    json.loads(result.stdout)


def test_cluster_stores_and_prints(call, run_folder):
    data = json.loads(call("cluster", run_folder, "--clusters", "3", "--json").stdout)
    assert (data["k"], data["asked"]) == (3, 3)
    assert sum(cluster["size"] for cluster in data["clusters"]) == 6
    lines = call("cluster", run_folder).stdout.splitlines()
    assert lines[-1] == "in no cluster, no figures were read: prose_0"
    assert json.loads(call("status", run_folder, "--json").stdout)["clusters"] == 2


def test_cluster_with_more_clusters_than_pages_is_one_line(call, run_folder):
    assert "got 99, expected at most 6" in call("cluster", run_folder, "--clusters", "99", code=1).stderr


def test_demo_says_how_well_it_went(call, tmp_path, monkeypatch):
    labels = write_corpus(tmp_path / "sample" / "scans", 2, 2, 0)
    rows = [f"{page},{label}" for page, label in labels.items()]
    (tmp_path / "sample" / "labels.csv").write_text("\n".join(["page,label", *rows]))
    (tmp_path / "sample" / "metadata.csv").write_text("page_id,year\nk0_e0,1550\n")
    monkeypatch.setattr("tablesim.workflow.sample._PLACES", (tmp_path / "sample",))
    lines = call("demo", "--out", tmp_path / "demo").stdout.splitlines()
    assert "adjusted rand: 1.000" in lines
    assert lines[-1] == f"report: {tmp_path / 'demo' / 'report' / 'index.html'}"
