import csv
import io
import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.grids import chords, printed, reading, with_numbers
from tablesim.errors import SettingsError
from tablesim.evidence.arborescence import cheapest_tree
from tablesim.evidence.collation import collate
from tablesim.evidence.genealogy import genealogy

PLACES = [(row, column) for row in range(1, 44) for column in (3, 4, 7, 8)]


def witness(name, *errors):
    """The table of chords with misprints, given as numbers of PLACES."""
    rows = chords()
    for error in errors:
        row, column = PLACES[error]
        rows[row][column] = str((int(rows[row][column]) + 3 + error % 7) % 60)
    return reading(name, rows)


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


@settings(max_examples=15)
@given(st.lists(st.sets(st.integers(0, 150), min_size=3, max_size=12), min_size=3, max_size=5), st.randoms())
def test_witnesses_that_err_apart_have_no_link(errors, random):
    used: set[int] = set()
    pages = []
    for number, own in enumerate(errors):
        pages.append(witness(f"w{number}", *sorted(own - used)))
        used |= own
    years = random.sample(range(1500, 1600), len(pages))
    assert genealogy(collate(*pages), years).links == ()


def test_what_is_equally_likely_is_not_confident():
    """The copy has no error but those that two witnesses share."""
    pages = (witness("a", *FIRST), witness("b", *FIRST), witness("c", *FIRST, 40))
    found = genealogy(collate(*pages), [1500, 1520, 1540])
    of_c = {found.names[link.model]: link.support for link in found.links if found.names[link.copy] == "c"}
    assert of_c == {"a": pytest.approx(0.5, abs=0.1), "b": pytest.approx(0.5, abs=0.1)}
    assert links(found) == {("a", "b")}


def test_two_witnesses_without_a_law_decide_nothing():
    rows = [[str(100 + 37 * n * n % 899), str(n * n % 57 + 11)] for n in range(30)]
    other = [row[:] for row in rows]
    other[3][0] = "999"
    found = genealogy(collate(reading("a", rows), reading("b", other)), [1500, 1520])
    assert not found.decided and found.links == () and found.n_errors == (0, 0)


def test_doubtful_places_weigh_less():
    rows = chords()
    errors = PLACES[:6]
    doubted = [n for n in reading("b", rows).numbers if (n.row, n.column) not in errors]
    for row, column in errors:
        true = rows[row][column]
        doubted.append(
            printed(true[:-1] + str((int(true[-1]) + 1) % 10), 0, row, column, runner_up=(int(true[-1]), 0.2))
        )
    found = genealogy(collate(reading("a", rows), with_numbers("b", doubted), witness("c")), [1500, 1510, 1520])
    assert found.n_errors == (0, 6, 0) and found.links == ()


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
