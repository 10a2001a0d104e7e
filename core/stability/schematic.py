"""Two hulls of a made-up system A–B: how a model's errors change which phases are stable.

As Figure 4 of Huang et al. 2025, DOI 10.1038/s41524-025-01796-y: the decomposition energy of a
phase and the phases that it competes with, by DFT and by a model.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from core.elements import N_ELEMENTS
from core.stability.comparison import Comparison, compare
from core.stability.phases import EnergySource, Phases

SHARES: Final[dict[str, float]] = {
    "A": 0.0, "A3B": 1 / 4, "AB": 1 / 2, "AB2": 2 / 3, "AB3": 3 / 4, "B": 1.0,
}  # fmt: skip
"""Fraction of B in each made-up phase."""

BY_DFT: Final[dict[str, float]] = {"A3B": -0.20, "AB": -0.45, "AB2": -0.42, "AB3": -0.20}
"""Made-up formation energies, eV/atom; those of the elements are 0."""

BY_MODEL: Final[dict[str, float]] = {"A3B": -0.26, "AB": -0.36, "AB2": -0.30, "AB3": -0.30}
"""The same by a made-up model."""

ELEMENTS: Final = ("H", "He")
"""What stands for A and B, which are no elements."""


def schematic(by_dft: Mapping[str, float], by_model: Mapping[str, float]) -> Comparison:
    """Return the comparison of two made-up hulls, each of its own source.

    Args:
        by_dft: formation energies of the compounds by DFT, eV/atom.
        by_model: the same by the model.
    """
    reference = _phases(by_dft, EnergySource(functional="made up"))
    model = _phases(by_model, EnergySource(functional="made up", labels="a model"))
    return compare(reference, model, "own hulls")


def _phases(energies: Mapping[str, float], source: EnergySource) -> Phases:
    shares = np.array(list(SHARES.values()))
    fractions = np.zeros((len(shares), N_ELEMENTS))
    fractions[:, 0], fractions[:, 1] = 1 - shares, shares
    values = np.array([energies.get(name, 0.0) for name in SHARES])
    return Phases.of(list(SHARES), fractions, values, source, ids=list(SHARES))
