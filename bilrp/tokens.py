"""Tokens of a text: sub-words merged into words by the marks of their tokenizer, special tokens known, spans found.

WordPiece marks what goes on with a word (``##ing``), byte-level BPE (``Ġthe``) and SentencePiece (``▁the``) what begins
one, the BPE of CLIP what ends one (``the</w>``). Special tokens such as ``[CLS]``, ``</s>`` or ``<pad>`` are words of
their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from numbers import Integral

import torch
from torch import Tensor

from bilrp.exceptions import InputError

Span = int | slice | range | tuple[int, int] | str
"""Some neighbouring tokens: one, from and up to, or the words themselves."""

_SPECIAL = re.compile(r"\[(?!UNK\]|MASK\])[A-Z]+[0-9]*\]|<(?!unk>|mask>)/?\|?[a-z_]+[0-9]*\|?>")
_PUNCTUATION = re.compile(r"[^\w]+")


def is_special(token: str) -> bool:
    """Whether a token stands for no text: ``[CLS]``, ``[SEP]``, ``[PAD]``, ``<s>``, ``</s>``, ``<|endoftext|>``.

    Tokens in the place of a text, ``[UNK]`` and ``[MASK]``, are none.
    """
    return _SPECIAL.fullmatch(token) is not None


def _scheme(tokens: Sequence[str]) -> Callable[[str], tuple[str, bool, bool]]:
    """What reads a token: its text, whether it begins a word, and whether it ends one for certain."""
    plain = [token for token in tokens if not is_special(token)]
    if any("▁" in token for token in plain):
        return lambda token: (token.replace("▁", " ").strip(), token.startswith("▁"), False)
    if any(token.endswith("</w>") for token in plain):
        return lambda token: (token.removesuffix("</w>"), False, token.endswith("</w>"))
    if any(token.startswith("Ġ") for token in plain):
        return lambda token: (_decoded(token).strip(), token.startswith(("Ġ", "Ċ")), False)
    return lambda token: (token.removeprefix("##"), not (token.startswith("##") and len(token) > 2), False)


def word_spans(tokens: Sequence[str]) -> list[tuple[str, int, int]]:
    """The words of a list of tokens.

    Parameters
    ----------
    tokens : sequence of str
        As the tokenizer gives them; which marks it uses is seen from them. Without any marks each token is a word.

    Returns
    -------
    list of (word, start, stop)
        Every token is in one word. Punctuation that a word is written together with stands by itself.

    Examples
    --------
    >>> word_spans(["[CLS]", "em", "##bed", "##ding", "[SEP]"])
    [('[CLS]', 0, 1), ('embedding', 1, 4), ('[SEP]', 4, 5)]
    """
    read = _scheme(tokens)
    words: list[tuple[str, int, int]] = []
    open_word = False
    for i, token in enumerate(tokens):
        if is_special(token):
            words.append((token, i, i + 1))
            open_word = False
            continue
        text, begins, ends = read(token)
        mark = _PUNCTUATION.fullmatch(text) is not None
        if open_word and not begins and not mark:
            before, start, _ = words[-1]
            words[-1] = (before + text, start, i + 1)
        else:
            words.append((text, i, i + 1))
        open_word = not ends and not mark
    return words


def merged_words(maps: Tensor, tokens: Sequence[str], drop_special: bool = False) -> tuple[Tensor, tuple[str, ...]]:
    """Maps (M, T) added up over words, (M, words), and the words."""
    words = [word for word in word_spans(tokens) if not (drop_special and is_special(word[0]))]
    sums = [maps[:, start:stop].sum(1) for _, start, stop in words]
    return torch.stack(sums, 1) if sums else maps[:, :0], tuple(word for word, _, _ in words)


def merged_spans(
    maps: Tensor, spans: Sequence[tuple[int, int]], tokens: Sequence[str] | None
) -> tuple[Tensor, tuple[str, ...] | None]:
    """Maps (M, T) added up over spans, entries outside of them kept; and the tokens, joined by a blank."""
    if maps.dim() != 2:
        raise InputError(f"spans need maps (M, T), got {tuple(maps.shape)}")
    ordered = sorted((int(start), int(stop)) for start, stop in spans)
    n = maps.shape[1]
    for (start, stop), following in zip(ordered, [*(start for start, _ in ordered[1:]), n], strict=False):
        if not 0 <= start < stop <= following:
            raise InputError(f"spans are (start, stop) of 0 to {n} without overlap, got {list(spans)}")
    pieces: list[tuple[int, int]] = []
    at = 0
    for start, stop in [*ordered, (n, n)]:
        pieces += [(i, i + 1) for i in range(at, start)] + ([(start, stop)] if start < stop else [])
        at = stop
    sums = torch.stack([maps[:, start:stop].sum(1) for start, stop in pieces], 1)
    return sums, None if tokens is None else tuple(" ".join(tokens[start:stop]) for start, stop in pieces)


def token_slice(region: Span, tokens: Sequence[str] | None, n: int) -> slice:
    """The tokens that are meant, as a slice of ``n`` entries.

    Raises
    ------
    InputError
        When the words do not stand in the text, or more than once; when a place lies outside.
    """
    if isinstance(region, str):
        if tokens is None:
            raise InputError(
                f"the span {region!r} is given by its words, but the result has no tokens: give (start, stop)"
            )
        return _find(region, tokens)
    if isinstance(region, (slice, range)):
        if region.step not in (None, 1):
            raise InputError(f"a span is of neighbouring tokens, got {region}")
        start, stop, _ = slice(region.start, region.stop).indices(n)
        return slice(start, max(start, stop))
    bounds = (region, region + 1) if isinstance(region, (int, Integral)) else region
    if not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise InputError(f"a span of tokens is a place, (start, stop) or its words, got {region!r}")
    start, stop = (int(bound) for bound in bounds)
    if not 0 <= start <= stop <= n:
        raise InputError(f"a span of tokens is (start, stop) with 0 <= start <= stop <= {n}, got {region!r}")
    return slice(start, stop)


def _find(text: str, tokens: Sequence[str]) -> slice:
    wanted = re.sub(r"\s+", "", text).casefold()
    words = word_spans(tokens)
    found = []
    for first in range(len(words)):
        joined = ""
        for last in range(first, len(words)):
            joined += re.sub(r"\s+", "", words[last][0]).casefold()
            if joined == wanted:
                found.append(slice(words[first][1], words[last][2]))
            if len(joined) >= len(wanted):
                break
    if len(found) == 1:
        return found[0]
    shown = " ".join(word for word, _, _ in words)
    if not found:
        raise InputError(f"the words {text!r} do not stand in: {shown}")
    places = ", ".join(f"({span.start}, {span.stop})" for span in found)
    raise InputError(f"the words {text!r} stand at {places} in: {shown}. Give one of these spans.")


@cache
def _bytes() -> dict[str, int]:
    """The character that byte-level BPE writes for each byte, after GPT-2's published table."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def _decoded(token: str) -> str:
    table = _bytes()
    if any(character not in table for character in token):
        return token
    return bytes(table[character] for character in token).decode("utf-8", errors="replace")
