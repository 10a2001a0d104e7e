import math

import numpy as np
import pytest
import torch

from core.potential.threads import compute_settings
from core.training.loop.schedule import learning_rate, marks
from core.training.settings.config import RunConfig
from core.training.settings.partition import partition


def stock_rates(n, epochs, initial):
    """The learning rate of each step, by the lines of chgnet's trainer."""
    optimizer = torch.optim.Adam([torch.zeros(1)], lr=initial)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=10 * epochs, eta_min=0.01 * initial
    )
    optimizer.step()
    for _ in range(epochs):
        for index in range(n):
            yield schedule.get_last_lr()[0]
            if index + 1 in np.arange(1, 11) * n // 10:
                schedule.step()


@pytest.mark.parametrize("n", [10, 17, 35, 100])
def test_learning_rates_are_chgnets(n):
    ours = [
        learning_rate(1e-3, epoch=epoch, step=step, steps_per_epoch=n, epochs=3)
        for epoch in range(3)
        for step in range(n)
    ]
    np.testing.assert_allclose(ours, list(stock_rates(n, 3, 1e-3)), rtol=1e-9)


@pytest.mark.parametrize("n", [1, 3, 9])
def test_short_epochs_go_through_the_whole_cosine(n):
    assert len(marks(n)) == 10
    assert marks(n)[0] >= 1
    assert marks(n)[-1] == n
    last = learning_rate(1.0, epoch=2, step=0, steps_per_epoch=n, epochs=2)
    assert last == pytest.approx(0.01)
    half = learning_rate(1.0, epoch=1, step=0, steps_per_epoch=n, epochs=2)
    assert half == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 2)) / 2)


def test_fewer_training_frames_are_a_subset(mixed):
    whole = partition(RunConfig(dataset="mixed"), mixed)
    chosen: set = set()
    for n in (2, 5, len(whole.train)):
        part = partition(RunConfig(dataset="mixed", frames=n), mixed)
        assert len(part.train) == n
        assert chosen < set(part.train)
        chosen = set(part.train)
        assert (part.test == whole.test).all()
        assert (part.validation == whole.validation).all()
    assert chosen == set(whole.train)


def test_compute_settings_are_put_back():
    def settings():
        fills = torch.utils.deterministic.fill_uninitialized_memory
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), fills

    before = settings()
    with compute_settings(before[0] + 1, torch.device("cpu")) as threads:
        assert settings() == (threads, True, False)
        assert threads == before[0] + 1
    assert settings() == before
