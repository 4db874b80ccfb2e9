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


def factor() -> bilrp.Factor:
    return bilrp.BiLRP(net()).factor(image())


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
    "a factor times text": (lambda: factor() * "a", "times 'a': expected one finite number"),
    "joint relevance times text": (lambda: explained() * "a", "times 'a': expected one finite number"),  # type: ignore[operator]
    "a factor times infinity": (lambda: float("inf") * factor(), "times inf: expected one finite"),
    "a distance of what is no factor": (
        lambda: bilrp.similarities.Euclidean().explain(factor(), explained()),  # type: ignore[arg-type]
        r"Euclidean\(\).explain: number 1 is of type JointRelevance, expected factors",
    ),
    "a contrast of inputs": (lambda: bilrp.contrast(factor(), image(), image()), "contrast: number 1 is of type Te"),  # type: ignore[arg-type]
    "no factors": (lambda: bilrp.similarity_matrix([]), "similarity_matrix: got no factors"),
    "clusters of factors": (lambda: bilrp.cluster_explanations([factor()]), "cluster_explanations: number 0 is of"),  # type: ignore[list-item]
    "flipping by a factor": (
        lambda: bilrp.evaluation.pair_flipping(net(), image(), image(), factor()),  # type: ignore[arg-type]
        "explanation of type Factor, expected a JointRelevance",
    ),
    "infidelity of text": (
        lambda: bilrp.evaluation.infidelity(net(), image(), image(), "a"),  # type: ignore[arg-type]
        "explanation of type str, expected a JointRelevance",
    ),
    "layers without weights": (lazy, "lazy layers that have seen no input yet.*once"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_with_what_to_give(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(bilrp.BilrpError, match=message):
        call()


def into_no_folder(write: Callable[[Path], Any]) -> Callable[[], Any]:
    return lambda: write(Path(__file__).parent / "no" / "folder" / "file.png")


WRITERS: dict[str, Callable[[], Any]] = {
    "joint relevance": into_no_folder(lambda path: explained().save(path)),
    "a factor": into_no_folder(lambda path: bilrp.BiLRP(net()).factor(image()).save(path)),
    "a heat map": into_no_folder(lambda path: bilrp.attribute(net(), image(), 0).imsave(path)),
    "a figure": into_no_folder(lambda path: bilrp.attribute(net(), image(), 0).plot(path=path)),
    "arcs": into_no_folder(lambda path: explained().plot(image(), image(), path=path)),
    "a page": into_no_folder(lambda path: explained(pool=4).interactive().save(path)),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_folder_that_is_not_there_is_said_with_what_to_do(write: Callable[[], Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*folder\. Make it first: .*mkdir"):
        write()


def test_a_folder_without_factors_is_said(tmp_path: Path) -> None:
    with pytest.raises(bilrp.RelevanceFileError, match="has no factors"):
        bilrp.load_factors(tmp_path)


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.net, self.scale = net(), scale

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * self.scale


def test_the_cosine_of_a_small_embedding_is_that_of_a_large_one() -> None:
    large, small = (
        bilrp.BiLRP(Scaled(scale), similarity="cosine").explain(image(), image() / 2) for scale in (1.0, 1e-30)
    )
    assert small.similarity == pytest.approx(large.similarity, rel=1e-5)
    torch.testing.assert_close(small.left, large.left, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("default::bilrp.DoubtfulExplanationWarning")
@pytest.mark.parametrize("scale", [0.0, 1e-42], ids=["zeros", "too small for float32"])
def test_an_embedding_of_nothing_is_said(scale: float) -> None:
    with pytest.warns(bilrp.DoubtfulExplanationWarning, match="embedding of the left and of the right input is zero"):
        joint = bilrp.BiLRP(Scaled(scale), similarity="cosine").explain(image(), image())
    assert joint.similarity == 0
    assert joint.certificate.empty == ("left", "right")


@pytest.mark.filterwarnings("default::bilrp.DoubtfulExplanationWarning")
def test_a_similarity_below_float32_is_said() -> None:
    with pytest.warns(bilrp.DoubtfulExplanationWarning, match="smaller than float32 can hold.*Scale"):
        bilrp.BiLRP(Scaled(1e-30)).explain(image(), image())


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
