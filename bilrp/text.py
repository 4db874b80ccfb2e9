"""Encoders of texts made ready to be explained in one line: tokenizer, mask, pooling, and the tokens by name.

Works with what Hugging Face's transformers and sentence-transformers offer, by their methods alone: neither is
imported. A tower made here reads raw inputs, so that ``explainer.explain("a cat", "a kitten")`` takes texts, and
results keep their tokens. Sentence encoders are explained as by Vasileiou and Eberle (NAACL 2024): relevance of a token
is that of its vector, summed; positions and token types are constants.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bilrp.exceptions import InputError

Pooling = str | Callable[[Tensor, Tensor], Tensor]
"""A name of `POOLINGS`, or a function of hidden states (1, T, D) and mask (1, T) that gives (1, M)."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer; those of transformers have it."""

    def __call__(self, text: str, **settings: Any) -> Mapping[str, Any]: ...

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """The token of each number."""
        ...


class ReadingTower(nn.Module):
    """A model that embeds, with what makes its inputs of raw ones; `bilrp.BiLRP` explains it like any other.

    Parameters
    ----------
    model : nn.Module
        Registered as ``model``: its layers are called ``model.…`` in composites and reports.
    embed : callable
        Gets the model's inputs by name and gives the embedding (1, M).
    reader : callable
        Gets a raw input and gives the model's inputs by name, and the tokens or None.
    """

    _embed: Callable[..., Tensor]
    _reader: Callable[[Any], tuple[Mapping[str, Any], list[str] | None]]

    def __init__(
        self,
        model: nn.Module,
        embed: Callable[..., Tensor],
        reader: Callable[[Any], tuple[Mapping[str, Any], list[str] | None]],
    ) -> None:
        super().__init__()
        self.model = model
        self._embed = embed
        self._reader = reader

    def forward(self, **inputs: Any) -> Tensor:
        """The embedding (1, M) for the model's inputs by name."""
        return self._embed(**inputs)

    def read(self, raw: Any) -> tuple[dict[str, Any], list[str] | None]:
        """The model's inputs for a raw one, such as a text, on its device; and the tokens of a text."""
        inputs, tokens = self._reader(raw)
        first = next(self.model.parameters(), None)
        device = torch.device("cpu") if first is None else first.device
        return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in inputs.items()}, tokens


def sentence_model(
    model: nn.Module,
    tokenizer: Tokenizer,
    pooling: Pooling = "mean",
    *,
    max_length: int | None = None,
    **tokenizer_settings: Any,
) -> ReadingTower:
    """A transformer with its tokenizer and pooling, as one encoder of sentences.

    Parameters
    ----------
    model : nn.Module
        Gives hidden states: a tensor (1, T, D), or an output with ``last_hidden_state``, as ``AutoModel`` does.
    tokenizer : Tokenizer
    pooling : {"mean", "cls", "last", "max", "pooler"} or callable
        Of the hidden states of the tokens that the mask leaves; "pooler" takes the model's own ``pooler_output``.
    max_length : int, optional
        Longer texts are cut, with a warning. Default: what the tokenizer says.
    **tokenizer_settings
        Passed to the tokenizer with each text, such as ``padding="max_length"``.

    Returns
    -------
    ReadingTower

    Examples
    --------
    With transformers::

        encoder = bilrp.text.sentence_model(AutoModel.from_pretrained(path), AutoTokenizer.from_pretrained(path))
        joint = bilrp.BiLRP(encoder, similarity="cosine").explain("The cat sleeps.", "A kitten is asleep.")
        joint.words().top_pairs(5, names=True)
    """
    if isinstance(pooling, str) and pooling not in {*POOLINGS, "pooler"}:
        raise InputError(f"pooling is {pooling!r}, expected one of {', '.join([*POOLINGS, 'pooler'])}, or a function")

    def embed(**inputs: Any) -> Tensor:
        out = model(**inputs)
        if pooling == "pooler":
            return _named(out, "pooler_output")
        hidden = out if isinstance(out, Tensor) else _named(out, "last_hidden_state")
        mask = inputs.get("attention_mask")
        if mask is None:
            mask = torch.ones(hidden.shape[:2], dtype=torch.int64, device=hidden.device)
        return (POOLINGS[pooling] if isinstance(pooling, str) else pooling)(hidden, mask)

    return ReadingTower(model, embed, _text_reader(tokenizer, max_length, tokenizer_settings))


