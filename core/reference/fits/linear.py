"""A line through composition fractions: what trees have to beat."""

import numpy as np

from core.reference.fits import solve

STRENGTH = 1e-2
"""Of the pull of each element's coefficient to zero: an element that one fold holds alone, or that
occurs only together with another, keeps a coefficient of a sensible size."""


def fitted_line(fractions: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return coefficients (94,) of a ridge through fractions (n, 94) and values (n,).

    Fractions sum to one, so a constant is among the lines that they span.
    """
    return solve.least_squares(fractions, values, solve.columns(fractions), strength=STRENGTH)
