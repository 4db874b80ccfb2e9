"""What people decided holds for its scans, or is said not to, whatever happens to folders, names and files.

Each story is a library in which somebody has corrected a number and given verdicts, and in which something happens.
"""

import shutil

import pytest
from corpus.fakes import FakeReader, edition, table, write_scan

from tablesim.corpus.corrections.apply import correct
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import read_corrections
from tablesim.records.corrections import Correction
from tablesim.review.review import Review, write_verdicts
from tablesim.workflow import run

CORRECTED = "987"
"""What a person read where the machine read two digits."""

NUMBER = 5
"""The number of a page that is corrected."""


class Library:
    """A folder of scans, its run, and what the last run and its status said."""

    def __init__(self, folder):
        self.folder = folder
        self.scans, self.out = folder / "scans", folder / "run"
        self.remarks = []
        self.keys = {}

    def put(self, name, kind, copy, shade=None):
        """A scan of a table; its shade makes its bytes its own."""
        rows = edition(table(kind, 12), 100 * kind + copy)
        write_scan(self.scans / f"{name}.png", rows, 1 + 10 * kind + copy if shade is None else shade)

    def move(self, before, after):
        self.copy(before, after)
        self.remove(before)

    def copy(self, before, after):
        (self.scans / after).parent.mkdir(parents=True, exist_ok=True)
        for ending in ("png", "txt"):
            shutil.copy(self.scans / f"{before}.{ending}", self.scans / f"{after}.{ending}")

    def remove(self, name):
        for ending in ("png", "txt"):
            (self.scans / f"{name}.{ending}").unlink()

    def run(self, **options):
        """Run again; ``remarks`` has what the run said."""
        self.remarks = []

        def listen(event):
            if event.kind == "remark":
                self.remarks.append(event.message)

        self.corpus = run(self.scans, self.out, network=FakeReader(), on_event=listen, **options)
        return self.corpus

    def remember(self, **names):
        """Keep the hashes of pages under names that do not change."""
        self.keys |= {name: self.corpus.page(page)["sha256"] for name, page in names.items()}

    def page(self, name):
        """The page that has a remembered scan now; None where none has."""
        key = self.keys[name]
        return self.corpus.page_table.pages_of([key]).get(key, (None,))[0]

    def correct(self, page, text=CORRECTED, who="Anna", number=NUMBER):
        at = self.corpus.machine_reading(page).numbers[number]
        return correct(self.corpus, [Correction(page, at.box, at.text, text)], who)

    def decide(self, page, other, decision, who="Anna"):
        return Review(self.corpus).say(page, other, decision, who)

    def text(self, page, number=NUMBER):
        return self.corpus.reading(page).numbers[number].text

    def together(self, page, other):
        clusters = self.corpus.clusters
        return clusters.label_of(page) == clusters.label_of(other)

    def said(self, *parts):
        """Whether a remark of the last run has all the parts."""
        return any(all(part in remark for part in parts) for remark in self.remarks)

    def spoke_of_decisions(self):
        return [remark for remark in self.remarks if remark.startswith(("correction", "verdict", "readers"))]

    def counts(self):
        return self.corpus.corrections.status().counts(), Review(self.corpus).status().counts()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two volumes of two editions each of two tables; a number of p1 is corrected, and p1 and p3 are merged by hand."""
    made = Library(tmp_path_factory.mktemp("library") / "now")
    for name, kind, copy in (("p1", 0, 0), ("p2", 0, 1), ("p3", 1, 0), ("p4", 1, 1)):
        made.put(f"v1/{name}", kind, copy)
    for name, kind, copy in (("q1", 2, 0), ("q2", 2, 1), ("q3", 3, 0), ("q4", 3, 1)):
        made.put(f"v2/{name}", kind, copy)
    made.run()
    assert not made.together("p1", "p3")
    made.remember(p1="p1", p2="p2", p3="p3", q1="q1", q3="q3")
    made.correct("p1")
    made.decide("p1", "p3", "merge")
    made.run()
    assert made.text("p1") == CORRECTED
    assert made.together("p1", "p3")
    assert made.spoke_of_decisions() == []
    shutil.copytree(made.folder, made.folder.with_name("saved"))
    return made


@pytest.fixture
def library(saved):
    """The library at the same place as when it was saved, which is where its run looks for the scans."""
    shutil.rmtree(saved.folder)
    shutil.copytree(saved.folder.with_name("saved"), saved.folder)
    again = Library(saved.folder)
    again.keys = dict(saved.keys)
    again.corpus = Corpus.open(again.out)
    return again


ALL_HOLD = (
    {"corrections": 1, "corrections_holding": 1},
    {"verdicts": 1, "verdicts_holding": 1},
)
NONE_HOLDS = (
    {"corrections": 1, "corrections_holding": 0},
    {"verdicts": 1, "verdicts_holding": 0},
)


def test_a_page_that_a_new_folder_renames_keeps_what_was_decided(library):
    (library.folder / "pages.csv").write_text("page,year\np1,1550\np2,1551\n")
    library.put("v3/p1", 4, 0)
    library.run(metadata=library.folder / "pages.csv")
    assert library.page("p1") == "v1_p1"
    assert library.said("metadata: 1 of 9 pages has a line", "1 line names no page (p1)")
    assert library.text("v1_p1") == CORRECTED != library.text("v3_p1")
    assert library.together("v1_p1", "p3") and not library.together("v3_p1", "p3")
    assert library.counts() == ALL_HOLD
    assert library.said("corrections that hold on a page with another name now: 1 (p1 is v1_p1)")
    assert library.said("verdicts that hold on a page with another name now", "p1 is v1_p1")
    assert [c.correct for c in library.corpus.corrections_of("v1_p1")] == [CORRECTED]
    assert library.corpus.corrections_of("v3_p1") == ()


def test_of_two_folders_with_equal_names_each_page_has_its_own(library):
    library.put("v3/p1", 4, 0)
    library.run()
    library.remember(other="v3_p1")
    library.correct("v3_p1", "11")
    library.decide("v3_p1", "q1", "merge")
    library.remove("v3/p1")
    library.run(forget_away=True)
    assert library.page("p1") == "p1" and library.page("other") is None
    assert library.text("p1") == CORRECTED
    assert not library.together("p1", "q1")
    assert library.counts()[0] == {"corrections": 2, "corrections_holding": 1}
    assert library.said("corrections that do not hold, since no page has their scan: 1 (v3_p1")
    assert library.said("verdicts that do not hold, since no page has their scan: 1 (v3_p1")


def test_another_table_under_the_name_of_a_scan_gets_nothing(library):
    library.put("v1/p1", 4, 0)
    library.run()
    machine = library.corpus.machine_reading("p1")
    assert library.corpus.reading("p1").numbers == machine.numbers
    assert not library.together("p1", "p3")
    assert library.counts() == NONE_HOLDS
    assert library.said("corrections that do not hold, since no page has their scan: 1 (p1, SHA-256")
    assert library.said("verdicts that do not hold, since no page has their scan: 1 (p1, SHA-256")


def test_a_better_scan_of_the_same_page_is_another_scan(library):
    library.put("v1/p1", 0, 0, shade=240)
    library.run()
    assert library.text("p1") != CORRECTED
    assert not library.together("p1", "p3")
    assert library.counts() == NONE_HOLDS
    assert library.said("corrections that do not hold", "p1") and library.said("verdicts that do not hold", "p1")


def test_a_scan_that_is_put_back_has_everything_again(library):
    library.move("v1/p1", "../aside/p1")
    library.put("v1/p1", 4, 0)
    library.run()
    assert library.counts() == NONE_HOLDS
    library.move("../aside/p1", "v1/p1")
    library.run()
    assert library.text("p1") == CORRECTED
    assert library.together("p1", "p3")
    assert library.counts() == ALL_HOLD
    assert library.spoke_of_decisions() == []


def test_a_volume_that_is_away_keeps_what_was_decided(library):
    (library.scans / "v1").rename(library.folder / "away")
    library.run()
    assert library.text("p1") == CORRECTED
    assert library.together("p1", "p3")
    assert library.counts() == ALL_HOLD
    assert library.said("corrections on scans that are away: 1 (p1)")
    assert library.said("verdicts on scans that are away: 1 (p1)")


def test_half_a_volume_away_keeps_what_was_decided(library):
    for name in ("p3", "p4"):
        library.move(f"v1/{name}", f"../away/{name}")
    library.run()
    assert library.text("p1") == CORRECTED
    assert library.together("p1", "p3")
    assert library.counts() == ALL_HOLD
    assert not library.said("corrections on scans that are away")
    assert library.said("verdicts on scans that are away: 1 (p3)")


def test_a_volume_that_comes_back_is_as_before(library):
    before = {cluster.pages for cluster in library.corpus.clusters.clusters}
    (library.scans / "v1").rename(library.folder / "away")
    library.run(forget_away=True)
    assert library.page("p1") is None
    assert library.counts() == NONE_HOLDS
    assert library.said("corrections that do not hold", "p1") and library.said("verdicts that do not hold", "p1")
    (library.folder / "away").rename(library.scans / "v1")
    library.run()
    assert library.text("p1") == CORRECTED
    assert {cluster.pages for cluster in library.corpus.clusters.clusters} == before
    assert library.counts() == ALL_HOLD
    assert library.spoke_of_decisions() == []


def test_a_scan_that_moves_to_another_folder_takes_it_along(library):
    library.move("v1/p1", "v3/p1")
    library.run()
    assert library.page("p1") == "p1"
    assert library.text("p1") == CORRECTED
    assert library.together("p1", "p3")
    assert library.counts() == ALL_HOLD


def test_a_run_folder_that_moves_has_it_all(library):
    library.out.rename(library.folder / "elsewhere")
    library.out = library.folder / "elsewhere"
    library.run()
    assert library.text("p1") == CORRECTED
    assert library.together("p1", "p3")
    assert library.counts() == ALL_HOLD


def test_a_byte_equal_scan_shares_it(library):
    library.copy("v1/p1", "v3/twin")
    library.run()
    assert library.text("twin") == CORRECTED
    assert library.together("twin", "p3")
    assert [c.correct for c in library.corpus.corrections_of("twin")] == [CORRECTED]
    assert library.corpus.corrections.pages == ["p1", "twin"]
    assert library.counts() == ALL_HOLD


def test_of_two_equal_scans_the_one_that_stays_keeps_it(library):
    library.copy("v1/p1", "v3/twin")
    library.run()
    library.remove("v1/p1")
    library.run(forget_away=True)
    assert library.page("p1") == "twin"
    assert library.text("twin") == CORRECTED
    assert library.together("twin", "p3")
    assert library.counts() == ALL_HOLD
    assert library.said("corrections that hold on a page with another name now: 1 (p1 is twin)")
    assert library.said("verdicts that hold on a page with another name now: 1 (p1 is twin)")


def test_two_volumes_that_change_places_take_it_along(library):
    library.put("v3/p1", 4, 0)
    library.put("v3/p3", 5, 0)
    library.run()
    for before, after in (("v1", "v4"), ("v3", "v1"), ("v4", "v3")):
        (library.scans / before).rename(library.scans / after)
    library.run()
    assert library.page("p1") == "v3_p1"
    assert library.text("v3_p1") == CORRECTED != library.text("v1_p1")
    assert library.together("v3_p1", "v3_p3") and not library.together("v1_p1", "v1_p3")
    assert library.counts() == ALL_HOLD
    assert library.said("corrections that hold on a page with another name now: 1 (p1 is v3_p1)")


def test_a_file_that_is_renamed_takes_it_along(library):
    library.move("v1/p1", "v1/clavius_0012")
    library.put("v1/p1", 4, 0)
    library.run()
    assert library.text("clavius_0012") == CORRECTED != library.text("p1")
    assert library.together("clavius_0012", "p3") and not library.together("p1", "p3")
    assert library.counts() == ALL_HOLD
    assert library.said("corrections that hold on a page with another name now: 1 (p1 is clavius_0012)")


def another_run(library, names):
    """A run of copies of some scans under other names."""
    other = Library(library.folder / "other")
    for before, after in names.items():
        other.copy(f"../../scans/{before}", after)
    other.run()
    return other


def test_another_run_takes_it_over_where_it_has_the_scans(library):
    other = another_run(library, {"v1/p1": "a1", "v1/p3": "a3", "v2/q1": "p1", "v2/q3": "p3"})
    library.correct("q3", "11")
    library.correct("p2", "12")
    library.decide("p2", "q1", "merge")
    taken = correct(other.corpus, read_corrections(library.out / "corrections.csv"))
    assert {(c.page, c.correct, c.who) for c in taken.new} == {("a1", CORRECTED, "Anna"), ("p3", "11", "Anna")}
    assert [c.page for c in taken.not_taken] == ["p2"]
    assert taken.remarks == ("p2: 1 not taken over: no page has this scan",)
    write_verdicts(library.folder / "log.csv", Review(library.corpus).log.all())
    new, _, not_taken = Review(other.corpus).take(library.folder / "log.csv")
    assert [(v.page, v.other, v.decision, v.who) for v in new] == [("a1", "a3", "merge", "Anna")]
    assert new[0].decided_at == Review(library.corpus).log.all()[0].at
    assert not_taken == ["p2"]
    other.run()
    assert other.text("a1") == CORRECTED != other.text("p1")
    assert other.together("a1", "a3") and not other.together("p1", "p3")


def test_what_is_taken_over_twice_counts_once(library):
    library.correct("p1", "5?", who="Bela", number=7)
    corrections = read_corrections(library.out / "corrections.csv")
    write_verdicts(library.folder / "log.csv", Review(library.corpus).log.all())
    other = another_run(library, {"v1/p1": "a1", "v1/p3": "a3"})
    for n_new in (2, 0):
        assert len(correct(other.corpus, corrections).new) == n_new
        assert len(Review(other.corpus).take(library.folder / "log.csv")[0]) == min(n_new, 1)
    before = (other.out / "corrections.csv").read_bytes()
    # Nor does it count again in the run that it is of.
    assert correct(library.corpus, corrections).new == ()
    assert Review(library.corpus).take(library.folder / "log.csv")[0] == []
    assert (other.out / "corrections.csv").read_bytes() == before
    assert len(Corpus.open(other.out).corrections.all) == 2


def test_a_merge_does_not_force_another_table_into_the_cluster(library):
    library.put("v1/p3", 4, 0)
    library.run()
    assert not library.together("p1", "p3")
    assert library.text("p1") == CORRECTED
    assert library.counts() == (ALL_HOLD[0], NONE_HOLDS[1])
    assert library.said("verdicts that do not hold, since no page has their scan: 1 (p3, SHA-256")


def test_a_split_holds_after_both_pages_are_renamed(library):
    assert library.together("q1", "q2")
    library.decide("q1", "q2", "split")
    library.run()
    assert not library.together("q1", "q2")
    library.move("v2/q1", "v2/r1")
    library.move("v2/q2", "v2/r2")
    library.put("v2/q1", 2, 5)
    library.put("v2/q2", 2, 6)
    library.run()
    assert not library.together("r1", "r2")
    assert library.counts()[1] == {"verdicts": 2, "verdicts_holding": 2}
    assert library.said("verdicts that hold on a page with another name now: 1 (q1 is r1)")


def test_a_verdict_that_was_taken_back_stays_so_after_a_renaming(library):
    library.decide("p3", "p1", "reject", who="Bela")
    library.move("v1/p1", "v1/r1")
    library.run()
    assert not library.together("r1", "p3")
    assert library.counts()[1] == {"verdicts": 2, "verdicts_holding": 2}
    assert library.said("readers differ on", "r1", "p3")
    assert library.said("verdicts that hold on a page with another name now")


def test_of_two_people_the_later_one_counts_and_an_old_file_does_not_overrule_them(library):
    first = read_corrections(library.out / "corrections.csv")
    library.correct("p1", "11", who="Bela")
    library.move("v1/p1", "v1/r1")
    library.run()
    assert library.text("r1") == "11"
    undated = [Correction(c.page, c.box, c.read, c.correct, c.who, sha256=c.sha256) for c in first]
    assert correct(library.corpus, undated).new == ()
    assert library.text("r1") == "11"
    assert [(c.who, c.correct) for c in library.corpus.corrections.all] == [("Anna", CORRECTED), ("Bela", "11")]
    assert library.said("corrections that hold on a page with another name now: 2 (p1 is r1)")


def test_what_was_decided_on_a_scan_that_is_gone_for_good_is_kept_and_said(library):
    library.remove("v1/p1")
    library.run(forget_away=True)
    assert library.page("p1") is None
    assert library.counts() == NONE_HOLDS
    assert library.said("corrections that do not hold, since no page has their scan: 1 (p1, SHA-256")
    assert library.said("verdicts that do not hold, since no page has their scan: 1 (p1, SHA-256")
    assert [c.correct for c in read_corrections(library.out / "corrections.csv")] == [CORRECTED]
