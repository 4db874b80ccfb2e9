"""What a model gets: one tensor, or several by place or name; one carries the relevance, the others stay fixed.

Encoders take token numbers with a mask, pixels with a mask, or all of that in one dict. Relevance is asked for one
tensor of them; masks, positions and token types are held as they are. `bind` turns such a call into a module of that
one tensor, which the rest of the library explains.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bilrp.exceptions import InputError

CARRIERS = ("inputs_embeds", "pixel_values", "input_values", "input_features", "input_ids")
"""Names of what is explained when an input has several tensors, the first that is there (Hugging Face's names)."""
COMPANIONS = ("mask", "token_type", "position", "length", "segment", "bbox", "grid")
"""An entry with one of these in its name is never what is explained unless it is asked for."""

ModelInput = Tensor | Mapping[str, Any] | tuple[Any, ...] | list[Any] | str
"""What is passed to a model; a text where its tower reads one (`bilrp.text`)."""
Tower = nn.Module | Callable[..., Any]


class Bound(nn.Module):
    """A model as a function of one of its inputs, the others held; its layers keep their names and are not owned.

    Parameters
    ----------
    module : nn.Module
        Where the layers are.
    call : callable
        Gets the one tensor and gives what the model returns.
    """

    module: nn.Module
    call: Callable[[Tensor], Any]

    def __init__(self, module: nn.Module, call: Callable[[Tensor], Any]) -> None:
        super().__init__()
        object.__setattr__(self, "module", module)  # not registered: names of layers stay those of the model
        self.call = call

    def named_modules(self, *args: Any, **kwargs: Any) -> Any:
        """Those of the model."""
        return self.module.named_modules(*args, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        """Run the model with this tensor in its place."""
        out = embedding_of(self.call(x))
        if not isinstance(out, Tensor) and hasattr(out, "last_hidden_state"):
            raise InputError(
                f"{type(self.module).__name__} returned {type(out).__name__}, an output of hidden states: say how they "
                f"become one embedding, bilrp.text.sentence_model(model, tokenizer, pooling='mean'), or wrap the model."
            )
        embedding: Tensor = out
        return embedding


def embedding_of(out: Any) -> Any:
    """The embedding in what a model returned: a tensor as it is, or the one that an output of several calls so."""
    for name in ("sentence_embedding", "text_embeds", "image_embeds"):
        value = out.get(name) if isinstance(out, Mapping) else getattr(out, name, None)
        if isinstance(value, Tensor):
            return value
    return out


def module_of(tower: Tower) -> nn.Module:
    """The module behind a tower: itself, or the owner of a method such as ``clip.get_text_features``."""
    if isinstance(tower, nn.Module):
        return tower
    owner = getattr(tower, "__self__", None)
    if isinstance(owner, nn.Module):
        return owner
    raise InputError(
        f"got {type(tower).__name__} as a model, expected a torch.nn.Module or a method of one, such as "
        f"model.encode_image. Wrap a function in a module that holds the layers it uses."
    )


@dataclass(frozen=True)
class _Call:
    """How a tower is called: ``args`` and ``kwargs`` hold everything, ``key`` says which entry is replaced."""

    tower: Tower
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    key: int | str
    as_one_dict: bool = False

    def __call__(self, x: Tensor) -> Any:
        args, kwargs = self.args, self.kwargs
        if isinstance(self.key, int):
            args = (*args[: self.key], x, *args[self.key + 1 :])
        else:
            kwargs = {**kwargs, self.key: x}
        return self.tower(dict(kwargs)) if self.as_one_dict else self.tower(*args, **kwargs)


def read(tower: Tower, raw: Any) -> tuple[ModelInput, Sequence[str] | None]:
    """Inputs as the model takes them, and tokens: what the tower's own reader makes of a text or a picture.

    Raises
    ------
    InputError
        When it is a text and the tower cannot read.
    """
    if isinstance(raw, (Tensor, Mapping, tuple, list)):
        return raw, None
    reader = getattr(tower, "read", None)
    if callable(reader):
        inputs, tokens = reader(raw)
        return inputs, tokens
    if isinstance(raw, str):
        raise InputError(
            f"got a text, but {type(module_of(tower)).__name__} has no tokenizer. Use "
            f"bilrp.text.sentence_model(model, tokenizer) as the model, or give token numbers."
        )
    return raw, None  # refused by `bind`


def require_dense(x: Tensor) -> None:
    """Refuse a tensor without values of its own, or with some of them alone.

    Raises
    ------
    InputError
    """
    if x.layout != torch.strided or x.device.type == "meta":
        raise InputError(
            f"got a tensor of layout {x.layout} on {x.device}, expected a dense one with values. Use x.to_dense()."
        )


def bind(tower: Tower, inputs: ModelInput, relevance_of: str | int | None = None) -> tuple[nn.Module, Tensor, str]:
    """A module of one tensor, that tensor, and the name of its place.

    Parameters
    ----------
    tower : nn.Module, or a method of one
    inputs : Tensor, tuple, list, or mapping by name
        One sample with its batch axis. A tuple is passed by place, a mapping by name; a model whose ``forward`` takes
        one dict gets it whole.
    relevance_of : str or int, optional
        Which entry is explained: a key of the mapping, or a place in the tuple. Default: the only tensor that is not a
        mask or the like; of several, the first of `CARRIERS`.

    Raises
    ------
    InputError
        When there is no such entry, or several could be meant.
    """
    if isinstance(inputs, Tensor):
        require_dense(inputs)
        if relevance_of not in (None, 0):
            raise InputError(f"relevance_of is {relevance_of!r} for an input of one tensor, expected None")
        return (tower if isinstance(tower, nn.Module) else Bound(module_of(tower), tower)), inputs, ""
    if isinstance(inputs, Mapping):
        kwargs: dict[str, Any] = {str(key): value for key, value in inputs.items()}
        named = _carrier(kwargs, relevance_of)
        call = _Call(tower, (), kwargs, named, _takes_one_dict(tower, kwargs))
        return Bound(module_of(tower), call), kwargs[str(named)], str(named)
    if isinstance(inputs, (tuple, list)):
        place = _carrier(dict(enumerate(inputs)), relevance_of)
        return Bound(module_of(tower), _Call(tower, tuple(inputs), {}, place)), inputs[int(place)], ""
    raise InputError(
        f"got an input of type {type(inputs).__name__}, expected a tensor with its batch axis, such as (1, C, H, W), "
        f"or a tuple or dict of tensors. Use torch.as_tensor(x)[None] for arrays; for texts see bilrp.text."
    )


def is_same(first: ModelInput, second: ModelInput) -> bool:
    """Whether two inputs are equal in all that goes into a model."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)
    if type(first) is not type(second):
        return False
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(is_same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(is_same(*parts) for parts in zip(first, second, strict=True))
    return first is second or bool(first == second)


def joined(samples: Sequence[ModelInput]) -> ModelInput:
    """Several samples of one form as a batch: tensors joined along their first axis, all else as in the first.

    Raises
    ------
    InputError
        When a tensor has no batch axis of 1, or what else goes in differs.
    """
    first = samples[0]
    if isinstance(first, Tensor):
        tensors = [sample for sample in samples if isinstance(sample, Tensor)]
        if first.dim() < 1 or first.shape[0] != 1:
            raise InputError(f"got a tensor of shape {tuple(first.shape)}, expected one sample with its batch axis")
        return torch.cat(tensors)
    if isinstance(first, Mapping):
        return {key: joined([sample[key] for sample in samples]) for key in first}  # type: ignore[index, call-overload]
    if isinstance(first, (list, tuple)):
        return tuple(joined([sample[i] for sample in samples]) for i in range(len(first)))  # type: ignore[index]
    if any(sample != first for sample in samples):
        raise InputError("samples differ in what is no tensor")
    return first


def _carrier(entries: Mapping[Any, Any], relevance_of: str | int | None) -> str | int:
    tensors = {key: value for key, value in entries.items() if isinstance(value, Tensor)}
    shown = ", ".join(f"{key!r} {tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}" for key, v in tensors.items())
    if relevance_of is not None:
        if relevance_of not in tensors:
            raise InputError(f"relevance_of is {relevance_of!r}, expected one of the tensors of the input: {shown}")
        return relevance_of
    for name in CARRIERS:
        if name in tensors:
            return name
    open_ones = [key for key, value in tensors.items() if not _is_companion(key, value)]
    floating = [key for key in open_ones if tensors[key].is_floating_point()]
    for found in (floating, open_ones):
        if len(found) == 1:
            only: str | int = found[0]
            return only
        if found:
            break
    raise InputError(
        f"which tensor of the input is to be explained? It has {shown or 'none'}. Say so with relevance_of=, such as "
        f"relevance_of={next(iter(open_ones or tensors), 'input_ids')!r}; the others are held fixed."
    )


def _is_companion(key: str | int, value: Tensor) -> bool:
    """Whether an entry goes with what is explained: by its name, or as a mask of booleans or of zeros and ones."""
    if isinstance(key, str) and any(part in key for part in COMPANIONS):
        return True
    if value.is_floating_point():
        return False
    return value.dtype == torch.bool or value.dim() < 2 or bool(((value == 0) | (value == 1)).all())


def _parameters(tower: Tower) -> list[inspect.Parameter]:
    function = tower.forward if isinstance(tower, nn.Module) else tower
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _takes_one_dict(tower: Tower, kwargs: Mapping[str, Any]) -> bool:
    parameters = _parameters(tower)
    names = {parameter.name for parameter in parameters}
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) == 1 and names.isdisjoint(kwargs)


def _difference(module: nn.Module, x: Any) -> str:
    """What tells an input from the weights of its model, by type or device, with what to do; empty for nothing."""
    weights = next((weight for weight in module.parameters() if weight.is_floating_point()), None)
    if weights is None or not isinstance(x, Tensor):
        return ""
    if x.device != weights.device:
        return f"The input is on {x.device}, the model on {weights.device}: use x.to({str(weights.device)!r})."
    if x.dtype == torch.uint8:
        return "Pixels of 0 to 255 are no input: use x.float() / 255 and the normalisation of the model."
    if x.is_floating_point() and x.dtype != weights.dtype:
        return f"The model computes in {weights.dtype}: use x.to({weights.dtype})."
    return ""


OTHER_KINDS = (
    "Check shape, type and device. Where the two sides are of different kinds, such as image and text, give an encoder "
    "for each: BiLRP(image_tower, text_tower)."
)


def _layout(module: nn.Module, x: Any) -> str:
    """What tells a picture from what the first convolution of a model reads, with what to do; empty for nothing."""
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or not isinstance(x, Tensor) or not x.is_floating_point() or x.dim() not in (2, 3, 4):
        return ""
    wanted, shape = first.in_channels, tuple(x.shape)
    expected = f"The model reads pictures (1, {wanted}, H, W): "
    if x.dim() < 4:
        return expected + ("use x[None]." if x.dim() == 3 else f"use x.expand({wanted}, -1, -1)[None].")
    if shape[1] == wanted:
        return (
            f"Its first layer takes {wanted} channels, as the picture has: is its size that of the training? Such a "
            f"model is given torch.nn.functional.interpolate(x, size=(H, W))."
        )
    if shape[-1] == wanted:
        return expected + "channels come last here, use x.permute(0, 3, 1, 2)."
    if shape[1] == 1:
        return expected + f"for a grey picture use x.expand(-1, {wanted}, -1, -1)."
    if shape[-1] == 1:
        return expected + f"for a grey picture, channels last, use x.permute(0, 3, 1, 2).expand(-1, {wanted}, -1, -1)."
    if wanted == 1:
        return expected + "for a picture in grey use x.mean(1, keepdim=True)."
    if shape[1] == 4 and wanted == 3:
        return expected + "drop the fourth channel, opacity, with x[:, :3]."
    return expected + f"this one has {shape[1]} channels."


def refused_by_model(tower: Tower, inputs: ModelInput, error: Exception) -> InputError:
    """The error for an input with which the model cannot even be run, with what to do."""
    required = [
        p.name
        for p in _parameters(tower)
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if isinstance(inputs, Tensor):
        what = f"a tensor of shape {tuple(inputs.shape)} and type {str(inputs.dtype).removeprefix('torch.')}"
    else:
        what = f"a {type(inputs).__name__} of {len(inputs)}"
    module = module_of(tower)
    name, parts = type(module).__name__, ", ".join(child for child, _ in module.named_children())
    message = f"{name} cannot be run on {what}: {' '.join(str(error).split())[:300]}. "
    if isinstance(inputs, Tensor) and len(required) > 1:
        message += (
            f"Its forward takes {', '.join(required)}; its parts are {parts or 'none'}. A model that compares its "
            f"inputs itself is explained by what embeds one of them: BiLRP(model.encoder) where both go through the "
            f"same, BiLRP(model.encode_image, model.encode_text) where each has its own. Several "
            f"inputs of one encoder are given as a tuple or dict."
        )
    else:
        message += _difference(module, inputs) or _layout(module, inputs) or OTHER_KINDS
    return InputError(message)
