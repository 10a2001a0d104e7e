"""A linear model of composition fractions: the baseline of the tree models."""

import numpy as np

from core.reference.fits import solve

STRENGTH = 1e-2
"""Ridge strength: an element that occurs in one fold only, or only together with another, keeps a
coefficient of a sensible size."""


def fitted_line(fractions: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the coefficients (94,) of a ridge fit of values (n,) to fractions (n, 94).

    Fractions sum to one, so the model contains a constant.
    """
    return solve.least_squares(
        fractions, values, solve.columns(fractions), penalty=solve.ridge(STRENGTH)
    )
