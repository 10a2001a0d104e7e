"""Moves of a network that the readout of magnetic moments does not see directly."""

import numpy as np
import pytest

from core.potential.tangent.rows import GROUPS

NAMES = [name for group in GROUPS.values() for name in group]


@pytest.fixture
def unseen(double):
    """Take the part along the readout of moments out of a parameter's change, (64 outputs, …)."""
    readout = double.site_wise.weight.detach().numpy()[0]
    readout = readout / np.linalg.norm(readout)

    def projected(name, values):
        values = np.asarray(values).reshape(double.get_parameter(name).shape)
        if name == NAMES[0]:
            return (values - np.outer(values @ readout, readout)).ravel()
        if name in GROUPS["convolution"][:3]:
            return (values - np.outer(readout, readout @ values)).ravel()
        return values.ravel()

    return projected


@pytest.fixture
def random_move(double, unseen):
    def move(size, seed):
        rng = np.random.default_rng(seed)
        return {
            name: unseen(name, size * rng.normal(size=double.get_parameter(name).shape))
            for name in NAMES
        }

    return move
