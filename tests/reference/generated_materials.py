"""Generated compositions and energies for tests of statistics."""

import numpy as np


def made(seed, *, n=80, elements=12, frames=1, noise=0.5, spread=False):
    """Return fractions (n · frames, 94), energies, material ids, and the true references.

    With several frames a material, every fourth material's last frame has another composition.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(94, elements, replace=False)
    X = np.zeros((n, 94))
    for row in X:
        k = rng.integers(1, min(4, elements) + 1)
        row[rng.choice(chosen, k, replace=False)] = rng.integers(1, 7, k)
    groups = np.repeat([f"mp-{i}" for i in range(n)], frames).astype(object)
    X = np.repeat(X, frames, axis=0)
    if frames > 1:
        for last in range(frames - 1, len(X), 4 * frames):
            X[last, chosen[0]] += 1
    X /= X.sum(axis=1, keepdims=True)
    truth = rng.uniform(-90, 0, 94)
    shared = np.repeat(rng.normal(0, noise, n), frames)
    y = X @ truth + shared + rng.normal(0, noise / 3, len(X))
    order = rng.permutation(len(y)) if spread else np.arange(len(y))
    return X[order], y[order], groups[order], truth
