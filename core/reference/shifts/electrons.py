"""Properties of the neutral atoms, as tables over the 94 elements."""

import warnings
from functools import lru_cache

import numpy as np

from core.elements import SYMBOLS


@lru_cache(maxsize=1)
def d_electrons() -> np.ndarray:
    """Return the valence d electrons of each neutral atom in its ground state, (94,).

    Valence electrons are those outside the noble-gas core: 3 of vanadium, but also the closed shell
    of 10 of gallium and lead, which a functional describes differently as well.
    """
    return _outside_core("d")


@lru_cache(maxsize=1)
def f_electrons() -> np.ndarray:
    """Return the f electrons of each neutral atom in its ground state, (94,).

    Counted like `d_electrons`: 7 of europium, 14 of hafnium and lead.
    """
    return _outside_core("f")


@lru_cache(maxsize=1)
def electronegativities() -> np.ndarray:
    """Return Pauling electronegativities, (94,); NaN where undefined, as for helium."""
    from pymatgen.core import Element  # noqa: PLC0415  slow to import, few need it

    with warnings.catch_warnings():
        # pymatgen warns about every noble gas.
        warnings.simplefilter("ignore", UserWarning)
        return np.array([Element(symbol).X for symbol in SYMBOLS], dtype=float)


def _outside_core(shell: str) -> np.ndarray:
    from pymatgen.core import Element  # noqa: PLC0415  slow to import, few need it

    counts = np.zeros(len(SYMBOLS))
    for index, symbol in enumerate(SYMBOLS):
        # "[Xe].4f14.5d10.6s2.6p2": the core in brackets, then the electrons outside it.
        for part in Element(symbol).electronic_structure.split("."):
            if part[0] != "[" and part[1] == shell:
                counts[index] += int(part[2:])
    return counts
