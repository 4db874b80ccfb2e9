"""Readings and embeddings in Parquet shards, one row a scan, found again by the hash of the scan's bytes.

Two pages with the same bytes share a row, and a scan that was renamed is not read again. While a job runs, shards are
small and come in the order in which pages were done; at its end ``compact`` lays them out in the order of the pages, so
that the folder is the same however many workers there were and however often the job was stopped.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablesim.corpus.storage.files import ADDED, group_sizes, read_parquet, remove_partials, write_parquet
from tablesim.errors import RunError
from tablesim.records.bins import BIN_NAMES, N_BINS
from tablesim.records.boxes import Box
from tablesim.records.number_values import value_from_text, value_to_text
from tablesim.records.reading import Digit, Ditto, Number, Reading
from tablesim.records.transform import PageRegion, Transform
from tablesim.records.warp import RowWarp

SHARD_ROWS = 1024
"""Pages a shard after compacting: a few megabytes, read at once."""
GROUP_ROWS = 32
"""Pages of a shard that are read together: one page alone is mostly asked for, and its neighbours after it."""
KEPT_BYTES = 1 << 26
"""Rows that are kept in memory, some 3,000 pages of 150 numbers."""
_NEW = "new-"
_WORDS = 1 << 16

_SIDES = ("x", "y", "width", "height")
_CELL = ("table", "row", "column")
_DIGIT = pa.struct(
    [
        ("value", pa.int8()),
        *((side, pa.float64()) for side in _SIDES),
        ("confidence", pa.float64()),
        ("runner_up", pa.int8()),
        ("runner_up_confidence", pa.float64()),
    ]
)
_NUMBER = pa.struct(
    [
        ("text", pa.string()),
        ("confidence", pa.float64()),
        *((place, pa.int32()) for place in _CELL),
        ("digits", pa.list_(_DIGIT)),
    ]
)
_DITTO = pa.struct(
    [
        *((name, pa.float64()) for name in (*_SIDES, "confidence")),
        *((name, pa.int32()) for name in _CELL),
    ]
)
_LINES = pa.list_(pa.float64())
_WARP = pa.struct([("x", _LINES), ("y", _LINES), ("dy", pa.list_(_LINES))])
_REGION = pa.struct([*((side, pa.float64()) for side in _SIDES), ("rotation", pa.int16())])
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
        pa.field("read_by", pa.string(), metadata={ADDED: "0.2.0"}),  # versions in run.json under "readers"
        # Beside "numbers", not in it: a column of another type would be refused.
        pa.field("values", pa.list_(pa.string()), metadata={ADDED: "0.2.0"}),
        pa.field("doubts", pa.list_(pa.list_(pa.string())), metadata={ADDED: "0.2.0"}),
        pa.field("dittos", pa.list_(_DITTO), metadata={ADDED: "0.2.0"}),
        pa.field("marks_mean", pa.string(), metadata={ADDED: "0.2.0"}),
        pa.field("negative", pa.bool_(), metadata={ADDED: "0.2.0"}),
        pa.field("aspect", pa.float64(), metadata={ADDED: "0.2.0"}),
        pa.field("warp", _WARP, metadata={ADDED: "0.2.0"}),
        pa.field("regions", pa.list_(_REGION), metadata={ADDED: "0.2.0"}),
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


_KEYS = pa.schema([pa.field("sha256", pa.string())])


class ShardIndex:
    """Where each hash stands: in which file and which row of it. A million take 80 MB."""

    def __init__(self, files: Sequence[Path], keys: Sequence[pa.Array]) -> None:
        self.files = list(files)
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in keys])]).astype(np.int64)
        found = np.concatenate([_words(part) for part in keys] or [np.empty(0, "S64")])
        self._order = np.argsort(found, kind="stable")
        self._sorted = found[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, key: str) -> bool:
        return bool(self.rows([key])[0] >= 0)

    def rows(self, keys: Sequence[str] | pa.Array) -> NDArray[np.int64]:
        """The row of each key, counted through all files; -1 where it has none."""
        wanted = _words(keys) if isinstance(keys, pa.Array) else np.array(list(keys), dtype="S64")
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self) - 1)
        return np.where(self._sorted[at] == wanted, self._order[at], -1).astype(np.int64)

    def others(self, known: Container[str]) -> Iterator[tuple[str, int]]:
        """The keys that are not in ``known``, sorted, each once, with its row."""
        before = None
        for key, row in zip(self._sorted, self._order, strict=True):
            word = key.decode()
            if word != before and word not in known:
                yield word, int(row)
            before = word

    def place(self, row: int) -> tuple[Path, int]:
        """File and row in it of a row that was counted through all files."""
        file = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.files[file], row - int(self.starts[file])


Stamp = tuple[int, int, int]
"""What tells a file from one that took its name: inode, time and size."""

LAST_GROUPS = 16
"""Groups of rows kept for those who open the run anew after each decision: some 12 MB."""


def _stamp(file: Path) -> Stamp:
    about = file.stat()
    return about.st_ino, about.st_mtime_ns, about.st_size


def _known(file: Path) -> Stamp | None:
    """As ``_stamp``; None where the file is gone, which reading it says."""
    try:
        return _stamp(file)
    except OSError:
        return None


@lru_cache(maxsize=2)
def _index(files: tuple[tuple[Path, Stamp], ...]) -> ShardIndex:
    """Where each hash stands in some files, kept as long as they are the same: readings, and embeddings."""
    keys = [read_parquet(file, _KEYS, ["sha256"])["sha256"].combine_chunks() for file, _ in files]
    return ShardIndex([file for file, _ in files], keys)


@lru_cache(maxsize=LAST_GROUPS)
def _group_of(file: Path, _: Stamp | None, group: int, schema: pa.Schema) -> pa.Table:
    """A group of rows of a file, kept as long as the file is the same."""
    return read_parquet(file, schema, group=group)


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
        self._places: ShardIndex | None = None
        self._sizes: dict[Path, list[int]] = {}
        self._groups: OrderedDict[tuple[Path, int], pa.Table] = OrderedDict()

    def refresh(self) -> None:
        """Forget what was read from the folder."""
        self._places = None
        self._sizes.clear()
        self._groups.clear()

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    @property
    def places(self) -> ShardIndex:
        """Where the row of each scan is, as it was when this was first asked for."""
        while self._places is None:
            files = self.files
            try:
                self._places = _index(tuple((file, _stamp(file)) for file in files))
            except (RunError, FileNotFoundError):
                if all(file.exists() for file in files):
                    raise
                continue  # a job under way joined some of them meanwhile
        return self._places

    def row(self, key: str) -> dict[str, Any] | None:
        """The row of a scan; None when it has none."""
        while True:
            at = int(self.places.rows([key])[0])
            if at < 0:
                return None
            file, row = self.places.place(at)
            try:
                first, table = self._group(file, row)
            except RunError:
                if file.exists():
                    raise
                self.refresh()  # a job under way joined it with others
                continue
            return dict(table.slice(row - first, 1).to_pylist()[0])

    def _group(self, file: Path, row: int) -> tuple[int, pa.Table]:
        """The rows that are read together with a row of a file, and where they begin; RunError as for ``read``.

        Those asked for last are kept: pages are asked for in their order, and beside the pages that are like them.
        """
        if file not in self._sizes:
            self._sizes[file] = group_sizes(file)
        first, group = 0, -1
        for at, size in enumerate(self._sizes[file]):
            if row < first + size:
                group = at
                break
            first += size
        if group < 0:
            first = 0
        if (file, group) not in self._groups:
            table = (
                self.read(file) if group < 0 else self._checked(file, _group_of(file, _known(file), group, self.schema))
            )
            while self._groups and table.nbytes + sum(kept.nbytes for kept in self._groups.values()) > KEPT_BYTES:
                self._groups.popitem(last=False)
            self._groups[file, group] = table
        self._groups.move_to_end((file, group))
        return first, self._groups[file, group]

    def append(self, rows: Sequence[dict[str, Any]], *, durable: bool = True) -> Path:
        """Write ``rows``, one or more, as one more shard, named after the scans in it; see ``write_aside``."""
        name = hashlib.sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()[:16]
        path = self.folder / f"{_NEW}{name}.parquet"
        write_parquet(path, pa.Table.from_pylist(list(rows), schema=self.schema), durable=durable)
        self.refresh()
        return path

    def replace(self, rows: Mapping[str, dict[str, Any]]) -> None:
        """Put other rows in the place of those that some scans have, by their hashes."""
        by_file: dict[Path, dict[int, str]] = {}
        for key, place in zip(rows, self.places.rows(list(rows)).tolist(), strict=True):
            file, row = self.places.place(place)
            by_file.setdefault(file, {})[row] = key
        for file in [file for file in self.files if file in by_file]:
            old = self.read(file)
            order = np.arange(len(old))
            for index, row in enumerate(by_file[file]):
                order[row] = len(old) + index
            new = pa.Table.from_pylist([rows[key] for key in by_file[file].values()], schema=self.schema)
            both = pa.concat_tables([old.cast(self.schema), new]).take(pa.array(order))
            write_parquet(file, both.replace_schema_metadata(self.schema.metadata))
        if rows:
            self.refresh()

    def repair(self) -> None:
        """Remove shards of a job under way that a power cut left half written; their pages are read again."""
        for file in self.folder.glob(f"{_NEW}*.parquet"):
            try:
                self.read(file)
            except RunError:
                file.unlink()
        self.refresh()

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Each shard of ``places`` as a table, with all columns or some."""
        return (self.read(file, columns) for file in self.places.files)

    def values(self, column: str) -> dict[str, Any]:
        """What each scan has in a column, by its hash."""
        while True:
            files = self.places.files
            try:
                tables = [self.read(file, ["sha256", column]) for file in files]
            except RunError:
                if all(file.exists() for file in files):
                    raise
                self.refresh()  # a job under way joined some of them meanwhile
                continue
            pairs = (zip(part["sha256"].to_pylist(), part[column].to_pylist(), strict=True) for part in tables)
            return {key: value for part in pairs for key, value in part}

    def read(self, file: Path, columns: Sequence[str] | None = None) -> pa.Table:
        """One of the files; RunError when it is damaged or holds a histogram that is no number."""
        return self._checked(file, read_parquet(file, self.schema, columns))

    def _checked(self, file: Path, table: pa.Table) -> pa.Table:
        if "histogram" in table.schema.names and not np.isfinite(vectors(table["histogram"])).all():
            raise RunError(f"{file}: damaged (a histogram that is no number); `tablesim doctor RUN` says what to do")
        return table

    def compact(self, keys: Iterable[str]) -> None:
        """Lay the rows out in the order of ``keys``, then the others, ``SHARD_ROWS`` to a file.

        New files come before old ones go: a job that is killed in between leaves rows twice, never none.
        """
        remove_partials(self.folder)
        self.refresh()
        places = self.places
        wanted = list(dict.fromkeys(keys))
        rows = places.rows(wanted)
        row_by_key = {key: int(row) for key, row in zip(wanted, rows, strict=True) if row >= 0}
        if len(row_by_key) < len(places):
            row_by_key |= {key: int(row) for key, row in places.others(row_by_key)}
        order = list(row_by_key)
        parts = [order[start : start + SHARD_ROWS] for start in range(0, len(order), SHARD_ROWS)]
        names = [f"part-{index:05d}-{_name(part)}.parquet" for index, part in enumerate(parts)]
        old = set(self.files)
        for name, part in zip(names, parts, strict=True):
            # A name holds the hash of its keys: a file of that name is already what would be written.
            if self.folder / name not in old:
                write_parquet(
                    self.folder / name, self._gather([places.place(row_by_key[key]) for key in part]), GROUP_ROWS
                )
        for file in old - {self.folder / name for name in names}:
            file.unlink()
        self.refresh()

    def _gather(self, places: Sequence[tuple[Path, int]]) -> pa.Table:
        by_file: dict[Path, list[tuple[int, int]]] = {}
        for target, (file, row) in enumerate(places):
            by_file.setdefault(file, []).append((target, row))
        pieces: list[pa.Table] = []
        targets: list[int] = []
        for file, pairs in by_file.items():
            pieces.append(self.read(file).take([row for _, row in pairs]))
            targets.extend(target for target, _ in pairs)
        rows = pa.concat_tables(pieces).take(np.argsort(targets))
        return pa.Table.from_arrays(rows.columns, schema=self.schema)


