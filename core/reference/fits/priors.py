"""Priors: the expected elemental references in the target functional, before any data."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.elements import N_ELEMENTS
from core.frames.functionals import MIXED, canonical_functional
from core.reference.fits.facts import Family, Kind, functional_shift, other_geometry

_PBE_LEVEL = frozenset({MIXED, "GGA", "GGA+U", "PBE"})
_R2SCAN_LEVEL = frozenset({"r2SCAN"})

PriorKind = Literal["shifted", "crystal", "atom", "source"]
"""The shift that is added to the source AtomRef: the best known one of each pure element, that of
its crystal only, that of its isolated atom only, or none."""

PRIOR_KINDS: dict[PriorKind, str] = {
    "shifted": "source + known shift of the element",
    "crystal": "source + shift of the elemental crystal",
    "atom": "source + shift of the isolated atom",
    "source": "source AtomRef as it is",
}
"""Descriptions of the kinds."""

# The models that users start from are trained on Materials Project, so its own references come
# first. Crystals come before isolated atoms even where the two functionals saw different
# geometries: over the pairs of 1,324 materials the crystals' shift is off by 190 meV/atom, atoms
# in place of those crystals by 380, because an atom lacks the bonding in which functionals differ.
_PREFERENCE: tuple[tuple[Family, Kind], ...] = (
    ("mp", "crystal"),
    ("matpes", "crystal"),
    ("matpes", "atom"),
)
_UNKNOWN = "source"


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Prior:
    """Expected elemental references in the target functional.

    Attributes:
        energies: (94,) eV/atom.
        origin: where each element's value comes from, (94,) strings: "source + crystal shift (mp)",
            "source + crystal shift (matpes, other geometry)", … or "source" where no shift is
            known.
    """

    energies: np.ndarray
    origin: list[str]

    @property
    def description(self) -> str:
        """One line such as "source + crystal shift (mp) of 81 elements, source of 5"."""
        counts = Counter(self.origin).most_common()
        if len(counts) == 1:
            return counts[0][0]
        (first, n), *rest = counts
        return ", ".join([f"{first} of {n} elements", *(f"{name} of {k}" for name, k in rest)])


def prior(
    source_atomref: np.ndarray,
    source_functional: str,
    target_functional: str,
    kind: PriorKind = "shifted",
) -> Prior:
    """Move a source AtomRef to the target functional by the shifts of the pure elements.

    Args:
        source_atomref: (94,) eV/atom.
        source_functional: functional of the source AtomRef.
        target_functional: functional of the prior.
        kind: the shifts to add. Both energies of a shift come from one family of calculations,
            which ``origin`` names for each element.
    """
    shift, origin = element_shift(source_functional, target_functional, kind)
    energies = np.asarray(source_atomref, dtype=float) + np.where(np.isnan(shift), 0.0, shift)
    return Prior(energies=energies, origin=origin)


def element_shift(
    source_functional: str, target_functional: str, wanted: PriorKind = "shifted"
) -> tuple[np.ndarray, list[str]]:
    """Return target minus source energy of each pure element, and where it comes from.

    Known between GGA/GGA+U or PBE and r2SCAN, either way.

    Returns:
        (94,) eV/atom, NaN where unknown, and 94 entries as in ``Prior.origin``.
    """
    shift = np.full(N_ELEMENTS, np.nan)
    origin = np.full(N_ELEMENTS, _UNKNOWN, dtype=object)
    source, target = (
        canonical_functional(source_functional),
        canonical_functional(target_functional),
    )
    if source in _PBE_LEVEL and target in _R2SCAN_LEVEL:
        sign = 1.0
    elif source in _R2SCAN_LEVEL and target in _PBE_LEVEL:
        sign = -1.0
    else:
        return shift, origin.tolist()
    for family, kind in _PREFERENCE:
        if wanted not in {"shifted", kind}:
            continue
        values = sign * functional_shift(family, kind)
        fills = np.isnan(shift) & ~np.isnan(values)
        shift[fills] = values[fills]
        origin[fills] = f"source + {kind} shift ({family})"
        if kind == "crystal":
            note = f"source + crystal shift ({family}, other geometry)"
            origin[fills & other_geometry(family)] = note
    return shift, origin.tolist()
