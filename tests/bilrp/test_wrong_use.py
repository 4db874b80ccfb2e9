"""Wrong arguments are one clear error that says what to give instead, not one of Python from deep inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bilrp
from bilrp.rules import AlphaBeta, Epsilon, Gamma, ZBox


def net() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5))


def image() -> Tensor:
    return torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def explained(*composite: Any, pool: Any = None, **settings: Any) -> bilrp.JointRelevance:
    return bilrp.BiLRP(net(), *composite, **settings).explain(image(), image(), pool=pool)


def lazy() -> None:
    bilrp.BiLRP(nn.Sequential(nn.Flatten(), nn.LazyLinear(4))).explain(image(), image())


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a rule for a composite": (lambda: explained(Gamma(0.1)), r"composite is Gamma\(.*expected a name"),
    "a number for a composite": (lambda: explained(3), "composite is 3, expected a name"),
    "a class for a tower": (lambda: explained(nn.ReLU), "composite is <class .*expected a name"),
    "a composite by name that is a rule": (lambda: explained(composite=Gamma(0.1)), r"composite is Gamma\("),
    "text for gamma": (lambda: Gamma("a"), "gamma is 'a', expected zero or more"),
    "infinite gamma": (lambda: Gamma(float("inf")), "gamma is inf, .*ZPlus"),
    "none for epsilon": (lambda: Epsilon(None), "eps is None, expected zero or more"),
    "text for alpha": (lambda: AlphaBeta("a", "b"), "got alpha a and beta b"),
    "bounds the wrong way": (lambda: explained({"0": ZBox(1.0, 0.0)}), "low bound above the high one. Swap"),
    "an array for a projection": (lambda: explained(projection=np.ones((3, 5))), "of type ndarray, expected a tensor"),
    "half a tile": (lambda: explained(pool=2.5), "pool is 2.5 for"),
    "a tile as text": (lambda: explained(pool="4"), "pool is '4' for"),
    "memory as text": (lambda: explained(memory="1GB"), "memory is '1GB', expected a number of bytes"),
    "a canonizer by name": (lambda: explained(canonizers=["fold_batch_norm"]), "got 'fold_batch_norm', expected func"),
    "half a pair": (lambda: explained().top_pairs(2.5), "k is 2.5, expected one or more, a whole"),
    "no inputs in a batch": (lambda: list(bilrp.BiLRP(net()).factors([image()], batch_size=0)), "batch_size is 0"),
    "layers without weights": (lazy, "lazy layers that have seen no input yet.*once"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_with_what_to_give(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(bilrp.BilrpError, match=message):
        call()


def test_what_is_no_factor_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(bilrp.InputError, match=r"number 0 is of type JointRelevance, expected factors"):
        bilrp.save_factors([explained()], tmp_path)  # type: ignore[list-item]
    assert not list(tmp_path.iterdir())


def test_sizes_of_numpy_are_whole_numbers() -> None:
    assert len(explained(pool=np.int64(4)).top_pairs(np.int64(2))) == 2


def test_lazy_layers_that_are_not_used_do_not_matter() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = net(), nn.LazyLinear(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x)

    assert len(bilrp.BiLRP(Bare()).factor(image())) == 5
