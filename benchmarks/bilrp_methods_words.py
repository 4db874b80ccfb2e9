"""Methods for pairs where it is known what belongs together: digits of two sequences, words of two sentences.

    python benchmarks/bilrp_methods_words.py digits [--pairs 20]
    python benchmarks/bilrp_methods_words.py sentences [--pairs 10] [--steps 4]

digits      the toy problem of `benchmarks/bilrp_toy.py`: a small trained network, the similarity counts equal digits.
            Agreement (cosine) of each method's table of 4 x 4 digits with the truth, mean over pairs
sentences   all-MiniLM-L6-v2 on the sentences of `benchmarks/bilrp_sentences.py`, relevance of the vectors of tokens,
            sub-words added up, special tokens left out. How many of the expected pairs of words are among the three
            strongest; sum of absolute relevance over the similarity (amplification); what is missing of the similarity

Beside both CPU-seconds a pair. Rivals, each joined as BiLRP over all dimensions: zennit with gamma 0.25 for
convolutions and epsilon for dense layers, all else by its gradient, as zennit does; autoLRP with its own rules;
gradient x input, Hessian x product and integrated Jacobians of `bilrp.baselines`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import trained
from bilrp_sentences import PAIRS
from bilrp_toy import LENGTH, SIZE, Counter, train
from sklearn.datasets import load_digits
from torch import Tensor, nn

from bilrp import BiLRP
from bilrp.baselines import GradientProduct, HessianProduct, IntegratedJacobians
from bilrp.evaluation import agreement
from bilrp.joint import tile_sums
from bilrp.tokens import merged_words

Factors = tuple[Tensor, Tensor]  # relevance (K, *shape of an input without batch) of both sides; K rows are joined
Method = Callable[[nn.Module, Tensor, Tensor], Factors]
"""Gets a model whose ``parts(x)`` are (1, places, M), what it adds up to its embedding (1, M)."""


def ours(model: nn.Module, x: Tensor, y: Tensor) -> Factors:
    joint = BiLRP(model, "auto").explain(x, y, keep_channels=True)
    return joint.left, joint.right


def by_zennit(model: Any, x: Tensor, y: Tensor) -> Factors:
    """The sum at the end by hand, in proportion: zennit has rules for modules alone, and this is none."""
    from zennit.composites import LayerMapComposite
    from zennit.rules import Epsilon, Gamma

    composite = LayerMapComposite([(nn.Conv2d, Gamma(0.25)), (nn.Linear, Epsilon(1e-6))])

    def factor(sample: Tensor) -> Tensor:
        rows = []
        with composite.context(model):
            leaf = sample.clone().requires_grad_()
            parts = model.parts(leaf)
            for m in range(parts.shape[2]):
                top = torch.zeros_like(parts)
                top[..., m] = parts[..., m].detach()
                rows.append(torch.autograd.grad(parts, leaf, top, retain_graph=True)[0][0])
        return torch.stack(rows)

    return factor(x), factor(y)


def by_autolrp(model: nn.Module, x: Tensor, y: Tensor) -> Factors:
    from autolrp.recipes import bilrp

    kept: list[Tensor] = []  # of the first and the second input in turns, each from a start of 1

    def keep(relevance: Tensor) -> Tensor:
        kept.append(relevance.detach()[0])
        return relevance.flatten(1)

    bilrp(model, x, y, reduce_each=keep)
    sides = []
    for sample, maps in ((x, torch.stack(kept[::2])), (y, torch.stack(kept[1::2]))):
        phi = model(sample).detach()[0]
        sides.append(maps * phi.reshape(-1, *[1] * (maps.dim() - 1)))
    return sides[0], sides[1]


def by_baseline(make: Callable[[nn.Module], Any]) -> Method:
    def method(model: nn.Module, x: Tensor, y: Tensor) -> Factors:
        joint = make(model).explain(x, y, keep_channels=True)
        return joint.left, joint.right

    return method


def methods(steps: int) -> dict[str, Method]:
    return {
        "ours (auto)": ours,
        "gradient x input": by_baseline(GradientProduct),
        "Hessian x product": by_baseline(HessianProduct),
        "integrated Jacobians": by_baseline(lambda model: IntegratedJacobians(model, steps=steps)),
        "zennit": by_zennit,
        "autoLRP": by_autolrp,
    }


class Summed(Counter):
    """The counter of digits, with what it adds up."""

    def parts(self, x: Tensor) -> Tensor:
        """What is found of each digit at each place: (1, L, 10)."""
        digits = torch.stack(x.split(SIZE, dim=-1), dim=1).flatten(0, 1)
        found: Tensor = self.features(digits).relu().flatten(1)
        return found[None]


def print_row(name: str, figures: Sequence[float]) -> None:
    print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |", flush=True)


def digits(n_pairs: int, steps: int) -> None:
    data = load_digits()
    images, labels = torch.from_numpy(data.images).float()[:, None] / 16, torch.from_numpy(data.target)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    model = Summed().eval()
    model.load_state_dict(train(images[order[:1300]], labels[order[:1300]], 0).state_dict())
    model.requires_grad_(False)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    while len(pairs) < n_pairs:
        chosen = rng.choice(order[1300:], (2, LENGTH))
        truth = (labels[chosen[0]][:, None] == labels[chosen[1]]).float()
        if truth.any():
            x, y = (torch.cat(list(images[row]), dim=-1)[None] for row in chosen)
            pairs.append((x, y, truth))
    print("| method | agreement | CPU-seconds |\n|---|---|---|")
    for name, method in methods(steps).items():
        found = []
        for x, y, truth in pairs:
            began = time.process_time()
            sides = method(model, x, y)
            seconds = time.process_time() - began
            left, right = (tile_sums(maps.detach().sum(1), SIZE)[:, 0] for maps in sides)
            found.append((agreement(left.T @ right, truth), seconds))
        print_row(name, np.mean(found, axis=0).tolist())


class OfVectors(nn.Module):
    """The encoder from the vectors of its tokens (1, T, D) to the mean of the last states, divided by its norm."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def parts(self, vectors: Tensor) -> Tensor:
        """What the mean adds up: (1, T, M)."""
        states: Tensor = self.model(inputs_embeds=vectors).last_hidden_state
        return states / vectors.shape[1] / states.detach().mean(1).norm()

    def forward(self, vectors: Tensor) -> Tensor:
        return self.parts(vectors).sum(1)


