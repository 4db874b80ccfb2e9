import csv
import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import chords, printed, reading, with_numbers
from tablesim.errors import SettingsError
from tablesim.evidence.collation.collation import collate
from tablesim.evidence.genealogy.copying_errors import copying_errors, how_likely
from tablesim.evidence.genealogy.genealogy import genealogy
from tablesim.evidence.genealogy.tree import cheapest_tree, possible
from tablesim.records.address import parse_address
from tablesim.records.dates import YearRange

PLACES = [(row, column) for row in range(1, 44) for column in (3, 4, 7, 8)]


def witness(name, *errors):
    """The table of chords with misprints, given as numbers of PLACES."""
    rows = chords()
    for error in errors:
        row, column = PLACES[error]
        rows[row][column] = str((int(rows[row][column]) + 3 + error % 7) % 60)
    return reading(name, rows)


CHORDS = chords()
FIRST = range(0, 8)
SECOND = range(8, 16)
OTHER = range(20, 30)
CHAIN = (
    witness("a", *FIRST),
    witness("b", *FIRST, *SECOND),
    witness("c", *FIRST, *SECOND, 16, 17),
    witness("x", *OTHER),
)


def links(found):
    return {(found.names[link.model], found.names[link.copy]) for link in found.confident}


def test_a_copy_of_a_copy_hangs_on_its_model_and_a_stranger_on_none():
    found = genealogy(collate(*CHAIN), [1500, 1520, 1540, 1560])
    assert links(found) == {("a", "b"), ("b", "c")}
    assert found.n_errors == (8, 16, 18, 10) and found.decided
    assert {(link.model, link.copy): link.shared_errors for link in found.confident} == {(0, 1): 8, (1, 2): 16}


def test_errors_tell_the_direction_where_years_do_not():
    assert links(genealogy(collate(*CHAIN))) == {("a", "b"), ("b", "c")}
    assert links(genealogy(collate(*CHAIN), [None, 1520, None, None])) == {("a", "b"), ("b", "c")}


def test_years_forbid_a_direction():
    found = genealogy(collate(*CHAIN), [1570, 1520, 1540, 1560])
    assert all(found.years[link.model] < found.years[link.copy] for link in found.links)
    assert ("a", "b") not in {(found.names[link.model], found.names[link.copy]) for link in found.links}
    assert not genealogy(collate(*CHAIN), [1500] * 4).links


def test_a_range_of_years_forbids_a_direction_only_where_no_year_permits_it():
    def allowed(*dates):
        return possible(dates)[:2, :2].tolist()

    early, late, wide, before = (
        YearRange(1500, 1505),
        YearRange(1510, 1512),
        YearRange(1490, 1520),
        YearRange(None, 1499),
    )
    assert allowed(early, late) == [[True, True], [False, True]]
    assert allowed(early, wide) == [[True, True], [True, True]]
    assert allowed(before, 1500) == [[True, True], [False, False]]
    assert allowed(1500, None) == [[False, True], [True, True]]


def test_dates_in_words_stand_in_the_graph():
    found = genealogy(
        collate(*CHAIN), [YearRange(1490, 1500, "um 1495"), 1515, None, YearRange(None, 1629, "vor 1630")]
    )
    graph = found.to_graphml()
    assert "um 1495 (1490–1500)" in graph
    assert '<data key="year">1515</data>' in graph
    assert "vor 1630 (1629 or earlier)" in graph


@settings(max_examples=8)
@given(st.lists(st.sets(st.integers(0, 150), min_size=3, max_size=12), min_size=3, max_size=5), st.randoms())
def test_witnesses_that_err_apart_have_no_link(errors, random):
    used: set[int] = set()
    pages = []
    for number, own in enumerate(errors):
        pages.append(witness(f"w{number}", *sorted(own - used)))
        used |= own
    years = random.sample(range(1500, 1600), len(pages))
    assert genealogy(collate(*pages), years, n_resampled=50).links == ()


