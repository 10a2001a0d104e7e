"""Energies that composition cannot explain: wrong ones, two scales, or those of other rows.

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

_MANY = 0.2
"""Share of energies above which they may as well be those of other rows."""

_FEWEST = 30
"""Energies more than elements below which nothing is said."""

_UNRELATED = 0.5
"""Explained share of the variance below which energies are not those of their compositions: 0.86
and more in 40 draws each of 60 to 400 embedded materials, 0.68 for formation energies; for energies
in another order at most 0.3 of 160 and more materials, and up to 0.6, which is missed, of 100."""

_ALIKE, _RELATED = 0.25, 0.8
"""Mean distance of sorted energies from sorted expected ones, over that row by row, and correlation
of both row by row, below which they are the same in another order: at most 0.21 and 0.5 where they
are, 0.22 to 1.0 and 0.9 or more where not, in 3,000 draws of 30 to 600 materials."""

_SPREAD, _ELEMENTS = 1.0, 10
"""eV/atom that energies spread over at least, and elements that a set has, for that."""

_NAMED = 3


def order_finding(energies: np.ndarray, expected: np.ndarray) -> Finding | None:
    """Report energies that are the expected ones in another order.

    It takes fewer rows than `mismatch_findings`, and references that are known.

    Args:
        energies: total energies, (n,) eV/atom, NaN where missing.
        expected: what known references say of them, (n,) eV/atom, NaN where unknown.
    """
    known = np.isfinite(energies + expected)
    energies, expected = energies[known], expected[known]
    if len(energies) < _FEWEST or min(np.std(energies), np.std(expected)) < _SPREAD:
        return None
    in_order = np.abs(np.sort(energies) - np.sort(expected)).mean()
    share = float(np.corrcoef(energies, expected)[0, 1])
    if share > _RELATED or in_order > _ALIKE * np.abs(energies - expected).mean():
        return None
    return Finding(
        kind="energy_mismatch",
        severity="warning",
        message="The energies are about those that compositions let expect, but of other rows: "
        f"row by row their correlation with them is {share:.2f}, where 0.9 and more is usual.",
        remedy="Check that materials and energies are in the same order, and import again.",
    )


def mismatch_findings(fractions: np.ndarray, energies: np.ndarray) -> list[Finding]:
    """Report energies that their compositions hardly explain, as those of other rows.

    A mixture of two scales may leave as much. It is told apart where most energies are of one of
    them: these alone follow from their compositions.

    Args:
        fractions: composition fractions, (n, 94).
        energies: total energies, (n,) eV/atom.
    """
    is_varied = int(fractions.any(axis=0).sum()) >= _ELEMENTS and np.std(energies) > _SPREAD
    if not is_varied or not (share := _explained(fractions, energies)) < _UNRELATED:
        return []
    references, _ = huber(fractions, energies, solve.columns(fractions))
    near = np.abs(energies - fractions @ references) <= _FAR
    of_one = _explained(fractions[near], energies[near]) < _UNRELATED
    else_scales = "" if of_one else ", or are of two functionals, codes or sets of pseudopotentials"
    return [
        Finding(
            kind="energy_mismatch" if of_one else "energy_mixture",
            severity="warning",
            message=f"Compositions explain {max(share, 0):.0%} of how the energies vary, where "
            f"nearly all is usual: the energies probably belong to other rows{else_scales}.",
            remedy="Check that materials and energies are in the same order, and import again"
            + ("." if of_one else ", each scale as a data set of its own."),
        )
    ]


def _explained(fractions: np.ndarray, energies: np.ndarray) -> float:
    """Return the adjusted share of the variance that a linear fit explains; NaN of few energies."""
    if len(energies) < _FEWEST:
        return float("nan")
    described = solve.columns(fractions)
    free = len(energies) - described.rank
    if free < _FEWEST:
        return float("nan")
    left = energies - fractions @ solve.least_squares(fractions, energies, described)
    return float(1 - (left @ left) / free / np.var(energies, ddof=1))


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
    other_rows = mismatch_findings(fractions, energies)
    if other_rows and (other_rows[0].kind == "energy_mismatch" or share > _MANY):
        return other_rows
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
