"""Files of a run folder: written aside and renamed, so that one is there whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tablesim.corpus.storage.lock import sync
from tablesim.errors import RunError

_REMEDY = "delete this file and give the same `tablesim run` again: what it held is made anew"


def write_aside(path: Path, write: Callable[[Path], Any], *, durable: bool = True) -> None:
    """Let ``write`` fill a file beside ``path``, bring it to the disk, and rename it to ``path``.

    A file that is not ``durable`` outlives its process but not a power cut, and is written in a tenth of the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        # Made here and never given other rights after: a run folder is there to be shared, as the user's umask says.
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        write(aside)
        if durable:
            with aside.open("rb+") as file:
                sync(file.fileno())
        aside.replace(path)
        if durable:
            _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk too: after a power cut it is the folder that knows of a file."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # not a thing that every system can open
    try:
        os.fsync(handle)
    except OSError:
        pass  # nor one that every file system can bring to the disk
    finally:
        os.close(handle)


def write_parquet(path: Path, table: pa.Table, group_rows: int | None = None, *, durable: bool = True) -> None:
    """Write a table; ``group_rows`` lines can later be read at a time, else all of them."""

    def write(aside: Path) -> None:
        pq.write_table(table, aside, compression="zstd", row_group_size=group_rows)

    write_aside(path, write, durable=durable)


def write_parquet_parts(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    """Write a table that does not fit into memory, part after part; each can later be read alone."""

    def write(aside: Path) -> None:
        with pq.ParquetWriter(aside, schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(part, row_group_size=max(1, len(part)))

    write_aside(path, write)


def read_parquet(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """The table at ``path``, with the columns of ``schema``; RunError when it is damaged or of another make."""
    try:
        table = pq.read_table(path, columns=list(columns) if columns else None, partitioning=None)
    except FileNotFoundError as error:
        raise RunError(f"{path}: this file of the run is missing; {_REMEDY}") from error
    except (pa.ArrowException, OSError) as error:
        # Arrow's messages run over several lines; the first says what is wrong.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path}: damaged ({reason}); {_REMEDY}") from error
    for field in schema:
        if (columns is None or field.name in columns) and (
            field.name not in table.schema.names or not table.schema.field(field.name).type.equals(field.type)
        ):
            raise RunError(f"{path}: expected a column {field.name} of type {field.type}; {_REMEDY}")
    return table


def write_json(path: Path, data: Any) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """The object at ``path``; RunError when it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: damaged ({error}); restore this file or choose a new folder for the run") from error
    if not isinstance(data, dict):
        raise RunError(f"{path}: got {type(data).__name__}, expected an object; choose a new folder for the run")
    return data


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    def write(aside: Path) -> None:
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_aside(path, write)


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half written in ``folder``."""
    for aside in folder.glob(".*.part"):
        aside.unlink(missing_ok=True)