def test_what_is_equally_likely_is_not_confident():
    """The copy has no error but those that two witnesses share."""
    pages = (witness("a", *FIRST), witness("b", *FIRST), witness("c", *FIRST, 40), witness("x", *OTHER))
    found = genealogy(collate(*pages), [1500, 1520, 1540, 1560])
    of_c = {found.names[link.model]: link.support for link in found.links if found.names[link.copy] == "c"}
    assert of_c == {"a": pytest.approx(0.5, abs=0.1), "b": pytest.approx(0.5, abs=0.1)}
    assert links(found) == {("a", "b")}


def test_two_witnesses_without_a_law_decide_nothing():
    rows = [[str(100 + 37 * n * n % 899), str(n * n % 57 + 11)] for n in range(30)]
    other = [row[:] for row in rows]
    other[3][0] = "999"
    found = genealogy(collate(reading("a", rows), reading("b", other)), [1500, 1520])
    assert not found.decided and found.links == () and found.n_errors == (0, 0)


def test_two_witnesses_alone_are_never_linked_whatever_they_share():
    found = genealogy(collate(witness("a", *FIRST), witness("b", *FIRST, 40)), [1500, 1520])
    assert found.decided and found.links == found.kin == () and found.confident == []
    assert found.n_errors == (0, 1) and len(found.tradition) == len(FIRST)
    assert not any("sure" in line for line in (*found.words, found.headline))


def test_errors_of_the_whole_tradition_link_nobody_and_are_told_apart():
    """All have eight numbers wrong, as the author computed or the first printer set them; two share three more."""
    pages = witness("a", *FIRST), witness("b", *FIRST, 20, 21, 22), witness("c", *FIRST, 20, 21, 22, 30)
    found = genealogy(collate(*pages), [1500, 1520, 1540])
    assert len(found.tradition) == len(FIRST) and all(error.recomputed for error in found.tradition)
    assert {(link.model, link.copy) for link in found.links} == {(1, 2)} and found.n_errors == (0, 3, 4)
    alone = genealogy(collate(*(witness(name, *FIRST) for name in "abc")), [1500, 1520, 1540])
    assert alone.links == () and len(alone.tradition) == len(FIRST)


def test_a_link_lists_the_cells_that_it_rests_on():
    found = genealogy(collate(*CHAIN), [1500, 1520, 1540, 1560])
    link = next(link for link in found.confident if (link.model, link.copy) == (0, 1))
    rows, pages = chords(), {name: [row[:] for row in chords()] for name in "a"}
    for error in FIRST:
        row, column = PLACES[error]
        pages["a"][row][column] = str((int(rows[row][column]) + 3 + error % 7) % 60)
    told = {
        (parse_address(where).row, parse_address(where).column, text, right)
        for error in link.rests_on
        for where, text, right in zip(error.to_dict()["where"], error.text.split(), error.right.split(), strict=True)
    }
    wrong = {
        (r + 1, c + 1, pages["a"][r][c].lstrip("0") or "0", rows[r][c].lstrip("0") or "0")
        for r, c in (PLACES[error] for error in FIRST)
    }
    assert told == wrong and sum(len(e.where) for e in link.rests_on) == link.shared_errors
    sentence = found.sentence(link)
    support, many = re.search(
        r"B was set from A: support ([\d.]+), sure; both have (\d+) numbers wrong", sentence
    ).groups()
    assert float(support) == pytest.approx(link.support, abs=0.005) and int(many) == 8
    assert all(error.words in sentence for error in link.rests_on)
    line = next(csv.DictReader(io.StringIO(found.to_csv())))
    assert (line["model_siglum"], line["copy_siglum"]) == ("A", "B") and line["rests_on"] in sentence
    counts = [int(re.search(r": (\d+) numbers? wrong", line)[1]) for line in found.words[:4]]
    assert tuple(counts) == found.n_errors


def test_doubtful_places_are_left_out():
    rows = chords()
    errors = PLACES[:6]
    doubted = [n for n in reading("b", rows).numbers if (n.row, n.column) not in errors]
    for row, column in errors:
        true = rows[row][column]
        doubted.append(
            printed(true[:-1] + str((int(true[-1]) + 1) % 10), 0, row, column, runner_up=(int(true[-1]), 0.2))
        )
    found = genealogy(collate(reading("a", rows), with_numbers("b", doubted), witness("c")), [1500, 1510, 1520])
    assert found.n_errors == (0, 0, 0) and found.links == () and found.n_doubtful == 6
    assert "6 doubtful readings left out" in found.words


