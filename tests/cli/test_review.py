"""The commands that cluster a run again, tell its history and take verdicts."""

import csv
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest
from review.conftest import histograms
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.review.review import Review
from tablesim.review.verdicts import Verdict


@pytest.fixture
def run(tmp_path):
    about = {
        page: {"book": f"b{at % 6}", "year": 1500 + at % 6, "place": ("Paris", "Rome")[at % 2]}
        for at, page in enumerate(histograms())
    }
    corpus = corpus_of_histograms(tmp_path / "run", histograms(), about)
    corpus.cluster()
    return corpus


def call(*words, code=0, **more):
    done = CliRunner().invoke(app, [str(word) for word in words], **more)
    assert done.exit_code == code, done.output
    return done


def test_questions_are_listed_and_written(run, tmp_path):
    listed = call("review", run.folder, "--list", "--top", 3)
    assert listed.stdout.splitlines()[0].split()[:3] == ["question", "doubt", "moves"]
    assert len(listed.stdout.splitlines()) == 4
    assert len(json.loads(call("review", run.folder, "--json", "--top", 3).stdout)) == 3
    call("review", run.folder, "--out", tmp_path / "q.csv", "--top", 2)
    rows = list(csv.DictReader((tmp_path / "q.csv").read_text().splitlines()))
    assert (len(rows), rows[0]["decision"]) == (2, "")


def test_decisions_change_the_next_clusters_and_are_told(run, tmp_path):
    first = call("cluster", run.folder, "--json")
    label = json.loads(first.stdout)["clusters"][0]
    page, medoid = label["members"][1]["page"], label["medoid"]
    (tmp_path / "d.csv").write_text(f"page,other,decision\n{page},{medoid},reject\n")
    assert json.loads(call("review", run.folder, "--in", tmp_path / "d.csv", "--who", "Anna", "--json").stdout) == {
        "taken": 1,
        "known": 0,
        "not_taken": 0,
    }
    again = call("cluster", run.folder)
    assert f"moved: {page} from cluster {label['cluster']} to " in again.stderr
    call("review", run.folder, "--log", tmp_path / "log.csv", "--as-of", "2020-01-01")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1
    assert "log.csv: already there" in call("review", run.folder, "--log", tmp_path / "log.csv", code=1).stderr
    call("review", run.folder, "--log", tmp_path / "log.csv", "--force")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2


def test_questions_are_asked_on_a_terminal_of_whole_words(run):
    """The command in a terminal of its own (pty): a wrong word, skip, a split that is taken back, an answer."""
    asked = Review(run).questions(20)
    typed = ["s", "spilt", "skip", "split", "yes", "", "undo", "yes", "same", "no", "kind", "yes", "other hand", "quit"]
    shown = in_terminal([str(run.folder), "--who", "Anna"], typed)
    assert "not understood: 's'; nothing was written. Did you mean" in shown
    assert "not understood: 'spilt'; nothing was written. Did you mean split" in shown
    assert "holds two tables, and each of the two stands for one. Right? yes or no" in shown
    assert "nothing was written\r\n" in shown
    assert "1 answer of Anna kept in verdicts.sqlite" in shown
    (stands,) = Review(run).log.standing()
    second = asked[1]
    assert (stands.page, stands.other, stands.decision, stands.reason) == (
        second.page,
        second.other,
        "kind",
        "other hand",
    )
    assert [line.decision for line in Review(run).log.all()] == ["split", "withdraw", "kind"]


def in_terminal(words, typed):
    """What ``tablesim review`` shows in a terminal when these lines are typed."""
    main, side = pty.openpty()
    command = [sys.executable, "-m", "tablesim", "review", *words]
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side, close_fds=True) as process:
        os.close(side)
        os.write(main, "".join(f"{line}\n" for line in typed).encode())
        shown = b""
        with suppress(OSError):  # the other side closed
            while chunk := os.read(main, 65536):
                shown += chunk
        assert process.wait(30) == 0, shown
    os.close(main)
    return shown.decode()


def test_clusters_are_merged_split_and_named_by_their_numbers_and_undone(run):
    clusters = run.clusters.clusters
    first, second = clusters[0], clusters[1]
    (merged,) = json.loads(
        call(
            *("review", run.folder, "--merge", first.number, "--merge", second.number),
            *("--who", "Anna", "--reason", "one table", "--json"),
        ).stdout
    )
    assert (merged["decision"], merged["page"], merged["other"]) == ("merge", second.medoid, first.medoid)
    call("review", run.folder, "--name", first.number, "Sines of  Regiomontanus", "--who", "Anna")
    again = json.loads(call("cluster", run.folder, "--json").stdout)
    one = next(cluster for cluster in again["clusters"] if cluster["cluster"] == first.number)
    assert one["name"] == "Sines of Regiomontanus"
    assert {member["page"] for member in one["members"]} == {*first.pages, *second.pages}
    (change,) = again["changes"]
    assert (change["what"], change["before"]) == ("joined", sorted([first.number, second.number]))
    assert change["why"][0].startswith("Anna said on ") and change["why"][0].endswith(": one table")
    call("review", run.folder, "--undo", merged["line"], "--who", "Anna")
    assert "1 answer" not in call("review", run.folder, "--undo", merged["line"], code=1).stderr
    apart = json.loads(call("cluster", run.folder, "--json").stdout)
    assert {tuple(sorted(m["page"] for m in c["members"])) for c in apart["clusters"]} == {
        tuple(sorted(c.pages)) for c in clusters
    }
    status = json.loads(call("status", run.folder, "--json").stdout)
    assert (status["verdicts"], status["names"], status["named_clusters"]) == (0, 1, {str(first.number): one["name"]})
    call("review", run.folder, "--split", first.number, "--page", first.pages[1], "--who", "Anna")
    (line,) = (one for one in Review(run).log.standing() if not one.is_name)
    assert (line.page, line.other, line.decision) == (first.pages[1], first.pages[0], "reject")
    for words in (["--split", first.number], ["--merge", 1], ["--name", 99, "x"], ["--undo", 99]):
        call("review", run.folder, *words, code=1)


