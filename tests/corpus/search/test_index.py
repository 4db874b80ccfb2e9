import os
import time

import numpy as np
import pyarrow as pa
import pytest

from tablesim.corpus.from_histograms import corpus_of_histograms
from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.storage.shards import EMBEDDING_SCHEMA
from tablesim.corpus.store import Corpus
from tablesim.errors import RunError


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    return corpus_of_histograms(tmp_path / "run", {f"p{row}": rng.integers(0, 9, 110) for row in range(6)})


def test_a_histogram_that_is_no_number_is_said(corpus):
    (shard,) = corpus.embedding_shards.files
    table = read_parquet(shard, EMBEDDING_SCHEMA)
    h = np.stack(table["histogram"].to_numpy(zero_copy_only=False)).astype(np.float32)
    h[2, 7] = np.nan
    damaged = pa.FixedSizeListArray.from_arrays(pa.array(h.ravel()), 110)
    place = EMBEDDING_SCHEMA.get_field_index("histogram")
    write_parquet(shard, table.set_column(place, EMBEDDING_SCHEMA.field(place), damaged))
    again = Corpus.open(corpus.folder)
    for use in (lambda: again.search("p0"), again.build_neighbours, lambda: again.cluster(2)):
        with pytest.raises(RunError, match=r"damaged.*`tablesim doctor RUN`"):
            use()


def test_what_killed_processes_left_of_an_index_is_removed(corpus):
    corpus.search("p0")
    search = corpus.folder / ".search"
    for name, age in (("new-old.part", 7200), ("new-fresh.part", 60)):
        (search / name).mkdir()
        os.utime(search / name, (time.time() - age,) * 2)
    pages = corpus.folder / "pages.parquet"
    os.utime(pages, (time.time() + 5,) * 2)
    Corpus.open(corpus.folder).search("p0")
    names = sorted(path.name for path in search.iterdir())
    assert len(names) == 2 and names[1] == "new-fresh.part"
