"""``RUN/verified.parquet``: what laying pages over each other said, so that no two pages are laid twice.

A line is a pair of readings, not of page ids: the hash of each scan, and of what people corrected on it. So a
correction makes the pairs of its page new, and a scan under two names is one. Lines are sorted, and the same run writes
the same bytes. The file can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple
from functools import cached_property
from importlib.metadata import version
from typing import ClassVar
from weakref import WeakKeyDictionary, proxy

import pyarrow as pa

from tablesim.corpus.storage.files import read_parquet, write_parquet
from tablesim.corpus.store import Corpus
from tablesim.digits.corrections import correction_row
from tablesim.errors import RunError
from tablesim.evidence.collation.collation import collate_witnesses
from tablesim.evidence.collation.grids import witness_of
from tablesim.evidence.collation.verification import Verification, verification
from tablesim.records.collation import Collation
from tablesim.records.corrections import Correction

NAME = "verified.parquet"

_MADE_WITH = {b"tablesim": version("tablesim").encode()}
SCHEMA = pa.schema(
    [
        ("reading_a", pa.string()),
        ("reading_b", pa.string()),
        ("agreement", pa.float64()),
        ("coverage", pa.float64()),
        ("places", pa.int32()),
    ],
    metadata=_MADE_WITH,
)

Key = tuple[str, str]


class VerifiedPairs:
    """The pairs of pages of a run that were laid over each other; ``VerifiedPairs.of(corpus)``.

    What another version of tablesim said is not looked at, nor is a file that cannot be read: pairs can be laid over
    each other again.
    """

    _of: ClassVar[WeakKeyDictionary[Corpus, VerifiedPairs]] = WeakKeyDictionary()

    def __init__(self, corpus: Corpus) -> None:
        self.corpus: Corpus = proxy(corpus)
        self.path = corpus.folder / NAME
        self.new: dict[Key, Verification] = {}
        self._corrections: tuple[Correction, ...] = ()
        self._corrected: dict[str, str] = {}

    @classmethod
    def of(cls, corpus: Corpus) -> VerifiedPairs:
        """Those of a run, which are read once."""
        if corpus not in cls._of:
            cls._of[corpus] = cls(corpus)
        return cls._of[corpus]

    def __len__(self) -> int:
        return len(self._stored.keys() | self.new.keys())

    @cached_property
    def _stored(self) -> dict[Key, Verification]:
        return self._read()

    def get(self, a: str, b: str) -> Verification | None:
        """What is known of two pages; None where they were not laid over each other yet."""
        key = self._key(a, b)
        return self.new.get(key) or self._stored.get(key)

    def verify(self, a: str, b: str) -> Verification:
        """How far two pages agree, looked up or worked out; RunError for a page without a reading."""
        return self.get(a, b) or self.add(a, b, collate_pages(self.corpus, a, b))

    def add(self, a: str, b: str, collation: Collation) -> Verification:
        """What the collation of two pages, made by ``collate_pages``, says; kept from now on."""
        found = self.new[self._key(a, b)] = verification(collation)
        return found

    def save(self) -> None:
        """Write what is new into the run folder. Where that cannot be written to, nothing is lost but time."""
        if not self.new:
            return
        # Another process may have written meanwhile.
        every = {**self._read(), **self.new}
        self.__dict__["_stored"] = every
        self.new = {}
        rows = [(*key, *astuple(every[key])) for key in sorted(every)]
        columns = zip(zip(*rows, strict=True), SCHEMA, strict=True)
        table = pa.Table.from_arrays([pa.array(values, field.type) for values, field in columns], schema=SCHEMA)
        with suppress(OSError):
            write_parquet(self.path, table)

    def _read(self) -> dict[Key, Verification]:
        try:
            table = read_parquet(self.path, SCHEMA)
        except RunError:
            return {}
        if not _MADE_WITH.items() <= dict(table.schema.metadata or {}).items():
            return {}
        a, b, *said = (table[name].to_pylist() for name in SCHEMA.names)
        return {(x, y): Verification(*one) for x, y, one in zip(a, b, zip(*said, strict=True), strict=True)}

    def _key(self, a: str, b: str) -> Key:
        one, other = (self._reading_key(page) for page in sorted((a, b)))
        return one, other

    def _reading_key(self, page: str) -> str:
        """The hash of a scan, and of what was corrected on it."""
        made = self.corpus.corrections.all
        if made is not self._corrections:
            self._corrections, self._corrected = made, _digests(made)
        key = str(self.corpus.page(page)["sha256"])
        return self._corrected.get(key, key)


def collate_pages(corpus: Corpus, a: str, b: str) -> Collation:
    """Two pages of a run place by place. Their ids settle which is witness A, so that it is always the same one."""
    return collate_witnesses([witness_of([corpus.reading(page)]) for page in sorted((a, b))])


def _digests(corrections: Iterable[Correction]) -> dict[str, str]:
    """For each scan with corrections, by its hash, the hash of the two."""
    said: dict[str, list[dict[str, str | float]]] = {}
    for correction in corrections:
        if correction.sha256:
            said.setdefault(correction.sha256, []).append(correction_row(correction))
    return {key: hashlib.sha256(json.dumps([key, rows]).encode()).hexdigest() for key, rows in said.items()}
