"""The evidence against scipy's multivariate normal distribution, and its maximum."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.stats import multivariate_normal

from core.errors import LabError
from core.reference.fits.evidence import log_evidence, most_likely

RNG = np.random.default_rng(3)
FACTORS = RNG.normal(size=(2, 30, 4))
KERNELS = FACTORS @ FACTORS.transpose(0, 2, 1) / 4
LEFT = RNG.multivariate_normal(np.zeros(30), 0.04 * KERNELS[0] + 0.01 * np.eye(30))
EXTRA = 0.1 * RNG.normal(size=7)
MORE = {"more": 7, "more_squares": float(EXTRA @ EXTRA)}


def dense(log_variances):
    """The same of all 37 values, with kernels of zeros for those that are noise alone."""
    a, b, noise = np.exp(log_variances)
    covariance = noise * np.eye(37)
    covariance[:30, :30] += a * KERNELS[0] + b * KERNELS[1]
    return multivariate_normal(np.zeros(37), covariance).logpdf(np.concatenate([LEFT, EXTRA]))


def test_is_the_density_of_all_values_and_its_gradient():
    at = np.log([0.05, 0.002, 0.02])
    value, gradient = log_evidence(at, KERNELS, LEFT, **MORE)
    assert value == pytest.approx(dense(at), rel=1e-10)
    np.testing.assert_allclose(gradient, approx_fprime(at, dense, 1e-6), rtol=1e-4, atol=1e-4)


def test_variances_are_the_most_likely_ones():
    found = most_likely(KERNELS, LEFT, signal=0.1, noise=0.1, least_noise=1e-3, **MORE)
    center = np.log(0.1**2)

    def loss(at):
        return -dense(at) + 0.5 * ((at - center) ** 2).sum()

    best = minimize(loss, np.full(3, center), method="Nelder-Mead", options={"xatol": 1e-7})
    np.testing.assert_allclose(np.log([*found.parts, found.noise]), best.x, atol=2e-3)
    assert found.log_evidence == pytest.approx(dense(best.x), abs=1e-4)


def test_noise_has_a_floor():
    exact = KERNELS[0] @ np.ones(30) * 1e-3
    found = most_likely(KERNELS, exact, signal=0.1, noise=0.01, least_noise=0.02)
    assert found.noise == pytest.approx(0.02**2)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(LabError, match="not positive definite"):
        log_evidence(np.zeros(3), np.full_like(KERNELS, np.nan), LEFT)