def test_the_same_seed_gives_the_same_support_and_wrong_years_are_refused():
    collation = collate(*CHAIN)
    assert genealogy(collation, seed=3) == genealogy(collation, seed=3)
    with pytest.raises(SettingsError, match="got 2 years, expected one for each of 4"):
        genealogy(collation, [1500, 1510])


def test_csv_graphml_and_drawing_hold_the_same_links(tmp_path):
    found = genealogy(collate(*CHAIN), [1500, None, 1540, 1560])
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    graph = ElementTree.fromstring(found.to_graphml())
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    edges = graph.findall(".//g:edge", space)
    assert len(lines) == len(edges) == len(found.links) > 0
    keys = {key.get("id") for key in graph.findall("g:key", space)}
    assert {data.get("key") for data in graph.iterfind(".//g:data", space)} <= keys
    assert [node.find("g:data[@key='name']", space).text for node in graph.findall(".//g:node", space)] == list("abcx")
    nodes = {node.get("id") for node in graph.findall(".//g:node", space)}
    assert {edge.get(end) for edge in edges for end in ("source", "target")} <= nodes
    for line, link in zip(lines, found.links, strict=True):
        assert (line["model"], line["copy"]) == (found.names[link.model], found.names[link.copy])
        assert line["confident"] == ("yes" if link.confident else "no")
    drawn = found.plot(tmp_path / "graph.svg")
    assert len([text for text in drawn.axes[0].texts if "errors" in text.get_text()]) == 4
    assert (tmp_path / "graph.svg").stat().st_size > 1000


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_the_tree_is_the_cheapest_of_all(seed, n):
    cost = np.random.default_rng(seed).integers(0, 20, (n, n)).astype(float)

    def total(parents):
        return sum(cost[p, c] for c, p in enumerate(parents) if c)

    def is_tree(parents):
        def rooted(node):
            seen = set()
            while node and node not in seen:
                seen.add(node)
                node = parents[node]
            return node == 0

        return all(map(rooted, range(n)))

    trees = [(0, *rest) for rest in itertools.product(range(n), repeat=n - 1) if is_tree((0, *rest))]
    found = cheapest_tree(cost, 0)
    assert is_tree(found)
    assert total(found) == min(map(total, trees))


def test_kin_of_a_lost_model_are_no_model_of_each_other():
    """Both have the errors of a lost witness, and each has its own: neither can be the other's model."""
    pages = (witness("a", *FIRST, *range(30, 37)), witness("b", *FIRST, *range(40, 47)), witness("c", 50, 51))
    for years in (None, [1500, 1520, 1540]):
        found = genealogy(collate(*pages), years)
        assert found.confident == []
        (kin,) = (link for link in found.kin if link.confident)
        assert (kin.model, kin.copy, kin.shared_errors, kin.relation) == (0, 1, 8, "common model")


def test_a_copy_that_follows_two_models_by_turns_is_not_told_as_a_copy_of_one():
    both = witness("c", *list(FIRST)[:5], *list(OTHER)[:5])
    found = genealogy(collate(witness("a", *FIRST), witness("x", *OTHER), both), [1500, 1510, 1540])
    assert all(link.copy != 2 for link in found.confident)


def test_an_easy_slip_made_twice_makes_no_link():
    """A seven for a one in two editions that share nothing else."""
    rows = chords()
    place = next((r, c) for r, c in PLACES if rows[r][c].endswith("1"))
    pages = []
    for name, errors in (("a", (60, 61, 62)), ("b", (70, 71, 72))):
        numbers = [n for n in witness(name, *errors).numbers if (n.row, n.column) != place]
        pages.append(with_numbers(name, [*numbers, printed(rows[place[0]][place[1]][:-1] + "7", 0, *place)]))
    found = genealogy(collate(*pages, witness("c")), [1500, 1520, 1540])
    assert found.confident == [] and all(not link.confident for link in found.kin)
    assert how_likely("11", "17") > how_likely("12", "15") > how_likely("12", "95")


