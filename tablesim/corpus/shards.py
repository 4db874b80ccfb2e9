"""Readings and embeddings in Parquet shards, one row a scan, found again by the hash of the scan's bytes.

Two pages with the same bytes share a row, and a scan that was renamed is not read again. While a job runs, shards are
small and come in the order in which pages were done; at its end ``compact`` lays them out in the order of the pages, so
that the folder is the same however many workers there were and however often the job was stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tablesim.bigrams.bins import BIN_NAMES, N_BINS
from tablesim.corpus.files import read_parquet, sweep, write_parquet
from tablesim.digits.reading import Digit, Number, Reading
from tablesim.scans.boxes import Box
from tablesim.scans.transform import Transform

SHARD_ROWS = 1024

_DIGIT = pa.struct(
    [
        ("value", pa.int8()),
        *((side, pa.float64()) for side in ("x", "y", "width", "height")),
        ("confidence", pa.float64()),
        ("runner_up", pa.int8()),
        ("runner_up_confidence", pa.float64()),
    ]
)
_NUMBER = pa.struct(
    [
        ("text", pa.string()),
        ("confidence", pa.float64()),
        *((place, pa.int32()) for place in ("table", "row", "column")),
        ("digits", pa.list_(_DIGIT)),
    ]
)
READING_SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("rotation", pa.int16()),
        ("scale", pa.float64()),
        ("skew", pa.float64()),
        ("is_table", pa.bool_()),
        ("legibility", pa.float64()),
        ("note", pa.string()),
        ("numbers", pa.list_(_NUMBER)),
    ]
)
_BINS = {"bins": " ".join(BIN_NAMES), "about": "0-9 isolated digits, 10-19 '00'..'09', 20-109 '10'..'99'"}
EMBEDDING_SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string()),
        pa.field("histogram", pa.list_(pa.float32(), N_BINS), metadata=_BINS),
        pa.field("embedding", pa.list_(pa.float32(), N_BINS), metadata={**_BINS, "is": "sqrt(histogram)"}),
    ]
)


class Shards:
    """One folder of shards with one schema; the column ``sha256`` is the key.

    Parameters
    ----------
    folder : Path
        Made on the first ``append``.
    schema : pyarrow Schema
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder = folder
        self.schema = schema

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def keys(self) -> set[str]:
        """Hashes of the scans that have a row."""
        return {key for file in self.files for key in read_parquet(file, self.schema, ["sha256"])["sha256"].to_pylist()}

    def where(self) -> dict[str, tuple[Path, int]]:
        """File and row of each hash."""
        return {
            key: (file, row)
            for file in self.files
            for row, key in enumerate(read_parquet(file, self.schema, ["sha256"])["sha256"].to_pylist())
        }

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write ``rows`` as one more shard, named after the scans in it."""
        if rows:
            name = hashlib.sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()[:16]
            write_parquet(self.folder / f"new-{name}.parquet", pa.Table.from_pylist(list(rows), schema=self.schema))

    def tables(self) -> Iterator[pa.Table]:
        """Each shard as a table."""
        return (read_parquet(file, self.schema) for file in self.files)

    def compact(self, keys: Iterable[str]) -> None:
        """Lay the rows out in the order of ``keys``, then the others, ``SHARD_ROWS`` to a file.

        New files come before old ones go: a job that is killed in between leaves rows twice, never none.
        """
        sweep(self.folder)
        place = self.where()
        order = [key for key in dict.fromkeys((*keys, *sorted(place))) if key in place]
        parts = [order[start : start + SHARD_ROWS] for start in range(0, len(order), SHARD_ROWS)]
        names = [f"part-{index:05d}-{_name(part)}.parquet" for index, part in enumerate(parts)]
        old = set(self.files)
        for name, part in zip(names, parts, strict=True):
            # A name holds the hash of its keys: a file of that name is already what would be written.
            if self.folder / name not in old:
                write_parquet(self.folder / name, self._gather([place[key] for key in part]))
        for file in old - {self.folder / name for name in names}:
            file.unlink()

    def _gather(self, places: Sequence[tuple[Path, int]]) -> pa.Table:
        by_file: dict[Path, list[tuple[int, int]]] = {}
        for target, (file, row) in enumerate(places):
            by_file.setdefault(file, []).append((target, row))
        pieces: list[pa.Table] = []
        targets: list[int] = []
        for file, pairs in by_file.items():
            pieces.append(read_parquet(file, self.schema).take([row for _, row in pairs]))
            targets.extend(target for target, _ in pairs)
        return pa.concat_tables(pieces).take(np.argsort(targets)).replace_schema_metadata(self.schema.metadata)


def _name(keys: Sequence[str]) -> str:
    return hashlib.sha256("".join(keys).encode()).hexdigest()[:12]


def reading_row(reading: Reading) -> dict[str, Any]:
    """The row of a reading; nothing is rounded."""
    return {
        "sha256": reading.sha256,
        "width": reading.width,
        "height": reading.height,
        "rotation": reading.transform.rotation,
        "scale": reading.transform.scale,
        "skew": reading.transform.skew,
        "is_table": reading.is_table,
        "legibility": reading.legibility,
        "note": reading.note,
        "numbers": [
            {
                "text": number.text,
                "confidence": float(number.confidence),
                "table": number.table,
                "row": number.row,
                "column": number.column,
                "digits": [_digit_row(digit) for digit in number.digits],
            }
            for number in reading.numbers
        ],
    }


def embedding_row(sha256: str, histogram: np.ndarray) -> dict[str, Any]:
    """The row of a page's histogram of shape (110,) and of its embedding, both float32."""
    counts = np.asarray(histogram, dtype=np.float32)
    return {"sha256": sha256, "histogram": counts, "embedding": np.sqrt(counts)}


def row_reading(row: dict[str, Any], page: str, scan: str, histogram: np.ndarray | None) -> Reading:
    """The reading in a row, as the reading of ``page`` in the file ``scan``."""
    return Reading(
        scan=scan,
        page=page,
        sha256=row["sha256"],
        transform=Transform(row["width"], row["height"], row["rotation"], row["scale"], row["skew"]),
        is_table=row["is_table"],
        legibility=row["legibility"],
        numbers=tuple(
            Number(
                number["text"],
                tuple(_row_digit(digit) for digit in number["digits"]),
                number["confidence"],
                number["table"],
                number["row"],
                number["column"],
            )
            for number in row["numbers"]
        ),
        histogram=histogram,
        note=row["note"],
    )


def vectors(column: pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists as a float32 array of shape (n, 110)."""
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(flat).reshape(-1, N_BINS) if flat else np.zeros((0, N_BINS), np.float32)


def _digit_row(digit: Digit) -> dict[str, Any]:
    second, confidence = digit.runner_up if digit.runner_up is not None else (None, None)
    box = digit.box
    return {
        "value": digit.value,
        "x": float(box.x),
        "y": float(box.y),
        "width": float(box.width),
        "height": float(box.height),
        "confidence": float(digit.confidence),
        "runner_up": second,
        "runner_up_confidence": None if confidence is None else float(confidence),
    }


def _row_digit(row: dict[str, Any]) -> Digit:
    second = None if row["runner_up"] is None else (row["runner_up"], row["runner_up_confidence"])
    return Digit(row["value"], Box(row["x"], row["y"], row["width"], row["height"]), row["confidence"], second)