def test_an_audit_gives_precision_and_two_readers_their_agreement(run, tmp_path):
    for who in ("Anna", "Bela"):
        call("review", run.folder, "--audit", 5, "--out", tmp_path / "audit.csv", "--force")
        rows = list(csv.DictReader((tmp_path / "audit.csv").read_text().splitlines()))
        for at, row in enumerate(rows):
            row["decision"] = "reject" if at == 0 and who == "Anna" else "accept"
        with (tmp_path / "audit.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        call("review", run.folder, "--in", tmp_path / "audit.csv", "--who", who)
    figures = json.loads(call("review", run.folder, "--audit", 5, "--json").stdout)
    assert (figures["precision"], figures["accepted"], figures["open"]) == (1.0, 5, 0)
    assert figures["low"] == pytest.approx(0.4782, abs=1e-4)
    agreed = json.loads(call("review", run.folder, "--agreement", "Anna", "Bela", "--json").stdout)
    assert (agreed["pairs"], agreed["observed"]) == (5, 0.8)


def test_history_is_printed_and_written(run):
    done = call("history", run.folder, "--by", "place", "--repeats", 5, "--pages", 3)
    assert done.stdout.splitlines()[0].split()[:2] == ["place", "mode"]
    assert (run.folder / "history" / "place.csv").is_file()
    assert (run.folder / "history" / "place.png").is_file()
    years = json.loads(call("history", run.folder, "--repeats", 5, "--pages", 3, "--json").stdout)
    assert {row["mode"] for row in years["rows"]} == {"published", "corrected"}


def test_books_are_left_out_by_name_or_by_list(run, tmp_path):
    (tmp_path / "books.csv").write_text("bookID;bookTitle\nb1;x\nb2;y\n")
    done = call(
        "history", run.folder, "--leave-out", tmp_path / "books.csv", "--leave-out", "b3", "--json", "--repeats", 2
    )
    assert json.loads(done.stdout)["left_out"] == ["b1", "b2", "b3"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cluster", "--method", "kmeens"], "expected one of tables, hdbscan, published"),
        (["history", "--by", "week"], "expected year or place"),
        (["history", "--leave-out", "Nemo"], "no book Nemo"),
        (["review", "--log", "log.csv", "--as-of", "then"], "expected a day such as"),
        (["review", "--agreement", "A", "B"], "have no pair in common"),
        (["review", "--audit", "999"], "expected 1 to"),
    ],
)
def test_mistakes_end_in_one_line(run, words, message):
    done = call(words[0], run.folder, *words[1:], code=1)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_does_not_hold_is_counted_and_said_by_every_command(run, tmp_path):
    label = json.loads(call("cluster", run.folder, "--json").stdout)["clusters"][0]
    page, medoid = label["members"][1]["page"], label["medoid"]
    gone = Verdict(page, medoid, "reject", "Anna", page_sha256="0" * 64, other_sha256=run.page(medoid)["sha256"])
    Review(run).log.append([gone])
    remark = f"verdicts that do not hold, since no page has their scan: 1 ({page}, SHA-256 000000000000)"
    for command in (["cluster"], ["review", "--list"]):
        assert remark in call(command[0], run.folder, *command[1:]).stderr
    status = json.loads(call("status", run.folder, "--json").stdout)
    assert (status["verdicts"], status["verdicts_holding"]) == (1, 0)
    assert (status["corrections"], status["corrections_holding"]) == (0, 0)


def test_the_same_file_of_verdicts_twice_counts_once(run, tmp_path):
    call("review", run.folder, "--out", tmp_path / "q.csv", "--top", 2)
    text = (tmp_path / "q.csv").read_text().splitlines()
    (tmp_path / "q.csv").write_text("\n".join([text[0], *(f"accept,clear,Anna{line[2:]}" for line in text[1:])]))
    for new, known in ((2, 0), (0, 2)):
        done = call("review", run.folder, "--in", tmp_path / "q.csv", "--json")
        assert json.loads(done.stdout) == {"taken": new, "known": known, "not_taken": 0}
    assert len(Review(run).log.all()) == 2
