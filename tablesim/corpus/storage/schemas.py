"""Columns of the tables of a run folder."""

from __future__ import annotations

import pyarrow as pa

from tablesim.corpus.storage.files import ADDED

PAGE_SCHEMA = pa.schema(
    [
        ("page", pa.string()),
        ("scan", pa.string()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
        ("modified_ns", pa.int64()),
        ("status", pa.string()),  # "read", "failed" or "waiting"
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("rotation", pa.int16()),
        ("is_table", pa.bool_()),
        ("legibility", pa.float64()),
        ("note", pa.string()),
        ("n_numbers", pa.int32()),
        ("n_digits", pa.int32()),
        ("book", pa.string()),
        ("authors", pa.list_(pa.string())),
        ("title", pa.string()),
        ("printers", pa.list_(pa.string())),
        ("publishers", pa.list_(pa.string())),
        ("place", pa.string()),
        ("year", pa.int32()),
        ("year_latest", pa.int32()),
        ("handle", pa.string()),
        ("extra", pa.string()),  # the other columns of the metadata, as a JSON object
        pa.field("date", pa.string(), metadata={ADDED: "0.2.0"}),  # the words of year and year_latest
        pa.field("away", pa.bool_(), metadata={ADDED: "0.2.0"}),  # the scan was not there when the last job looked
    ]
)
NEIGHBOUR_SCHEMA = pa.schema(
    [
        ("page", pa.string()),
        ("rank", pa.int32()),
        ("neighbour", pa.string()),
        ("similarity", pa.float64()),
        ("same_book", pa.bool_()),
    ]
)
