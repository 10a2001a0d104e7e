"""Whether one label's term in the loss drowns another's; imports no torch."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.frames.findings import Finding

_DROWNED = 0.005
"""Share of the loss below which a label hardly counts."""

_ENOUGH = 0.1
"""Share that the suggested ratio gives it."""

_FEWEST = 10
"""Errors of a label below which nothing is said of it."""


_SMALL = {"energy": 0.005, "force": 0.02, "stress": 0.05, "magmom": 0.01}
"""Mean |error| (eV/atom, eV/Å, GPa, μB) below which a label needs no more training."""


def loss_shares(
    errors: Mapping[str, NDArray[np.float64]], ratios: Mapping[str, float], huber_delta: float
) -> dict[str, float]:
    """Return each label's share of the loss before training.

    Args:
        errors: of the untrained model by kind of label, in the unit of the label; those of
            energies beside references that fit.
        ratios: weights by kind of label; kinds without a weight do not count.
        huber_delta: error at which a term turns from quadratic to linear.
    """
    terms = {
        kind: ratios[kind] * float(_huber(np.abs(values), huber_delta).mean())
        for kind, values in errors.items()
        if ratios.get(kind, 0.0) > 0 and len(values) >= _FEWEST
    }
    total = sum(terms.values())
    return {kind: term / total for kind, term in terms.items()} if total > 0 else {}


def loss_findings(
    errors: Mapping[str, NDArray[np.float64]], ratios: Mapping[str, float], huber_delta: float
) -> list[Finding]:
    """Report labels whose part of the loss is lost beside the others'.

    Arguments as of `loss_shares`.
    """
    shares = loss_shares(errors, ratios, huber_delta)
    findings = []
    for kind, share in shares.items():
        # A label that the model has right already needs no weight.
        is_right = float(np.abs(errors[kind]).mean()) < _SMALL[kind]
        if share >= _DROWNED or is_right or len(shares) < 2:
            continue
        largest = max(shares, key=shares.__getitem__)
        wanted = _ENOUGH / (1 - _ENOUGH) * (1 - share) / share * ratios[kind]
        rounded = float(f"{wanted:.1g}")
        findings.append(
            Finding(
                kind="loss_weight",
                severity="warning",
                message=f"The {kind} makes up {share:.1%} of the loss before training, and the "
                f"{largest} {shares[largest]:.0%}: the {kind} hardly takes part in the training.",
                remedy=f"Raise its ratio to about {rounded:g} (--loss-{kind} {rounded:g}), or "
                f"lower that of the {largest}.",
                settings={f"loss.{kind}": rounded},
            )
        )
    return findings


def _huber(size: NDArray[np.float64], delta: float) -> NDArray[np.float64]:
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
