import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.step.batching import batches

SEEDS = st.integers(0, 2**32)


@settings(max_examples=60)
@given(
    costs=st.lists(st.integers(2, 10**6), max_size=300),
    size=st.integers(1, 40),
    seed=SEEDS,
    epoch=st.integers(0, 1000),
)
def test_every_frame_comes_once_in_batches_of_one_size(costs, size, seed, epoch):
    order = batches(np.array(costs, dtype=np.int64), size, seed=seed, epoch=epoch)
    assert sorted(row for batch in order for row in batch) == list(range(len(costs)))
    assert all(len(batch) == size for batch in order[:-1])
    assert len(order) == -(-len(costs) // size)
    again = batches(np.array(costs, dtype=np.int64), size, seed=seed, epoch=epoch)
    assert all((a == b).all() for a, b in zip(order, again, strict=True))


def test_orders_differ_by_seed_and_epoch():
    costs = np.arange(2, 200)
    first, *others = (
        np.concatenate(batches(costs, 4, seed=seed, epoch=epoch))
        for seed, epoch in ((3, 2), (3, 1), (4, 2))
    )
    assert all((other != first).any() for other in others)


def test_the_order_is_the_same_on_every_machine():
    expected = [[5, 0, 7], [2, 4, 6], [8, 10, 9], [3, 1]]
    costs = np.array([7, 900, 31, 5, 64, 64, 220, 12, 3, 3, 1000])
    order = batches(costs, 3, seed=5, epoch=1)
    assert [batch.tolist() for batch in order] == expected
    small = batches(costs.astype(np.uint16), 3, seed=5, epoch=1)
    assert [batch.tolist() for batch in small] == expected


def cost_of(costs, order):
    return np.array([costs[batch].sum() for batch in order])


@settings(max_examples=60)
@given(
    costs=st.lists(st.integers(2, 10**6), min_size=2, max_size=200),
    size=st.integers(1, 20),
    seed=SEEDS,
)
def test_costs_never_spread_more_than_in_the_shuffle(costs, size, seed):
    costs = np.array(costs)
    shuffled = np.random.default_rng([seed, 0]).permutation(len(costs))
    n_full = len(costs) // size
    plain = cost_of(costs, shuffled[: n_full * size].reshape(n_full, size))
    ours = cost_of(costs, batches(costs, size, seed=seed, epoch=0)[:n_full])
    assert ours.sum() == plain.sum()
    assert ours.max(initial=0) <= plain.max(initial=0)
    assert (ours**2).sum() <= (plain**2).sum()


@pytest.mark.parametrize("n", [320, 20_000])
def test_skewed_sizes_are_well_balanced(n):
    costs = 2 + (3000 * np.random.default_rng(0).gamma(2.2, size=n)).astype(np.int64)
    ours = cost_of(costs, batches(costs, 16, seed=0, epoch=0))
    assert ours.max() < 1.1 * ours.mean()
    assert ours.std() < 0.01 * ours.mean()


def test_frames_meet_about_as_often_as_by_chance():
    """A rough check on skewed sizes, by classes of cost and by pairs.

    In a plain shuffle, the mean of a class over all epochs is 1 and the number of times that a
    pair meets has a relative deviation of 0.15. Here the quarter of the largest frames meets itself
    a quarter less often; pairs deviate about twice as much as by chance, because some pairs of
    costs complement each other well; only the largest frames never meet.
    """
    random = np.random.default_rng(2)
    n, size, epochs = 240, 8, 1500
    costs = np.sort((1000 * random.gamma(2.2, size=n)).astype(np.int64) + 2)
    met = np.zeros((n, n))
    for epoch in range(epochs):
        frames = np.stack(batches(costs, size, seed=1, epoch=epoch))
        for place in range(size):
            met[np.repeat(frames[:, place], size), frames.ravel()] += 1
    np.fill_diagonal(met, np.nan)
    met /= epochs * (size - 1) / (n - 1)
    quarters = np.nanmean(met.reshape(4, n // 4, 4, n // 4), axis=(1, 3))
    assert quarters.min() > 0.7
    assert quarters.max() < 1.25
    assert np.nanstd(met) < 0.35
    assert np.nanmean(met == 0) < 0.005


def test_every_frame_is_equally_likely_at_every_step():
    costs = np.array([10_000, 5_000, *range(2, 40)])
    counts = np.zeros((20, len(costs)))
    for epoch in range(2000):
        order = np.stack(batches(costs, 2, seed=9, epoch=epoch))
        np.put_along_axis(counts, order, np.take_along_axis(counts, order, 1) + 1, 1)
    expected = 2000 * 2 / len(costs)
    # five standard deviations
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
