"""Tensors that share memory: what each of them held before, and holds after, one of them was changed in place."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def storage_of(tensor: Tensor) -> int | None:
    """An identity of the memory that a tensor lies in; None for tensors without one, such as sparse ones."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # inside vmap and the like
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return None


def sharing(written: Tensor, others: Iterable[Tensor]) -> list[Tensor]:
    """Those of some tensors, and the base of a view, that lie in the memory of ``written``; each once, itself not."""
    storage = storage_of(written)
    candidates = [*others] if written._base is None else [*others, written._base]
    return list(
        {id(t): t for t in candidates if t is not written and storage is not None and storage_of(t) == storage}.values()
    )


class Overlap:
    """Where a tensor finds its entries in another one over the same memory.

    Parameters
    ----------
    alias, written : Tensor
        Both over one storage.
    """

    def __init__(self, alias: Tensor, written: Tensor) -> None:
        places = torch.full((alias.untyped_storage().nbytes() // alias.element_size(),), -1, device=alias.device)
        settings = written.size(), written.stride(), written.storage_offset()
        numbers = torch.arange(written.numel(), device=alias.device).reshape(written.shape)
        places.as_strided(*settings).copy_(numbers)
        self._picked = places.as_strided(alias.size(), alias.stride(), alias.storage_offset())
        self.any = bool((self._picked >= 0).any())

    def updated(self, alias: Tensor, written: Tensor) -> Tensor:
        """The alias with what it shares taken from ``written``, as new memory."""
        values = written.reshape(-1)[self._picked.clamp(min=0)]
        return torch.where(self._picked >= 0, values, alias)