def sentences(n_pairs: int, steps: int) -> None:
    transformer, tokenizer = trained.sentence_encoder()
    transformer.set_attn_implementation("eager")  # zennit and autoLRP see its steps
    model = OfVectors(transformer).eval().requires_grad_(False)
    table = transformer.get_input_embeddings()
    n_expected = sum(len(expected) for _, _, expected in PAIRS[:n_pairs])
    print(f"| method | expected pairs of {n_expected} | amplification | missing | CPU-seconds |\n|---|---|---|---|---|")
    for name, method in methods(steps).items():
        hits, figures = 0, []
        for first, second, expected in PAIRS[:n_pairs]:
            ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in (first, second)]
            x, y = (table(each).detach() for each in ids)
            similarity = float(model(x)[0] @ model(y)[0])
            began = time.process_time()
            try:
                sides = [maps.detach().sum(-1) for maps in method(model, x, y)]
            except Exception as error:  # a rival that cannot do this network says so in its row
                print(f"| {name} | {type(error).__name__}: {' '.join(str(error).split())[:90]} | | | |", flush=True)
                break
            seconds = time.process_time() - began
            whole = sides[0].T @ sides[1]
            words = [
                merged_words(maps, tokenizer.convert_ids_to_tokens(each[0].tolist()), True)
                for maps, each in zip(sides, ids, strict=True)
            ]
            joined = words[0][0].T @ words[1][0]
            places = joined.flatten().argsort(descending=True)[:3].tolist()
            strongest = {(words[0][1][p // joined.shape[1]], words[1][1][p % joined.shape[1]]) for p in places}
            hits += sum(pair in strongest for pair in expected)
            figures.append((float(whole.abs().sum()) / similarity, 1 - float(whole.sum()) / similarity, seconds))
        else:
            print_row(name, [hits, *np.median(figures, axis=0).tolist()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("digits", "sentences"))
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=4, help="of the integrated Jacobians")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    (digits if options.task == "digits" else sentences)(options.pairs, options.steps)


if __name__ == "__main__":
    main()
