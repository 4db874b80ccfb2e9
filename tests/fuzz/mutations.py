"""Mutations of files: of bytes, of the values in JSON, of words that the format knows."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from typing import Any

MOST_BYTES, MOST_VALUES = 400_000, 3000
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
WORDS = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b'"', b"'", b"\\", b",", b";", b"\t", b"|", b"="),
    *(b"-1", b"1e999", b"NaN", b"inf", b"9" * 400, b"A" * 5000, b"\x1b[2J", "\u202e".encode(), "\u0660".encode()),
    *(b"<script>", b"%s%n", b"../../x", b"\xed\xa0\x80", b"null", b"[" * 3000, b"{}", b"[]"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -1e308, 1e-320, float("nan"), float("inf")),
    *(
        "",
        "x",
        "\x00",
        "\x1b[31m",
        "\u202e\u2066",
        "\ud800",
        "=1+1",
        "9" * 5000,
        "x" * 20000,
        "http://[",
        "http://a:99999",
    ),
    *([], {}, [[]], [None], {"": None}, {"@id": 5}, {"id": []}, [1, 2, 3], ["x"] * 300),
)


def mutated(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One of the seeds with a few changes."""
    data = chance.choice(seeds)
    if data[:1] in (b"{", b"[") and chance.random() < 0.6:
        try:
            return _mutated_json(chance, json.loads(data))
        except (ValueError, RecursionError):
            pass
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8, 30))):
        chance.choice(_CHANGES)(chance, changed, seeds, words)
    return bytes(changed[:MOST_BYTES])


def _mutated_json(chance: random.Random, value: Any) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = list(_places(value))
        if not places or len(places) > MOST_VALUES:
            break
        holder, key = chance.choice(places)
        action = chance.random()
        if action < 0.6:
            holder[key] = chance.choice(VALUES)
        elif action < 0.7 and isinstance(holder, dict):
            holder[str(chance.choice(VALUES))[:50]] = holder.pop(key)
        elif action < 0.8:
            del holder[key]
        elif action < 0.9:
            holder[key] = [holder[key]] * chance.choice((1, 2, 20))
        else:
            other_holder, other_key = chance.choice(places)
            holder[key] = json.loads(
                json.dumps(other_holder.get(other_key) if isinstance(other_holder, dict) else None)
            )
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        yield value, key
        yield from _places(child)


def _flip(chance: random.Random, data: bytearray, *_: object) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _near_an_end(chance: random.Random, data: bytearray, *_: object) -> None:
    """Headers and footers are where parsers live."""
    if data:
        at = min(int(chance.expovariate(1 / 40)), len(data) - 1)
        data[at if chance.random() < 0.6 else -1 - at] = chance.randrange(256)


def _number(chance: random.Random, data: bytearray, *_: object) -> None:
    size = chance.choice((1, 2, 4, 8))
    if len(data) >= size:
        limit = len(data) - size
        at = chance.randint(0, limit) if chance.random() < 0.5 else min(int(chance.expovariate(1 / 60)), limit)
        value = chance.choice(NUMBERS) & (2 ** (8 * size) - 1)
        order = chance.choice("<>")
        data[at : at + size] = struct.pack(f"{order}{'BHIQ'[(1, 2, 4, 8).index(size)]}", value)


def _insert(chance: random.Random, data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice((*WORDS, *words))


def _replace(chance: random.Random, data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    word = chance.choice((*WORDS, *words))
    at = chance.randint(0, len(data))
    data[at : at + len(word)] = word


def _cut(chance: random.Random, data: bytearray, *_: object) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + int(chance.expovariate(1 / 30)) + 1]


def _truncate(chance: random.Random, data: bytearray, *_: object) -> None:
    del data[chance.randint(0, len(data)) :]


def _repeat(chance: random.Random, data: bytearray, *_: object) -> None:
    at = chance.randint(0, len(data))
    part = bytes(data[at : at + chance.choice((1, 10, 100, 1000))])
    data[at:at] = part * chance.choice((1, 2, 50))


def _splice(chance: random.Random, data: bytearray, seeds: Sequence[bytes], *_: object) -> None:
    other = chance.choice(list(seeds))
    at = chance.randint(0, len(data))
    data[at:] = other[chance.randint(0, len(other)) :]


_CHANGES = (_flip, _near_an_end, _near_an_end, _number, _number, _insert, _replace, _cut, _truncate, _repeat, _splice)
