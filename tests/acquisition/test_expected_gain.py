"""Expected gains against Gaussian conditioning."""

import numpy as np
import pytest

from core.acquisition.coverage import choose
from core.acquisition.expected_gain import ByExpectedGain

RNG = np.random.default_rng(0)
NOISE = 0.03


@pytest.fixture
def many():
    """Draws so many that their covariance is the true one."""
    root = 0.1 * RNG.normal(size=(12, 5))
    return root @ RNG.normal(size=(5, 40_000)), root @ root.T


def test_gain_is_the_decrease_of_the_mean_variance(many):
    changes, covariance = many
    found = ByExpectedGain(changes, noise=NOISE, costs=np.ones(12)).gains
    total = np.diag(covariance) + NOISE**2
    after = np.diag(covariance)[:, None] - covariance**2 / total
    expected = 1e6 * (np.trace(covariance) / 12 - after.mean(axis=0))
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_a_choice_conditions_the_others(many):
    changes, covariance = many
    criterion = ByExpectedGain(changes, noise=NOISE, costs=np.ones(12))
    criterion.add(3)
    column = covariance[:, 3]
    after = covariance - np.outer(column, column) / (column[3] + NOISE**2)
    total = np.diag(after) + NOISE**2
    np.testing.assert_allclose(
        criterion.gains, 1e6 * (after**2 / total).mean(axis=0), rtol=0.06, atol=5
    )


def test_copies_are_not_chosen_twice_and_cheap_ones_come_first():
    one, other = RNG.normal(size=(2, 200))
    changes = 0.1 * np.stack([one, one, other, np.full(200, np.nan)])
    chosen = choose(
        {"gain": ByExpectedGain(changes, noise=0.01, costs=np.array([1.0, 1.0, 1.2, 1.0]))}, 2
    )
    assert sorted(chosen.rows.tolist()) in ([0, 2], [1, 2])
    assert "uncertain by" in chosen.reasons[0]
    cheap = ByExpectedGain(0.1 * np.stack([one, other]), noise=0.01, costs=np.array([8.0, 1.0]))
    assert choose({"gain": cheap}, 1).rows.tolist() == [1]
