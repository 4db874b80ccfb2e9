"""``tablesim correct`` with whole pages: said to carry a table or none, shown, taken over and taken back."""

import json

from corpus.fakes import write_corpus


def test_pages_are_said_to_be_tables_or_none_and_it_is_taken_back_and_taken_over(call, tmp_path):
    write_corpus(tmp_path / "scans", 2, 2, 2)
    run = tmp_path / "run"
    call("run", tmp_path / "scans", "--out", run)
    said = call("correct", run, "--no-table", "k0_e0", "--table", "prose_1", "--who", "Anna", "--reason", "seen")
    assert said.stdout.splitlines()[:3] == [
        "k0_e0 is no table any more",
        "prose_1 is a table now and was none",
        "2 decisions taken over; 2 pages are otherwise than before",
    ]
    status = json.loads(call("status", run, "--json").stdout)
    assert (status["tables"], status["table_decisions"], status["table_decisions_holding"]) == (4, 2, 2)
    none, yes = "said by a person to carry no table: k0_e0 (by Anna)", "to carry a table: prose_1 (by Anna)"
    for command in ("cluster", "doctor"):
        told = call(command, run).stderr
        assert none in told and yes in told
    assert len(json.loads(call("doctor", run, "--json").stdout)["said_by_people"]) == 2

    call("run", tmp_path / "scans", "--out", tmp_path / "other")
    over = json.loads(call("correct", tmp_path / "other", "--csv", run / "table_decisions.csv", "--json").stdout)
    assert (len(over["new"]), over["pages"], over["new"][0]["reason"]) == (2, ["k0_e0", "prose_1"], "seen")

    # Another person says otherwise, and the first takes it all back: the latest counts each time.
    assert "k0_e0 is a table now and was none" in call("correct", run, "--table", "k0_e0", "--who", "Bert").stdout
    again = call("correct", run, "--no-table", "k0_e0", "--who", "Anna", "--reason", "seen").stdout
    assert "k0_e0 is no table any more" in again
    back = call("correct", run, "--table-as-read", "k0_e0", "--table-as-read", "prose_1")
    assert "it is not said who says so" in back.stderr
    assert json.loads(call("status", run, "--json").stdout)["tables"] == 4
    assert call("doctor", run).stderr == ""
