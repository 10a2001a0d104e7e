"""Energies that composition cannot explain: single wrong ones, and a mixture of two scales.

What AtomRef leaves of the total energies of one functional is the energy of mixing and of strain: a
few eV/atom at most (3.5 eV/atom in 2,399 frames of MPtrj's materials with either of CHGNet's
models, 2.5 eV/atom in 1,324 pairs of GGA/GGA+U and r2SCAN energies of the Materials Project). A
second functional, code or set of pseudopotentials adds several eV per atom of some elements, which
an AtomRef that is fitted robustly does not take up.
"""

import numpy as np

from core.frames.findings import Finding
from core.reference.fits import solve
from core.reference.fits.robust import huber

_FAR = 4.0
"""eV/atom that no energy of one scale usually lies from what composition says."""

_WRONG = 8.0
"""eV/atom beyond which a single energy is reported."""

_MIXED = 0.01
"""Share of energies that lie far from composition, above which two scales are the likely reason."""

_FEWEST = 30
"""Energies more than elements below which nothing is said."""

_NAMED = 3


def scatter_findings(
    fractions: np.ndarray, energies: np.ndarray, names: np.ndarray
) -> list[Finding]:
    """Report energies far from what composition says.

    Args:
        fractions: composition fractions, (n, 94).
        energies: total energies, (n,) eV/atom.
        names: ids of the frames, (n,).
    """
    n_elements = int(fractions.any(axis=0).sum())
    if len(energies) < n_elements + _FEWEST:
        return []
    references, _ = huber(fractions, energies, solve.columns(fractions))
    left = energies - fractions @ references
    size = np.abs(left)
    share = float((size > _FAR).mean())
    if share > _MIXED:
        return [
            Finding(
                kind="energy_mixture",
                severity="warning",
                message=f"{share:.0%} of the energies lie more than {_FAR:g} eV/atom from what "
                "their composition says: two functionals, codes or sets of pseudopotentials are "
                "probably mixed.",
                remedy="Import each as a data set of its own.",
            )
        ]
    wrong = np.flatnonzero(size > _WRONG)
    if not len(wrong):
        return []
    worst = wrong[np.argsort(size[wrong])[::-1]][:_NAMED]
    named = ", ".join(f"{names[row]} by {left[row]:+.0f} eV/atom" for row in worst)
    return [
        Finding(
            kind="energy_outliers",
            severity="warning",
            message=f"{len(wrong):,} energies lie more than {_WRONG:g} eV/atom from what their "
            f"composition says ({named}).",
            remedy="Leave these frames out unless they are meant to be so.",
        )
    ]
