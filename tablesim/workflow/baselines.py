"""Baselines: the embeddings of the papers side by side on one run, from its bigram counts and from its scans."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

import bilrp
from bilrp.features import VGG, normalize
from tablesim.bigrams.pooled import cells_between, pooled_histogram
from tablesim.corpus.evaluation.embeddings import EmbeddingRow, compare_embeddings, histogram_embeddings
from tablesim.corpus.evaluation.labels import Labels, read_labels
from tablesim.corpus.store import Corpus
from tablesim.digits.network import DIGIT_HEIGHT
from tablesim.digits.scale import working_image
from tablesim.errors import MetadataError, WeightsError
from tablesim.reader import PageReader
from tablesim.scans.cleaning import clean
from tablesim.scans.images import load_scan

UNTRAINED = "random"
"""Instead of a file of VGG-16's weights: random ones, so that the features are those of the layers alone."""

_VGG_LAYERS, _VGG_SIDE = 31, 224
"""Layers of VGG-16 up to its last pooling, and the side in pixels of the images that it was trained on."""

_CELL = 2
"""Side in working pixels of one cell of the activation maps."""


def compare_embeddings_on(
    corpus: Corpus,
    labels: Labels | str | Path,
    *,
    network: PageReader | None = None,
    vgg16: str | Path | None = None,
    seed: int = 0,
) -> list[EmbeddingRow]:
    """Measure our embedding and its baselines against labels, as ``compare_embeddings`` does.

    Parameters
    ----------
    corpus : Corpus
    labels : Labels or path of a CSV
        Pages without one, and those that were taken for no table, count as distractors in ``detection`` alone.
    network : PageReader, optional
        With it the pooled maps of the digit network are in the table: a pass over every scan, seconds each.
    vgg16 : path or "random", optional
        With these weights of VGG-16 (torchvision's state dict) its last pooling layer is in the table; with random ones
        it is named as such.
    seed : int

    Raises
    ------
    MetadataError
        None of the labelled pages is in the run. WeightsError, ScanError and SettingsError as their makers raise them.
    """
    if not isinstance(labels, Labels):
        labels = read_labels(labels)
    pages, histograms = corpus.histograms
    truth = [labels.labels.get(page) for page in pages]
    if not any(truth):
        raise MetadataError(f"labels: none of the {len(labels.labels)} labelled pages is in {corpus.folder}")
    embeddings = histogram_embeddings(histograms, seed)
    random = embeddings.pop("random")
    if network is not None:
        pooled = np.stack([_pooled(corpus, network, page) for page in pages])
        embeddings |= {"pooled maps, root": np.sqrt(pooled), "pooled maps": pooled}
    if vgg16 is not None:
        name, weights = ("VGG-16, random weights", None) if str(vgg16) == UNTRAINED else ("VGG-16", Path(vgg16))
        embeddings[name] = _vgg16(corpus, pages, weights)
    return compare_embeddings(embeddings | {"random": random}, truth, seed)


def _pooled(corpus: Corpus, network: PageReader, page: str) -> NDArray[np.float64]:
    """The page as the network saw it when it was read, pooled instead of read."""
    transform = corpus.reading(page).transform
    ink = torch.from_numpy(clean(working_image(load_scan(corpus.page(page)["scan"]).grey, transform)))[None, None]
    with torch.inference_mode():
        activations = torch.sigmoid(network.digit_reader.network(ink).digits[0])
    return pooled_histogram(activations, cells_between(DIGIT_HEIGHT, _CELL))


def _vgg16(corpus: Corpus, pages: list[str], weights: Path | None) -> NDArray[np.float64]:
    try:
        network = VGG(16, _VGG_LAYERS, weights).eval()
    except bilrp.PretrainedWeightsError as error:
        raise WeightsError(str(error)) from error
    features = []
    for page in pages:
        grey = cv2.resize(
            load_scan(corpus.page(page)["scan"]).grey, (_VGG_SIDE, _VGG_SIDE), interpolation=cv2.INTER_AREA
        )
        image = torch.from_numpy(np.asarray(grey, dtype=np.float32) / 255.0).expand(1, 3, _VGG_SIDE, _VGG_SIDE)
        with torch.inference_mode():
            features.append(network(normalize(image)).flatten().numpy())
    return np.stack(features).astype(np.float64)
