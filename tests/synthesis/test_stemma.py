import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.synthesis.stemma import OMITTED, SimulatedEdition, Stemma, differences, grow
from tablesim.synthesis.tables import BUILDERS, Column, HistoricalTable, build

TABLE = build("declination")
seeds = st.integers(0, 10_000)


def archetype(table: HistoricalTable) -> SimulatedEdition:
    return SimulatedEdition("", 0, None, (), table, tuple(range(len(table.rows))))


def recorded(misprints) -> set:
    return {(m.line, m.column, m.place, m.was, m.became) for m in misprints if m.kind != OMITTED}


def stemma(seed: int, table: HistoricalTable = TABLE, count: int = 5, rate: float = 0.02) -> Stemma:
    return grow(table, count, np.random.default_rng(seed), rate=rate)


@settings(deadline=None, max_examples=40)
@given(seeds, st.sampled_from(sorted(BUILDERS)))
def test_misprints_recorded_are_the_differences(seed: int, name: str) -> None:
    grown = stemma(seed, build(name))
    for witness in grown.witnesses:
        parent = archetype(grown.table) if witness.parent is None else grown.witness(witness.parent)
        assert recorded(witness.misprints) == differences(parent, witness)
        everything = (*grown.inherited(witness), *witness.misprints)
        assert recorded(everything) == differences(archetype(grown.table), witness)
        omitted = {m.line for m in everything if m.kind == OMITTED}
        assert set(witness.lines) == set(range(len(grown.table.rows))) - omitted
        assert len(witness.table.rows) == len(witness.lines)


@settings(deadline=None)
@given(seeds, st.integers(1, 9))
def test_a_stemma_is_a_tree_that_grows_with_time(seed: int, count: int) -> None:
    witnesses = stemma(seed, count=count).witnesses
    assert len(witnesses) == count
    assert len({witness.name for witness in witnesses}) == count
    assert witnesses[0].parent is None
    years = {witness.name: witness.year for witness in witnesses}
    for witness in witnesses[1:]:
        assert witness.parent is not None
        assert years[witness.parent] < witness.year
    assert all(witness.misprints for witness in witnesses)


@settings(deadline=None)
@given(seeds)
def test_a_copy_keeps_what_its_parent_had_wrong(seed: int) -> None:
    grown = stemma(seed)
    for witness in grown.witnesses:
        assert recorded(grown.inherited(witness)) <= differences(archetype(TABLE), witness)


def test_the_same_seed_grows_the_same_stemma() -> None:
    assert stemma(3) == stemma(3)
    assert stemma(3) != stemma(4)


def test_every_kind_of_slip_happens() -> None:
    kinds = {m.kind for seed in range(60) for witness in stemma(seed).witnesses for m in witness.misprints}
    assert kinds == {"confused", "wrong sort", "transposed", "carry", "row repeated", "row omitted"}


def test_confused_digits_are_those_that_look_alike() -> None:
    alike = {frozenset(pair) for pair in ("06", "17", "27", "38", "14", "35", "69")}
    for seed in range(20):
        for misprint in (m for w in stemma(seed).witnesses for m in w.misprints if m.kind == "confused"):
            changed = [pair for pair in zip(str(misprint.was), str(misprint.became), strict=True) if pair[0] != pair[1]]
            assert len(changed) == 1
            assert frozenset(changed[0]) in alike


def test_words_are_never_misprinted() -> None:
    grown = stemma(1, build("royal_canon"), count=8, rate=0.2)
    assert {m.column for w in grown.witnesses for m in w.misprints if m.kind != OMITTED} <= {"years", "sum"}


def test_a_table_without_room_for_slips_still_ends() -> None:
    table = HistoricalTable("t", ("T",), (Column("a", ("A",)),), (((1,),),))
    grown = grow(table, 6, np.random.default_rng(0))
    assert len(grown.witnesses) == 6


def test_no_witnesses_is_an_error() -> None:
    with pytest.raises(ValueError, match="got 0 witnesses, expected at least 1"):
        stemma(0, count=0)
