"""Whether the energies of a data set lie on the scale of a prior, element by element.

All-electron codes, and codes with pseudopotentials of their own (CP2K, Quantum ESPRESSO), count the
energy of each atom from another zero: their energies differ from a prior's by one constant per
element, of hundreds of eV. A pull toward the prior then pulls toward nothing, so these elements are
fitted without it, and a constant per element changes nothing but AtomRef wherever the data
determine it.

Functionals within one set of pseudopotentials differ by much less, so how far an element's
reference can be from a prior of another functional is known: from PBE to r2SCAN it moves by at most
0.1 eV (H) to 72 eV (Pu), in nearly the same ratio to the number of electrons everywhere.
"""

from functools import lru_cache

import numpy as np
import scipy.sparse as sp

from core.elements import N_ELEMENTS, SYMBOLS
from core.reference.fits.facts import functional_shift

_FLOOR = 10.0
"""eV/atom, the least distance that counts as another scale; errors of a network, of dispersion or
of a correction are far below."""

_TIMES = 2.0
"""Another scale is further away than this many times the shift from PBE to r2SCAN."""

_MISFIT = 0.3
"""eV/atom, the least misfit of energies to their compositions that is reckoned with."""

_NEAR = 1.0
"""eV/atom; energies nearer to the prior's than this are on its scale."""

_RANK = 1e-10
"""Eigenvalues below this part of the largest count as 0."""

_SURE = 3.0
"""Standard errors by which a distance must exceed the limit."""


@lru_cache(maxsize=1)
def limits() -> np.ndarray:
    """Return the largest distance from a prior on the same scale, (94,) eV/atom."""
    shifts = [functional_shift("matpes", "atom"), functional_shift("mp", "crystal")]
    largest = np.fmax(*np.abs(shifts))
    numbers = np.arange(N_ELEMENTS)
    known = np.isfinite(largest)
    return np.asarray(_FLOOR + _TIMES * np.interp(numbers, numbers[known], largest[known]))


def scale_gap(
    rows: np.ndarray | sp.csr_array, left: np.ndarray, limit: np.ndarray | None = None
) -> np.ndarray:
    """Return how far the data are from a prior where they lie on another scale.

    Where at least half of the elements do, the others do as well.

    Args:
        rows: composition fractions over p elements, (n, p), dense or sparse.
        left: energies minus the prior's contribution, (n,) eV/atom.
        limit: largest distance on the same scale (p,), eV/atom; None for all 94 elements.

    Returns:
        (p,) eV/atom: least squares minus the prior, NaN for elements on the prior's scale and for
        those that do not occur.
    """
    gap = np.full(rows.shape[1], np.nan)
    # So close to the prior there is no room for another scale, and most fits end here.
    if np.abs(left).max(initial=0.0) < _NEAR:
        return gap
    gram = rows.T @ rows
    gram = gram if isinstance(gram, np.ndarray) else gram.toarray()
    occurs = np.diag(gram) > 0
    values, vectors = np.linalg.eigh(gram)
    kept = values > _RANK * values[-1]
    half = vectors[:, kept] / np.sqrt(values[kept])
    turned = half.T @ (rows.T @ left)
    departure = half @ turned
    freedom = max(len(left) - int(np.count_nonzero(kept)), 1)
    misfit = max(float(np.sqrt(max(left @ left - turned @ turned, 0.0) / freedom)), _MISFIT)
    unsure = _SURE * misfit * np.sqrt((half**2).sum(axis=1))
    off = occurs & (np.abs(departure) > (limits() if limit is None else limit) + unsure)
    if 2 * np.count_nonzero(off) >= np.count_nonzero(occurs):
        off = occurs
    gap[off] = departure[off]
    return gap


def gap_text(gaps: dict[str, float]) -> str:
    """Return the largest gaps as a phrase, such as "O by −2,042 eV, Li by −198 eV".

    Args:
        gaps: eV/atom by symbol.
    """
    largest = sorted(gaps, key=lambda symbol: -abs(gaps[symbol]))
    shown = [f"{symbol} by {gaps[symbol]:,.0f} eV".replace("-", "−") for symbol in largest[:3]]
    more = f" and {len(largest) - 3} more elements" if len(largest) > 3 else ""
    return ", ".join(shown) + more


def gaps_by_symbol(gap: np.ndarray) -> dict[str, float]:
    """Return the entries of ``scale_gap`` that are not NaN by symbol."""
    return {SYMBOLS[i]: float(gap[i]) for i in np.flatnonzero(np.isfinite(gap))}


def scale_note(gaps: dict[str, float]) -> str:
    """Return one sentence on elements whose energies count from another zero; empty for none.

    Args:
        gaps: data minus prior, eV/atom, by symbol.
    """
    if not gaps:
        return ""
    return (
        f"The energies count from another zero than the prior ({gap_text(gaps)}), as those of "
        "all-electron codes or other pseudopotentials do; these elements are fitted without the "
        "pull toward the prior, and elements that do not occur keep the prior's zero."
    )
