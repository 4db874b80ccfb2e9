"""The groups that follow from relations between pages, and the sentence that counts them."""

import re

from tablesim.records.relations import (
    PART_OF,
    PERSON,
    SAME_KIND,
    SAME_SCAN,
    SAME_TABLE,
    GroupCounts,
    Groups,
    PageRelation,
    counts_sentence,
)


def groups():
    """Cluster 1: a table on a, b and its copy, with c alike; 2: two alike; 3: a part of a; 4: alone and its copy."""
    relations = [
        PageRelation("a", SAME_TABLE, "b", 1),
        PageRelation("b", SAME_TABLE, "a", 1),
        PageRelation("b2", SAME_SCAN, "b", 1),
        PageRelation("c", SAME_KIND, "a", None),
        PageRelation("d", SAME_KIND, "e", None),
        PageRelation("e", SAME_KIND, "d", None),
        PageRelation("half", PART_OF, "a", 1),
        PageRelation("z2", SAME_SCAN, "z", None),
    ]
    clusters = {"a": 1, "b": 1, "b2": 1, "c": 1, "d": 2, "e": 2, "half": 3, "z": 4, "z2": 4}
    return Groups(clusters, {each.page: each for each in relations}, [*sorted(clusters), "zz"])


def test_the_same_table_and_the_same_kind_are_kept_apart():
    found = groups()
    assert [(table.number, table.scans, table.pages) for table in found.tables] == [
        (1, ("a", "b", "half"), ("a", "b", "b2", "half"))
    ]
    assert [(kind.number, kind.alike, kind.tables) for kind in found.kinds] == [(1, ("c",), (1,)), (2, ("d", "e"), ())]
    assert found.alone == ("z", "zz")
    assert found.relation("a", "b") == found.relation("b2", "a") == SAME_TABLE
    assert found.relation("b", "b2") == SAME_SCAN
    assert found.relation("a", "half") == found.relation("half", "a") == PART_OF
    assert found.relation("half", "b") == SAME_TABLE, "parts of it and it: one table"
    assert found.relation("c", "a") == SAME_KIND
    assert found.relation("c", "d") is None


def test_a_kind_may_hold_several_clusters():
    found = groups()
    kinds = {page: 1 if cluster in (1, 2) else cluster for page, cluster in found.clusters.items()}
    wider = Groups(found.clusters, found.relations, found.pages, kinds)
    assert [(kind.number, kind.clusters, kind.alike, kind.tables) for kind in wider.kinds] == [
        (1, (1, 2), ("c", "d", "e"), (1,))
    ]
    assert wider.relation("c", "d") == SAME_KIND
    assert wider.counts.alike == found.counts.alike


def test_a_page_that_has_a_partner_is_never_alone():
    found = groups()
    assert found.kind_of("half") is None
    assert "half" not in found.alone


def test_the_numbers_of_the_headline_add_up():
    counts = groups().counts
    assert counts == GroupCounts(pages=8, copies=2, tables=1, verified=3, kinds=2, alike=3, alone=2)
    assert counts.verified + counts.alike + counts.alone == counts.pages
    sentence = counts_sentence(counts)
    assert list(map(int, re.findall(r"\d+", sentence))) == [8, 3, 1, 3, 2, 2, 2]
    assert "3 pages are of the same kind as others" in sentence


def test_where_nothing_was_shown_nothing_is_said_to_be_the_same():
    sentence = counts_sentence(GroupCounts(28, 0, 0, 0, 10, 25, 3))
    assert sentence.startswith(
        "Of 28 pages with a table, no two were shown to carry the same table. 25 pages are of the"
    )


def test_headings_say_which_relation_it_is():
    found = groups()
    assert found.tables[0].heading == "Table 1: the same table on 3 pages, 1 of them part of it"
    assert [kind.heading for kind in found.kinds] == [
        "Kind 1: table 1 and 1 page more of the same kind, not shown to be the same",
        "Kind 2: 2 pages of the same kind, none shown to carry the same table",
    ]


def test_what_is_not_known_yet_is_said():
    unknown = Groups({"a": 1, "b": 1}, {}, ["a", "b"], known=False)
    assert unknown.tables == () and "not found out yet" in unknown.sentence


def test_what_people_said_is_not_called_verified():
    said = [PageRelation(page, SAME_TABLE, other, 1, PERSON) for page, other in (("a", "b"), ("b", "a"))]
    found = [PageRelation("c", SAME_TABLE, "a", 1)]
    both = Groups({"a": 1, "b": 1, "c": 1}, {one.page: one for one in (*said, *found)}, ["a", "b", "c"], {}, known=True)
    assert "verified cell by cell or said by people" in " ".join(both.words_of_cluster(1))
    alone = Groups({"a": 1, "b": 1}, {one.page: one for one in said}, ["a", "b"], {}, known=True)
    assert alone.words_of_cluster(1) == ["All its 2 pages carry table 1, as people said."]
