"""Lowest mixtures beside HiGHS."""

import numpy as np
import pytest
from scipy.optimize import linprog

from core.stability import mixtures
from core.stability.mixtures import lowest_mixtures


def problems(b: int, k: int, m: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, (b, m, k))
    counts[..., 0] += counts.sum(axis=-1) == 0
    x = np.concatenate([np.tile(np.eye(k), (b, 1, 1)), counts / counts.sum(-1, keepdims=True)], 1)
    e = np.concatenate([np.zeros((b, k)), np.round(rng.normal(-0.2, 0.5, (b, m)), 1)], 1)
    e[rng.random(e.shape) < 0.1] = np.inf
    e[:, :k] = 0.0
    return rng.dirichlet(np.ones(k), b), x, e


@pytest.mark.parametrize("most_steps", [200, 0])
@pytest.mark.parametrize("k", [2, 4, 7])
def test_mixtures_equal_highs(k, most_steps, monkeypatch):
    """Without steps of its own, every problem goes to the library, with the same answer."""
    monkeypatch.setattr(mixtures, "_MOST_STEPS", most_steps)
    wanted, x, e = problems(10, k, 30, seed=k)
    found = lowest_mixtures(wanted, x, e)
    for i in range(len(wanted)):
        usable = np.isfinite(e[i])
        best = linprog(e[i][usable], A_eq=x[i][usable].T, b_eq=wanted[i])
        assert found.energies[i] == pytest.approx(best.fun, abs=1e-9)
        assert found.amounts[i] @ x[i][found.members[i]] == pytest.approx(wanted[i], abs=1e-9)
        assert (found.amounts[i] >= 0).all()
        assert found.amounts[i] @ e[i][found.members[i]] == pytest.approx(best.fun, abs=1e-9)


def test_candidates_that_nearly_coincide_are_told_apart():
    x = np.array([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.5 + 1e-6, 0.5 - 1e-6]]])
    e = np.array([[0.0, 0.0, -1.0, -1.0]])
    found = lowest_mixtures(np.array([[0.5 + 5e-7, 0.5 - 5e-7]]), x, e)
    assert found.energies == pytest.approx([-1.0], abs=1e-12)
    assert {*found.members[0]} == {2, 3}
