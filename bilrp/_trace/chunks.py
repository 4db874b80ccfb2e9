"""How many vectors travel back through a pass at a time: as many as fit into memory, and no more than pays."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor

from bilrp.exceptions import InputError

DEFAULT_MEMORY = 128 * 2**20
MAX_CHUNK = 32  # more vectors at a time gain nothing on a CPU, whose caches they leave
ON_DEVICE = 32  # times as many where many cores wait for work
FREE_SHARE = 16  # and this part of the memory that is free there
WORKING_COPIES = 4  # what travels above and below, its quotient and a product


def at_a_time(on_cpu: int, value: Tensor) -> int:
    """How many maps travel together at most: few on a CPU, many on another device."""
    return on_cpu if value.device.type == "cpu" else on_cpu * ON_DEVICE


def memory_at(value: Tensor, memory: int) -> int:
    """The bytes that may be taken on a value's device: what was asked for, and where nobody asked, what is free."""
    if not isinstance(memory, Real):
        raise InputError(f"memory is {memory!r}, expected a number of bytes, such as 2**30")
    if value.device.type != "cuda" or memory != DEFAULT_MEMORY:
        return memory
    return max(memory, int(torch.cuda.mem_get_info(value.device)[0]) // FREE_SHARE)


def chunk_size(largest: int, value: Tensor, memory: int) -> int:
    """How many vectors like ``value``, whose operations hold up to ``largest`` entries each, ``memory`` bytes take."""
    each = largest * WORKING_COPIES * value.element_size()
    return int(max(1, min(at_a_time(MAX_CHUNK, value), memory // each)))