def _words(keys: pa.Array) -> NDArray[np.bytes_]:
    """Hashes as bytes, some at a time: as words of Python a million take 200 MB."""
    out = np.empty(len(keys), dtype="S64")
    for start in range(0, len(keys), _WORDS):
        out[start : start + _WORDS] = keys.slice(start, _WORDS).to_pylist()
    return out


def is_named_after(file: Path, keys: Sequence[str]) -> bool:
    """Whether the hash in the name of a shard is that of the scans in it, as it is for all that are written."""
    named = file.stem.rpartition("-")[2]
    return hashlib.sha256("".join(keys).encode()).hexdigest().startswith(named)


def _name(keys: Sequence[str]) -> str:
    return hashlib.sha256("".join(keys).encode()).hexdigest()[:12]


def reading_row(reading: Reading, read_by: str = "") -> dict[str, Any]:
    """The row of a reading; nothing is rounded. ``read_by`` names the versions that read it."""
    return {
        "read_by": read_by,
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
        "values": [value_to_text(number.value) for number in reading.numbers],
        "doubts": [list(number.doubts) for number in reading.numbers],
        "dittos": [_ditto_row(ditto) for ditto in reading.dittos],
        "marks_mean": reading.marks_mean,
        "negative": reading.negative,
        "aspect": reading.transform.aspect,
        "warp": None if reading.transform.warp is None else asdict(reading.transform.warp),
        "regions": [_sides(region.box) | {"rotation": region.rotation} for region in reading.transform.regions],
    }


