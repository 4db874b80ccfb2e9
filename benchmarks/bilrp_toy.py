"""The toy problem with a known answer: which method finds the equal digits of two sequences?

    python benchmarks/bilrp_toy.py [--seeds N] [--pairs N]

Two images show four digits each (scikit-learn's bundled digits, 8 x 8). A small convolutional network is trained to
tell the digits of single images; the embedding of a sequence is the sum of the ten class activations over its four
places, so that the similarity counts equal digits. The truth joins every two places with equal digits. Printed is the
cosine of each method's table, pooled to digits (4 x 4), with the truth: the mean over test pairs, then over seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from bilrp import BiLRP, Composite
from bilrp.baselines import BASELINES
from bilrp.composites import FIRST, OfKind
from bilrp.evaluation import agreement
from bilrp.rules import Gamma, ZBox

LENGTH, SIZE = 4, 8
GAMMAS = (0.0, 0.1, 0.25, 0.5, 1.0)


class Counter(nn.Module):
    """Images (N, 1, 8, 8 * L) to how much there is of each digit (N, 10); every digit is seen by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 2), nn.ReLU(), nn.Conv2d(64, 10, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        digits = torch.stack(x.split(SIZE, dim=-1), dim=1).flatten(0, 1)
        found = F.relu(self.features(digits)).flatten(1)
        out: Tensor = found.reshape(len(x), -1, 10).sum(1)
        return out


def train(images: Tensor, labels: Tensor, seed: int, epochs: int = 12) -> Counter:
    torch.manual_seed(seed)
    model = Counter()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            # activations of about one for the digit that is there, and zero for the others
            F.mse_loss(model.features(images[batch]).flatten(1), F.one_hot(labels[batch], 10).float()).backward()
            optimizer.step()
    return model.eval()


def methods(model: nn.Module) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    found: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
    for name, baseline in BASELINES.items():
        method = baseline(model)
        found[name] = lambda x, y, method=method: method.table(x, y, SIZE)
    for gamma in GAMMAS:
        composite = Composite([(FIRST, ZBox(0.0, 1.0)), (OfKind("linear"), Gamma(gamma))], f"gamma {gamma}")
        explainer = BiLRP(model, composite)
        found[f"BiLRP, gamma {gamma}"] = lambda x, y, explainer=explainer: explainer.explain(x, y).pool(SIZE).matrix()
    return found


def measure(seed: int, n_pairs: int) -> tuple[dict[str, float], float]:
    """Mean agreement of each method, and the share of test digits that the network tells."""
    data = load_digits()
    images = torch.from_numpy(data.images).float()[:, None] / 16
    labels = torch.from_numpy(data.target)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    training, test = order[:1300], order[1300:]
    model = train(images[training], labels[training], seed)
    with torch.no_grad():
        accuracy = float((model(images[test]).argmax(1) == labels[test]).float().mean())
    explain = methods(model)
    agreements: dict[str, list[float]] = {name: [] for name in explain}
    while len(agreements["saliency"]) < n_pairs:
        chosen = rng.choice(test, (2, LENGTH))
        truth = (labels[chosen[0]][:, None] == labels[chosen[1]]).float()
        if not truth.any():
            continue  # nothing to find
        x, y = (torch.cat(list(images[row]), dim=-1)[None] for row in chosen)
        for name, method in explain.items():
            agreements[name].append(agreement(method(x, y), truth[None, :, None]))
    return {name: float(np.mean(values)) for name, values in agreements.items()}, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=20, help="test pairs for each seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = [measure(seed, options.pairs) for seed in range(options.seeds)]
    print("digits told: " + ", ".join(f"{accuracy:.3f}" for _, accuracy in results))
    print(f"{'agreement with the truth':24} {'mean':>6} {'least':>6} {'most':>6}  of {options.seeds} seeds")
    for name in results[0][0]:
        values = [agreements[name] for agreements, _ in results]
        print(f"{name:24} {np.mean(values):6.3f} {min(values):6.3f} {max(values):6.3f}")


if __name__ == "__main__":
    main()
