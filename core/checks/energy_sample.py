"""Energies of a sample of frames beside what a pretrained network says of them."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.frames.functionals import MIXED, canonical_functional
from core.frames.schema import Corrections

Array = NDArray[np.float64]

PULL = 0.05
"""Pull of references toward the prior: (0.06 eV/atom)², what a network of another functional misses
energies by, over (0.25 eV)², what references differ from their prior by."""

FEWEST = 12
"""Frames below which nothing is said."""

COMPOSITIONS = 8
"""Compositions that two settings would differ in, below which nothing is said."""

GAP = 0.6
"""eV per atom of an element, or multiple of a correction, that two settings differ by, at least."""

_BEYOND_U = -0.45
"""Multiple of MP2020's corrections for U that these leave of what U adds to energies without it,
which is about 1.45 times them in samples of the embedded pairs."""

_WRONG, _ROOM = 1.0, 10.0
"""eV/atom, and times the usual distance, that a single energy lies from the network's, at least."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class EnergySample:
    """Energies of n frames beside what a pretrained network says of them.

    Attributes:
        rows: their rows in the data set, (n,).
        names: their ids, (n,).
        materials: the ids of their materials, (n,).
        fractions: composition fractions, (n, 94).
        energies: labels, (n,) eV/atom.
        interaction: interaction energies of the network, (n,) eV/atom.
        prior: expected references in the stated functional, (94,) eV/atom.
        functional: stated functional.
        corrections: whether MP2020 corrections are in the labels, as stated.
        corrections_are_known: whether the prior tells corrected from uncorrected energies.
        mp2020: corrections that MP2020 has for each frame, (n,) eV/atom; None where it has none.
        hubbard: its corrections for U, (n,) eV/atom.
        beyond_u: multiple of these that corrected energies differ from the network's by.
    """

    rows: NDArray[np.integer]
    names: NDArray[np.object_]
    materials: NDArray[np.object_]
    fractions: Array
    energies: Array
    interaction: Array
    prior: Array
    functional: str
    corrections: Corrections = "unknown"
    corrections_are_known: bool = False
    mp2020: Array | None = None
    hubbard: Array | None = None
    beyond_u: float = 0.0

    @property
    def left(self) -> Array:
        """Energies minus what the network and the prior say, (n,) eV/atom."""
        return np.asarray(self.energies - self.interaction - self.fractions @ self.prior)

    def only(self, kept: NDArray[np.bool_]) -> Self:
        """Return a part of the frames.

        Args:
            kept: which of them, (n,).
        """
        arrays = ["rows", "names", "materials", "fractions", "energies", "interaction"]
        arrays += ["mp2020", "hubbard"]
        values: dict[str, Any] = {name: getattr(self, name) for name in arrays}
        parts: dict[str, Any] = {
            name: None if value is None else value[kept] for name, value in values.items()
        }
        return replace(self, **parts)


def solved(X: Array, y: Array) -> tuple[Array, Array]:
    """Fit references near their prior; return them and the inverse's diagonal, (94,) each."""
    inverse = np.linalg.inv(X.T @ X + PULL * np.eye(X.shape[1]))
    return inverse @ (X.T @ y), np.diag(inverse)


def outlier_limit(size: Array) -> float:
    """Return from where energies are outliers, by what a fit leaves of them, (n,) eV/atom."""
    return max(_WRONG, _ROOM * float(np.median(size)))


def beyond_u(functional: str, source: str) -> float:
    """Return what `EnergySample.beyond_u` is for two functionals, of the energies and a network."""
    labels, network = (canonical_functional(name) == MIXED for name in (functional, source))
    return _BEYOND_U if labels and not network else 0.0