def sentence_transformer(model: nn.Module) -> ReadingTower:
    """An encoder of the library sentence-transformers, with the pooling and all further layers that it has.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer
    """
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise InputError(
            f"{type(model).__name__} has no tokenizer: expected a SentenceTransformer, or use sentence_model"
        )

    def embed(**inputs: Any) -> Tensor:
        return _named(model(inputs), "sentence_embedding")

    return ReadingTower(model, embed, _text_reader(tokenizer, getattr(model, "max_seq_length", None), {}))


def two_towers(model: nn.Module, processor: Any, **tokenizer_settings: Any) -> tuple[ReadingTower, ReadingTower]:
    """The image and the text encoder of a model of both, such as CLIP or SigLIP.

    Parameters
    ----------
    model : nn.Module
        With ``get_image_features`` and ``get_text_features``, as in transformers.
    processor : callable
        With ``processor(images=...)`` and ``processor.tokenizer``, as in transformers.
    **tokenizer_settings
        Passed to the tokenizer with each text, such as ``padding="max_length"``, with which SigLIP was trained.

    Returns
    -------
    image_tower, text_tower : ReadingTower

    Examples
    --------
    With transformers::

        towers = bilrp.text.two_towers(CLIPModel.from_pretrained(path), CLIPProcessor.from_pretrained(path))
        joint = bilrp.BiLRP(*towers, similarity="cosine").explain(picture, "a dog on grass", pool=16)
        joint.given("dog")
    """
    for name in ("get_image_features", "get_text_features"):
        if not hasattr(model, name):
            raise InputError(f"{type(model).__name__} has no {name}: give its encoders, BiLRP(image_tower, text_tower)")

    methods: Any = model

    def image(**inputs: Any) -> Tensor:
        return _features(methods.get_image_features(**inputs))

    def text(**inputs: Any) -> Tensor:
        return _features(methods.get_text_features(**inputs))

    def read_image(picture: Any) -> tuple[Mapping[str, Any], None]:
        return dict(processor(images=picture, return_tensors="pt")), None

    tokenizer = getattr(processor, "tokenizer", processor)
    return ReadingTower(model, image, read_image), ReadingTower(
        model, text, _text_reader(tokenizer, None, tokenizer_settings)
    )


def _features(out: Any) -> Tensor:
    """Features as a tensor: transformers 5 wraps them in an output whose pooled entry they are."""
    return out if isinstance(out, Tensor) else _named(out, "pooler_output")


def _named(out: Any, name: str) -> Tensor:
    value = out.get(name) if isinstance(out, Mapping) else getattr(out, name, None)
    if not isinstance(value, Tensor):
        raise InputError(f"the model returned {type(out).__name__} without {name}: give another pooling, or wrap it")
    return value


def _text_reader(
    tokenizer: Tokenizer, max_length: int | None, settings: Mapping[str, Any]
) -> Callable[[Any], tuple[dict[str, Any], list[str]]]:
    limit = max_length or getattr(tokenizer, "model_max_length", None)

    def read(text: Any) -> tuple[dict[str, Any], list[str]]:
        if not isinstance(text, str):
            raise InputError(f"got {type(text).__name__}, expected a text (str)")
        inputs = dict(tokenizer(text, return_tensors="pt", **settings))
        length = inputs["input_ids"].shape[1]
        if limit is not None and length > limit:
            warnings.warn(f"a text of {length} tokens is cut to {limit}: {text[:60]!r}…", UserWarning, stacklevel=4)
            inputs = dict(tokenizer(text, return_tensors="pt", **{**settings, "truncation": True, "max_length": limit}))
        return inputs, list(tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist()))

    return read


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    weights = mask[..., None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def _first(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden[torch.arange(len(hidden)), mask.to(torch.int64).argmax(1)]


def _last(hidden: Tensor, mask: Tensor) -> Tensor:
    places = torch.arange(mask.shape[1], device=mask.device)
    return hidden[torch.arange(len(hidden)), (mask * places).argmax(1)]


def _maximum(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden.masked_fill(mask[..., None] == 0, torch.finfo(hidden.dtype).min).amax(1)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": _mean,
    "cls": _first,
    "last": _last,
    "max": _maximum,
}
"""How hidden states (1, T, D) become one vector (1, D), by name."""