def test_what_is_right_is_found_with_the_tree_where_no_law_speaks():
    """Four of six witnesses descend from one that errs: what most have is wrong, and years tell."""
    rows = [[str(100 + 37 * n * n % 899), str(n * n % 57 + 11), str(n * 7 % 53 + 20)] for n in range(40)]

    def edition(name, *errors):
        changed = [row[:] for row in rows]
        for error in errors:
            changed[error % 40][error % 3] = str((int(rows[error % 40][error % 3]) + 31) % 89 + 10)
        return reading(name, changed)

    early = [edition("a"), edition("b", 1, 2, 3)]
    late = [
        edition(name, *range(10, 18), *own) for name, own in zip("cdef", ((), (20, 21), (22, 23), (24,)), strict=True)
    ]
    found = genealogy(collate(*early, *late), [1500, 1510, 1520, 1530, 1540, 1550])
    assert {("c", "d"), ("c", "e"), ("c", "f")} <= links(found)
    assert found.n_errors[:4] == (0, 3, 8, 10)


def test_a_row_left_out_is_an_error_that_copies_keep():
    short = [row for at, row in enumerate(chords()) if at != 20]
    pages = reading("a", short), reading("b", short), witness("c", 60, 61), witness("d", 62)
    events = copying_errors(collate(*pages))
    wrong = events.texts != events.right
    assert events.sizes.tolist() == [1, 1, 1, 1]
    assert sorted("".join("ab"[w] for w in event) for event in wrong.T.astype(int)) == ["aaab", "aaba", "aaba", "bbaa"]


def test_shared_errors_that_may_be_misread_make_no_link():
    """The copy's shared errors may each be the right figure: then nothing is shared."""
    rows = chords()
    errors = PLACES[:6]
    doubted = [n for n in reading("b", rows).numbers if (n.row, n.column) not in errors]
    alike = [n for n in reading("a", rows).numbers if (n.row, n.column) not in errors]
    for row, column in errors:
        true = rows[row][column]
        wrong = true[:-1] + str((int(true[-1]) + 1) % 10)
        alike.append(printed(wrong, 0, row, column))
        doubted.append(printed(wrong, 0, row, column, runner_up=(int(true[-1]), 0.45)))
    sure = genealogy(collate(with_numbers("a", alike), with_numbers("b", alike), witness("c")), [1500, 1510, 1520])
    unsure = genealogy(collate(with_numbers("a", alike), with_numbers("b", doubted), witness("c")), [1500, 1510, 1520])
    assert sure.links[0].support > 0.9 and sure.n_doubtful == 0
    assert unsure.links == () and unsure.n_doubtful == len(errors)


def test_what_is_likelier_misread_than_misprinted_is_no_error_of_the_model():
    """The model's own errors speak against a link, but not where a doubtful figure gives what is right."""
    rows = chords()
    clean = [n for n in witness("a", *FIRST).numbers if (n.row, n.column) not in PLACES[30:36]]
    for row, column in PLACES[30:36]:
        true = rows[row][column]
        wrong = true[:-1] + str((int(true[-1]) + 1) % 10)
        clean.append(printed(wrong, 0, row, column, runner_up=(int(true[-1]), 0.3)))
    pages = with_numbers("a", clean), witness("b", *FIRST, 50, 51), witness("c", 60, 61, 62)
    found = genealogy(collate(*pages), [1500, 1520, 1540])
    assert ("a", "b") in links(found)


def test_what_is_wrong_is_said_as_it_is_printed():
    def wrong(error):
        row, column = PLACES[error]
        return f"0{9 - int(CHORDS[row][column]) % 10}"

    def with_zero(name, *errors):
        rows = [row[:] for row in CHORDS]
        for error in errors:
            rows[PLACES[error][0]][PLACES[error][1]] = wrong(error)
        return reading(name, rows)

    pages = reading("a", CHORDS), with_zero("b", 0, 5, 9), with_zero("c", 0, 5, 9), reading("d", CHORDS)
    events = copying_errors(collate(*pages))
    said = {events.names[at][text] for at, texts in enumerate(events.texts.T) for text in texts[1:3]}
    assert said == {wrong(error) for error in (0, 5, 9)}
