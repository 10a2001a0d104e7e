"""Fits of either side of pairs and of their difference."""

import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.reference.fits.atomref import fit_lstsq, fit_ridge
from core.reference.fits.uncertainty import standard_errors
from core.reference.shifts.pairs import PairedEnergies
from core.transfer.pair_fits import side_fit


@pytest.fixture(scope="module")
def data():
    return open_dataset("mp-structures")


@pytest.fixture(scope="module")
def pairs(data):
    return PairedEnergies.from_pair_set(data, "energy_gga_chgnet", "energy_r2scan_chgnet")


def made(data, pairs, side, method="lstsq", strength=0.3):
    return side_fit(data, pairs, side, method=method, strength=strength)


def test_sides_are_their_energies(data, pairs):
    for side, energies, functional in (
        ("target", pairs.target, "r2SCAN"),
        ("source", pairs.source, "GGA/GGA+U"),
    ):
        found = made(data, pairs, side)
        expected = fit_lstsq(pairs.fractions, energies, functional=functional)
        np.testing.assert_array_equal(found.fit.energies, expected.energies)
        assert found.fit.functional == functional
        assert found.fit.labels != "dft"
        np.testing.assert_array_equal(found.seen.energies, energies)


def test_the_difference_is_the_fit_to_the_shift(data, pairs):
    found = made(data, pairs, "difference")
    expected = fit_lstsq(pairs.fractions, pairs.shift, functional="shift")
    np.testing.assert_allclose(found.fit.energies, expected.energies, atol=1e-8)
    assert found.fit.functional == "r2SCAN − GGA/GGA+U"
    pulled = made(data, pairs, "difference", "ridge")
    expected = fit_ridge(
        pairs.fractions, pairs.shift, prior=pulled.seen.prior, strength=0.3, functional="shift"
    )
    np.testing.assert_allclose(pulled.fit.energies, expected.energies, atol=1e-8)
    seen = pulled.seen
    np.testing.assert_allclose(
        standard_errors(pulled.fit, seen.fractions, seen.energies, seen.materials),
        standard_errors(expected, pairs.fractions, pairs.shift, pairs.material_id),
        rtol=1e-6,
    )


def test_the_difference_of_huber_fits_is_no_fit(data, pairs):
    with pytest.raises(LabError, match="not linear"):
        made(data, pairs, "difference", "huber")