def embedding_row(sha256: str, histogram: np.ndarray) -> dict[str, Any]:
    """The row of a page's histogram of shape (110,) and of its embedding, both float32."""
    counts = np.asarray(histogram, dtype=np.float32)
    return {"sha256": sha256, "histogram": counts, "embedding": np.sqrt(counts)}


def row_reading(row: dict[str, Any], page: str, scan: str, histogram: np.ndarray | None) -> Reading:
    """The reading in a row, as the reading of ``page`` in the file ``scan``."""
    count = len(row["numbers"])
    return Reading(
        scan=scan,
        page=page,
        sha256=row["sha256"],
        transform=_row_transform(row),
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
                value_from_text(value),
                tuple(doubts),
            )
            for number, value, doubts in zip(
                row["numbers"], row["values"] or [None] * count, row["doubts"] or [()] * count, strict=True
            )
        ),
        histogram=histogram,
        note=row["note"],
        dittos=tuple(_row_ditto(ditto) for ditto in row["dittos"] or ()),
        marks_mean=row["marks_mean"] or "",
        negative=bool(row["negative"]),
    )


def vectors(column: pa.ChunkedArray) -> NDArray[np.float32]:
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


def _row_transform(row: dict[str, Any]) -> Transform:
    warp = None if row["warp"] is None else RowWarp.from_dict(row["warp"])
    regions = tuple(
        PageRegion(Box(*(region[side] for side in _SIDES)), region["rotation"]) for region in row["regions"] or ()
    )
    sizes = (row["width"], row["height"], row["rotation"], row["scale"], row["skew"])
    return Transform(*sizes, row["aspect"] or 1.0, warp, regions)


def _ditto_row(ditto: Ditto) -> dict[str, Any]:
    return _sides(ditto.box) | {"confidence": float(ditto.confidence)} | {name: getattr(ditto, name) for name in _CELL}


def _sides(box: Box) -> dict[str, Any]:
    return {side: float(getattr(box, side)) for side in _SIDES}


def _row_ditto(row: dict[str, Any]) -> Ditto:
    return Ditto(Box(*(row[side] for side in _SIDES)), row["confidence"], *(row[name] for name in _CELL))


def _row_digit(row: dict[str, Any]) -> Digit:
    second = None if row["runner_up"] is None else (row["runner_up"], row["runner_up_confidence"])
    return Digit(row["value"], Box(row["x"], row["y"], row["width"], row["height"]), row["confidence"], second)
