"""What energies count from: the references that a sample of them needs beside the network.

Beside the network's interaction energies, total energies of one functional, one set of
pseudopotentials and one rule for U and corrections need one reference per element, near the prior:
a pretrained model's AtomRef plus the known shift of the element. Other scales need other
references, which are compared with those of the embedded facts; two scales in one data set leave
two branches.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.checks.energy_sample import (
    COMPOSITIONS,
    FEWEST,
    GAP,
    PULL,
    Array,
    EnergySample,
    outlier_limit,
    solved,
)
from core.checks.mixtures import mixture_finding
from core.checks.other_scales import BY_NETWORK, scale_finding
from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.frames.functionals import MIXED, canonical_functional
from core.reference.formation.corrections import hubbard_corrections
from core.reference.shifts.hubbard import U_ELEMENTS, u_shifts

_OFF = 1.2
"""eV by which the reference of a single element must differ from its prior: without U, vanadium and
iron in r2SCAN differ by 0.9 from a prior with U."""

_COMPOUNDS = 3
"""Compositions with an element, below which its reference is not judged."""

_KNOWN = 0.5
"""eV that references of a known functional differ from their prior by, at most, in the median."""

_TIMES = 5.0
"""How many times farther than the median of all elements that must be."""

_U_COST = 1.0
"""meV/atom that columns for U must gain to be told."""

_ABOVE = 0.25
"""How much of MP2020's corrections energies seem to hold beside those they hold: 0 to 0.5 in
samples of the embedded frames and pairs."""

_HOLDS_U = 0.7
"""Multiple of MP2020's terms for U by which two functionals differ in oxides and fluorides, at
least, where one of them carries U there: about 1.4 with U, up to 0.67 without (240 samples of 40 to
200 materials, of which other metals stood for those with U)."""

_FEW = 0.05
"""Share of the energies that are single ones; more of them are another scale."""


def scale_findings(sample: EnergySample) -> list[Finding]:
    """Report energies on another scale than stated, on two scales, and single ones off the scale.

    Args:
        sample: the energies.
    """
    if len(sample.energies) < FEWEST:
        return []
    beside = sample.energies - sample.interaction
    other = scale_finding(
        sample.fractions, beside, sample.prior, sample.functional, close=BY_NETWORK
    )
    if other is not None:
        return [other]
    wrong, kept = _outliers(sample)
    found = [] if wrong is None else [wrong]
    rest = sample.only(kept)
    # The first of these explains what the next ones would see of it.
    for finding in (
        mixture_finding(rest),
        _corrections(rest),
        _other_u(_corrected(rest)),
        _offsets(_corrected(rest)),
    ):
        if finding is not None:
            return [*found, finding]
    return found


def hubbard_columns(sample: EnergySample, carried: sp.csr_array | None) -> Finding | None:
    """Report what one reference for atoms with and without U costs.

    Args:
        sample: the energies.
        carried: what carries U in the labels, less what does in the pretrained model's energies
            (`core.reference.shifts.hubbard.carrying_u`).
    """
    pull = PULL * np.eye(sample.fractions.shape[1])
    found = u_shifts(sample.fractions, carried, sample.left, sample.materials, penalty=pull)
    if found is None or not found.sure.any() or found.cost < _U_COST:
        return None
    return Finding(
        kind="hubbard_columns",
        severity="info",
        message="Labels and pretrained model differ in U for some compounds of an element and "
        f"not for others. U adds, in eV per atom: {found.text}. One reference for both cannot "
        "describe it.",
        remedy="The network has to learn it from frames with and without O or F; atomref atomref "
        "--separate-u fits it beside the references.",
        cost=found.cost,
    )


def u_in_pairs(
    fractions: Array, change: Array, carried: sp.csr_array | None, functional: str
) -> Finding | None:
    """Report energies of pairs that carry U in oxides and fluorides, and not elsewhere.

    Args:
        fractions: X, composition fractions (n, 94).
        change: energies less those in another functional and less the expected shift between the
            two, (n,) eV/atom.
        carried: what carries U, as of `core.reference.shifts.hubbard.carrying_u`.
        functional: stated functional of the energies.
    """
    terms = -hubbard_corrections(fractions)
    if len(np.unique(fractions[terms > 0.05], axis=0)) < COMPOSITIONS:
        return None
    slope, error = _fitted(fractions, change, terms)
    pull = PULL * np.eye(fractions.shape[1])
    found = u_shifts(fractions, carried, change, penalty=pull)
    if slope < _HOLDS_U + error or found is None or not found.sure.any():
        return None
    is_stated = canonical_functional(functional) == MIXED or functional.endswith("+U")
    remedy = "atomref atomref --separate-u fits U beside the references, or keep the two apart."
    return Finding(
        kind="hubbard_columns" if is_stated else "hubbard_mixture",
        severity="info" if is_stated else "warning",
        message="Of some metals, oxides and fluorides carry U and other compounds do not. Compared "
        f"with the other functional, U adds, in eV per atom: {found.text}. One reference for both "
        "cannot describe it.",
        remedy=remedy if is_stated else f"Import them again as {MIXED}; then {remedy}",
        cost=found.cost,
    )


def deviations(sample: EnergySample) -> Array:
    """Return fitted references minus their prior, (94,) eV/atom, 0 for elements without frames."""
    return solved(sample.fractions, sample.left)[0]


def _corrections(sample: EnergySample) -> Finding | None:
    """Compare stated MP2020 corrections with those that the energies seem to hold."""
    if sample.mp2020 is None or sample.corrections == "unknown":
        return None
    if not sample.corrections_are_known:
        return None
    if np.count_nonzero(np.abs(sample.mp2020) > 0.05) < FEWEST:
        return None
    slope, error = _slope(sample, sample.mp2020)
    # Corrected energies are near the prior: what PBE has wrong of O2 and other elements is what
    # MP2020 corrects, and r2SCAN, from which a prior may be moved, does not have it.
    held = slope + 1 - _ABOVE
    stated = float(sample.corrections == "MP2020")
    if (held - 0.5) * (stated - 0.5) > 0 or abs(held - 0.5) < error or error > 0.2:
        return None
    if abs(held - (1 - stated)) > 0.5:
        return None
    hold = "hold no" if stated else "hold"
    options = "none" if stated else "MP2020"
    return Finding(
        kind="corrections",
        severity="warning",
        message=f"The energies seem to {hold} MP2020 corrections ({held:.0%} ± {error:.0%} of "
        "them), contrary to the data set's card.",
        remedy=f"Import it again with --corrections {options}.",
        cost=1000 * float(np.abs(sample.mp2020).mean()),
    )


def _corrected(sample: EnergySample) -> EnergySample:
    """Return energies as the prior has those of Materials Project: with corrections."""
    is_mixed = canonical_functional(sample.functional) == MIXED
    if sample.mp2020 is None or not is_mixed or sample.corrections != "none":
        return sample
    return replace(sample, energies=sample.energies + sample.mp2020)


def _other_u(sample: EnergySample) -> Finding | None:
    """Compare U with that of the prior, by the terms that MP2020 has for it."""
    if sample.hubbard is None or not sample.corrections_are_known:
        return None
    concerned = np.abs(sample.hubbard) > 0.05
    if len(np.unique(sample.fractions[concerned], axis=0)) < COMPOSITIONS:
        return None
    slope, error = _slope(sample, sample.hubbard)
    if not GAP + error < abs(slope) < 2 - GAP or error > 0.2:
        return None
    return Finding(
        kind="hubbard",
        severity="warning",
        message=f"The energies of oxides and fluorides of {', '.join(U_ELEMENTS)} lie "
        f"{'below' if slope > 0 else 'above'} those expected in {sample.functional} by "
        f"{abs(slope):.0%} of MP2020's terms for U, as {'without' if slope > 0 else 'with'} U.",
        remedy="Import them as the functional that they are in (with +U or without), and do not "
        "mix them with other data.",
        cost=1000 * float(np.abs(sample.hubbard).mean()) * abs(slope),
    )


def _slope(sample: EnergySample, column: Array) -> tuple[float, float]:
    """Return how much of a column energies hold, and its standard error over materials."""
    known = 0.0 if sample.hubbard is None else sample.beyond_u * sample.hubbard
    slope, error = _fitted(sample.fractions, sample.left - known, column)
    # Frames of one material say nearly the same.
    return slope, error * float(np.sqrt(len(column) / len(np.unique(sample.materials))))


def _fitted(X: Array, y: Array, column: Array) -> tuple[float, float]:
    """Return how much of a column energies hold beside references near their prior.

    Returns:
        The factor and its standard error.
    """
    A = np.column_stack([X, column])
    pull = np.append(np.full(X.shape[1], PULL), 0.0)
    inverse = np.linalg.inv(A.T @ A + np.diag(pull + 1e-12))
    found = inverse @ (A.T @ y)
    noise = max(float(np.median(np.abs(y - A @ found))) * 1.4826, 0.02)
    return float(found[-1]), float(noise * np.sqrt(inverse[-1, -1]))


def _offsets(sample: EnergySample) -> Finding | None:
    """Report single elements whose references differ from those expected."""
    X = sample.fractions
    off, variance = solved(X, sample.left)
    occurs = (np.unique(X, axis=0) > 0).sum(axis=0) >= _COMPOUNDS
    usual = float(np.median(np.abs(off[occurs]))) if occurs.any() else 0.0
    noise = float(np.median(np.abs(sample.left - X @ off))) * 1.4826
    sure = 3 * noise * np.sqrt(variance)
    # The pull has taken a part of what few frames say.
    far = occurs & (np.abs(off) > max(_OFF, _TIMES * usual) + sure)
    # Where the prior knows nothing of the functional, all elements are off.
    if not far.any() or usual > _KNOWN or far.sum() > occurs.sum() / 2:
        return None
    order = np.flatnonzero(far)[np.argsort(-np.abs(off[far]))]
    named = ", ".join(f"{SYMBOLS[i]} by {off[i]:+.1f} eV" for i in order[:5])
    cost = 1000 * float(np.abs(X[:, far] @ off[far]).mean())
    only_u = all(SYMBOLS[i] in U_ELEMENTS for i in order)
    if only_u:
        why = "as with another U, or none: energies with U lie 1 to 4 eV per metal atom higher"
    else:
        why = "as with other pseudopotentials, or another code"
    return Finding(
        kind="hubbard" if only_u else "element_offset",
        severity="warning",
        message=f"The references of {named} lie far from those expected in {sample.functional}, "
        f"{why}.",
        remedy="residual and refit take this up in AtomRef where all frames are alike; do not mix "
        "them with other data.",
        cost=cost,
    )


def _outliers(sample: EnergySample) -> tuple[Finding | None, NDArray[np.bool_]]:
    """Report single energies far from what the network and references say.

    Returns:
        The finding, and which frames are none of them, (n,).
    """
    X, left = sample.fractions, sample.left
    kept = np.ones(len(left), bool)
    # Again, so that a wrong energy does not hide behind the references that it has moved.
    for _ in range(3):
        off, _ = solved(X[kept], left[kept])
        size = np.abs(left - X @ off)
        limit = outlier_limit(size)
        kept = size <= limit
    if kept.all() or (~kept).sum() > _FEW * len(kept):
        return None, np.ones(len(left), bool)
    bad = np.flatnonzero(~kept)
    worst = bad[np.argsort(-size[bad])][:3]
    named = ", ".join(f"{sample.names[i]} by {size[i]:.1f} eV/atom" for i in worst)
    finding = Finding(
        kind="energy_outliers",
        severity="warning",
        message=f"{len(bad)} of {len(size)} energies lie more than {limit:.2g} eV/atom from what "
        f"the pretrained network and references say ({named}).",
        remedy="Leave these frames out unless they are meant to be so.",
        cost=1000 * float(size[bad].sum() / len(size)),
        rows=sample.rows[bad].tolist(),
    )
    return finding, kept
