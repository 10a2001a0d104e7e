"""What composition lets expect of total energies, by the embedded ones."""

from functools import cache

import numpy as np

from core.elements import N_ELEMENTS, SYMBOLS
from core.frames.functionals import MIXED, canonical_functional
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.reference.fits.facts import family_facts

_PULL = 0.05
"""Pull of expected references toward the elements' crystals."""

_LIKE_EMBEDDED = {"r2SCAN", MIXED, "GGA", "GGA+U", "PBE", "PBE+U"}


def are_like_embedded(functional: str) -> bool:
    """Return whether energies in a functional lie near the embedded ones."""
    return canonical_functional(functional) in _LIKE_EMBEDDED


def embedded_functional(functional: str) -> str:
    """Return the functional of the embedded energies that is nearer, "r2SCAN" or "GGA/GGA+U"."""
    return "r2SCAN" if "scan" in functional.lower() else MIXED


def pure_energies(kind: str, functional: str) -> np.ndarray:
    """Return energies of the elements in the nearer functional, (94,) eV/atom, NaN where unknown.

    Args:
        kind: "crystal", as Materials Project has them, or "atom", the isolated one of MatPES.
        functional: such as "r2SCAN" or "PBE".
    """
    suffix = "r2scan" if embedded_functional(functional) == "r2SCAN" else "pbe"
    facts = family_facts("mp" if kind == "crystal" else "matpes")[f"e_{kind}_{suffix}"]
    return np.array([facts.get(symbol, np.nan) for symbol in SYMBOLS], dtype=float)


@cache
def expected_references(functional: str) -> np.ndarray:
    """Return an AtomRef of the embedded energies in the nearer functional.

    Args:
        functional: such as "r2SCAN" or "PBE".

    Returns:
        (94,) eV/atom, NaN for elements of which nothing is known.
    """
    data: PairSet = open_dataset("mp-structures")  # type: ignore[assignment]
    column = {"r2SCAN": "energy_r2scan_chgnet", MIXED: "energy_gga_chgnet"}
    X, energies = data.fractions(), data.energy(column[embedded_functional(functional)])
    crystals = pure_energies("crystal", functional)
    start = np.nan_to_num(crystals)
    pull = _PULL * np.eye(N_ELEMENTS)
    references = start + np.linalg.solve(X.T @ X + pull, X.T @ (energies - X @ start))
    return np.where(np.isnan(crystals) & ~X.any(axis=0), np.nan, references)


def energies_by(references: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return what references make of compositions, (n,) eV/atom, NaN where one is unknown.

    Args:
        references: (94,) eV/atom, NaN where unknown.
        fractions: composition fractions, (n, 94).
    """
    unknown = (fractions[:, np.isnan(references)] > 0).any(axis=1)
    return np.where(unknown, np.nan, fractions @ np.nan_to_num(references))


def expected_energies(fractions: np.ndarray, functional: str) -> np.ndarray:
    """Return what composition lets expect, (n,) eV/atom, NaN where an element is unknown.

    Args:
        fractions: composition fractions, (n, 94).
        functional: such as "r2SCAN" or "PBE".
    """
    return energies_by(expected_references(functional), fractions)
