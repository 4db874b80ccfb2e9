import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.fakes import reading_of
from tablesim.corpus.storage.files import read_parquet
from tablesim.corpus.storage.shards import (
    EMBEDDING_SCHEMA,
    READING_SCHEMA,
    Shards,
    embedding_row,
    reading_row,
    row_reading,
    vectors,
)
from tablesim.errors import RunError
from tablesim.records.bins import BIN_NAMES
from tablesim.records.boxes import Box
from tablesim.records.reading import Digit, Ditto, Number, Reading
from tablesim.records.transform import Transform

finite = st.floats(-1e6, 1e6)
shares = st.floats(0, 1)
places = st.none() | st.integers(0, 500)
boxes = st.builds(Box, finite, finite, st.floats(0, 1e4), st.floats(0, 1e4))
digits = st.builds(
    Digit, st.none() | st.integers(0, 9), boxes, shares, st.none() | st.tuples(st.integers(0, 9), shares)
)
values = st.none() | st.integers() | st.fractions() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
texts = st.lists(st.text(max_size=6), max_size=2).map(tuple)
numbers = st.builds(
    Number, st.text(max_size=6), st.lists(digits, max_size=3).map(tuple), shares, places, places, places, values, texts
)
dittos = st.builds(Ditto, boxes, shares, places, places, places)
readings = st.builds(
    Reading,
    scan=st.just("p.png"),
    page=st.just("p"),
    sha256=st.just("f" * 64),
    transform=st.builds(
        Transform,
        st.integers(1, 9000),
        st.integers(1, 9000),
        st.sampled_from([0, 90, 180, 270]),
        st.floats(0.1, 4),
        shares,
    ),
    is_table=st.booleans(),
    legibility=shares,
    numbers=st.lists(numbers, max_size=3).map(tuple),
    histogram=st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(110, np.float32) * 99),
    note=st.text(max_size=5),
    dittos=st.lists(dittos, max_size=2).map(tuple),
    marks_mean=st.text(max_size=5),
    negative=st.booleans(),
)


@settings(max_examples=15, deadline=None)
@given(readings)
def test_a_reading_comes_back_from_its_shard_exactly(tmp_path_factory, reading):
    folder = tmp_path_factory.mktemp("shards")
    Shards(folder / "r", READING_SCHEMA).append([reading_row(reading)])
    Shards(folder / "e", EMBEDDING_SCHEMA).append([embedding_row(reading.sha256, reading.histogram)])
    row = next(iter(Shards(folder / "r", READING_SCHEMA).tables())).to_pylist()[0]
    table = next(iter(Shards(folder / "e", EMBEDDING_SCHEMA).tables()))
    histogram = vectors(table["histogram"])[0]
    again = row_reading(row, "p", "p.png", histogram)
    assert again == reading
    np.testing.assert_array_equal(again.histogram, reading.histogram)
    np.testing.assert_array_equal(vectors(table["embedding"])[0], np.sqrt(reading.histogram))


def rows(*pages):
    return [reading_row(reading_of(page, [["12"]], sha256=page)) for page in pages]


def test_compact_shards_depend_on_the_rows_alone_not_on_how_they_came(tmp_path, monkeypatch):
    monkeypatch.setattr("tablesim.corpus.storage.shards.SHARD_ROWS", 2)
    one, other = Shards(tmp_path / "one", READING_SCHEMA), Shards(tmp_path / "other", READING_SCHEMA)
    one.append(rows("a", "b", "c", "d", "e"))
    for page in "edcba":
        other.append(rows(page))
    other.append(rows("a", "c"))
    for shards in (one, other):
        shards.compact(["c", "a", "b", "d"])
    assert [file.read_bytes() for file in one.files] == [file.read_bytes() for file in other.files]
    assert [file.name for file in one.files] == [file.name for file in other.files]
    assert [pq.read_table(file)["sha256"].to_pylist() for file in one.files] == [["c", "a"], ["b", "d"], ["e"]]


def test_compacting_twice_writes_nothing(tmp_path):
    shards = Shards(tmp_path, READING_SCHEMA)
    shards.append(rows("a", "b"))
    shards.compact(["a", "b"])
    before = [(file, file.stat().st_mtime_ns) for file in shards.files]
    shards.compact(["a", "b"])
    assert [(file, file.stat().st_mtime_ns) for file in shards.files] == before


def test_half_written_shards_are_no_shards_and_are_swept_away(tmp_path):
    shards = Shards(tmp_path, READING_SCHEMA)
    shards.append(rows("a"))
    (tmp_path / ".new-x.parquet.abc.part").write_bytes(b"PAR1 half")
    assert [key in shards.places for key in ("a", "x")] == [True, False]
    shards.compact(["a"])
    assert not list(tmp_path.glob(".*.part"))


def test_a_damaged_shard_is_named_with_what_to_do(tmp_path):
    shards = Shards(tmp_path, READING_SCHEMA)
    shards.append(rows("a"))
    file = shards.files[0]
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RunError, match=rf"{file.name}: damaged \(.*\); delete this file and give the same"):
        _ = shards.places


def test_a_shard_with_other_columns_is_refused(tmp_path):
    Shards(tmp_path, EMBEDDING_SCHEMA).append([embedding_row("a", np.ones(110))])
    with pytest.raises(RunError, match=r"expected a column width of type int32"):
        list(Shards(tmp_path, READING_SCHEMA).tables())


def test_the_order_of_the_bins_stands_in_the_file(tmp_path):
    shards = Shards(tmp_path, EMBEDDING_SCHEMA)
    shards.append([embedding_row("a", np.ones(110))])
    shards.compact(["a"])
    field = pq.read_schema(shards.files[0]).field("histogram")
    assert field.metadata[b"bins"].decode().split() == list(BIN_NAMES)


def test_shards_that_are_joined_while_they_are_looked_at_are_found_all_the_same(tmp_path, monkeypatch):
    """As when somebody asks for the status of a job under way."""
    rows = [embedding_row(key * 64, np.ones(110, np.float32)) for key in "ab"]
    job, looking = Shards(tmp_path, EMBEDDING_SCHEMA), Shards(tmp_path, EMBEDDING_SCHEMA)
    single = [job.append([row]) for row in rows]

    def joined_before(path, *more):
        monkeypatch.undo()
        job.append(rows)
        for file in single:
            file.unlink()
        return read_parquet(path, *more)

    monkeypatch.setattr("tablesim.corpus.storage.shards.read_parquet", joined_before)
    assert (looking.places.rows(["a" * 64, "b" * 64]) >= 0).all()


def test_readings_of_0_1_0_are_read(tmp_path):
    reading = reading_of("p", [["12", "5"]])
    Shards(tmp_path, READING_SCHEMA).append([reading_row(reading)])
    (file,) = tmp_path.glob("*.parquet")
    table = pq.read_table(file).drop_columns(["values", "doubts", "dittos", "marks_mean", "negative"])
    pq.write_table(table, file)
    row = Shards(tmp_path, READING_SCHEMA).row(reading.sha256)
    assert row_reading(row, "p", reading.scan, reading.histogram) == reading
