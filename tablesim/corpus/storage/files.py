"""Files of a run folder: written aside and renamed, so that one is there whole or not at all."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tablesim.errors import MetadataError, RunError
from tablesim.files import FOLDER_IN_PLACE, write_aside
from tablesim.scans.csvfile import plain_cell, read_csv, safe_cell, with_mark
from tablesim.scans.encodings import MARK

_REMEDY = "delete this file and give the same `tablesim run` again: what it held is made anew"


def write_parquet(path: Path, table: pa.Table, group_rows: int | None = None, *, durable: bool = True) -> None:
    """Write a table with checksums; ``group_rows`` lines can later be read at a time, else all of them."""

    def write(aside: Path) -> None:
        pq.write_table(table, aside, compression="zstd", row_group_size=group_rows, write_page_checksum=True)

    write_aside(path, write, durable=durable)


def write_parquet_parts(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    """Write a table that does not fit into memory, part after part; each can later be read alone."""

    def write(aside: Path) -> None:
        with pq.ParquetWriter(aside, schema, compression="zstd", write_page_checksum=True) as writer:
            for part in parts:
                writer.write_table(part, row_group_size=max(1, len(part)))

    write_aside(path, write)


def is_written(path: Path) -> bool:
    """Whether a file of a run is there; RunError where a folder stands in its place, which is not as if it were not."""
    if path.is_dir():
        raise RunError(f"{path}: {FOLDER_IN_PLACE}; move the folder away and give the same command again")
    return path.is_file()


ADDED = b"added"
"""Metadata of a field that files of 0.1.0 do not have: it is blank there."""


def read_parquet(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    group: int | None = None,
    opened: pa.NativeFile | None = None,
    remedy: str = _REMEDY,
) -> pa.Table:
    """The table at ``path``, with the columns of ``schema``; RunError when it is damaged or of another make.

    Checksums are verified, where the file has them. ``columns`` are those to read, ``group`` the part, ``opened`` the
    file as it was when it was opened, whatever its name leads to by now; ``remedy`` what to do about a damaged file.
    """
    wanted = [field for field in schema if columns is None or field.name in columns]
    try:
        with pq.ParquetFile(path if opened is None else opened, page_checksum_verification=True) as file:
            columns_of_file = set(file.schema_arrow.names)
            names = [field.name for field in wanted if field.name in columns_of_file]
            table = file.read(names) if group is None else file.read_row_group(group, names)
            n_rows = file.metadata.num_rows if group is None else file.metadata.row_group(group).num_rows
            if any(len(column) != n_rows for column in table.columns):
                raise ValueError(f"a column is longer or shorter than the {n_rows} rows of the file")
    except FileNotFoundError as error:
        raise RunError(f"{path}: this file of the run is missing; {remedy}") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # a name of a column that is no UTF-8
        # Arrow's messages run over several lines; the first says what is wrong.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path}: damaged ({reason}); {remedy}") from error
    for at, field in enumerate(wanted):
        if field.name not in columns_of_file and field.metadata and ADDED in field.metadata:
            table = table.add_column(at, field, pa.nulls(len(table), field.type))
        elif field.name not in columns_of_file or not table.schema.field(field.name).type.equals(field.type):
            raise RunError(f"{path}: expected a column {field.name} of type {field.type}; {remedy}")
    return table


def group_sizes(path: Path) -> list[int]:
    """How many rows of a file can be read at a time; none where it cannot be read, which reading it says."""
    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError):
        return []
    return [about.row_group(group).num_rows for group in range(about.num_row_groups)]


def load_array(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """The array in a file of numpy, ``mapped`` into memory or read; RunError when the file is missing or damaged."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, MemoryError, OverflowError, TokenError) as error:
        raise RunError(f"{path}: damaged ({error}); delete its folder: what it held is made anew") from error
    return array


def write_json(path: Path, data: Any) -> None:
    """Write plain values as JSON with sorted keys, whole or not at all."""
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """The object at ``path``; RunError when it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged ({error}); restore this file or choose a new folder for the run") from error
    if not isinstance(data, dict):
        raise RunError(f"{path}: got {type(data).__name__}, expected an object; choose a new folder for the run")
    return data


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV that a spreadsheet may open: formulas are marked (``safe_cell``), and so is UTF-8 (``with_mark``)."""
    head = csv_lines(columns, [dict(zip(columns, columns, strict=True))])
    text = "".join(itertools.chain(head, csv_lines(columns, rows)))
    write_aside(path, lambda aside: aside.write_bytes(with_mark(text)))


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of ``write_csv`` for some rows, without those of the names of the columns."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([safe_cell(row.get(name)) for name in columns])
        yield text.getvalue()
        text.seek(text.truncate(0))


def read_rows(path: Path) -> Iterator[dict[str, str | None]]:
    """The rows that ``write_csv`` wrote, also after a spreadsheet has saved them in its own way; a value that the last
    of them lacks is None.
    """
    with path.open("rb") as file:
        head = file.readline().removeprefix(MARK)
    if b";" in head or b"\t" in head or b"\x00" in head:
        with suppress(MetadataError):  # nothing below the names of the columns
            yield from map(dict, read_csv(path).rows)
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: value and plain_cell(value) for name, value in row.items() if name is not None}


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half written in ``folder``."""
    for aside in folder.glob(".*.part"):
        aside.unlink(missing_ok=True)
