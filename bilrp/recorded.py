"""One pass of a model, ready to be explained: its input checked, recorded, finite, in float32, canonized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bilrp._engine.finite import require_finite_embedding
from bilrp._trace.precision import in_float32
from bilrp._trace.recorder import frozen_eval, record
from bilrp._trace.tape import Tape
from bilrp.canonizers import Canonizer, canonize
from bilrp.exceptions import BilrpError, InputError
from bilrp.inputs import Bound, refused_by_model, require_dense


def require_input(model: Any, x: Any) -> None:
    """Refuse what is no model, and what is no tensor with values.

    Raises
    ------
    InputError
    """
    if not isinstance(model, nn.Module):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise InputError(
            f"got {what} as a model, expected a torch.nn.Module. Wrap a function in a module that holds the layers it "
            f"uses; make an object of a class first."
        )
    if not isinstance(x, Tensor):
        raise InputError(
            f"got an input of type {type(x).__name__}, expected a tensor with its batch axis, such as (1, C, H, W). "
            f"Use torch.as_tensor(x)[None] for arrays and lists; inputs of several tensors are taken by bilrp.BiLRP."
        )
    require_dense(x)


def recorded(model: nn.Module, x: Tensor, canonizers: Sequence[Canonizer]) -> Tape:
    """The tape of one pass, inside `bilrp._trace.recorder.frozen_eval`.

    Raises
    ------
    InputError
        When the model cannot be run on the input.
    NonFiniteError
        When its embedding is not finite.
    UnseenOperationError, UnsupportedOperationError
        When a part of the pass could not be recorded.
    """
    try:
        tape = record(model, x)
    except (TypeError, RuntimeError, IndexError, ValueError, AssertionError) as error:
        if not isinstance(error, BilrpError) and any(is_lazy(parameter) for parameter in model.parameters()):
            raise InputError(
                f"{type(model).__name__} has lazy layers that have seen no input yet, so they have no weights. Run the "
                f"model on an input once before it is explained."
            ) from error
        if isinstance(error, BilrpError) or isinstance(model, Bound) or runs(model, x):
            raise  # bound models are judged by those who know the whole input
        raise refused_by_model(model, x, error) from error
    require_finite_embedding(tape)
    return canonize(in_float32(tape), canonizers)


def runs(model: nn.Module, x: Tensor) -> bool:
    """Whether a model can be run on a tensor at all, so that an error is not the model's."""
    try:
        with frozen_eval(model, x.device):
            model(x.detach().clone())
    except Exception:
        return False
    return True
