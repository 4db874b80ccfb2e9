"""Makes reference.npz: BiLRP of one small network written down with loops over pairs of neurons, in numpy alone.

    python tests/bilrp/slow_reference.py

Nothing here is shared with the library, and nothing is vectorised: each share stands as its formula does in the papers.
The network: convolution 3 x 3 (2 to 3 channels), ReLU, maximum of 2 x 2, convolution 3 x 3 (3 to 4 channels), ReLU, a
linear layer to 5 outputs; biases everywhere but at the top. The rules: zB at the pixels, the winner, gamma, LRP-0, each
denominator moved by 1e-9 in the direction of its sign. Relevance is given with biases left out ("leave") and with what
they keep shared over abs(z) ("distribute"), for two images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("reference.npz")
LOW, HIGH, GAMMA, EPS, TILE = -1.0, 1.0, 0.25, 1e-9, 4


def fan_in(weight, k, height, width):
    """The inputs (channel, row, column) that output k of a 3 x 3 convolution reads, each with its weight."""
    channel, row, column = k
    for c in range(weight.shape[1]):
        for i in range(3):
            for j in range(3):
                y, x = row + i - 1, column + j - 1
                if 0 <= y < height and 0 <= x < width:
                    yield (c, y, x), weight[channel, c, i, j]


def convolution(a, weight, bias):
    out = np.empty((len(weight), *a.shape[1:]))
    for k in np.ndindex(out.shape):
        out[k] = bias[k[0]] + sum(a[j] * w for j, w in fan_in(weight, k, *a.shape[1:]))
    return out


def share_out(relevance, contributions, bias, distribute):
    """What each contribution z_j to a neuron gets of the neuron's relevance."""
    z = sum(contributions) + bias
    z = z + EPS if z >= 0 else z - EPS
    parts = [relevance * part / z for part in contributions]
    magnitude = sum(abs(part) for part in contributions)
    if distribute and magnitude > 0:
        rest = relevance - sum(parts)
        parts = [part + rest * abs(own) / magnitude for part, own in zip(parts, contributions, strict=True)]
    return parts


def through_convolution(relevance, a, weight, bias, rule, distribute):
    below = np.zeros_like(a)
    for k in np.ndindex(relevance.shape):
        inputs = list(fan_in(weight, k, *a.shape[1:]))
        if rule == "zB":
            z = [a[j] * w - LOW * max(w, 0) - HIGH * min(w, 0) for j, w in inputs]
            b = 0.0
        else:
            z = [a[j] * (w + GAMMA * max(w, 0)) for j, w in inputs]
            b = bias[k[0]] + GAMMA * max(bias[k[0]], 0)
        for (j, _), part in zip(inputs, share_out(relevance[k], z, b, distribute), strict=True):
            below[j] += part
    return below


def winner(a, k):
    """Of the four entries under output k of the maximum, the first that is as large as any."""
    channel, row, column = k
    window = [(channel, 2 * row + i, 2 * column + j) for i in range(2) for j in range(2)]
    return max(window, key=lambda j: a[j])


def explain(net, image, distribute):
    """The outputs (5,) and the relevance of the pixels for each (5, 2, 8, 8)."""
    first = np.maximum(convolution(image, net["w1"], net["b1"]), 0)
    small = np.empty((first.shape[0], 4, 4))
    for k in np.ndindex(small.shape):
        small[k] = first[winner(first, k)]
    second = np.maximum(convolution(small, net["w2"], net["b2"]), 0)
    flat = second.reshape(-1)
    outputs = np.array([sum(a * w for a, w in zip(flat, row, strict=True)) for row in net["top"]])
    maps = []
    for m, row in enumerate(net["top"]):
        z = [a * w for a, w in zip(flat, row, strict=True)]
        at_second = np.array(share_out(outputs[m], z, 0.0, distribute)).reshape(second.shape)
        at_small = through_convolution(at_second, small, net["w2"], net["b2"], "gamma", distribute)
        at_first = np.zeros_like(first)
        for k in np.ndindex(small.shape):
            at_first[winner(first, k)] += at_small[k]
        maps.append(through_convolution(at_first, image, net["w1"], net["b1"], "zB", distribute))
    return outputs, np.array(maps)


def joint(left, right):
    """Relevance of each pair of tiles: the sum over outputs of the products of the two sums over a tile."""
    n = left.shape[-1] // TILE
    table = np.zeros((n, n, n, n))
    for y, x, v, u in np.ndindex(table.shape):
        for m in range(len(left)):
            one = left[m, :, y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE].sum()
            table[y, x, v, u] += one * right[m, :, v * TILE : (v + 1) * TILE, u * TILE : (u + 1) * TILE].sum()
    return table


def network(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.normal(0, 0.4, (3, 2, 3, 3)),
        "b1": rng.normal(0, 0.2, 3),
        "w2": rng.normal(0, 0.4, (4, 3, 3, 3)),
        "b2": rng.normal(0, 0.2, 4),
        "top": rng.normal(0, 0.3, (5, 64)),
        "images": rng.uniform(LOW, HIGH, (2, 2, 8, 8)),
    }


def reference(net):
    """Everything that the file holds for a network with two images."""
    found = dict(net)
    for bias in ("leave", "distribute"):
        (left_outputs, left), (right_outputs, right) = (explain(net, x, bias == "distribute") for x in net["images"])
        found |= {"embeddings": np.array([left_outputs, right_outputs]), f"maps_{bias}": np.array([left, right])}
        found[f"joint_{bias}"] = joint(left, right)
    return found


if __name__ == "__main__":
    np.savez_compressed(PATH, **reference(network()))
    print(f"{PATH}: {PATH.stat().st_size} bytes")
