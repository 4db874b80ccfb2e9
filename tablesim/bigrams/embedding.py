"""The embedding of a page, and how alike two pages are: score, similarity (cosine) and containment.

h counts bigrams, phi = sqrt(h) is the embedding, score = phi . phi', similarity = score / (|phi| |phi'|) and
containment = sum min(h, h') / min(sum h, sum h').
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tablesim.bigrams.occurrences import Occurrences
from tablesim.records.bins import N_BINS
from tablesim.records.reading import Reading


def exact_histogram(occurrences: Occurrences) -> NDArray[np.float64]:
    """The histogram in float64, shape (110,): `BigramNetwork` on the activations of the occurrences."""
    # Only what counts needs PyTorch: two embeddings are compared, and commands start, without it.
    import torch

    from tablesim.bigrams.network import BigramNetwork

    with torch.no_grad():
        return np.asarray(BigramNetwork()(torch.from_numpy(occurrences.activations), occurrences).numpy())


def histogram(reading: Reading) -> NDArray[np.float32]:
    """Soft bigram counts of the accepted digits of a page.

    Parameters
    ----------
    reading : Reading
        Of the page; its own ``histogram`` is not used.

    Returns
    -------
    float32 array of shape (110,)
        In the order of ``BIN_NAMES``; all zero for a page without digits.
    """
    return exact_histogram(Occurrences.of(reading)).astype(np.float32)


def embed(h: ArrayLike) -> NDArray[np.floating]:
    """The embedding phi = sqrt(h) of one or many histograms, shape (..., 110), in their floating dtype.

    The root keeps a few frequent bigrams from drowning the rest. ValueError on another length or a negative count.
    """
    counts = np.asarray(h)
    if not np.issubdtype(counts.dtype, np.floating):
        counts = counts.astype(np.float64)
    if counts.ndim == 0 or counts.shape[-1] != N_BINS:
        raise ValueError(f"embed: got an array of shape {counts.shape}, expected (..., {N_BINS})")
    if not (counts >= 0).all():
        raise ValueError("embed: got a histogram with a negative or undefined count, expected counts of 0 or more")
    phi: NDArray[np.floating] = np.sqrt(counts)
    return phi


def score(phi_a: ArrayLike, phi_b: ArrayLike) -> float:
    """The dot product of two embeddings, summed in float64."""
    return float(np.dot(np.asarray(phi_a, dtype=np.float64), np.asarray(phi_b, dtype=np.float64)))


def similarity(phi_a: ArrayLike, phi_b: ArrayLike) -> float:
    """The cosine of two vectors, in float64: for embeddings 0 (no bigram in common, or an empty page) to 1."""
    a, b = np.asarray(phi_a, dtype=np.float64), np.asarray(phi_b, dtype=np.float64)
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return min(score(a, b) / norm, 1.0) if norm > 0 else 0.0


@overload
def unit_rows(vectors: ArrayLike) -> NDArray[np.float64]: ...


@overload
def unit_rows(vectors: ArrayLike, dtype: type[np.float32]) -> NDArray[np.float32]: ...


def unit_rows(vectors: ArrayLike, dtype: type[np.floating] = np.float64) -> NDArray[np.floating]:
    """Vectors of shape (n, d) divided by their lengths, in ``dtype``; rows of zeros stay.

    The dot products of two such matrices are the cosines of their rows.
    """
    rows = np.asarray(vectors, dtype=dtype)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))


def containment(h_a: ArrayLike, h_b: ArrayLike) -> float:
    """The share of the smaller histogram that the larger one covers, in float64: sum min(h, h') / min(sum h, sum h').

    1 where every bigram of the smaller page is on the larger one; 0 where one of them is empty.
    """
    a, b = np.asarray(h_a, dtype=np.float64), np.asarray(h_b, dtype=np.float64)
    smaller = min(a.sum(), b.sum())
    # Sums over other orders may exceed the smaller one by the last bit.
    return float(min(np.minimum(a, b).sum() / smaller, 1.0)) if smaller > 0 else 0.0
